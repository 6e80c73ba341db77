//go:build linux || freebsd || darwin

package vfs

import (
	"io"
	"io/fs"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// osFile is a descriptor of a regular file. It is not an *os.File: that would ask the poller about every file.
type osFile struct {
	name     string
	writable bool

	mu     sync.RWMutex // held for reading while fd is in use, so that Close cannot hand it to another file
	fd     int
	closed bool
}

// do runs call with the descriptor held open.
func (f *osFile) do(op string, write bool, call func() error) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch {
	case f.closed:
		return pathError(op, f.name, fs.ErrClosed)
	case write && !f.writable:
		return pathError(op, f.name, fs.ErrPermission)
	}
	if err := call(); err != nil && err != io.EOF {
		return pathError(op, f.name, err)
	} else {
		return err
	}
}

// maxIO is the most that one system call is asked for: darwin refuses 2 GiB, linux cuts there.
const maxIO = 1 << 30

func (f *osFile) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.do("read", false, func() error {
		for n < len(p) {
			part := p[n:min(len(p), n+maxIO)]
			m, err := againFD(func() (int, error) { return unix.Pread(f.fd, part, off+int64(n)) })
			if err != nil {
				return err
			}
			if m == 0 {
				return io.EOF
			}
			n += m
		}
		return nil
	})
	return n, err
}

func (f *osFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.do("write", true, func() error {
		for n < len(p) {
			part := p[n:min(len(p), n+maxIO)]
			m, err := againFD(func() (int, error) { return unix.Pwrite(f.fd, part, off+int64(n)) })
			if err != nil {
				return err
			}
			if m == 0 {
				return io.ErrShortWrite
			}
			n += m // after a short write the next one tells why
		}
		return nil
	})
	return n, err
}

func (f *osFile) Sync() error {
	return f.do("sync", false, func() error { return fdatasync(f.fd) })
}

func (f *osFile) Truncate(size int64) error {
	return f.do("truncate", true, func() error {
		return again(func() error { return unix.Ftruncate(f.fd, size) })
	})
}

func (f *osFile) Size() (size int64, err error) {
	err = f.do("stat", false, func() error {
		var st unix.Stat_t
		err := again(func() error { return unix.Fstat(f.fd, &st) })
		size = st.Size
		return err
	})
	return size, err
}

func (f *osFile) SetModTime(t time.Time) error {
	return f.do("chtimes", false, func() error {
		return again(func() error { return setModTime(f.fd, t) })
	})
}

func (f *osFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return pathError("close", f.name, fs.ErrClosed)
	}
	f.closed = true
	if err := unix.Close(f.fd); err != unix.EINTR { // EINTR: closed all the same
		return pathError("close", f.name, err)
	}
	return nil
}
