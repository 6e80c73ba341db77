//go:build linux || freebsd || darwin

package vfs_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/storage/storagetest"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// tracked returns a disk behind a tracker, and fails the test if the tracker uses the disk's own SyncAll.
func tracked(t *testing.T) (*storagetest.Disk, vfs.FS) {
	d := storagetest.NewDisk()
	return d, vfs.Track(storagetest.Faults(d, func(op storagetest.Op) *storagetest.Fault {
		if op.Kind == storagetest.OpSyncAll {
			t.Error("SyncAll was passed on")
		}
		return nil
	}))
}

// unsynced counts what a power cut would decide, but for times, which Sync does not promise.
func unsynced(d *storagetest.Disk) (n int) {
	for _, p := range d.Pending() {
		if p.Kind != storagetest.PendingModTime {
			n++
		}
	}
	return n
}

func put(fsys vfs.FS, name, text string) error {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt([]byte(text), 0)
	return err
}

func rewrite(fsys vfs.FS, name string, change func(vfs.File) error) error {
	f, err := fsys.OpenRW(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return change(f)
}

func TestTrackSyncAll(t *testing.T) {
	write := func(f vfs.File) error { _, err := f.WriteAt([]byte("again"), 0); return err }
	for _, c := range []struct {
		name  string
		steps func(fsys vfs.FS) []error
	}{
		{"new file", func(f vfs.FS) []error { return []error{put(f, "x", "1")} }},
		{"new empty file", func(f vfs.FS) []error { return []error{put(f, "x", "")} }},
		{"new folders", func(f vfs.FS) []error { return []error{f.Mkdir("x"), f.Mkdir("x/y"), put(f, "x/y/z", "1")} }},
		{"written", func(f vfs.FS) []error { return []error{rewrite(f, "a/f", write)} }},
		{"shortened", func(f vfs.FS) []error {
			return []error{rewrite(f, "a/f", func(f vfs.File) error { return f.Truncate(1) })}
		}},
		{"written and renamed", func(f vfs.FS) []error { return []error{rewrite(f, "a/f", write), f.Rename("a/f", "b/g")} }},
		{"written and replaced", func(f vfs.FS) []error { return []error{rewrite(f, "a/f", write), f.Rename("a/g", "a/f")} }},
		{"written and removed, with another link", func(f vfs.FS) []error {
			return []error{f.Link("a/f", "b/f"), f.SyncAll(), rewrite(f, "a/f", write), f.Remove("a/f")}
		}},
		{"removed", func(f vfs.FS) []error { return []error{f.Remove("a/f")} }},
		{"linked", func(f vfs.FS) []error { return []error{f.Link("a/f", "b/f")} }},
		{"folder renamed", func(f vfs.FS) []error {
			return []error{put(f, "a/d/x", "1"), put(f, "a/x", "1"), rewrite(f, "a/f", write), f.Rename("a", "b/c"), put(f, "b/c/y", "2")}
		}},
		{"folder renamed twice, its name taken by another", func(f vfs.FS) []error {
			return []error{put(f, "a/d/x", "1"), f.Rename("a", "c"), f.Mkdir("a"), put(f, "a/y", "1"), f.Rename("c", "b/c"), f.Rename("a", "c")}
		}},
		{"folder removed", func(f vfs.FS) []error {
			return []error{put(f, "a/d/x", "1"), f.Remove("a/d/x"), f.Remove("a/d")}
		}},
		{"folder removed, a file takes its name", func(f vfs.FS) []error {
			return []error{put(f, "a/d/x", "1"), f.Remove("a/d/x"), f.Remove("a/d"), put(f, "a/d", "file")}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, fsys := tracked(t)
			must(t, errors.Join(fsys.Mkdir("a"), fsys.Mkdir("a/d"), fsys.Mkdir("b"), put(fsys, "a/f", "old"), put(fsys, "a/g", "old")))
			must(t, fsys.SyncAll())
			must(t, errors.Join(c.steps(fsys)...))
			if unsynced(d) == 0 {
				t.Error("nothing was to be synced")
			}
			must(t, fsys.SyncAll())
			if n := unsynced(d); n != 0 {
				t.Errorf("%d things are not synced: %+v", n, d.Pending())
			}
			if kept, files, folders := vfs.Kept(fsys); kept+files+folders != 0 {
				t.Errorf("%d files kept open, %d files and %d folders noted", kept, files, folders)
			}
			before := d.Ops()
			must(t, fsys.SyncAll())
			if n := d.Ops() - before; n != 0 {
				t.Errorf("%d syncs of nothing", n)
			}
		})
	}
}

// A file that its user has synced is not synced again; one that is still open and written later is.
func TestTrackOpenFile(t *testing.T) {
	d, fsys := tracked(t)
	f, err := fsys.Create("f")
	must(t, err)
	defer f.Close()
	for range 3 {
		_, err = f.WriteAt([]byte("text"), 0)
		must(t, err)
		must(t, f.Sync())
		if _, files, _ := vfs.Kept(fsys); files != 0 {
			t.Error("a synced file is still noted")
		}
		_, err = f.WriteAt([]byte("more"), 0)
		must(t, err)
		must(t, fsys.SyncAll())
		if n := unsynced(d); n != 0 {
			t.Errorf("%d things are not synced", n)
		}
	}
}

func TestTrackBound(t *testing.T) {
	d, fsys := tracked(t)
	for i := range 2 * vfs.MaxKept {
		must(t, put(fsys, fmt.Sprint(i), "x"))
		if kept, _, _ := vfs.Kept(fsys); kept > vfs.MaxKept {
			t.Fatalf("%d files are kept open", kept)
		}
	}
	must(t, fsys.SyncAll())
	if kept, files, folders := vfs.Kept(fsys); kept+files+folders != 0 || unsynced(d) != 0 {
		t.Errorf("%d files kept open, %d files and %d folders noted, %d things not synced", kept, files, folders, unsynced(d))
	}
	must(t, put(fsys, "last", "x"))
	must(t, fsys.(io.Closer).Close())
	if kept, _, _ := vfs.Kept(fsys); kept != 0 {
		t.Errorf("%d files are kept open after Close", kept)
	}
}

// whileSyncing runs during the first SyncDir.
type whileSyncing struct {
	vfs.FS
	once sync.Once
	run  func()
}

func (w *whileSyncing) SyncDir(name string) error {
	err := w.FS.SyncDir(name)
	w.once.Do(w.run)
	return err
}

// writtenWhileSyncing is a file that is written once more when its first Sync is about to return.
type writtenWhileSyncing struct {
	vfs.File
	once sync.Once
	run  func()
}

func (w *writtenWhileSyncing) Sync() error {
	err := w.File.Sync()
	w.once.Do(w.run)
	return err
}

// creates makes one kind of file.
type creates struct {
	vfs.FS
	wrap func(vfs.File) vfs.File
}

func (c creates) Create(name string) (vfs.File, error) {
	f, err := c.FS.Create(name)
	return c.wrap(f), err
}

// What is written while the file is synced, by its user or by SyncAll, is left for the next SyncAll.
func TestTrackWrittenDuringSync(t *testing.T) {
	for name, first := range map[string]func(vfs.FS, vfs.File) error{
		"Sync":    func(_ vfs.FS, f vfs.File) error { return f.Sync() },
		"SyncAll": func(fsys vfs.FS, _ vfs.File) error { return fsys.SyncAll() },
	} {
		d := storagetest.NewDisk()
		w := &writtenWhileSyncing{}
		fsys := vfs.Track(creates{d, func(f vfs.File) vfs.File { w.File = f; return w }})
		f, err := fsys.Create("f")
		must(t, err)
		w.run = func() {
			_, err := f.WriteAt([]byte("x"), 0)
			must(t, err)
			must(t, f.Close())
		}
		must(t, first(fsys, f))
		if unsynced(d) == 0 {
			t.Errorf("%s: all is synced, which cannot be", name)
		}
		must(t, fsys.SyncAll())
		if n := unsynced(d); n != 0 {
			t.Errorf("%s: %d things are not synced", name, n)
		}
		if _, err := w.File.Size(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: the file is still open: %v", name, err)
		}
	}
}

// What is changed during SyncAll stays for the next.
func TestTrackDuringSyncAll(t *testing.T) {
	d := storagetest.NewDisk()
	w := &whileSyncing{FS: d}
	fsys := vfs.Track(w)
	f, err := fsys.Create("f")
	must(t, err)
	defer f.Close()
	w.run = func() {
		must(t, put(fsys, "g", "x"))
		_, err := f.WriteAt([]byte("x"), 0)
		must(t, err)
	}
	must(t, fsys.SyncAll())
	if unsynced(d) == 0 {
		t.Error("all is synced, which cannot be")
	}
	must(t, fsys.SyncAll())
	if n := unsynced(d); n != 0 {
		t.Errorf("%d things are not synced", n)
	}
}

// After a failed sync SyncAll never succeeds again, whoever saw the failure.
func TestTrackFailedSync(t *testing.T) {
	for name, provoke := range map[string]func(fsys vfs.FS) error{
		"file": func(fsys vfs.FS) error {
			return errors.Join(put(fsys, "f", "x"), rewrite(fsys, "f", vfs.File.Sync))
		},
		"SyncAll": func(fsys vfs.FS) error { return errors.Join(put(fsys, "f", "x"), fsys.SyncAll()) },
		"folder":  func(fsys vfs.FS) error { return errors.Join(fsys.Mkdir("d"), fsys.SyncAll()) },
		"close": func(fsys vfs.FS) (err error) {
			for i := range vfs.MaxKept + 1 {
				f, createErr := fsys.Create(fmt.Sprint(i))
				err = errors.Join(err, createErr, f.Close())
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			decide := storagetest.FailNth(1, storagetest.EIO, storagetest.OpSync, storagetest.OpSyncDir)
			fsys := vfs.Track(storagetest.Faults(storagetest.NewDisk(), decide))
			if err := provoke(fsys); !errors.Is(err, storagetest.EIO) {
				t.Errorf("the failure: %v", err)
			}
			for range 2 {
				if err := fsys.SyncAll(); !errors.Is(err, storagetest.EIO) {
					t.Errorf("SyncAll after the failure: %v", err)
				}
			}
		})
	}
}

// Many goroutines change names, folders and files; what each did before its SyncAll survives.
func TestTrackConcurrent(t *testing.T) {
	d, fsys := tracked(t)
	var wg sync.WaitGroup
	for worker := range 6 {
		wg.Go(func() {
			if err := trackWork(d, fsys, worker); err != nil {
				t.Errorf("worker %d: %v", worker, err)
			}
		})
	}
	wg.Wait()
	must(t, fsys.SyncAll())
	if kept, files, folders := vfs.Kept(fsys); unsynced(d) != 0 || kept+files+folders != 0 {
		t.Errorf("%d files kept open, %d files and %d folders noted, %d things not synced", kept, files, folders, unsynced(d))
	}
}

func trackWork(d *storagetest.Disk, fsys vfs.FS, worker int) error {
	rng := rand.New(rand.NewPCG(uint64(worker), 1))
	folder := fmt.Sprintf("w%d", worker)
	if err := fsys.Mkdir(folder); err != nil {
		return err
	}
	for i := range 60 {
		text := fmt.Sprint(i)
		f, err := fsys.Create(folder + "/tmp")
		if err != nil {
			return err
		}
		_, err = f.WriteAt([]byte(text), 0)
		if rng.IntN(2) == 0 {
			f.Close()
		} else {
			defer f.Close()
		}
		moved := fmt.Sprintf("w%d-%d", worker, i)
		err = errors.Join(err, fsys.Rename(folder, moved), fsys.Rename(moved+"/tmp", moved+"/f"), fsys.SyncAll())
		if err != nil {
			return err
		}
		folder = moved
		after := d.Crash(func(storagetest.Pending) int { return 0 })
		file, err := after.Open(folder + "/f")
		if err != nil {
			return err
		}
		p := make([]byte, 10)
		if n, _ := file.ReadAt(p, 0); string(p[:n]) != text {
			return fmt.Errorf("after a power cut %s/f has %q, want %q", folder, p[:n], text)
		}
	}
	return nil
}

// Folders that SyncAll has not reached yet are found under their new names.
func TestTrackRenamedDuringSyncAll(t *testing.T) {
	d := storagetest.NewDisk()
	w := &whileSyncing{FS: d}
	fsys := vfs.Track(w)
	folders := []string{"a", "b", "c", "d"}
	for _, folder := range folders {
		must(t, d.Mkdir(folder))
	}
	must(t, d.SyncAll())
	for _, folder := range folders {
		must(t, put(fsys, folder+"/f", "x"))
	}
	done := make(chan error, 1)
	w.run = func() {
		go func() {
			var err error
			for _, folder := range folders {
				err = errors.Join(err, fsys.Rename(folder, folder+"2"))
			}
			done <- err
		}()
		time.Sleep(20 * time.Millisecond) // until the renaming waits
	}
	must(t, fsys.SyncAll())
	must(t, <-done)
	after := d.Crash(func(storagetest.Pending) int { return 0 })
	for _, folder := range folders {
		if _, err := after.Stat(folder + "/f"); err != nil {
			t.Error(err)
		}
	}
}

// Names made in a folder while another goroutine renames it survive a SyncAll begun after.
func TestTrackFolderRace(t *testing.T) {
	d, fsys := tracked(t)
	must(t, fsys.Mkdir("p"))
	stop := make(chan struct{})
	var renaming, making sync.WaitGroup
	renaming.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				fsys.Rename("p", "q")
				fsys.Rename("q", "p")
			}
		}
	})
	for worker := range 4 {
		making.Go(func() {
			for i := range 200 {
				name := fmt.Sprintf("/%d-%d", worker, i)
				if put(fsys, "p"+name, "x") != nil && put(fsys, "q"+name, "x") != nil {
					continue
				}
				if err := fsys.SyncAll(); err != nil {
					t.Error(err)
				}
				after := d.Crash(func(storagetest.Pending) int { return 0 })
				_, errP := after.Stat("p" + name)
				_, errQ := after.Stat("q" + name)
				if errP != nil && errQ != nil {
					t.Errorf("%s is lost", name)
				}
			}
		})
	}
	making.Wait()
	close(stop)
	renaming.Wait()
}

// A closed file does not answer, though the tracker still holds it open.
func TestTrackClosed(t *testing.T) {
	_, fsys := tracked(t)
	f, err := fsys.Create("f")
	must(t, err)
	must(t, f.Close())
	if kept, _, _ := vfs.Kept(fsys); kept != 1 {
		t.Fatalf("%d files are kept open", kept)
	}
	if err := f.SetModTime(time.Now()); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("SetModTime: %v", err)
	}
	if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
}
