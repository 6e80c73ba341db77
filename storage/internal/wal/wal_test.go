package wal

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

var testUnit = [16]byte{1, 2, 3}

func open(t *testing.T, fsys vfs.FS) (*Log, Contents) {
	t.Helper()
	l, c, err := Open(Config{FS: fsys, Dir: "log", Unit: testUnit, SegmentSize: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, c
}

func newFS(t *testing.T) vfs.FS {
	t.Helper()
	fsys := vfs.NewMem()
	if err := fsys.Mkdir("log"); err != nil {
		t.Fatal(err)
	}
	return fsys
}

func payloads(c Contents) string {
	var out []string
	for _, g := range c.Groups {
		out = append(out, string(g.Payload))
	}
	return strings.Join(out, "|")
}

func appendAll(t *testing.T, l *Log, groups ...string) {
	t.Helper()
	for _, g := range groups {
		if err := l.Append([]byte(g[:len(g)/2]), []byte(g[len(g)/2:])); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReopen(t *testing.T) {
	fsys := newFS(t)
	l, c := open(t, fsys)
	if len(c.Groups) != 0 || c.Broken != nil || c.Damage != nil {
		t.Fatalf("an empty log has %+v", c)
	}
	appendAll(t, l, "one", "two")
	l.Close()
	l, c = open(t, fsys)
	if got := payloads(c); got != "one|two" {
		t.Fatalf("got %q", got)
	}
	appendAll(t, l, "three") // in a new segment
	l.Close()
	l, c = open(t, fsys)
	if got := payloads(c); got != "one|two|three" || c.Broken != nil || c.Damage != nil {
		t.Fatalf("got %q, %v, %v", got, c.Broken, c.Damage)
	}
	appendAll(t, l, "four")
	if err := l.Recycle(l.Segment()); err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, c = open(t, fsys)
	if got := payloads(c); got != "four" {
		t.Fatalf("after recycling: %q", got)
	}
}

// TestRotation fills many segments, also with a group larger than a segment, and reuses files.
func TestRotation(t *testing.T) {
	fsys := newFS(t)
	l, _ := open(t, fsys)
	var want []string
	for i := range 200 {
		g := fmt.Sprintf("%d:%s", i, strings.Repeat("x", 3000))
		if i == 77 {
			g += strings.Repeat("y", 200<<10)
		}
		want = append(want, g)
		appendAll(t, l, g)
		if i == 100 {
			if err := l.Recycle(l.Segment()); err != nil {
				t.Fatal(err)
			}
			want = nil
		}
	}
	l.Close()
	_, c := open(t, fsys)
	got := payloads(c)
	if !strings.HasSuffix(got, strings.Join(want, "|")) {
		t.Fatalf("%d bytes do not end with the %d groups since recycling", len(got), len(want))
	}
	entries, err := fsys.ReadDir("log")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(entries); n > 20 {
		t.Fatalf("%d files", n)
	}
}

// segment returns the bytes of the only segment.
func segmentBytes(t *testing.T, fsys vfs.FS, seq uint64) []byte {
	t.Helper()
	b, err := vfs.ReadFile(fsys, "log/"+segmentName(seq))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func overwriteAt(t *testing.T, fsys vfs.FS, seq uint64, at int64, b []byte) {
	t.Helper()
	f, err := fsys.OpenRW("log/" + segmentName(seq))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// TestBitFlips: a flipped bit in a group before the last is damage, in the last one a torn end, in one copy of the header
// nothing.
func TestBitFlips(t *testing.T) {
	fsys := newFS(t)
	l, _ := open(t, fsys)
	appendAll(t, l, "first", "second", "third")
	l.Close()
	clean := segmentBytes(t, fsys, 1)
	groups := []int64{firstGroup, firstGroup + align, firstGroup + 2*align}
	for at := int64(0); at < firstGroup+3*align; at++ {
		overwriteAt(t, fsys, 1, 0, clean)
		overwriteAt(t, fsys, 1, at, []byte{clean[at] ^ 4})
		_, c := open(t, fsys)
		got := payloads(c)
		switch {
		case at < firstGroup:
			if got != "first|second|third" || c.Damage != nil {
				t.Fatalf("byte %d of the header: %q, %v", at, got, c.Damage)
			}
		case at < groups[2]:
			end := map[bool]string{true: "", false: "first"}[at < groups[1]]
			used := (at-firstGroup)%align < groupHeader+6
			if used && (c.Damage == nil || got != end) && clean[at] != 0 {
				t.Fatalf("byte %d: %q, damage %v", at, got, c.Damage)
			}
		case got != "first|second|third" && got != "first|second" || c.Damage != nil:
			t.Fatalf("byte %d of the last group: %q, %v", at, got, c.Damage)
		}
	}
	overwriteAt(t, fsys, 1, 0, make([]byte, 2*headerSize))
	if _, c := open(t, fsys); c.Damage == nil {
		t.Fatal("a segment without a header is no damage")
	}
}

// TestForgery: groups of an earlier use of the file, and groups inside a message, are not taken for groups.
func TestForgery(t *testing.T) {
	fsys := newFS(t)
	l, _ := open(t, fsys)
	appendAll(t, l, strings.Repeat("old", 100), strings.Repeat("old2", 100))
	old := segmentBytes(t, fsys, 1)[firstGroup : firstGroup+1024]
	appendAll(t, l, string(old)+string(old[32:]))
	if err := l.Rotate(0); err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, "a")
	if err := l.Recycle(l.Segment()); err != nil {
		t.Fatal(err)
	}
	if err := l.Rotate(0); err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, "b")
	l.Close()
	_, c := open(t, fsys)
	if got := payloads(c); got != "a|b" || c.Damage != nil {
		t.Fatalf("got %q, %v", got, c.Damage)
	}
}

// TestTornEnd cuts the last group at every byte: what was before it stays, and the log goes on.
func TestTornEnd(t *testing.T) {
	fsys := newFS(t)
	l, _ := open(t, fsys)
	appendAll(t, l, "first", strings.Repeat("second", 10))
	l.Close()
	clean := segmentBytes(t, fsys, 1)
	for cut := int64(firstGroup + align); cut < firstGroup+align+groupHeader+60; cut++ {
		b := bytes.Clone(clean)
		clear(b[cut:])
		overwriteAt(t, fsys, 1, 0, b)
		l, c := open(t, fsys)
		if got := payloads(c); got != "first" || c.Damage != nil {
			t.Fatalf("cut at %d: %q, %v", cut, got, c.Damage)
		}
		appendAll(t, l, "again")
		l.Close()
		l, c = open(t, fsys)
		if got := payloads(c); got != "first|again" || c.Damage != nil || c.Broken != nil {
			t.Fatalf("cut at %d, then: %q, %v, %v", cut, got, c.Damage, c.Broken)
		}
		if err := fsys.Remove("log/" + segmentName(2)); err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}

// fullFS has no room for new files.
type fullFS struct {
	vfs.FS
	full bool
}

func (f *fullFS) Create(name string) (vfs.File, error) {
	if f.full {
		return nil, fmt.Errorf("create %s: %w", name, vfs.ErrNoSpace)
	}
	return f.FS.Create(name)
}

// TestFullDisk: a group that finds no room is certainly not written, and the log goes on when there is room again.
func TestFullDisk(t *testing.T) {
	fsys := &fullFS{FS: newFS(t)}
	l, _ := open(t, fsys)
	appendAll(t, l, "one")
	l.spares.Wait()
	fsys.full = true
	l.mu.Lock()
	l.free = nil
	l.mu.Unlock()
	var clean *NotWritten
	err := l.Append(make([]byte, 128<<10))
	if !errors.As(err, &clean) || !errors.Is(err, vfs.ErrNoSpace) {
		t.Fatalf("got %v", err)
	}
	appendAll(t, l, "two")
	fsys.full = false
	appendAll(t, l, strings.Repeat("3", 128<<10), "four")
	l.Close()
	_, c := open(t, fsys)
	if len(c.Groups) != 4 || string(c.Groups[3].Payload) != "four" {
		t.Fatalf("%d groups", len(c.Groups))
	}
}

// FuzzSegment reads foreign bytes as a segment.
func FuzzSegment(f *testing.F) {
	s := segment{seq: 1, salt: 7, first: 1}
	h := s.header(testUnit)
	b := append(append([]byte{}, h...), h...)
	b = append(b, make([]byte, firstGroup-len(b))...)
	for i, p := range []string{"one", "two", ""} {
		g := append(make([]byte, groupHeader), p...)
		sealGroup(g, s.salt, uint64(i+1))
		b = append(b, g...)
		b = append(b, make([]byte, alignUp(int64(len(b)))-int64(len(b)))...)
	}
	f.Add(b)
	f.Add(b[:firstGroup+40])
	f.Fuzz(func(t *testing.T, b []byte) {
		fsys := vfs.NewMem()
		if err := fsys.Mkdir("log"); err != nil {
			t.Fatal(err)
		}
		file, err := fsys.Create("log/" + segmentName(1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteAt(b, 0); err != nil {
			t.Fatal(err)
		}
		l, c, err := Open(Config{FS: fsys, Dir: "log", Unit: testUnit, SegmentSize: 16 << 10})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if err := l.Append([]byte("more")); err != nil {
			t.Fatal(err)
		}
		l.Close()
		_, again, err := Open(Config{FS: fsys, Dir: "log", Unit: testUnit, SegmentSize: 16 << 10})
		if err != nil {
			t.Fatal(err)
		}
		if c.Damage == nil && (again.Broken != nil || len(again.Groups) != len(c.Groups)+1) {
			t.Fatalf("%d groups, then %d (%v)", len(c.Groups), len(again.Groups), again.Broken)
		}
	})
}
