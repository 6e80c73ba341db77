package storagetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

// busyDisk has far more pending than can be enumerated: 20 files of 4 blocks each in two folders.
func busyDisk(t *testing.T) *Disk {
	t.Helper()
	d := NewDisk()
	script(t, d, "mkdir a", "mkdir b", "create a/log", "truncate a/log 8192", "syncall")
	script(t, d, "write a/log 0 L8192")
	for i := range 20 {
		name := fmt.Sprintf("%c/%02d", 'a'+i%2, i)
		script(t, d, "create "+name, "write "+name+" 0 x2048")
	}
	script(t, d, "rename a/00 b/00", "remove b/01")
	return d
}

func sample(t *testing.T, d *Disk, seed uint64, limit int) []string {
	t.Helper()
	var list []string
	for after := range d.CrashStates(rand.New(rand.NewPCG(seed, 0)), limit) {
		list = append(list, after.Origin())
	}
	return list
}

func TestDiskSample(t *testing.T) {
	d := busyDisk(t)
	const limit = 2000
	list := sample(t, d, 1, limit)
	if len(list) != limit {
		t.Fatalf("%d states, want %d", len(list), limit)
	}
	if again := sample(t, d, 1, limit); !slices.Equal(list, again) {
		t.Error("the same seed gives other states")
	}
	if other := sample(t, d, 2, limit); slices.Equal(list, other) {
		t.Error("another seed gives the same states")
	}
	if first := sample(t, d, 1, 10); !slices.Equal(first[:6], list[:6]) {
		t.Error("a smaller sample does not begin with the extremes")
	}
	sorted := slices.Sorted(slices.Values(list))
	if n := len(slices.Compact(sorted)); n != limit {
		t.Errorf("%d states of %d are repeats", limit-n, limit)
	}
	if list[0] != strings.ReplaceAll(list[1], "kept", "lost") {
		t.Errorf("the first two are not nothing and everything:\n%s", list[0])
	}
	pending := len(d.Pending())
	var oneLost, oneKept int
	for _, origin := range list {
		switch strings.Count(origin, "kept") {
		case 1:
			oneKept++
		case pending - 1:
			oneLost++
		}
	}
	if oneLost == 0 || oneKept == 0 {
		t.Errorf("%d states lack one thing, %d have one thing", oneLost, oneKept)
	}
	n := 0
	for range d.CrashStates(rand.New(rand.NewPCG(1, 0)), limit) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("broke off after 3 states, saw %d", n)
	}
}

// What is small is enumerated: every subset that can be, once.
func TestDiskEnumerate(t *testing.T) {
	d := NewDisk()
	for i := range 10 {
		script(t, d, fmt.Sprintf("create %d", i))
	}
	seen := map[string]bool{}
	for after := range d.CrashStates(nil, maxEnumerated) {
		seen[show(t, after)] = true
	}
	if len(seen) != 1<<10 {
		t.Errorf("%d states of 10 new files, want %d", len(seen), 1<<10)
	}
}

// TestDiskModel runs random operations on a small tree and checks after each that no crash state breaks a promise: what
// was synced and not touched since is there, and everything that is there was written at some time.
func TestDiskModel(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 7))
		m := &diskModel{t: t, d: NewDisk(), rng: rng, durable: map[string]string{}}
		script(t, m.d, "mkdir a", "mkdir b", "syncall")
		for range 40 {
			m.step()
			m.check()
		}
	}
}

// diskModel knows the files whose name and bytes are both durable and untouched since.
type diskModel struct {
	t       *testing.T
	d       *Disk
	rng     *rand.Rand
	durable map[string]string
	serial  int
}

func (m *diskModel) name() string {
	return fmt.Sprintf("%c/%d", 'a'+m.rng.IntN(2), m.rng.IntN(4))
}

func (m *diskModel) exists(name string) bool {
	_, err := m.d.Stat(name)
	return err == nil
}

func (m *diskModel) step() {
	name, other := m.name(), m.name()
	run := func(steps ...string) { m.t.Helper(); script(m.t, m.d, steps...) }
	switch m.rng.IntN(8) {
	case 0, 1: // replace as a store does
		m.serial++
		text := fmt.Sprintf("v%dz", m.serial)
		run("create a/tmp", "write a/tmp 0 "+text, "sync a/tmp", "rename a/tmp "+name)
		delete(m.durable, name)
		if m.rng.IntN(2) == 0 {
			run("syncdir a", "syncdir "+name[:1])
			m.durable[name] = text
		}
	case 2:
		if m.exists(name) {
			run("remove " + name)
			delete(m.durable, name)
		}
	case 3:
		if m.exists(name) && !m.exists(other) {
			run("link "+name+" "+other, "syncdir "+other[:1])
			if text, ok := m.durable[name]; ok {
				m.durable[other] = text
			}
		}
	case 4:
		if m.exists(name) && name != other {
			text, ok := m.durable[name]
			same := m.sameFile(name, other)
			run("rename " + name + " " + other)
			if !same {
				delete(m.durable, name)
				delete(m.durable, other)
				if ok && m.rng.IntN(2) == 0 {
					run("syncdir "+name[:1], "syncdir "+other[:1])
					m.durable[other] = text
				}
			}
		}
	case 5:
		if !m.exists(name) {
			run("create "+name, "write "+name+" 0 v0z")
		}
	case 6:
		run("syncall")
		for _, name := range []string{"a/0", "a/1", "a/2", "a/3", "b/0", "b/1", "b/2", "b/3"} {
			if m.exists(name) {
				m.durable[name] = string(contents(m.t, m.d, name))
			}
		}
	case 7:
		m.d = m.d.Clone()
	}
}

func (m *diskModel) sameFile(a, b string) bool {
	x, errX := m.d.Stat(a)
	y, errY := m.d.Stat(b)
	return errX == nil && errY == nil && x.ID == y.ID
}

func (m *diskModel) check() {
	for after := range m.d.CrashStates(m.rng, 40) {
		for name, text := range m.durable {
			if _, err := after.Stat(name); err != nil {
				m.t.Fatalf("%s is lost: %v\n%s\nlog %v", name, err, after.Origin(), m.d.Log())
			}
			if got := string(contents(m.t, after, name)); got != text {
				m.t.Fatalf("%s has %q, want %q\n%s", name, got, text, after.Origin())
			}
		}
		for _, part := range strings.Fields(show(m.t, after)) {
			_, text, isFile := strings.Cut(part, "=")
			if isFile && strings.Trim(text, "v0123456789z.") != "" {
				m.t.Fatalf("nobody wrote %s", part)
			}
		}
	}
}

// A crash state is a disk like any other: work goes on there and on the original, and neither sees the other.
func TestDiskIndependence(t *testing.T) {
	d := busyDisk(t)
	before := show(t, d)
	rng := rand.New(rand.NewPCG(3, 0))
	for after := range d.CrashStates(rng, 50) {
		state := show(t, after)
		script(t, after, "mkdir c", "create c/f", "write c/f 0 new", "write a/log 100 Z600", "truncate a/log 300", "rename a/log c/log")
		seen := 0
		for second := range after.CrashStates(rng, 50) {
			seen++
			if !strings.Contains(show(t, second), "log=") {
				t.Fatalf("the log is lost:\n%s", second.Origin())
			}
		}
		if seen != 50 {
			t.Fatalf("%d states after the second power cut", seen)
		}
		none := after.Crash(func(Pending) int { return 0 })
		if got := show(t, none); got != state {
			t.Fatalf("found %q, want %q", got, state)
		}
	}
	if got := show(t, d); got != before {
		t.Errorf("the original has changed")
	}
}

// What two disks share neither changes: each of them goes on in turn, and the other has the same crash states as before.
func TestDiskSharing(t *testing.T) {
	steps := [][]string{
		{"write f 0 B512"},
		{"write f 512 C512"},
		{"write f 0 D100"},
		{"truncate f 100"},
		{"create g", "write g 0 x"},
		{"rename f h", "syncdir"},
		{"remove f"},
		{"sync f"},
		{"syncdir"},
		{"syncall"},
		{"mkdir d", "rename f d/f", "syncdir d"},
	}
	for _, first := range steps {
		for _, second := range steps {
			d := NewDisk()
			script(t, d, "create e", "create f", "write f 0 A1024", "syncall", "write f 10 a10", "write f 20 b10", "write f 30 c10", "remove e")
			c := d.Clone()
			before := crashes(t, d)
			script(t, d, first...)
			if got := crashes(t, c); !slices.Equal(got, before) {
				t.Errorf("after %q on the original the clone has %q, want %q", first, got, before)
			}
			changed := crashes(t, d)
			script(t, c, second...)
			if got := crashes(t, d); !slices.Equal(got, changed) {
				t.Errorf("after %q on the clone the original has %q, want %q", second, got, changed)
			}
			alone := NewDisk()
			script(t, alone, "create e", "create f", "write f 0 A1024", "syncall", "write f 10 a10", "write f 20 b10", "write f 30 c10", "remove e")
			script(t, alone, second...)
			if got, want := crashes(t, c), crashes(t, alone); !slices.Equal(got, want) {
				t.Errorf("after %q on the clone it has %q, want %q", second, got, want)
			}
		}
	}
}

// A file that a power cut left shorter than its blocks is zero where it is made longer again.
func TestDiskNoStaleBytes(t *testing.T) {
	d := NewDisk()
	script(t, d, "create f", "truncate f 10", "syncall", "write f 0 A2000")
	sizes := map[int64]bool{}
	for after := range d.CrashStates(rand.New(rand.NewPCG(1, 0)), maxEnumerated) {
		info, err := after.Stat("f")
		if err != nil {
			t.Fatal(err)
		}
		sizes[info.Size] = true
		script(t, after, "truncate f 4000")
		if text := contents(t, after, "f"); strings.Trim(string(text[info.Size:]), "\x00") != "" {
			t.Fatalf("made longer from %d, the file is %s", info.Size, runs(text))
		}
	}
	if len(sizes) != 2 {
		t.Errorf("sizes %v", sizes)
	}
}

// A thing alone comes with what it needs, and is no empty state.
func TestDiskAloneWithNeeds(t *testing.T) {
	d := NewDisk()
	for i := range 20 {
		script(t, d, fmt.Sprintf("create a%d", i), fmt.Sprintf("rename a%d b%d", i, i))
	}
	found := map[string]bool{}
	for after := range d.CrashStates(rand.New(rand.NewPCG(1, 0)), 500) {
		found[show(t, after)] = true
	}
	for i := range 20 {
		if want := fmt.Sprintf("b%d=", i); !found[want] {
			t.Errorf("no state has %s alone", want)
		}
	}
}

// The explorer takes more than 100,000 crash states in one test, so one must cost little even on a disk with much on it.
func BenchmarkDiskCrashStates(b *testing.B) {
	d := NewDisk()
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	must(d.Mkdir("cur"))
	text := make([]byte, 2000)
	for i := range text {
		text[i] = byte(i)
	}
	write := func(name string, p []byte) vfs.File {
		f, err := d.Create(name)
		must(err)
		_, err = f.WriteAt(p, 0)
		must(err)
		return f
	}
	for i := range 1000 {
		write(fmt.Sprintf("cur/%04d", i), text)
	}
	log := write("log", make([]byte, 1<<20))
	must(d.SyncAll())
	for i := range 5 {
		write(fmt.Sprintf("cur/new%d", i), text)
		_, err := log.WriteAt(text, int64(i*len(text)))
		must(err)
	}
	rng := rand.New(rand.NewPCG(1, 0))
	b.ReportAllocs()
	for b.Loop() {
		for range d.CrashStates(rng, 100) {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/state")
}
