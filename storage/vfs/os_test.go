//go:build linux || freebsd || darwin

package vfs_test

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/storage/storagetest"
	"github.com/mailhavn/mailhavn/storage/vfs"
	"golang.org/x/sys/unix"
)

// osKinds are the ways in which OS resolves names.
var osKinds = []struct {
	name string
	open func(string) (vfs.FS, error)
}{
	{"kernel", vfs.OS},
	{"walk", vfs.WalkOS},
	{"tracked", func(dir string) (vfs.FS, error) {
		fsys, err := vfs.WalkOS(dir)
		return vfs.Track(fsys), err // as on freebsd and darwin
	}},
}

func eachOS(t *testing.T, test func(t *testing.T, dir string, fsys vfs.FS)) {
	for _, kind := range osKinds {
		t.Run(kind.name, func(t *testing.T) {
			dir := t.TempDir()
			test(t, dir, openOS(t, dir, kind.open))
		})
	}
}

func openOS(t *testing.T, dir string, open func(string) (vfs.FS, error)) vfs.FS {
	t.Helper()
	fsys, err := open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fsys.(io.Closer).Close() })
	return fsys
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOS(t *testing.T) {
	for _, kind := range osKinds {
		t.Run(kind.name, func(t *testing.T) {
			storagetest.TestFS(t, func() vfs.FS { return openOS(t, t.TempDir(), kind.open) })
		})
	}
}

func TestOSRoot(t *testing.T) {
	base := t.TempDir()
	must(t, os.WriteFile(filepath.Join(base, "file"), nil, 0o600))
	if _, err := vfs.OS(filepath.Join(base, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing root: %v", err)
	}
	if _, err := vfs.OS(filepath.Join(base, "file")); !errors.Is(err, vfs.ErrNotRegular) {
		t.Errorf("a file as root: %v", err)
	}
	must(t, os.Mkdir(filepath.Join(base, "root"), 0o700))
	fsys := openOS(t, filepath.Join(base, "root"), vfs.OS)
	must(t, os.Rename(filepath.Join(base, "root"), filepath.Join(base, "moved")))
	must(t, os.Symlink("/", filepath.Join(base, "root")))
	must(t, fsys.Mkdir("a"))
	if _, err := os.Stat(filepath.Join(base, "moved", "a")); err != nil {
		t.Errorf("the root was not held: %v", err)
	}
	must(t, fsys.(io.Closer).Close())
	if err := fsys.Mkdir("b"); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := fsys.SyncAll(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("SyncAll after Close: %v", err)
	}
	if err := fsys.(io.Closer).Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
}

// Nobody else may read what is made, and a strange umask must not lock us out.
func TestOSModes(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o077, 0o777} {
		eachOS(t, func(t *testing.T, dir string, fsys vfs.FS) {
			old := unix.Umask(umask)
			defer unix.Umask(old)
			must(t, fsys.Mkdir("a"))
			must(t, fsys.Mkdir("a/b"))
			for _, name := range []string{"a/f", "a/b/f"} {
				f, err := fsys.Create(name)
				must(t, err)
				must(t, f.Close())
			}
			lock, err := fsys.Lock("a/f", "me")
			must(t, err)
			defer lock.Close()
			for name, want := range map[string]fs.FileMode{"a": 0o700, "a/b": 0o700, "a/f": 0o600, "a/b/f": 0o600} {
				info, err := os.Lstat(filepath.Join(dir, name))
				must(t, err)
				if info.Mode().Perm() != want {
					t.Errorf("umask %03o: %s has mode %03o, want %03o", umask, name, info.Mode().Perm(), want)
				}
			}
		})
	}
}

func TestOSErrors(t *testing.T) {
	for errno, want := range map[unix.Errno]error{
		unix.ENOENT: fs.ErrNotExist, unix.EEXIST: fs.ErrExist, unix.ENOTEMPTY: fs.ErrExist,
		unix.EACCES: fs.ErrPermission, unix.EPERM: fs.ErrPermission, unix.EINVAL: fs.ErrInvalid,
		unix.ENAMETOOLONG: fs.ErrInvalid, unix.ELOOP: vfs.ErrNotRegular, unix.ENOTDIR: vfs.ErrNotRegular,
		unix.EISDIR: vfs.ErrNotRegular, unix.ENXIO: vfs.ErrNotRegular, unix.ENOSPC: vfs.ErrNoSpace,
		unix.EDQUOT: vfs.ErrNoSpace, unix.EMLINK: vfs.ErrTooManyLinks,
	} {
		err := vfs.Classify(errno)
		if !errors.Is(err, want) || !errors.Is(err, errno) || err.Error() != errno.Error() {
			t.Errorf("%v is %v, which does not match %v", errno, err, want)
		}
	}
	if err := vfs.Classify(io.ErrShortWrite); err != io.ErrShortWrite {
		t.Errorf("another error became %v", err)
	}
}

// A file larger than the limit of the process: the system writes a part, which is an error and not a success.
func TestOSShortWrite(t *testing.T) {
	if os.Getenv("VFS_TEST_DIR") == "" {
		runSelf(t, t.TempDir(), "TestOSShortWrite")
		return
	}
	fsys := openOS(t, os.Getenv("VFS_TEST_DIR"), vfs.OS)
	f, err := fsys.Create("f")
	must(t, err)
	must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1000, Max: 1000}))
	n, err := f.WriteAt(make([]byte, 3000), 0)
	if n != 1000 || !errors.Is(err, unix.EFBIG) {
		t.Errorf("wrote %d bytes, error %v", n, err)
	}
}

// runSelf runs one test again in a process of its own.
func runSelf(t *testing.T, dir, test string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), "VFS_TEST_DIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// A lock is held against other processes, and ends with a process that is killed.
func TestOSLockOfKilledProcess(t *testing.T) {
	if dir := os.Getenv("VFS_TEST_DIR"); dir != "" {
		fsys := openOS(t, dir, vfs.OS)
		_, err := fsys.Lock("lock", "the other process")
		must(t, err)
		os.Stdout.WriteString("locked\n")
		select {}
	}
	dir := t.TempDir()
	fsys := openOS(t, dir, vfs.OS)
	f, err := fsys.Create("lock")
	must(t, err)
	must(t, f.Close())
	cmd := exec.Command(os.Args[0], "-test.run=^TestOSLockOfKilledProcess$")
	cmd.Env = append(os.Environ(), "VFS_TEST_DIR="+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	defer cmd.Wait()
	defer cmd.Process.Kill()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.Contains(line, "locked") {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	_, err = fsys.Lock("lock", "we")
	if e, ok := errors.AsType[*vfs.LockedError](err); !ok || e.Owner != "the other process" {
		t.Fatalf("lock of another process: %v", err)
	}
	must(t, cmd.Process.Kill())
	cmd.Wait()
	lock, err := fsys.Lock("lock", "we")
	must(t, err)
	must(t, lock.Close())
}
