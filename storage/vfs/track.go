package vfs

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Track gives fsys a SyncAll where it has none: it remembers the files written and the folders changed since the last SyncAll,
// which then syncs each. What changes while SyncAll runs is left for the next one.
//
// A written file is kept open until it is synced, so that no renaming or removing, not even by another process, hides it. At most
// 256 are kept that their users have closed; closing one more syncs it at once. A failed sync of this kind is
// reported by every later SyncAll. Folders are followed through renames made by way of the returned FS, not through foreign ones.
//
// The returned FS is an io.Closer; it closes what it kept open, and fsys if that is one.
func Track(fsys FS) FS {
	return &tracker{FS: fsys, files: map[*trackedFile]struct{}{}, folders: map[string]struct{}{}}
}

// maxKept bounds the descriptors that a tracker holds for files that their users have closed.
const maxKept = 256

type tracker struct {
	FS // Open, Stat, ReadDir, SyncDir, Lock change nothing that SyncAll must know

	// tree is held for writing while a folder is renamed, for reading by every call that changes names until the change is
	// noted, and while a folder is synced: the names in folders are then always those of the tree.
	tree sync.RWMutex
	sync sync.Mutex // one SyncAll at a time

	mu      sync.Mutex // guards all that follows, and the state of every trackedFile; taken last
	files   map[*trackedFile]struct{}
	folders map[string]struct{}
	todo    map[string]struct{} // what a SyncAll in progress has not synced yet
	kept    int                 // files that only the tracker holds open
	failed  error               // the first sync that failed with nobody to tell
}

// change runs a call that changes names, and notes the folders that hold them.
func (t *tracker) change(call func() error, names ...string) error {
	t.tree.RLock()
	defer t.tree.RUnlock()
	if err := call(); err != nil {
		return err
	}
	t.note(names...)
	return nil
}

func (t *tracker) note(names ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range names {
		folder, _, _ := Split(name)
		t.folders[folder] = struct{}{}
	}
}

func (t *tracker) Create(name string) (file File, err error) {
	err = t.change(func() error {
		file, err = t.FS.Create(name)
		return err
	}, name)
	if err != nil {
		return nil, err
	}
	f := &trackedFile{File: file, name: name, tracker: t}
	f.noteChange()
	return f, nil
}

func (t *tracker) Open(name string) (File, error) { return t.wrap(name, t.FS.Open) }

func (t *tracker) OpenRW(name string) (File, error) { return t.wrap(name, t.FS.OpenRW) }

func (t *tracker) wrap(name string, open func(string) (File, error)) (File, error) {
	file, err := open(name)
	if err != nil {
		return nil, err
	}
	return &trackedFile{File: file, name: name, tracker: t}, nil
}

func (t *tracker) Mkdir(name string) error {
	return t.change(func() error { return t.FS.Mkdir(name) }, name)
}

func (t *tracker) Remove(name string) error {
	return t.change(func() error { return t.FS.Remove(name) }, name)
}

func (t *tracker) Link(from, to string) error {
	return t.change(func() error { return t.FS.Link(from, to) }, to)
}

func (t *tracker) Rename(from, to string) error {
	if info, err := t.FS.Stat(from); err != nil || !info.Dir {
		return t.change(func() error { return t.FS.Rename(from, to) }, from, to)
	}
	t.tree.Lock()
	defer t.tree.Unlock()
	if err := t.FS.Rename(from, to); err != nil {
		return err
	}
	t.moveFolders(from, to)
	t.note(from, to)
	return nil
}

// moveFolders renames what is noted of a folder and those below it.
func (t *tracker) moveFolders(from, to string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, folders := range []map[string]struct{}{t.folders, t.todo} {
		var moved []string
		for folder := range folders {
			if folder == from || strings.HasPrefix(folder, from+"/") {
				delete(folders, folder)
				moved = append(moved, to+folder[len(from):])
			}
		}
		for _, folder := range moved {
			folders[folder] = struct{}{}
		}
	}
}

func (t *tracker) SyncAll() error {
	t.sync.Lock()
	defer t.sync.Unlock()
	if err := t.syncFiles(); err != nil {
		return err
	}
	return t.syncFolders()
}

func (t *tracker) syncFiles() error {
	t.mu.Lock()
	files, err := slices.Collect(maps.Keys(t.files)), t.failed
	t.mu.Unlock()
	for _, f := range files {
		if err == nil {
			err = f.syncKept()
		}
	}
	return t.fail(err)
}

// fail keeps the first error for ever: what it covers may be lost, whatever a later sync says.
func (t *tracker) fail(err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil {
		t.failed = err
	}
	return t.failed
}

func (t *tracker) syncFolders() error {
	t.mu.Lock()
	t.todo, t.folders = t.folders, make(map[string]struct{})
	t.mu.Unlock()
	for {
		if more, err := t.syncFolder(); !more {
			return t.fail(err)
		}
	}
}

// syncFolder syncs one folder of this round, which nobody can rename meanwhile.
func (t *tracker) syncFolder() (more bool, err error) {
	t.tree.RLock()
	defer t.tree.RUnlock()
	t.mu.Lock()
	var name string
	for name = range t.todo {
		more = true
		break
	}
	delete(t.todo, name)
	t.mu.Unlock()
	if !more {
		return false, nil
	}
	err = t.FS.SyncDir(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotRegular) {
		err = nil // removed, which another folder tells
	}
	return err == nil, err
}

// Close syncs nothing.
func (t *tracker) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var err error
	for f := range t.files {
		if f.closed {
			err = errors.Join(err, f.File.Close())
		}
	}
	t.files, t.kept = make(map[*trackedFile]struct{}), 0
	if c, ok := t.FS.(io.Closer); ok {
		err = errors.Join(err, c.Close())
	}
	return err
}
