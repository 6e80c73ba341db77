//go:build linux || freebsd || darwin

package vfs

import (
	"strings"

	"golang.org/x/sys/unix"
)

// openFolder opens a folder to be the start of other calls; closeFolder gives it back. The root is not opened again.
func (o *osFS) openFolder(name string) (int, error) {
	if name == "" {
		return o.root, nil
	}
	return o.openAt(name, folderFlags, 0)
}

// openAt opens name, which was checked or is ".", and follows no link in any element.
func (o *osFS) openAt(name string, flags int, mode uint32) (int, error) {
	flags |= unix.O_NOFOLLOW | unix.O_CLOEXEC
	if o.beneath {
		return openBeneath(o.root, name, flags, mode)
	}
	return o.walk(name, flags, mode)
}

// walk opens element by element.
func (o *osFS) walk(name string, flags int, mode uint32) (int, error) {
	at := o.root
	for {
		element, rest, more := strings.Cut(name, "/")
		if !more {
			fd, err := openOne(at, element, flags, mode)
			o.closeFolder(at)
			return fd, err
		}
		next, err := openOne(at, element, folderFlags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		o.closeFolder(at)
		if err != nil {
			return -1, err
		}
		at, name = next, rest
	}
}

func openOne(at int, element string, flags int, mode uint32) (int, error) {
	fd, err := againFD(func() (int, error) { return unix.Openat(at, element, flags, mode) })
	if err == unix.EMLINK || err == unix.EOPNOTSUPP { // BSD's words for O_NOFOLLOW on a link and for a socket
		err = unix.ELOOP
	}
	return fd, err
}
