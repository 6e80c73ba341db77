package vfs

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// folderFlags open a folder that is only the start of other calls.
const folderFlags = unix.O_PATH | unix.O_DIRECTORY

const beneath = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV

// hasBeneath tells whether openat2 works: it came with linux 5.6, and some containers forbid it (ENOSYS or EPERM).
func hasBeneath(root int) bool {
	fd, err := openBeneath(root, ".", folderFlags|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

// beneathTries bounds the EAGAIN with which openat2 answers a race against a rename.
const beneathTries = 64

func openBeneath(root int, name string, flags int, mode uint32) (fd int, err error) {
	how := unix.OpenHow{Flags: uint64(flags), Mode: uint64(mode), Resolve: beneath}
	if flags&unix.O_CREAT == 0 {
		how.Mode = 0
	}
	for range beneathTries {
		fd, err = againFD(func() (int, error) { return unix.Openat2(root, name, &how) })
		if err != unix.EAGAIN {
			break
		}
	}
	if err == unix.EXDEV {
		err = fmt.Errorf("on another file system than the root: %w", err)
	}
	return fd, err
}

func withSyncAll(o *osFS) FS {
	if syncfsReports(o.root) {
		return o
	}
	return Track(o)
}

// syncfsReports tells whether syncfs makes everything durable or says that it did not: since linux 5.8 it returns the errors of
// write-backs, and FUSE does not pass it on.
func syncfsReports(root int) bool {
	var uname unix.Utsname
	var st unix.Statfs_t
	if unix.Uname(&uname) != nil || again(func() error { return unix.Fstatfs(root, &st) }) != nil {
		return false
	}
	return atLeast(unix.ByteSliceToString(uname.Release[:]), 5, 8) && st.Type != unix.FUSE_SUPER_MAGIC
}

// atLeast compares a release such as "5.10.0-8-amd64" with major.minor.
func atLeast(release string, major, minor int) bool {
	var x, y int
	if _, err := fmt.Sscanf(release, "%d.%d", &x, &y); err != nil {
		return false
	}
	return x > major || x == major && y >= minor
}

// SyncAll relies on the root being open since before the writes: a descriptor that is opened after a failed
// write-back is not told of it.
func (o *osFS) SyncAll() error {
	if err := o.begin(); err != nil {
		return pathError("syncfs", "", err)
	}
	defer o.end()
	return pathError("syncfs", "", again(func() error { return unix.Syncfs(o.root) }))
}

func fdatasync(fd int) error {
	return again(func() error { return unix.Fdatasync(fd) })
}

func fsync(fd int) error {
	return again(func() error { return unix.Fsync(fd) })
}

func modTime(st *unix.Stat_t) time.Time { return time.Unix(st.Mtim.Unix()) }

func setModTime(fd int, t time.Time) error {
	ts, err := unix.TimeToTimespec(t)
	if err != nil {
		return err
	}
	err = unix.UtimesNanoAt(fd, "", []unix.Timespec{ts, ts}, unix.AT_EMPTY_PATH)
	if err != unix.EINVAL && err != unix.ENOENT {
		return err
	}
	// Before linux 5.8; by way of /proc.
	tv := unix.NsecToTimeval(unix.TimespecToNsec(ts))
	return unix.Futimes(fd, []unix.Timeval{tv, tv})
}

// Where the fields of a linux_dirent64 lie, getdents(2).
const (
	direntType = 18
	direntName = 19
)
