package storagetest

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

// Each operation can fail, with an error of its kind and without its effect.
func TestFaultsOfEachOperation(t *testing.T) {
	for _, c := range []struct {
		kind OpKind
		call func(vfs.FS) error
		two  bool
	}{
		{OpCreate, func(f vfs.FS) error { return opened(f.Create("new")) }, false},
		{OpOpen, func(f vfs.FS) error { return opened(f.Open("f")) }, false},
		{OpOpen, func(f vfs.FS) error { return opened(f.OpenRW("f")) }, false},
		{OpMkdir, func(f vfs.FS) error { return f.Mkdir("new") }, false},
		{OpRemove, func(f vfs.FS) error { return f.Remove("f") }, false},
		{OpRename, func(f vfs.FS) error { return f.Rename("f", "g") }, true},
		{OpLink, func(f vfs.FS) error { return f.Link("f", "g") }, true},
		{OpReadDir, func(f vfs.FS) error { _, err := f.ReadDir("d"); return err }, false},
		{OpStat, func(f vfs.FS) error { _, err := f.Stat("f"); return err }, false},
		{OpSyncDir, func(f vfs.FS) error { return f.SyncDir("d") }, false},
		{OpSyncAll, func(f vfs.FS) error { return f.SyncAll() }, false},
		{OpLock, func(f vfs.FS) error { return opened(f.Lock("f", "me")) }, false},
		{OpWrite, func(f vfs.FS) error { return run(t, f, "write f 0 new") }, false},
		{OpTruncate, func(f vfs.FS) error { return run(t, f, "truncate f 1") }, false},
		{OpSetModTime, func(f vfs.FS) error { return run(t, f, "chtimes f 1") }, false},
		{OpSync, func(f vfs.FS) error { return run(t, f, "sync f") }, false},
	} {
		for _, injected := range []error{EIO, ENOSPC} {
			mem := vfs.NewMem()
			script(t, mem, "create f", "write f 0 old", "mkdir d")
			var ops []Op
			nth := FailNth(1, injected, c.kind)
			faulty := Faults(mem, func(op Op) *Fault {
				ops = append(ops, op)
				return nth(op)
			})
			err := c.call(faulty)
			if !errors.Is(err, injected) || errors.Is(err, vfs.ErrNoSpace) != (injected == ENOSPC) {
				t.Errorf("%s: error %v, want %v", c.kind, err, injected)
			}
			_, isPath := errors.AsType[*fs.PathError](err)
			_, isLink := errors.AsType[*os.LinkError](err)
			if isLink != c.two || isPath == c.two {
				t.Errorf("%s: error %#v", c.kind, err)
			}
			if got := show(t, mem); got != "d/ f=old" {
				t.Errorf("%s left %q", c.kind, got)
			}
			if last := ops[len(ops)-1]; last.Kind != c.kind || last.N != len(ops) {
				t.Errorf("%s: asked about %v", c.kind, ops)
			}
			if err := c.call(faulty); err != nil {
				t.Errorf("%s the second time: %v", c.kind, err)
			}
		}
	}
}

// An operation can also happen and still return an error.
func TestFaultsDone(t *testing.T) {
	for step, want := range map[string]string{
		"create g":      "f=old g=",
		"rename f g":    "g=old",
		"remove f":      "",
		"write f 0 new": "f=new",
		"truncate f 1":  "f=o",
	} {
		mem := vfs.NewMem()
		script(t, mem, "create f", "write f 0 old")
		faulty := Faults(mem, func(op Op) *Fault {
			if op.Kind == OpOpen {
				return nil
			}
			return &Fault{Err: EIO, Done: true}
		})
		if err := run(t, faulty, step); !errors.Is(err, EIO) {
			t.Errorf("%s: %v", step, err)
		}
		if got := show(t, mem); got != want {
			t.Errorf("%s left %q, want %q", step, got, want)
		}
	}
}

func TestFaultsShortWrite(t *testing.T) {
	mem := vfs.NewMem()
	faulty := Faults(mem, func(op Op) *Fault {
		if op.Kind == OpWrite && op.Off == 2 {
			return &Fault{Err: ENOSPC, Bytes: op.Len - 1}
		}
		return nil
	})
	f, err := faulty.Create("f")
	noError(t, err)
	n, err := f.WriteAt([]byte("abc"), 2)
	if n != 2 || !errors.Is(err, vfs.ErrNoSpace) {
		t.Errorf("wrote %d bytes, %v", n, err)
	}
	if got := show(t, mem); got != "f=.2ab" {
		t.Errorf("left %q", got)
	}
	n, err = f.WriteAt([]byte("abc"), 0)
	if n != 3 || err != nil {
		t.Errorf("the next write: %d bytes, %v", n, err)
	}
}

func TestFaultsRead(t *testing.T) {
	mem := vfs.NewMem()
	script(t, mem, "create f", "write f 0 abc")
	var fault *Fault
	f, err := Faults(mem, func(op Op) *Fault {
		if op.Kind == OpRead {
			return fault
		}
		return nil
	}).Open("f")
	noError(t, err)
	for _, c := range []struct {
		fault *Fault
		want  string
		err   error
	}{
		{nil, "abc", nil},
		{&Fault{FlipBit: 1}, "`bc", nil},
		{&Fault{FlipBit: 8 + 6}, "aBc", nil},
		{&Fault{FlipBit: 999}, "abc", nil},
		{&Fault{Err: EIO}, "", EIO},
		{&Fault{Err: EIO, Bytes: 2}, "ab", EIO},
		{&Fault{Err: EIO, Done: true, FlipBit: 1}, "`bc", EIO},
	} {
		fault = c.fault
		p := make([]byte, 3)
		n, err := f.ReadAt(p, 0)
		if string(p[:n]) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%+v: %q, %v; want %q, %v", c.fault, p[:n], err, c.want, c.err)
		}
	}
	if got := show(t, mem); got != "f=abc" {
		t.Errorf("reading left %q", got)
	}
}

func TestFailAfter(t *testing.T) {
	mem := vfs.NewMem()
	faulty := Faults(mem, FailAfter(2, ENOSPC, OpCreate, OpMkdir))
	var failed []string
	for _, step := range []string{"create 1", "write 1 0 x", "mkdir 2", "create 3", "write 1 1 x", "mkdir 4", "remove 1"} {
		if run(t, faulty, step) != nil {
			failed = append(failed, step)
		}
	}
	if got, want := strings.Join(failed, ","), "create 3,mkdir 4"; got != want {
		t.Errorf("failed: %s, want %s", got, want)
	}
	if FailNth(1, EIO)(Op{Kind: OpStat}) == nil {
		t.Error("without kinds any operation is meant")
	}
}

// A failed sync is in the log of the disk, so that an explorer takes crash states after it too.
func TestFaultsLogFailedSyncs(t *testing.T) {
	d := NewDisk()
	faulty := Faults(d, FailAfter(0, EIO, OpSync, OpSyncDir, OpSyncAll))
	script(t, d, "mkdir d", "create d/f")
	for _, step := range []string{"sync d/f", "syncdir d", "syncall"} {
		if err := run(t, faulty, step); !errors.Is(err, EIO) {
			t.Errorf("%s: %v", step, err)
		}
	}
	var log []string
	for _, op := range d.Log() {
		log = append(log, op.String())
	}
	if want := []string{"1: mkdir d", "2: create d/f", "3: sync d/f", "4: syncdir d", "5: syncall "}; !slices.Equal(log, want) {
		t.Errorf("log %q, want %q", log, want)
	}
}
