package vfs

import "golang.org/x/sys/unix"

func fdatasync(fd int) error { return fsync(fd) }

// fsync asks the drive to empty its cache too, which fsync(2) does not do on darwin.
func fsync(fd int) error {
	err := again(func() error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_FULLFSYNC, 0)
		return err
	})
	if err == unix.ENOTSUP || err == unix.EINVAL { // file systems of other systems
		return again(func() error { return unix.Fsync(fd) })
	}
	return err
}

// Where the fields of a dirent lie, dir(5).
const (
	direntType = 20
	direntName = 21
)
