package storagetest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

func suiteReadWrite(t *testing.T, fsys vfs.FS) {
	f, err := fsys.Create("f")
	noError(t, err)
	defer f.Close()
	if got := getAll(t, f); got != "" {
		t.Errorf("a new file has %q", got)
	}
	_, err = f.WriteAt([]byte("hello"), 3)
	noError(t, err)
	_, err = f.WriteAt(nil, 100)
	noError(t, err)
	if got := getAll(t, f); got != "\x00\x00\x00hello" {
		t.Errorf("the file has %q", got)
	}
	for _, c := range []struct {
		off  int64
		n    int
		want string
		err  error
	}{
		{3, 5, "hello", nil},
		{4, 2, "el", nil},
		{4, 0, "", nil},
		{4, 9, "ello", io.EOF},
		{8, 1, "", io.EOF},
		{9999, 1, "", io.EOF},
		{-1, 1, "", fs.ErrInvalid},
		{math.MaxInt64, 1, "", io.EOF},
	} {
		p := make([]byte, c.n)
		n, err := f.ReadAt(p, c.off)
		if c.off == math.MaxInt64 && errors.Is(err, fs.ErrInvalid) {
			err = io.EOF // systems differ: the end would be beyond any number
		}
		if string(p[:n]) != c.want || !errors.Is(err, c.err) || (c.err == io.EOF) != (err == io.EOF) {
			t.Errorf("ReadAt %d bytes at %d: %q, %v; want %q, %v", c.n, c.off, p[:n], err, c.want, c.err)
		}
	}
	_, err = f.WriteAt([]byte("x"), -1)
	wantError(t, "WriteAt -1", err, fs.ErrInvalid)
	noError(t, f.Sync())
	second, err := fsys.Open("f")
	noError(t, err)
	defer second.Close()
	_, err = f.WriteAt([]byte("HE"), 3)
	noError(t, err)
	if got := getAll(t, second); got != "\x00\x00\x00HEllo" {
		t.Errorf("another descriptor sees %q", got)
	}
}

func suiteTruncate(t *testing.T, fsys vfs.FS) {
	putFile(t, fsys, "f", strings.Repeat("abcdefgh", 1000))
	f, err := fsys.OpenRW("f")
	noError(t, err)
	defer f.Close()
	noError(t, f.Truncate(3))
	noError(t, f.Truncate(6))
	if got := getAll(t, f); got != "abc\x00\x00\x00" {
		t.Errorf("shortened and made longer, the file has %q", got)
	}
	noError(t, f.Truncate(1))
	_, err = f.WriteAt([]byte("z"), 3)
	noError(t, err)
	if got := getAll(t, f); got != "a\x00\x00z" {
		t.Errorf("written beyond its end, the file has %q", got)
	}
	noError(t, f.Truncate(0))
	noError(t, f.Truncate(10_000))
	if got := getAll(t, f); got != strings.Repeat("\x00", 10_000) {
		t.Error("old bytes came back")
	}
	wantError(t, "Truncate(-1)", f.Truncate(-1), fs.ErrInvalid)
	info, err := fsys.Stat("f")
	noError(t, err)
	if info.Size != 10_000 {
		t.Errorf("size %d", info.Size)
	}
}

// suiteRandomAccess compares random writes and cuts with a slice.
func suiteRandomAccess(t *testing.T, fsys vfs.FS) {
	rng := rand.New(rand.NewPCG(4, 2))
	f, err := fsys.Create("f")
	noError(t, err)
	defer f.Close()
	var want []byte
	for range 300 {
		off := rng.IntN(100_000)
		if rng.IntN(5) == 0 {
			noError(t, f.Truncate(int64(off)))
			want = append(want, make([]byte, max(0, off-len(want)))...)[:off]
			continue
		}
		p := bytes.Repeat([]byte{byte(1 + rng.IntN(255))}, 1+rng.IntN(5000))
		_, err := f.WriteAt(p, int64(off))
		noError(t, err)
		want = append(want, make([]byte, max(0, off+len(p)-len(want)))...)
		copy(want[off:], p)
	}
	if got := getAll(t, f); got != string(want) {
		t.Errorf("%d bytes, want %d, and they differ", len(got), len(want))
	}
}

// suiteModes: a file opened for reading cannot be changed.
func suiteModes(t *testing.T, fsys vfs.FS) {
	putFile(t, fsys, "f", "text")
	f, err := fsys.Open("f")
	noError(t, err)
	defer f.Close()
	_, err = f.WriteAt([]byte("x"), 0)
	wantError(t, "WriteAt", err, fs.ErrPermission)
	wantError(t, "Truncate", f.Truncate(0), fs.ErrPermission)
	noError(t, f.Sync())
	if got := getAll(t, f); got != "text" {
		t.Errorf("the file has %q", got)
	}
}

func suiteClosed(t *testing.T, fsys vfs.FS) {
	f, err := fsys.Create("f")
	noError(t, err)
	_, err = f.WriteAt([]byte("text"), 0)
	noError(t, err)
	noError(t, f.Close())
	_, readErr := f.ReadAt(make([]byte, 1), 0)
	_, writeErr := f.WriteAt([]byte("x"), 0)
	_, sizeErr := f.Size()
	for what, err := range map[string]error{
		"ReadAt": readErr, "WriteAt": writeErr, "Size": sizeErr, "Sync": f.Sync(), "Truncate": f.Truncate(0),
		"SetModTime": f.SetModTime(time.Unix(1, 0)), "Close": f.Close(),
	} {
		wantError(t, what, err, fs.ErrClosed)
	}
	if got := getFile(t, fsys, "f"); got != "text" {
		t.Errorf("the file has %q", got)
	}
	noError(t, fsys.SyncAll())
}

func suiteOutlives(t *testing.T, fsys vfs.FS) {
	noError(t, fsys.Mkdir("d"))
	f, err := fsys.Create("d/f")
	noError(t, err)
	defer f.Close()
	noError(t, fsys.Rename("d/f", "d/g"))
	_, err = f.WriteAt([]byte("one"), 0)
	noError(t, err)
	noError(t, fsys.Rename("d", "e"))
	_, err = f.WriteAt([]byte("two"), 3)
	noError(t, err)
	if got := getFile(t, fsys, "e/g"); got != "onetwo" {
		t.Errorf("under its new name the file has %q", got)
	}
	noError(t, fsys.Remove("e/g"))
	noError(t, fsys.Remove("e"))
	_, err = f.WriteAt([]byte("three"), 6)
	noError(t, err)
	noError(t, f.Sync())
	noError(t, fsys.SyncAll())
	if got := getAll(t, f); got != "onetwothree" {
		t.Errorf("without a name the file has %q", got)
	}
	putFile(t, fsys, "g", "other")
	if got := getAll(t, f); got != "onetwothree" {
		t.Errorf("the file without a name has become %q", got)
	}
}

func suiteModTime(t *testing.T, fsys vfs.FS) {
	putFile(t, fsys, "f", "text")
	f, err := fsys.OpenRW("f")
	noError(t, err)
	defer f.Close()
	for _, want := range []time.Time{time.Unix(1_000_000_000, 0), time.Unix(1_700_000_000, 123_456_000), time.Unix(1, 0)} {
		noError(t, f.SetModTime(want))
		info, err := fsys.Stat("f")
		noError(t, err)
		if !info.ModTime.Equal(want) {
			t.Errorf("time %v, want %v", info.ModTime, want)
		}
	}
	_, err = f.WriteAt([]byte("x"), 0)
	noError(t, err)
	info, err := fsys.Stat("f")
	noError(t, err)
	if info.ModTime.Equal(time.Unix(1, 0)) {
		t.Error("a write leaves the time")
	}
}

func suiteLock(t *testing.T, fsys vfs.FS) {
	_, err := fsys.Lock("lock", "me")
	wantError(t, "lock of a missing file", err, fs.ErrNotExist)
	putFile(t, fsys, "lock", "the one before, who had a long name\n")
	first, err := fsys.Lock("lock", "process 1\n")
	noError(t, err)
	if got := getFile(t, fsys, "lock"); got != "process 1\n" {
		t.Errorf("the lock file has %q", got)
	}
	_, err = fsys.Lock("lock", "process 2\n")
	if e, ok := errors.AsType[*vfs.LockedError](err); !ok || e.Owner != "process 1" || e.Name != "lock" {
		t.Errorf("second lock: %#v", err)
	}
	noError(t, fsys.Link("lock", "alias"))
	_, err = fsys.Lock("alias", "process 2\n")
	if _, ok := errors.AsType[*vfs.LockedError](err); !ok {
		t.Errorf("lock by another name of the file: %#v", err)
	}
	putFile(t, fsys, "free", "")
	other, err := fsys.Lock("free", "process 3")
	noError(t, err)
	noError(t, first.Close())
	wantError(t, "second Close", first.Close(), fs.ErrClosed)
	again, err := fsys.Lock("lock", "process 4")
	noError(t, err)
	noError(t, again.Close())
	noError(t, other.Close())
	long, err := fsys.Lock("lock", strings.Repeat("long", 1000))
	noError(t, err)
	if got := getFile(t, fsys, "lock"); got != strings.Repeat("long", 128) {
		t.Errorf("of a long owner the lock file has %d bytes", len(got))
	}
	noError(t, long.Close())
	noError(t, fsys.Mkdir("folder"))
	_, err = fsys.Lock("folder", "me")
	wantError(t, "lock of a folder", err, vfs.ErrNotRegular)
}
