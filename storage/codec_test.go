package storage

import (
	"bytes"
	"reflect"
	"testing"
)

// sampleRecords holds one record with every kind of effect.
func sampleRecords() []*record {
	box, other := NewID(), NewID()
	on := onBox{box, 7}
	row := func(uid UID) newRow {
		return newRow{Message: Message{UID: uid, Flags: Seen | Draft, Size: 12, StoredSize: 10, InternalDate: -5, SaveDate: 1 << 40,
			EmailID: NewID(), Digest: Digest{1, 2}}, keywords: []string{"$Work", "b"}}
	}
	inline, spooled, copied := row(4), row(5), row(6)
	inline.inline = []byte("Subject: x\n\nhello")
	spooled.spool = NewID().String()
	spooled.inline = []byte{}
	inline.spool = ""
	copied.from = 3
	return []*record{
		{lsn: 9, prev: 8, epoch: 1, generation: 2, account: NewID(), effects: []effect{
			&createEffect{box, "Lists/Größe", UseJunk, 77, 5},
			&renameEffect{on, "New", 6},
			&subscribeEffect{"x", true, 6},
			&recentEffect{box, 12},
			&appendEffect{on, 7, []newRow{inline, spooled}},
			&copyEffect{on, 8, other, []newRow{copied}, 0},
			&flagsEffect{on, 9, RemoveFlags, Flagged, []string{"k"}, UIDSet{{1, 4}, {9, 9}}},
			&expungeEffect{on, 10, UIDSet{{2, 4294967295}}},
			&deleteEffect{on, 11},
		}},
		{lsn: 10, effects: []effect{
			&putAccount{AccountInfo{ID: NewID(), Name: "anna", Aliases: []string{"a", "b"}, Created: 5, Generation: 1}, 9},
			&delAccount{NewID(), 7},
			&checkpointEffect{3, 8, 7, true},
		}},
	}
}

func TestRecordRoundTrip(t *testing.T) {
	for _, want := range sampleRecords() {
		b := want.encode()
		got, n, err := decodeRecord(b)
		if err != nil || n != len(b) {
			t.Fatalf("decoded %d of %d bytes: %v", n, len(b), err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
		for i := range b {
			if _, _, err := decodeRecord(b[:i]); err == nil {
				t.Errorf("the first %d of %d bytes are taken for a record", i, len(b))
			}
		}
	}
}

// FuzzRecord: what is taken for a record means the same when written again.
func FuzzRecord(f *testing.F) {
	for _, r := range sampleRecords() {
		f.Add(r.encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, _, err := decodeRecord(b)
		if err != nil {
			return
		}
		again := r.encode()
		r2, n, err := decodeRecord(again)
		if err != nil || n != len(again) {
			t.Fatalf("decodes once only: %v", err)
		}
		if !bytes.Equal(again, r2.encode()) {
			t.Fatal("another record after writing and reading")
		}
	})
}

// FuzzCheckpoint reads foreign bytes as the frames of an account and of a mailbox.
func FuzzCheckpoint(f *testing.F) {
	v := &View{id: NewID(), words: newKeywordTable(), status: Status{UIDValidity: 4, UIDNext: 1}, lsn: 3}
	rows := []Message{{UID: 3, ModSeq: 2, Keywords: v.words.intern([]string{"a", "$b"})}, {UID: 9, ModSeq: 3, Flags: Deleted}}
	if err := v.add(rows); err != nil {
		f.Fatal(err)
	}
	payload, _ := encodeBox(&View{}, v, noWords)
	f.Add(frame{frameBox, 1, 3, payload}.encode())
	st := &accountState{lsn: 3, modseq: 4, uidValidity: 5, subs: []string{"x"}, boxes: []*box{{name: inbox, view: v}}}
	st.index()
	f.Add(frame{frameAccount, 1, 3, encodeAccount(emptyAccount, st)}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		frames, end, _ := decodeFrames(b, 5)
		if end > int64(len(b)) {
			t.Fatalf("frames end at %d of %d", end, len(b))
		}
		decodeAccount(frames, func(id ID, lsn LSN, s Status) *View { return &View{id: id, lsn: lsn, status: s} })
		r := boxReader{view: View{words: newKeywordTable()}}
		for _, f := range frames {
			if r.frame(f) != nil {
				return
			}
		}
		v := r.finish()
		for _, m := range v.All() {
			v.Keywords(m.Keywords)
		}
		v.AllKeywords()
		v.VanishedSince(0)
	})
}

func TestFrames(t *testing.T) {
	var b []byte
	for i := range uint64(4) {
		b = append(b, frame{frameBox, i + 1, LSN(10 * i), []byte{byte(i), 1, 2}}.encode()...)
	}
	frames, end, torn := decodeFrames(b, 3)
	if len(frames) != 3 || torn || end != int64(3*len(b)/4) {
		t.Fatalf("%d frames to %d, torn %t", len(frames), end, torn)
	}
	for i := range b {
		flipped := bytes.Clone(b)
		flipped[i] ^= 0x10
		frames, _, torn := decodeFrames(flipped, 9)
		if len(frames) != i/(len(b)/4) || !torn {
			t.Fatalf("bit in byte %d: %d frames, torn %t", i, len(frames), torn)
		}
	}
}

// TestBoxRoundTrip writes a mailbox in steps and reads it back after each.
func TestBoxRoundTrip(t *testing.T) {
	words := newKeywordTable()
	v := &View{id: NewID(), words: words, status: Status{UIDValidity: 4, UIDNext: 1}, lsn: 1}
	steps := []func(v *View){
		func(v *View) {},
		func(v *View) {
			v.add([]Message{{UID: 1, ModSeq: 1, Keywords: words.intern([]string{"a"})}, {UID: 2, ModSeq: 1}, {UID: 7, ModSeq: 1, Flags: Seen}})
		},
		func(v *View) { v.remove(UIDSet{{2, 2}}, 3) },
		func(v *View) {
			v.messages = v.messages.edit(UIDSet{{1, 1}}, func(m *Message) bool {
				m.Keywords, m.ModSeq = words.change(m.Keywords, AddFlags, []string{"B", "c"}), 3
				return true
			})
			v.nwords = words.len()
		},
		func(v *View) { v.add([]Message{{UID: 8, ModSeq: 4}}); v.remove(UIDSet{{1, 1}, {8, 8}}, 5) },
	}
	var file []byte
	written, done := &View{}, noWords
	for i, step := range steps {
		next := *v
		next.lsn++
		step(&next)
		next.status.HighestModSeq = ModSeq(i + 1)
		v = &next
		var payload []byte
		payload, done = encodeBox(written, v, done)
		written = v
		file = append(file, frame{frameBox, 1, v.lsn, payload}.encode()...)

		frames, _, _ := decodeFrames(file, 1)
		r := boxReader{view: View{id: v.id, words: newKeywordTable()}}
		for _, f := range frames {
			if err := r.frame(f); err != nil {
				t.Fatal(err)
			}
		}
		got := r.finish()
		if got.status != v.status || got.lsn != v.lsn || got.nwords != v.nwords || !reflect.DeepEqual(got.dead, v.dead) {
			t.Fatalf("step %d: got %+v\nwant %+v", i, got, v)
		}
		for seq, m := range v.All() {
			if *got.At(seq) != *m || !reflect.DeepEqual(got.Keywords(m.Keywords), v.Keywords(m.Keywords)) {
				t.Fatalf("step %d, message %d: got %+v, want %+v", i, seq, got.At(seq), m)
			}
		}
	}
}
