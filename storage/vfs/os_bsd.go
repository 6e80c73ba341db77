//go:build freebsd || darwin

package vfs

import (
	"time"

	"golang.org/x/sys/unix"
)

// folderFlags open a folder that is only the start of other calls.
const folderFlags = unix.O_RDONLY | unix.O_DIRECTORY

func hasBeneath(int) bool { return false }

func openBeneath(int, string, int, uint32) (int, error) { return -1, unix.ENOSYS }

func withSyncAll(o *osFS) FS { return Track(o) }

// SyncAll is the part of [Track]: there is no syncfs.
func (o *osFS) SyncAll() error { return pathError("syncfs", "", unix.ENOSYS) }

func modTime(st *unix.Stat_t) time.Time { return time.Unix(st.Mtim.Unix()) }

func setModTime(fd int, t time.Time) error {
	tv := unix.NsecToTimeval(t.UnixNano())
	return unix.Futimes(fd, []unix.Timeval{tv, tv})
}
