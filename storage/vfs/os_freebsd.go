package vfs

import "golang.org/x/sys/unix"

func fdatasync(fd int) error { return fsync(fd) }

func fsync(fd int) error {
	return again(func() error { return unix.Fsync(fd) })
}

// Where the fields of a dirent lie, getdirentries(2).
const (
	direntType = 18
	direntName = 24
)
