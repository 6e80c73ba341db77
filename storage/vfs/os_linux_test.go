package vfs_test

import (
	"errors"
	"testing"

	"github.com/mailhavn/mailhavn/storage/vfs"
	"golang.org/x/sys/unix"
)

func mknodNull(path string) error {
	return unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3)))
}

// exchange swaps two names; neither is ever missing.
func exchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// SyncAll reaches one file system, so names do not lead into another.
func TestOSMounts(t *testing.T) {
	fsys := openOS(t, "/", vfs.OS)
	if _, err := fsys.Open("proc/version"); !errors.Is(err, unix.EXDEV) {
		t.Errorf("open across a mount: %v", err)
	}
}

// The links of /proc lead out of every folder without a word of it in their text.
func TestOSMagicLinks(t *testing.T) {
	for _, kind := range osKinds {
		fsys := openOS(t, "/proc/self", kind.open)
		for _, name := range []string{"root/etc/passwd", "cwd/os_linux_test.go", "exe", "fd/0", "root"} {
			if _, err := fsys.Open(name); !errors.Is(err, vfs.ErrNotRegular) {
				t.Errorf("%s: open %s: %v", kind.name, name, err)
			}
		}
	}
}
