package storagetest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

// show writes a tree on one line: folders end in "/", and runs of a byte are counted, "." for zero.
func show(t *testing.T, fsys vfs.FS) string {
	t.Helper()
	var parts []string
	var walk func(folder string)
	walk = func(folder string) {
		entries, err := fsys.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := e.Name
			if folder != "" {
				name = folder + "/" + name
			}
			if e.Dir {
				parts = append(parts, name+"/")
				walk(name)
			} else {
				parts = append(parts, name+"="+runs(contents(t, fsys, name)))
			}
		}
	}
	walk("")
	return strings.Join(parts, " ")
}

func contents(t *testing.T, fsys vfs.FS, name string) []byte {
	t.Helper()
	f, err := fsys.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, size)
	if n, err := f.ReadAt(p, 0); err != nil || n != len(p) {
		t.Fatal(n, err)
	}
	return p
}

func runs(p []byte) string {
	var b strings.Builder
	for len(p) > 0 {
		n := 1
		for n < len(p) && p[n] == p[0] {
			n++
		}
		c := p[0]
		if c == 0 {
			c = '.'
		}
		b.WriteByte(c)
		if n > 1 {
			fmt.Fprint(&b, n)
		}
		p = p[n:]
	}
	return b.String()
}

// script runs steps, each an operation with its arguments; it fails the test on any error.
func script(t *testing.T, fsys vfs.FS, steps ...string) {
	t.Helper()
	for _, step := range steps {
		if err := run(t, fsys, step); err != nil {
			t.Fatalf("%s: %v", step, err)
		}
	}
}

func run(t *testing.T, fsys vfs.FS, step string) error {
	t.Helper()
	args := append(strings.Fields(step), "", "", "")
	on := func(open func(string) (vfs.File, error), call func(vfs.File) error) error {
		f, err := open(args[1])
		if err != nil {
			return err
		}
		defer f.Close()
		return call(f)
	}
	var number int64
	fmt.Sscan(args[2], &number)
	switch args[0] {
	case "create":
		return on(fsys.Create, func(vfs.File) error { return nil })
	case "mkdir":
		return fsys.Mkdir(args[1])
	case "remove":
		return fsys.Remove(args[1])
	case "rename":
		return fsys.Rename(args[1], args[2])
	case "link":
		return fsys.Link(args[1], args[2])
	case "write": // name, offset, text: A3 is AAA
		return on(fsys.OpenRW, func(f vfs.File) error {
			_, err := f.WriteAt(expand(args[3]), number)
			return err
		})
	case "truncate":
		return on(fsys.OpenRW, func(f vfs.File) error { return f.Truncate(number) })
	case "chtimes":
		return on(fsys.OpenRW, func(f vfs.File) error { return f.SetModTime(time.Unix(number, 0)) })
	case "sync":
		return on(fsys.OpenRW, func(f vfs.File) error { return f.Sync() })
	case "syncdir":
		return fsys.SyncDir(args[1])
	case "syncall":
		return fsys.SyncAll()
	}
	t.Fatalf("no such step: %q", step)
	return nil
}

func expand(text string) []byte {
	n, err := strconv.Atoi(text[1:])
	if err != nil {
		return []byte(text)
	}
	return []byte(strings.Repeat(text[:1], n))
}

// crashes returns all that show says of the crash states of a disk with few pending things.
func crashes(t *testing.T, d *Disk) []string {
	t.Helper()
	set := map[string]bool{}
	for after := range d.CrashStates(rand.New(rand.NewPCG(1, 2)), maxEnumerated) {
		set[show(t, after)] = true
		if n := len(after.Pending()); n != 0 {
			t.Fatalf("%d things are pending after a power cut", n)
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// The promises of package vfs, and that there are no others: after each script exactly these trees can be found.
func TestDiskPromises(t *testing.T) {
	const two = "A1024" // blocks
	for _, c := range []struct {
		name  string
		steps []string
		want  []string
	}{
		{"nothing", nil, []string{""}},
		{"name not synced",
			[]string{"create f"},
			[]string{"", "f="}},
		{"nothing synced: size without bytes, bytes without size",
			[]string{"create f", "write f 0 new"},
			[]string{"", "f=", "f=.3", "f=new"}},
		{"bytes synced, name not",
			[]string{"create f", "write f 0 new", "sync f"},
			[]string{"", "f=new"}},
		{"name synced, bytes not",
			[]string{"create f", "write f 0 new", "syncdir"},
			[]string{"f=", "f=.3", "f=new"}},
		{"both synced",
			[]string{"create f", "write f 0 new", "sync f", "syncdir"},
			[]string{"f=new"}},
		{"name synced first",
			[]string{"create f", "syncdir", "write f 0 new", "sync f"},
			[]string{"f=new"}},
		{"all synced",
			[]string{"mkdir a", "create a/f", "write a/f 0 new", "syncall"},
			[]string{"a/ a/f=new"}},
		{"a file in a folder whose own name is not synced",
			[]string{"mkdir a", "create a/f", "write a/f 0 new", "sync a/f", "syncdir a"},
			[]string{"", "a/ a/f=new"}},
		{"replaced without any sync: empty, zeros, or the old one",
			[]string{"create f", "write f 0 old", "syncall", "create t", "write t 0 new", "rename t f"},
			[]string{"f=", "f=.3", "f=new", "f=old", "f=old t=", "f=old t=.3", "f=old t=new"}},
		{"replaced, bytes synced",
			[]string{"create f", "write f 0 old", "syncall", "create t", "write t 0 new", "sync t", "rename t f"},
			[]string{"f=new", "f=old", "f=old t=new"}},
		{"replaced, all synced",
			[]string{"create f", "write f 0 old", "syncall", "create t", "write t 0 new", "sync t", "rename t f", "syncdir"},
			[]string{"f=new"}},
		{"a rename between folders, neither synced",
			[]string{"mkdir a", "mkdir b", "create a/f", "syncall", "rename a/f b/g"},
			[]string{"a/ a/f= b/", "a/ b/ b/g="}},
		{"a rename between folders, only one synced",
			[]string{"mkdir a", "mkdir b", "create a/f", "syncall", "rename a/f b/g", "syncdir a"},
			[]string{"a/ a/f= b/", "a/ b/ b/g="}},
		{"a rename between folders, only the other synced",
			[]string{"mkdir a", "mkdir b", "create a/f", "syncall", "rename a/f b/g", "syncdir b"},
			[]string{"a/ a/f= b/", "a/ b/ b/g="}},
		{"a rename between folders, both synced",
			[]string{"mkdir a", "mkdir b", "create a/f", "syncall", "rename a/f b/g", "syncdir b", "syncdir a"},
			[]string{"a/ b/ b/g="}},
		{"a synced name needs the rename that made room for it",
			[]string{"mkdir a", "mkdir b", "create a/f", "write a/f 0 1", "syncall", "rename a/f b/g", "create a/f", "syncdir a"},
			[]string{"a/ a/f= b/ b/g=1"}},
		{"names of one folder survive in any order",
			[]string{"create a", "create b"},
			[]string{"", "a=", "a= b=", "b="}},
		{"changes of one name survive in their order",
			[]string{"create a", "rename a b", "rename b c"},
			[]string{"", "a=", "b=", "c="}},
		{"removal not synced",
			[]string{"create f", "syncall", "remove f"},
			[]string{"", "f="}},
		{"removal synced",
			[]string{"create f", "syncall", "remove f", "syncdir"},
			[]string{""}},
		{"removal kept and link lost",
			[]string{"mkdir a", "mkdir b", "create a/f", "syncall", "link a/f b/g", "remove a/f"},
			[]string{"a/ a/f= b/", "a/ a/f= b/ b/g=", "a/ b/", "a/ b/ b/g="}},
		{"removal synced and link not",
			[]string{"mkdir a", "mkdir b", "create a/f", "syncall", "link a/f b/g", "remove a/f", "syncdir a"},
			[]string{"a/ b/", "a/ b/ b/g="}},
		{"a link outlives the name that it was made of",
			[]string{"mkdir a", "mkdir b", "syncall", "create a/f", "write a/f 0 x", "sync a/f", "link a/f b/g", "syncdir b"},
			[]string{"a/ a/f=x b/ b/g=x", "a/ b/ b/g=x"}},
		{"moved into a folder whose own name is not synced: not lost on the way",
			[]string{"create f", "syncall", "mkdir a", "rename f a/f"},
			[]string{"a/ a/f=", "a/ f=", "f="}},
		{"moved into a folder below one whose name is not synced",
			[]string{"create f", "syncall", "mkdir a", "mkdir a/b", "rename a c", "rename f c/b/f"},
			[]string{"a/ a/b/ a/b/f=", "a/ a/b/ f=", "a/ f=", "c/ c/b/ c/b/f=", "c/ c/b/ f=", "c/ f=", "f="}},
		{"moved to a folder whose own name is not synced, though both sides are",
			[]string{"mkdir b", "create b/f", "syncall", "mkdir a", "rename b/f a/f", "syncdir a", "syncdir b"},
			[]string{"a/ a/f= b/", "b/"}},
		{"a removed folder had been emptied",
			[]string{"mkdir a", "mkdir b", "create a/f", "syncall", "rename a/f b/f", "remove a"},
			[]string{"a/ a/f= b/", "a/ b/ b/f=", "b/ b/f="}},
		{"a replaced folder had been emptied",
			[]string{"mkdir a", "mkdir b", "create a/f", "syncall", "rename a/f f", "rename b a"},
			[]string{"a/ a/f= b/", "a/ b/ f=", "a/ f="}},
		{"folders moved into each other make no ring",
			[]string{"mkdir a", "mkdir b", "syncall", "rename b a/b", "rename a/b b", "rename a b/a"},
			[]string{"a/ a/b/", "a/ b/", "b/ b/a/"}},
		{"blocks survive each by itself",
			[]string{"create f", "write f 0 " + two, "syncall", "write f 0 B1024"},
			[]string{"f=A1024", "f=A512B512", "f=B1024", "f=B512A512"}},
		{"a block is never torn",
			[]string{"create f", "write f 0 A512", "syncall", "write f 10 B10"},
			[]string{"f=A10B10A492", "f=A512"}},
		{"a write across two blocks is torn between them",
			[]string{"create f", "write f 0 " + two, "syncall", "write f 502 B20"},
			[]string{"f=A1024", "f=A502B10A512", "f=A502B20A502", "f=A512B10A502"}},
		{"any version of a block",
			[]string{"create f", "write f 0 A512", "syncall", "write f 0 B512", "write f 0 C512"},
			[]string{"f=A512", "f=B512", "f=C512"}},
		{"appended to: size and block each by itself, zeros between",
			[]string{"create f", "write f 0 A512", "syncall", "write f 512 B512"},
			[]string{"f=A512", "f=A512.512", "f=A512B512"}},
		{"preallocated with zeros",
			[]string{"create f", "truncate f 1024", "syncall", "write f 0 B1024"},
			[]string{"f=.1024", "f=.512B512", "f=B1024", "f=B512.512"}},
		{"shortened and written again",
			[]string{"create f", "write f 0 AAAA", "syncall", "truncate f 0", "write f 0 B"},
			[]string{"f=", "f=.", "f=.4", "f=A", "f=A4", "f=B", "f=B.3"}},
		{"shortened, then made longer: no old bytes come back once synced",
			[]string{"create f", "write f 0 AAAA", "truncate f 2", "truncate f 4", "syncall"},
			[]string{"f=A2.2"}},
		{"written through one name, synced through another",
			[]string{"create f", "link f g", "syncall", "write f 0 new", "sync g"},
			[]string{"f=new g=new"}},
		{"removed while unsynced",
			[]string{"create f", "syncall", "write f 0 new", "remove f", "syncdir"},
			[]string{""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := NewDisk()
			script(t, d, c.steps...)
			if got := crashes(t, d); !slices.Equal(got, c.want) {
				t.Errorf("found\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(c.want, "\n\t"))
			}
			if err := d.SyncAll(); err != nil {
				t.Fatal(err)
			}
			if got, want := crashes(t, d), []string{show(t, d)}; !slices.Equal(got, want) {
				t.Errorf("after SyncAll found %q, want %q", got, want)
			}
		})
	}
}

// After a failed sync nothing is known, and a second sync that succeeds proves nothing.
func TestDiskFailedSync(t *testing.T) {
	for _, c := range []struct {
		name   string
		before []string
		fails  string
		after  []string
		want   []string
	}{
		{"file", []string{"create f", "write f 0 A512", "syncall", "write f 0 B512"}, "sync f",
			[]string{"sync f", "syncall"}, []string{"f=A512", "f=B512"}},
		{"file written anew", []string{"create f", "write f 0 A512", "syncall", "write f 0 B512"}, "sync f",
			[]string{"write f 0 C512", "sync f"}, []string{"f=C512"}},
		{"another block of the file", []string{"create f", "write f 0 A1024", "syncall", "write f 0 B512"}, "sync f",
			[]string{"write f 512 C512", "sync f"}, []string{"f=A512C512", "f=B512C512"}},
		{"size", []string{"create f", "syncall", "truncate f 3"}, "sync f",
			[]string{"sync f"}, []string{"f=", "f=.3"}},
		{"size set anew", []string{"create f", "syncall", "truncate f 3"}, "sync f",
			[]string{"truncate f 4", "sync f"}, []string{"f=.4"}},
		{"folder", []string{"create f"}, "syncdir",
			[]string{"syncdir", "syncall"}, []string{"", "f="}},
		{"folder changed anew", []string{"create f"}, "syncdir",
			[]string{"rename f g", "syncdir"}, []string{"g="}},
		{"everything", []string{"create f", "write f 0 A"}, "syncall",
			[]string{"sync f", "syncdir", "syncall"}, []string{"", "f=", "f=.", "f=A"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := NewDisk()
			script(t, d, c.before...)
			faulty := Faults(d, FailNth(1, EIO, OpSync, OpSyncDir, OpSyncAll))
			if err := run(t, faulty, c.fails); !errors.Is(err, EIO) {
				t.Fatalf("%s returned %v", c.fails, err)
			}
			script(t, faulty, c.after...)
			if got := crashes(t, d); !slices.Equal(got, c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

func TestDiskModTime(t *testing.T) {
	d := NewDisk()
	script(t, d, "create f", "syncall", "chtimes f 100", "sync f")
	found := map[int64]bool{}
	for after := range d.CrashStates(rand.New(rand.NewPCG(1, 2)), 10) {
		info, err := after.Stat("f")
		if err != nil {
			t.Fatal(err)
		}
		found[info.ModTime.Unix()] = true
	}
	if len(found) != 2 || !found[100] {
		t.Errorf("times after Sync: %v, want the old one and 100", found)
	}
	script(t, d, "syncall")
	if len(d.Pending()) != 0 {
		t.Errorf("pending after SyncAll: %v", d.Pending())
	}
}

// A killed process loses nothing but its locks; what was not synced still is not.
func TestDiskClone(t *testing.T) {
	d := NewDisk()
	script(t, d, "create f", "write f 0 A", "create lock")
	lock, err := d.Lock("lock", "first")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	c := d.Clone()
	if got, want := show(t, c), show(t, d); got != want {
		t.Errorf("clone has %q, want %q", got, want)
	}
	if got, want := len(c.Pending()), len(d.Pending()); got != want || want == 0 {
		t.Errorf("clone has %d things pending, the original %d", got, want)
	}
	if _, err := c.Lock("lock", "second"); err != nil {
		t.Errorf("lock of a clone: %v", err)
	}
	script(t, c, "write f 0 B", "remove lock", "syncall")
	script(t, d, "write f 0 C", "create g")
	if got, want := show(t, c), "f=B"; got != want {
		t.Errorf("clone has %q, want %q", got, want)
	}
	if got, want := show(t, d), "f=C g= lock=first"; got != want {
		t.Errorf("original has %q, want %q", got, want)
	}
}

func TestDiskOnOp(t *testing.T) {
	d := NewDisk()
	var log []string
	var sizes []int
	d.OnOp(func(op Op, after *Disk) {
		log = append(log, op.String())
		sizes = append(sizes, len(show(t, after)))
		if after.Ops() != op.N {
			t.Errorf("operation %d: clone has counted %d", op.N, after.Ops())
		}
	})
	script(t, d, "create f", "write f 0 abc", "syncdir", "rename f g", "truncate g 1", "sync g", "remove g", "syncall")
	if _, err := d.Stat("g"); err == nil {
		t.Error("g is still there")
	}
	want := []string{"1: create f", "2: write f [0,+3)", "3: syncdir ", "4: rename f -> g", "5: truncate g to 1", "6: sync g", "7: remove g", "8: syncall "}
	if !slices.Equal(log, want) {
		t.Errorf("told of %q, want %q", log, want)
	}
	if want := []int{2, 5, 5, 5, 3, 3, 0, 0}; !slices.Equal(sizes, want) {
		t.Errorf("sizes %v, want %v", sizes, want)
	}
	if n := len(d.Log()); n != len(want) {
		t.Errorf("log of %d operations, want %d", n, len(want))
	}
}

func TestDiskCrashChoice(t *testing.T) {
	d := NewDisk()
	script(t, d, "create f", "write f 0 A512", "write f 0 B512", "create g")
	after := d.Crash(func(p Pending) int {
		switch p.Kind {
		case PendingName:
			if p.Op.Name == "g" {
				return 0
			}
		case PendingBlock:
			if p.File != "f" || p.Choices != 3 {
				t.Errorf("block of %q with %d choices", p.File, p.Choices)
			}
			return 1
		}
		return p.Choices - 1
	})
	if got, want := show(t, after), "f=A512"; got != want {
		t.Errorf("found %q, want %q", got, want)
	}
	want := "1: create f: kept\n4: create g: lost\nf size: kept\nf block 0: version 1 of 2\n"
	if got := after.Origin(); got != want {
		t.Errorf("origin\n%swant\n%s", got, want)
	}
	if after.Clone().Origin() != want || d.Origin() != "" {
		t.Error("a clone keeps the origin, a disk without a power cut has none")
	}
}
