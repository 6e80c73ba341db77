package vfs

import (
	"io/fs"
	"time"
)

// trackedFile is a file of a tracker. While it has changes that are not synced it is in tracker.files, and its
// File stays open even when the user has closed it.
type trackedFile struct {
	File
	name    string
	tracker *tracker

	// guarded by tracker.mu
	changes uint64 // counts, so that a sync knows whether it saw the last one
	busy    int    // changes and syncs that are running
	closed  bool   // by its user
}

// begin holds File open until end, for its user.
func (f *trackedFile) begin(op string) error {
	f.tracker.mu.Lock()
	defer f.tracker.mu.Unlock()
	if f.closed {
		return &fs.PathError{Op: op, Path: f.name, Err: fs.ErrClosed}
	}
	f.busy++
	return nil
}

// end undoes begin, and closes File if it was the last that needed it.
func (f *trackedFile) end() error {
	t := f.tracker
	t.mu.Lock()
	f.busy--
	_, dirty := t.files[f]
	last := f.closed && !dirty && f.busy == 0
	if last {
		t.kept--
	}
	t.mu.Unlock()
	if last {
		return f.File.Close()
	}
	return nil
}

// change runs a call that changes the file and notes it after: a SyncAll that starts when the call has returned finds the
// note, and one that ran between the change and the note leaves it for the next.
func (f *trackedFile) change(op string, call func() error) error {
	if err := f.begin(op); err != nil {
		return err
	}
	err := call()
	f.noteChange()
	f.end()
	return err
}

func (f *trackedFile) noteChange() {
	f.tracker.mu.Lock()
	defer f.tracker.mu.Unlock()
	f.changes++
	f.tracker.files[f] = struct{}{}
}

func (f *trackedFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.change("write", func() error {
		n, err = f.File.WriteAt(p, off)
		return err
	})
	return n, err
}

func (f *trackedFile) Truncate(size int64) error {
	return f.change("truncate", func() error { return f.File.Truncate(size) })
}

func (f *trackedFile) SetModTime(at time.Time) error {
	return f.change("chtimes", func() error { return f.File.SetModTime(at) })
}

func (f *trackedFile) ReadAt(p []byte, off int64) (n int, err error) {
	if err := f.begin("read"); err != nil {
		return 0, err
	}
	defer f.end()
	return f.File.ReadAt(p, off)
}

func (f *trackedFile) Size() (int64, error) {
	if err := f.begin("stat"); err != nil {
		return 0, err
	}
	defer f.end()
	return f.File.Size()
}

func (f *trackedFile) Sync() error {
	if err := f.begin("sync"); err != nil {
		return err
	}
	return f.sync()
}

// syncKept is Sync for the tracker, which also knows files that their users have closed.
func (f *trackedFile) syncKept() error {
	t := f.tracker
	t.mu.Lock()
	if _, dirty := t.files[f]; !dirty {
		t.mu.Unlock()
		return nil
	}
	f.busy++
	t.mu.Unlock()
	return f.sync()
}

// sync ends what its caller has begun.
func (f *trackedFile) sync() error {
	t := f.tracker
	t.mu.Lock()
	seen := f.changes
	t.mu.Unlock()
	err := f.File.Sync()
	t.mu.Lock()
	if err == nil && f.changes == seen {
		delete(t.files, f)
	}
	t.mu.Unlock()
	t.fail(err)
	f.end()
	return err
}

// Close leaves a file with changes to the next SyncAll.
func (f *trackedFile) Close() error {
	t := f.tracker
	t.mu.Lock()
	if f.closed {
		t.mu.Unlock()
		return &fs.PathError{Op: "close", Path: f.name, Err: fs.ErrClosed}
	}
	f.closed = true
	f.busy++
	t.kept++
	full := t.kept > maxKept
	t.mu.Unlock()
	if full {
		if err := f.syncKept(); err != nil {
			f.end()
			return err
		}
	}
	return f.end()
}
