package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// files names a pair.
type files struct{ cert, key string }

const (
	maxDepth   = 3       // levels of folders below the one that is searched
	maxEntries = 200_000 // files and folders that are looked at
	// racy is how long after a change a file's times may not tell the next one.
	racy = 2 * time.Second
)

// layouts tell by the name of a certificate's file which key belongs to it. dir is
// the name of the folder.
var layouts = []func(name, dir string) (key string){
	func(name, _ string) string { return keyIf(name == "fullchain.pem", "privkey.pem") }, // certbot, dehydrated
	func(name, dir string) string {
		return keyIf(name == "fullchain.cer", strings.TrimSuffix(dir, "_ecc")+".key")
	}, // acme.sh
	func(name, _ string) string { return keyAfter(name, ".crt", ".key") },     // lego, Caddy, certmagic
	func(name, _ string) string { return keyAfter(name, ".pem", "-key.pem") }, // mkcert
}

func keyIf(is bool, key string) string {
	if is {
		return key
	}
	return ""
}

func keyAfter(name, suffix, key string) string {
	base, ok := strings.CutSuffix(name, suffix)
	return keyIf(ok && base != "", base+key)
}

// Find returns the pairs that a store of these folders would find, sorted by path,
// good or not.
func Find(folders ...string) ([]Pair, error) {
	s := &Store{}
	for _, dir := range folders {
		s.folders = append(s.folders, &folder{path: filepath.Clean(dir)})
	}
	found, err := s.search(time.Now())
	var pairs []Pair
	for _, f := range found {
		pairs = append(pairs, Pair{Cert: f.cert, Key: f.key})
	}
	return pairs, err
}

// folder is a folder that is searched, or one below it. What was found last is
// kept, and found again only when the folder has changed.
type folder struct {
	path    string
	info    fs.FileInfo
	changed bool // so short before it was read that it may have changed since, unseen
	pairs   []files
	folders []*folder
}

// search appends the pairs in f and below to found. entries counts down.
func (f *folder) search(now time.Time, depth int, entries *int, found []files) ([]files, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return found, fmt.Errorf("certs: %w", err)
	}
	if f.info == nil || f.changed || !same(f.info, info) {
		if err := f.read(depth); err != nil {
			return found, err
		}
		f.info, f.changed = info, now.Sub(info.ModTime()) < racy
	}
	found = append(found, f.pairs...)
	if *entries -= 1 + len(f.pairs); *entries < 0 {
		return found, fmt.Errorf("certs: more than %d files and folders; name folders that hold nothing but certificates", maxEntries)
	}
	for _, sub := range f.folders {
		// A folder that has just been removed is a matter of its parent.
		if found, err = sub.search(now, depth+1, entries, found); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return found, err
		}
	}
	return found, nil
}

// read lists f. Folders that were known stay known.
func (f *folder) read(depth int) error {
	list, err := os.ReadDir(f.path)
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	if len(list) > maxEntries {
		return fmt.Errorf("certs: %s: more than %d files", f.path, maxEntries)
	}
	known := f.folders
	f.pairs, f.folders = nil, nil
	dir := filepath.Base(f.path)
	for _, entry := range list {
		name := entry.Name()
		path := filepath.Join(f.path, name)
		if strings.HasPrefix(name, ".") {
			continue
		}
		if key := keyOf(name, dir); key != "" {
			if i, ok := slices.BinarySearchFunc(list, key, func(e fs.DirEntry, key string) int { return strings.Compare(e.Name(), key) }); ok {
				f.pairs = append(f.pairs, files{path, filepath.Join(f.path, list[i].Name())})
			}
			continue
		}
		if depth < maxDepth && isFolder(entry, path) {
			i := slices.IndexFunc(known, func(k *folder) bool { return k.path == path })
			if i >= 0 {
				f.folders = append(f.folders, known[i])
			} else {
				f.folders = append(f.folders, &folder{path: path})
			}
		}
	}
	return nil
}

func keyOf(name, dir string) string {
	for _, layout := range layouts {
		if key := layout(name, dir); key != "" {
			return key
		}
	}
	return ""
}

// isFolder follows symbolic links.
func isFolder(entry fs.DirEntry, path string) bool {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.IsDir()
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// same reports whether two looks at a path saw the same file, unchanged.
func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && a.Mode() == b.Mode()
}
