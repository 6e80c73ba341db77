package storagetest

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

const suiteWorkers = 8

// together runs work in several goroutines and waits for them.
func together(work func(worker int)) {
	var wg sync.WaitGroup
	for worker := range suiteWorkers {
		wg.Go(func() { work(worker) })
	}
	wg.Wait()
}

// suiteOnlyOneWins: of several that make the same name at once one succeeds, and the others learn it.
func suiteOnlyOneWins(t *testing.T, fsys vfs.FS) {
	putFile(t, fsys, "file", "x")
	putFile(t, fsys, "lock", "")
	for what, call := range map[string]func(name string) error{
		"create": func(name string) error { return opened(fsys.Create(name)) },
		"mkdir":  fsys.Mkdir,
		"link":   func(name string) error { return fsys.Link("file", name) },
	} {
		for round := range 20 {
			var won atomic.Int32
			together(func(int) {
				err := call(fmt.Sprintf("%s%d", what, round))
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, fs.ErrExist) {
					t.Errorf("%s: %v", what, err)
				}
			})
			if won.Load() != 1 {
				t.Errorf("%s: %d won", what, won.Load())
			}
		}
	}
	var holders atomic.Int32
	together(func(worker int) {
		for range 20 {
			lock, err := fsys.Lock("lock", fmt.Sprint(worker))
			if err != nil {
				if _, ok := errors.AsType[*vfs.LockedError](err); !ok {
					t.Error(err)
				}
				continue
			}
			if n := holders.Add(1); n != 1 {
				t.Errorf("%d hold the lock", n)
			}
			holders.Add(-1)
			if err := lock.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// suiteReplace: who reads a file that others replace sees one version, whole.
func suiteReplace(t *testing.T, fsys vfs.FS) {
	const size = 5000
	version := func(worker int) string { return strings.Repeat(string(rune('a'+worker)), size) }
	putFile(t, fsys, "f", version(0))
	together(func(worker int) {
		for range 30 {
			if worker%2 == 0 {
				readVersion(t, fsys, size)
				continue
			}
			if err := replace(fsys, fmt.Sprintf("tmp%d", worker), "f", version(worker)); err != nil {
				t.Error(err)
			}
		}
	})
}

func readVersion(t *testing.T, fsys vfs.FS, size int) {
	f, err := fsys.Open("f")
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	p := make([]byte, size)
	if n, err := f.ReadAt(p, 0); n != size || strings.Trim(string(p), string(p[:1])) != "" {
		t.Errorf("%d bytes, %v, or of several versions", n, err)
	}
}

func replace(fsys vfs.FS, tmp, name, text string) error {
	f, err := fsys.Create(tmp)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	return fsys.Rename(tmp, name)
}

// suiteConcurrent: unrelated work of many goroutines, folders renamed and everything synced meanwhile.
func suiteConcurrent(t *testing.T, fsys vfs.FS) {
	shared, err := fsys.Create("shared")
	noError(t, err)
	defer shared.Close()
	together(func(worker int) {
		if err := concurrentWork(fsys, shared, worker); err != nil {
			t.Errorf("worker %d: %v", worker, err)
		}
	})
	want := []string{"shared"}
	for worker := range suiteWorkers {
		want = append(want, fmt.Sprintf("w%d/", worker))
		wantTree(t, fsys, fmt.Sprintf("w%d", worker), "0", "1", "2", "3", "4")
		if got := getFile(t, fsys, fmt.Sprintf("w%d/3", worker)); got != "333" {
			t.Errorf("worker %d: file has %q", worker, got)
		}
	}
	wantTree(t, fsys, "", want...)
	var text strings.Builder
	for i := range 5 * suiteWorkers {
		text.WriteString(strings.Repeat(fmt.Sprint(i%suiteWorkers), 3))
	}
	if got := getAll(t, shared); got != text.String() {
		t.Errorf("the shared file has %q, want %q", got, text.String())
	}
	noError(t, fsys.SyncAll())
}

func concurrentWork(fsys vfs.FS, shared vfs.File, worker int) error {
	folder := fmt.Sprintf("w%d", worker)
	if err := fsys.Mkdir(folder); err != nil {
		return err
	}
	for i := range 5 {
		text := strings.Repeat(fmt.Sprint(i), 3)
		moved := folder + "moved"
		for _, step := range []func() error{
			func() error { return replace(fsys, folder+"/tmp", fmt.Sprintf("%s/%d", folder, i), text) },
			func() error { return fsys.Link(folder+"/0", folder+"/link") },
			func() error { return fsys.Rename(folder, moved) },
			func() error { return fsys.SyncDir(moved) },
			func() error { return fsys.Remove(moved + "/link") },
			func() error { return fsys.Rename(moved, folder) },
			func() error {
				_, err := shared.WriteAt([]byte(strings.Repeat(fmt.Sprint(worker), 3)), int64(i*suiteWorkers+worker)*3)
				return err
			},
			func() error { _, err := fsys.ReadDir(""); return err },
		} {
			if err := step(); err != nil {
				return err
			}
		}
	}
	if worker%4 != 0 {
		return nil
	}
	return fsys.SyncAll()
}
