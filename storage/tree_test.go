package storage

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// modelTree is a tree and what it should hold.
type modelTree struct {
	tree tree
	rows []Message
	next UID
}

func (m *modelTree) step(rng *rand.Rand, modseq ModSeq) {
	switch rng.IntN(4) {
	case 0, 1:
		var add []Message
		for range 1 + rng.IntN(200) {
			m.next += UID(1 + rng.IntN(3))
			add = append(add, Message{UID: m.next, ModSeq: modseq})
		}
		m.tree = m.tree.append(add...)
		m.rows = append(slices.Clip(m.rows), add...)
	case 2:
		uids, change := m.pick(rng), []Flags{Seen, Deleted, Seen | Deleted}[rng.IntN(3)]
		m.tree = m.tree.edit(uids, func(r *Message) bool { r.Flags ^= change; r.ModSeq = modseq; return true })
		m.rows = slices.Clone(m.rows)
		for i := range m.rows {
			if uids.Contains(m.rows[i].UID) {
				m.rows[i].Flags ^= change
				m.rows[i].ModSeq = modseq
			}
		}
	case 3:
		uids := m.pick(rng)
		m.tree = m.tree.edit(uids, func(*Message) bool { return false })
		m.rows = slices.DeleteFunc(slices.Clone(m.rows), func(r Message) bool { return uids.Contains(r.UID) })
	}
}

func (m *modelTree) pick(rng *rand.Rand) UIDSet {
	var ranges []UIDRange
	for range rng.IntN(8) {
		first := UID(1 + rng.IntN(int(m.next)+2))
		ranges = append(ranges, UIDRange{first, first + UID(rng.IntN(100))})
	}
	return NormaliseUIDs(ranges)
}

func (m *modelTree) check(t *testing.T) {
	t.Helper()
	if m.tree.len() != len(m.rows) {
		t.Fatalf("%d messages, want %d", m.tree.len(), len(m.rows))
	}
	for i, want := range m.rows {
		if got := *m.tree.at(i); got != want {
			t.Fatalf("message %d is %+v, want %+v", i, got, want)
		}
		if at, ok := m.tree.find(want.UID); !ok || at != i {
			t.Fatalf("UID %d found at %d, %t; want %d", want.UID, at, ok, i)
		}
	}
	n := len(m.rows) / 2
	for i, row := range m.tree.from(n) {
		if i != n || *row != m.rows[n] {
			t.Fatalf("iteration gives %d, want %d", i, n)
		}
		n++
	}
	if n != len(m.rows) {
		t.Fatalf("iteration ends at %d of %d", n, len(m.rows))
	}
	for _, f := range []struct{ have, lack Flags }{{Seen, 0}, {0, Seen}, {Seen, Deleted}, {Deleted, Seen}, {Seen, Seen}, {0, 0}} {
		var want, got []UID
		for _, row := range m.rows {
			if row.Flags&f.have == f.have && row.Flags&f.lack == 0 {
				want = append(want, row.UID)
			}
		}
		for i, row := range m.tree.flagged(f.have, f.lack) {
			if row != m.tree.at(i) {
				t.Fatalf("message %d is not at its place", i)
			}
			got = append(got, row.UID)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("with %b, without %b: %v, want %v", f.have, f.lack, got, want)
		}
	}
	for _, ps := range m.tree.dir {
		if len(ps.kid.leaves) > pageMax {
			t.Fatalf("page of %d leaves", len(ps.kid.leaves))
		}
	}
}

// TestTree changes trees at random beside slices, keeps old ones, and compares all of them with each other.
func TestTree(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		m := modelTree{}
		var old []modelTree
		for step := range 150 {
			m.step(rng, ModSeq(step+1))
			if step%10 == 0 {
				old = append(old, m)
			}
		}
		old = append(old, m)
		for i := range old {
			old[i].check(t)
			compareTrees(t, &old[rng.IntN(i+1)], &old[i])
		}
	}
}

// compareTrees checks diff against the slices.
func compareTrees(t *testing.T, a, b *modelTree) {
	t.Helper()
	var got [3][]UID
	collect := func(i int) func(*Message) { return func(m *Message) { got[i] = append(got[i], m.UID) } }
	a.tree.diff(b.tree, collect(0), collect(1), collect(2))
	var want [3][]UID
	before, after := map[UID]Message{}, map[UID]Message{}
	for _, m := range a.rows {
		before[m.UID] = m
	}
	for _, m := range b.rows {
		after[m.UID] = m
		if was, ok := before[m.UID]; !ok {
			want[2] = append(want[2], m.UID)
		} else if was.ModSeq != m.ModSeq {
			want[1] = append(want[1], m.UID)
		}
	}
	for _, m := range a.rows {
		if _, ok := after[m.UID]; !ok {
			want[0] = append(want[0], m.UID)
		}
	}
	for i, name := range []string{"removed", "changed", "added"} {
		if !slices.Equal(got[i], want[i]) {
			t.Fatalf("%s: got %v, want %v", name, got[i], want[i])
		}
	}
}

// TestTreeClip: a clipped tree and its original are appended to without seeing each other.
func TestTreeClip(t *testing.T) {
	a := tree{}.append(Message{UID: 1}, Message{UID: 2}, Message{UID: 3})
	b := a.clip()
	a = a.append(Message{UID: 4, Size: 1})
	b = b.append(Message{UID: 4, Size: 2})
	if a.at(3).Size != 1 || b.at(3).Size != 2 {
		t.Fatalf("sizes %d and %d, want 1 and 2", a.at(3).Size, b.at(3).Size)
	}
}

func TestUIDSet(t *testing.T) {
	s := NormaliseUIDs([]UIDRange{{9, 12}, {1, 3}, {4, 4}, {11, 20}, {4294967295, 4294967295}})
	if s.String() != "1:4,9:20,4294967295" || s.Len() != 17 {
		t.Fatalf("got %s with %d", s, s.Len())
	}
	for u, want := range map[UID]bool{1: true, 4: true, 5: false, 8: false, 20: true, 21: false, 4294967295: true, 4294967294: false} {
		if s.Contains(u) != want {
			t.Errorf("Contains(%d) is %t", u, !want)
		}
	}
	if got := s.Intersect(UIDSet{{3, 10}, {30, 40}}).String(); got != "3:4,9:10" {
		t.Errorf("intersection is %s", got)
	}
	if got := s.Union(UIDSet{{5, 8}}).String(); got != "1:20,4294967295" {
		t.Errorf("union is %s", got)
	}
	n := 0
	for range (UIDSet{{4294967290, 4294967295}}).All() {
		n++
	}
	if n != 6 {
		t.Errorf("iteration at the end of the numbers gives %d", n)
	}
	if got := NewUIDSet(5, 3, 4, 4, 9).String(); got != "3:5,9" {
		t.Errorf("NewUIDSet gives %s", got)
	}
}

func TestVanishedSince(t *testing.T) {
	v := &View{status: Status{UIDNext: 1}, words: newKeywordTable()}
	for uid := UID(1); uid <= 10; uid++ {
		if err := v.add([]Message{{UID: uid, ModSeq: ModSeq(uid)}}); err != nil {
			t.Fatal(err)
		}
	}
	v.remove(UIDSet{{2, 3}}, 11)
	v.remove(UIDSet{{7, 7}, {9, 9}}, 12)
	for since, want := range map[ModSeq]string{0: "2:3,7,9", 11: "7,9", 12: ""} {
		if got := v.VanishedSince(since).String(); got != want {
			t.Errorf("since %d: %s, want %s", since, got, want)
		}
	}
	v.trimmed = 11
	if got := v.VanishedSince(5).String(); got != "2:3,7,9" {
		t.Errorf("over-report is %s", got)
	}
}

// TestTombstonesTrimmed: when tombstones are dropped, an old cursor still hears of every expunge.
func TestTombstonesTrimmed(t *testing.T) {
	v := &View{status: Status{UIDNext: 1}, words: newKeywordTable()}
	var rows []Message
	for uid := UID(1); uid <= 3*maxTombs; uid++ {
		rows = append(rows, Message{UID: uid, ModSeq: 1})
	}
	if err := v.add(rows); err != nil {
		t.Fatal(err)
	}
	for uid := UID(2); uid < 3*maxTombs; uid += 2 { // never neighbours
		v.remove(UIDSet{{uid, uid}}, ModSeq(uid))
	}
	if len(v.dead) > maxTombs {
		t.Fatalf("%d tombstones", len(v.dead))
	}
	if v.trimmed == 0 {
		t.Fatal("nothing was trimmed")
	}
	for _, since := range []ModSeq{0, v.trimmed - 1, v.trimmed, 3*maxTombs - 10} {
		got := v.VanishedSince(since)
		for uid := UID(2); uid < 3*maxTombs; uid += 2 {
			if ModSeq(uid) > since && !got.Contains(uid) {
				t.Fatalf("since %d (trimmed %d): UID %d is not reported", since, v.trimmed, uid)
			}
		}
	}
}

func BenchmarkTreeAppendOne(b *testing.B) {
	rows := make([]Message, 100000)
	for i := range rows {
		rows[i].UID = UID(i + 1)
	}
	base := tree{}.append(rows...)
	b.ReportAllocs()
	for b.Loop() {
		base.clip().append(Message{UID: 100001})
	}
}

func BenchmarkTreeEditOne(b *testing.B) {
	rows := make([]Message, 100000)
	for i := range rows {
		rows[i].UID = UID(i + 1)
	}
	base := tree{}.append(rows...)
	b.ReportAllocs()
	for b.Loop() {
		base.edit(UIDSet{{50000, 50000}}, func(m *Message) bool { m.ModSeq++; return true })
	}
}

func BenchmarkTreeScan(b *testing.B) {
	rows := make([]Message, 100000)
	base := tree{}.append(rows...)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, m := range base.from(0) {
			if m.Flags&Seen == 0 {
				n++
			}
		}
		if n != len(rows) {
			b.Fatal(n)
		}
	}
}
