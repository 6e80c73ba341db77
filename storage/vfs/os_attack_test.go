//go:build linux || freebsd || darwin

package vfs_test

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/storage/vfs"
	"golang.org/x/sys/unix"
)

const secret = "the secret of another account"

// outside makes a folder beside the root with things that nobody may reach.
func outside(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "secret"), []byte(secret), 0o600))
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
	return dir
}

// checkOutside fails the test if anything there has changed.
func checkOutside(t *testing.T, dir string) {
	t.Helper()
	var names []string
	must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		names = append(names, path)
		return err
	}))
	text, err := os.ReadFile(filepath.Join(dir, "secret"))
	must(t, err)
	if string(text) != secret || len(names) != 3 {
		t.Errorf("outside there are now %q, and the secret is %q", names, text)
	}
}

// attempts are all calls on a name, each with the errors that refuse it.
var attempts = []struct {
	name string
	call func(fsys vfs.FS, name string) error
}{
	{"Create", func(fsys vfs.FS, name string) error { return closed(fsys.Create(name)) }},
	{"Open", func(fsys vfs.FS, name string) error { return closed(fsys.Open(name)) }},
	{"OpenRW", func(fsys vfs.FS, name string) error { return closed(fsys.OpenRW(name)) }},
	{"Mkdir", func(fsys vfs.FS, name string) error { return fsys.Mkdir(name) }},
	{"Link from", func(fsys vfs.FS, name string) error { return fsys.Link(name, "new") }},
	{"Link to", func(fsys vfs.FS, name string) error { return fsys.Link("file", name) }},
	{"ReadDir", func(fsys vfs.FS, name string) error { _, err := fsys.ReadDir(name); return err }},
	{"Stat", func(fsys vfs.FS, name string) error { _, err := fsys.Stat(name); return err }},
	{"SyncDir", func(fsys vfs.FS, name string) error { return fsys.SyncDir(name) }},
	{"Lock", func(fsys vfs.FS, name string) error { return closed(fsys.Lock(name, "me")) }},
}

func closed(c io.Closer, err error) error {
	if err == nil {
		c.Close()
	}
	return err
}

// plant puts something under a name that is neither a file nor a folder; it returns what cannot be made here.
var plants = []struct {
	name  string
	plant func(path, outside string) error
}{
	{"link to a file", func(path, outside string) error { return os.Symlink(filepath.Join(outside, "secret"), path) }},
	{"link to a folder", func(path, outside string) error { return os.Symlink(outside, path) }},
	{"link to nothing", func(path, outside string) error { return os.Symlink(filepath.Join(outside, "none"), path) }},
	{"link to itself", func(path, outside string) error { return os.Symlink(filepath.Base(path), path) }},
	{"link inside", func(path, outside string) error { return os.Symlink("file", path) }},
	{"link up", func(path, outside string) error { return os.Symlink("..", path) }},
	{"FIFO", func(path, outside string) error { return unix.Mkfifo(path, 0o666) }},
	{"socket", func(path, outside string) error {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err == nil {
			l.SetUnlinkOnClose(false)
			err = l.Close()
		}
		return err
	}},
	{"device", func(path, outside string) error { return mknodNull(path) }},
}

// What is planted in a tree is neither followed nor opened, and no call waits on it.
func TestOSPlanted(t *testing.T) {
	eachOS(t, func(t *testing.T, dir string, fsys vfs.FS) {
		away := outside(t)
		must(t, closed(fsys.Create("file")))
		for _, p := range plants {
			path := filepath.Join(dir, "x")
			if err := p.plant(path, away); errors.Is(err, unix.EPERM) {
				t.Logf("%s: %v", p.name, err)
				continue
			} else if err != nil {
				t.Fatal(err)
			}
			for _, a := range attempts {
				for _, name := range []string{"x", "x/secret", "x/sub", "x/sub/new", "x/file"} {
					err := a.call(fsys, name)
					if !errors.Is(err, vfs.ErrNotRegular) && !(name == "x" && errors.Is(err, fs.ErrExist)) {
						t.Errorf("%s: %s of %s: %v", p.name, a.name, name, err)
					}
				}
			}
			entries, err := fsys.ReadDir("")
			must(t, err)
			for _, e := range entries {
				if e.Name == "x" && (e.Dir || e.Regular) {
					t.Errorf("%s is listed as %+v", p.name, e)
				}
			}
			// Renaming and removing act on the thing itself.
			must(t, fsys.Rename("x", "y"))
			must(t, fsys.Rename("y", "x"))
			must(t, fsys.Remove("x"))
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is still there: %v", p.name, err)
			}
			checkOutside(t, away)
		}
	})
}

var escapeTime = flag.Duration("escape", 300*time.Millisecond, "how long each rename race lasts")

// While an attacker swaps folders and files for links, FIFOs and each other, no call reaches what lies outside.
func TestOSRenameRace(t *testing.T) {
	eachOS(t, func(t *testing.T, dir string, fsys vfs.FS) {
		away := outside(t)
		must(t, os.MkdirAll(filepath.Join(dir, "a/x/sub"), 0o700))
		must(t, os.WriteFile(filepath.Join(dir, "a/x/secret"), []byte("ours"), 0o600))
		must(t, os.Symlink(away, filepath.Join(dir, "a/other")))
		must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))

		stop := time.Now().Add(*escapeTime)
		var wg sync.WaitGroup
		wg.Go(func() { swapFolder(dir, stop) })
		wg.Go(func() { swapFile(dir, away, stop) })
		var calls, successes atomic.Int64
		for worker := range 2 {
			wg.Go(func() {
				for i := 0; time.Now().Before(stop); i++ {
					n, ok := victim(t, fsys, fmt.Sprintf("new%d-%d", worker, i))
					calls.Add(n)
					successes.Add(ok)
				}
			})
		}
		wg.Wait()
		checkOutside(t, away)
		t.Logf("%d of %d calls succeeded", successes.Load(), calls.Load())
		if successes.Load() == 0 || successes.Load() == calls.Load() {
			t.Error("there was no race")
		}
	})
}

// swapFolder lets a/x be the real folder and a link to the outside by turns.
func swapFolder(dir string, stop time.Time) {
	for time.Now().Before(stop) {
		exchange(filepath.Join(dir, "a/x"), filepath.Join(dir, "a/other"))
		runtime.Gosched()
	}
}

// swapFile lets y be a file, a link to the secret, and a FIFO by turns.
func swapFile(dir, away string, stop time.Time) {
	y := filepath.Join(dir, "y")
	for time.Now().Before(stop) {
		os.Symlink(filepath.Join(away, "secret"), y)
		runtime.Gosched()
		os.Remove(y)
		unix.Mkfifo(y, 0o600)
		runtime.Gosched()
		os.Remove(y)
		os.WriteFile(y, []byte("ours"), 0o600)
		runtime.Gosched()
		os.Remove(y)
	}
}

// victim makes every call that could reach the outside once, and counts them.
func victim(t *testing.T, fsys vfs.FS, fresh string) (calls, successes int64) {
	try := func(err error) bool {
		calls++
		if err == nil {
			successes++
		}
		return err == nil
	}
	for _, name := range []string{"a/x/secret", "y"} {
		f, err := fsys.OpenRW(name)
		if !try(err) {
			continue
		}
		p := make([]byte, 100)
		if n, _ := f.ReadAt(p, 0); string(p[:n]) == secret {
			t.Errorf("%s gave the secret away", name)
		}
		f.WriteAt([]byte("ours"), 0)
		f.Close()
	}
	if try(closed(fsys.Create("a/x/" + fresh))) {
		fsys.Remove("a/x/" + fresh)
	}
	if try(fsys.Mkdir("a/x/" + fresh)) {
		fsys.Remove("a/x/" + fresh)
	}
	if try(fsys.Link("file", "a/x/sub/"+fresh)) {
		fsys.Remove("a/x/sub/" + fresh)
	}
	if try(fsys.Link("a/x/secret", fresh)) {
		if info, err := fsys.Stat(fresh); err == nil && info.Size == int64(len(secret)) {
			t.Error("a link to the secret was made")
		}
		fsys.Remove(fresh)
	}
	if _, err := fsys.ReadDir("a/x/sub"); try(err) {
		fsys.SyncDir("a/x/sub")
	}
	if try(fsys.Rename("a/x/sub", "a/x/"+fresh)) {
		for range 1000 { // back again, when the real folder is there
			if fsys.Rename("a/x/"+fresh, "a/x/sub") == nil {
				break
			}
		}
	}
	fsys.Remove("a/x/none")
	return calls, successes
}
