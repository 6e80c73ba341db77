//go:build linux || freebsd || darwin

package vfs

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// classify gives an error of the system the sentinel that FS promises for it. Those that package syscall already
// matches (fs.ErrNotExist, fs.ErrExist, fs.ErrPermission) pass.
func classify(err error) error {
	errno, ok := err.(unix.Errno)
	if !ok {
		return err
	}
	for _, c := range classes {
		if errno == c.errno {
			return &sysError{kind: c.kind, errno: errno}
		}
	}
	return err
}

var classes = [...]struct {
	errno unix.Errno
	kind  error
}{
	{unix.ELOOP, ErrNotRegular},
	{unix.ENOTDIR, ErrNotRegular},
	{unix.EISDIR, ErrNotRegular},
	{unix.ENXIO, ErrNotRegular},  // a socket, or a FIFO that nobody reads
	{unix.ENODEV, ErrNotRegular}, // a device without a driver
	{unix.ENOSPC, ErrNoSpace},
	{unix.EDQUOT, ErrNoSpace},
	{unix.EMLINK, ErrTooManyLinks},
	{unix.EINVAL, fs.ErrInvalid},
	{unix.ENAMETOOLONG, fs.ErrInvalid},
	{unix.EILSEQ, fs.ErrInvalid}, // a name that the file system wants as UTF-8
}

// sysError is errno, and matches kind too.
type sysError struct {
	kind  error
	errno unix.Errno
}

func (e *sysError) Error() string   { return e.errno.Error() }
func (e *sysError) Unwrap() []error { return []error{e.kind, e.errno} }

// again repeats a call that a signal interrupted.
func again(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

func againFD(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != unix.EINTR {
			return n, err
		}
	}
}
