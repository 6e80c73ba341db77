package vfs

import (
	"io"
	"io/fs"
	"math"
	"sync/atomic"
	"time"
)

// memFile is an open file of a mem.
type memFile struct {
	node      *memNode
	name      string
	writable  bool
	holdsLock bool
	closed    atomic.Bool
}

func (f *memFile) error(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

// check tells whether a call for n bytes at off may go on.
func (f *memFile) check(op string, write bool, off int64, n int) error {
	switch {
	case f.closed.Load():
		return f.error(op, fs.ErrClosed)
	case write && !f.writable:
		return f.error(op, fs.ErrPermission)
	case off < 0 || off > math.MaxInt64-int64(n):
		return f.error(op, fs.ErrInvalid)
	}
	return nil
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.check("read", false, off, len(p)); err != nil {
		return 0, err
	}
	f.node.mu.RLock()
	defer f.node.mu.RUnlock()
	if len(p) == 0 {
		return 0, nil
	}
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.check("write", true, off, len(p)); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		return 0, nil
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	if end := off + int64(len(p)); end > int64(len(f.node.data)) {
		if err := f.node.resize(end); err != nil {
			return 0, f.error("write", err)
		}
	}
	f.node.modTime = time.Now()
	return copy(f.node.data[off:], p), nil
}

// maxMemFile bounds one file, so that a wild offset is a full disk and no panic.
const maxMemFile = 1 << 32

// resize needs mu.
func (n *memNode) resize(size int64) error {
	if size > maxMemFile || size > math.MaxInt {
		return ErrNoSpace
	}
	old := len(n.data)
	if int(size) <= cap(n.data) {
		n.data = n.data[:size]
		if int(size) > old {
			clear(n.data[old:])
		}
		return nil
	}
	data := make([]byte, size, max(size, int64(old)+int64(old)/2))
	copy(data, n.data)
	n.data = data
	return nil
}

func (f *memFile) Truncate(size int64) error {
	if err := f.check("truncate", true, size, 0); err != nil {
		return err
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	if err := f.node.resize(size); err != nil {
		return f.error("truncate", err)
	}
	f.node.modTime = time.Now()
	return nil
}

func (f *memFile) Sync() error { return f.check("sync", false, 0, 0) }

func (f *memFile) Size() (int64, error) {
	if err := f.check("stat", false, 0, 0); err != nil {
		return 0, err
	}
	f.node.mu.RLock()
	defer f.node.mu.RUnlock()
	return int64(len(f.node.data)), nil
}

func (f *memFile) SetModTime(t time.Time) error {
	if err := f.check("chtimes", false, 0, 0); err != nil {
		return err
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	f.node.modTime = t
	return nil
}

func (f *memFile) Close() error {
	if f.closed.Swap(true) {
		return f.error("close", fs.ErrClosed)
	}
	if f.holdsLock {
		f.node.mu.Lock()
		defer f.node.mu.Unlock()
		f.node.locked = false
	}
	return nil
}
