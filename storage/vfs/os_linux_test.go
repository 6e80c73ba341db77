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

func TestAtLeast(t *testing.T) {
	for release, want := range map[string]bool{
		"5.8": true, "5.8.0": true, "5.10.0-8-amd64": true, "6.0-rc1": true, "10.1": true, "5.7.19": false, "4.18.0-513.el8": false,
		"": false, "x": false, "6": false,
	} {
		if vfs.AtLeast(release, 5, 8) != want {
			t.Errorf("%q at least 5.8: want %t", release, want)
		}
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

// A lock is worth nothing when the name has got another file since it was opened.
func TestOSLockedName(t *testing.T) {
	fsys := openOS(t, t.TempDir(), vfs.OS)
	f, err := fsys.Create("lock")
	must(t, err)
	defer f.Close()
	if !vfs.SameFile(fsys, f, "lock") {
		t.Error("the file is not itself")
	}
	must(t, fsys.Rename("lock", "old"))
	if vfs.SameFile(fsys, f, "lock") {
		t.Error("a missing name is the file")
	}
	must(t, put(fsys, "lock", ""))
	if vfs.SameFile(fsys, f, "lock") {
		t.Error("another file is the file")
	}
}
