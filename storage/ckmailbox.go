package storage

import (
	"cmp"
	"slices"
	"sort"
)

// The checkpoint of a mailbox, meta/<mailbox id>.idx: frames with what changed, the first of which holds everything: the
// status, the keywords and tombstones that are new, the UIDs that are gone, and the messages that are new or changed,
// 80 bytes each.

// messageSize is a message in a frame, in bytes.
const messageSize = 80

// wordCount is how much of a mailbox's keyword table is written.
type wordCount struct{ words, sets int }

// noWords: the empty set needs no writing.
var noWords = wordCount{0, 1}

// encodeBox writes what v has and old has not; old is an earlier view with messages, or empty.
func encodeBox(old, v *View, done wordCount) ([]byte, wordCount) {
	var e encoder
	encodeStatus(&e, v.status)
	e.u64(uint64(v.trimmed))
	done = v.words.encode(&e, done, v.nwords)
	e.uvarint(uint64(v.nwords))

	var dead []tomb
	if i := sort.Search(len(v.dead), func(i int) bool { return v.dead[i].modseq > old.status.HighestModSeq }); i < len(v.dead) {
		dead = v.dead[i:]
	}
	e.uvarint(uint64(len(dead)))
	for _, t := range dead {
		e.uvarint(uint64(t.modseq))
		e.u32(uint32(t.uids.First))
		e.u32(uint32(t.uids.Last))
	}

	var gone UIDSet
	var rows []Message
	keep := func(m *Message) { rows = append(rows, *m) }
	old.messages.diff(v.messages, func(m *Message) { gone = gone.Append(m.UID) }, keep, keep)
	slices.SortFunc(rows, func(a, b Message) int { return cmp.Compare(a.UID, b.UID) })
	e.uids(gone)
	e.uvarint(uint64(len(rows)))
	e.b = slices.Grow(e.b, len(rows)*messageSize)
	for i := range rows {
		encodeRow(&e, &rows[i])
	}
	return e.b, done
}

func encodeStatus(e *encoder, s Status) {
	e.u32(s.UIDValidity)
	e.u32(uint32(s.UIDNext))
	e.u64(uint64(s.HighestModSeq))
	e.u32(s.Messages)
	e.u32(s.Unseen)
	e.u32(s.Deleted)
	e.u64(uint64(s.Size))
}

func decodeStatus(d *decoder) Status {
	return Status{UIDValidity: d.u32(), UIDNext: UID(d.u32()), HighestModSeq: ModSeq(d.u64()),
		Messages: d.u32(), Unseen: d.u32(), Deleted: d.u32(), Size: int64(d.u64())}
}

func encodeRow(e *encoder, m *Message) {
	e.u32(uint32(m.UID))
	e.u32(uint32(m.Flags))
	e.u32(uint32(m.Keywords))
	e.u32(m.Size)
	e.u32(m.StoredSize)
	e.u32(0)
	e.u64(uint64(m.ModSeq))
	e.u64(uint64(m.InternalDate))
	e.u64(uint64(m.SaveDate))
	e.id(m.EmailID)
	e.raw(m.Digest[:])
}

func decodeRow(b []byte) Message {
	return Message{
		UID: UID(le.Uint32(b)), Flags: Flags(le.Uint32(b[4:])), Keywords: KeywordSet(le.Uint32(b[8:])),
		Size: le.Uint32(b[12:]), StoredSize: le.Uint32(b[16:]),
		ModSeq: ModSeq(le.Uint64(b[24:])), InternalDate: int64(le.Uint64(b[32:])), SaveDate: int64(le.Uint64(b[40:])),
		EmailID: ID(b[48:64]), Digest: Digest(b[64:80]),
	}
}

// encode writes those of the first nwords words, and of their sets, that are not done yet. What is beyond may never become durable.
func (t *keywordTable) encode(e *encoder, done wordCount, nwords int) wordCount {
	t.mu.RLock()
	defer t.mu.RUnlock()
	nsets := t.known(nwords)
	e.strs(t.words[done.words:nwords])
	e.uvarint(uint64(nsets - done.sets))
	for _, set := range t.sets[done.sets:nsets] {
		e.uvarint(uint64(len(set)))
		for _, w := range set {
			e.uvarint(uint64(t.byWord[foldASCII(w)]))
		}
	}
	return wordCount{nwords, nsets}
}

// decode adds the words and sets of a frame.
func (t *keywordTable) decode(d *decoder) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range d.strs() {
		t.byWord[foldASCII(w)] = len(t.words)
		t.words = append(t.words, w)
	}
	for range d.count(1) {
		set := make([]string, 0, 4)
		for range d.count(1) {
			n := d.uvarint()
			if n >= uint64(len(t.words)) {
				d.fail()
				return
			}
			set = append(set, t.words[n])
		}
		t.addSet(set)
	}
}

// boxReader puts a mailbox together from its frames.
type boxReader struct {
	view View
	rows []Message
	gone []UIDRange
}

func (r *boxReader) frame(f frame) error {
	d := decoder{b: f.payload}
	v := &r.view
	v.lsn = f.lsn
	v.status = decodeStatus(&d)
	v.trimmed = ModSeq(d.u64())
	v.words.decode(&d)
	v.nwords = int(d.uvarint())
	for range d.count(9) {
		v.dead = append(v.dead, tomb{ModSeq(d.uvarint()), UIDRange{UID(d.u32()), UID(d.u32())}})
	}
	r.gone = append(r.gone, d.uids()...)
	n := d.count(messageSize)
	r.rows = slices.Grow(r.rows, n)
	for range n {
		m := decodeRow(d.take(messageSize))
		if k := len(r.rows); k == 0 || r.rows[k-1].UID < m.UID {
			r.rows = append(r.rows, m)
		} else if i, ok := slices.BinarySearchFunc(r.rows, m.UID, func(m Message, u UID) int { return cmp.Compare(m.UID, u) }); ok {
			r.rows[i] = m
		} else {
			d.fail()
		}
		if int(m.Keywords) >= v.words.setCount() {
			d.fail()
		}
	}
	if v.nwords > v.words.len() {
		d.fail()
	}
	return d.end()
}

// finish returns the view.
func (r *boxReader) finish() *View {
	v := r.view
	v.messages = tree{}.append(r.rows...)
	if len(r.gone) > 0 {
		v.messages = v.messages.edit(NormaliseUIDs(r.gone), func(*Message) bool { return false })
	}
	i := sort.Search(len(v.dead), func(i int) bool { return v.dead[i].modseq > v.trimmed })
	v.dead = v.dead[i:]
	return &v
}

// recount tells whether the status of a view is that of its messages.
func (v *View) recount() bool {
	w := View{status: Status{UIDValidity: v.status.UIDValidity, UIDNext: v.status.UIDNext, HighestModSeq: v.status.HighestModSeq}}
	for _, m := range v.All() {
		w.count(m, 1)
	}
	return w.status == v.status
}
