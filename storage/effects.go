package storage

import (
	"slices"
)

// createEffect makes a mailbox.
type createEffect struct {
	id          ID
	name        string
	use         SpecialUse
	uidValidity uint32
	modseq      ModSeq
}

func (*createEffect) kind() effectKind { return kindCreate }

func (x *createEffect) encode(e *encoder) {
	e.id(x.id)
	e.str(x.name)
	e.u32(uint32(x.use))
	e.u32(x.uidValidity)
	e.uvarint(uint64(x.modseq))
}

func (x *createEffect) decode(d *decoder) {
	x.id, x.name, x.use, x.uidValidity, x.modseq = d.id(), d.str(), SpecialUse(d.u32()), d.u32(), ModSeq(d.uvarint())
}

func (x *createEffect) apply(d *draft) error {
	v := &View{id: x.id, words: newKeywordTable(), lsn: d.lsn,
		status: Status{UIDValidity: x.uidValidity, UIDNext: 1, HighestModSeq: x.modseq}}
	d.boxes = append(d.boxes, &box{name: x.name, use: x.use, view: v})
	d.fresh = append(d.fresh, v)
	d.moved = true
	d.modseq = max(d.modseq, x.modseq)
	d.uidValidity = max(d.uidValidity, x.uidValidity)
	return nil
}

// deleteEffect removes a mailbox with its messages.
type deleteEffect struct {
	onBox
	modseq ModSeq
}

func (*deleteEffect) kind() effectKind { return kindDelete }

func (x *deleteEffect) encode(e *encoder) {
	x.onBox.encode(e)
	e.uvarint(uint64(x.modseq))
}

func (x *deleteEffect) decode(d *decoder) {
	x.onBox.decode(d)
	x.modseq = ModSeq(d.uvarint())
}

func (x *deleteEffect) apply(d *draft) error {
	d.modseq = max(d.modseq, x.modseq)
	i, ok := d.place(x.id)
	if !ok {
		return ErrNoMailbox
	}
	d.boxes = slices.Delete(d.boxes, i, i+1)
	d.moved = true
	return nil
}

// renameEffect gives a mailbox another name.
type renameEffect struct {
	onBox
	name   string
	modseq ModSeq
}

func (*renameEffect) kind() effectKind { return kindRename }

func (x *renameEffect) encode(e *encoder) {
	x.onBox.encode(e)
	e.str(x.name)
	e.uvarint(uint64(x.modseq))
}

func (x *renameEffect) decode(d *decoder) {
	x.onBox.decode(d)
	x.name, x.modseq = d.str(), ModSeq(d.uvarint())
}

func (x *renameEffect) apply(d *draft) error {
	d.modseq = max(d.modseq, x.modseq)
	i, ok := d.place(x.id)
	if !ok {
		return ErrNoMailbox
	}
	b := *d.boxes[i]
	b.name = x.name
	d.boxes[i] = &b
	d.moved = true
	return nil
}

// subscribeEffect adds a name to the subscriptions or removes it.
type subscribeEffect struct {
	name   string
	on     bool
	modseq ModSeq
}

func (*subscribeEffect) kind() effectKind { return kindSubscribe }

func (x *subscribeEffect) encode(e *encoder) {
	e.str(x.name)
	e.u8(boolByte(x.on))
	e.uvarint(uint64(x.modseq))
}

func (x *subscribeEffect) decode(d *decoder) {
	x.name, x.on, x.modseq = d.str(), d.u8() != 0, ModSeq(d.uvarint())
}

func (x *subscribeEffect) apply(d *draft) error {
	d.modseq = max(d.modseq, x.modseq)
	i, found := slices.BinarySearch(d.subs, x.name)
	switch {
	case x.on && !found:
		d.subs = slices.Insert(slices.Clone(d.subs), i, x.name)
	case !x.on && found:
		d.subs = slices.Delete(slices.Clone(d.subs), i, i+1)
	}
	return nil
}

// recentEffect notes that a session has claimed what was \Recent below a UID.
type recentEffect struct {
	id    ID
	below UID
}

func (*recentEffect) kind() effectKind    { return kindRecent }
func (x *recentEffect) encode(e *encoder) { e.id(x.id); e.u32(uint32(x.below)) }
func (x *recentEffect) decode(d *decoder) { x.id, x.below = d.id(), UID(d.u32()) }

func (x *recentEffect) apply(d *draft) error {
	i, ok := d.place(x.id)
	if !ok {
		return ErrNoMailbox
	}
	b := *d.boxes[i]
	b.recent = x.below
	d.boxes[i] = &b
	return nil
}

// newRow is a message as it enters a mailbox. Keyword sets are numbered by each mailbox for itself, so the
// keywords travel as names.
type newRow struct {
	Message
	keywords []string
	inline   []byte // append: the bytes, if they travel in the log
	spool    string // append: else the name of the file in the account's spool folder
	from     UID    // copy: the source
	summary  []byte // append: for the cache; not in the log
}

func encodeMessage(e *encoder, m *Message) {
	e.u32(uint32(m.UID))
	e.u32(uint32(m.Flags))
	e.u32(m.Size)
	e.u32(m.StoredSize)
	e.u64(uint64(m.InternalDate))
	e.u64(uint64(m.SaveDate))
	e.id(m.EmailID)
	e.raw(m.Digest[:])
}

func decodeMessage(d *decoder) (m Message) {
	m.UID, m.Flags = UID(d.u32()), Flags(d.u32())
	m.Size, m.StoredSize = d.u32(), d.u32()
	m.InternalDate, m.SaveDate = int64(d.u64()), int64(d.u64())
	m.EmailID, m.Digest = d.id(), d.digest()
	return m
}

const encodedMessage = 4*4 + 2*8 + 16 + 16

// appendEffect adds messages to a mailbox.
type appendEffect struct {
	onBox
	modseq ModSeq
	rows   []newRow
}

func (*appendEffect) kind() effectKind { return kindAppend }

func (x *appendEffect) sizeHint() int {
	n := 64
	for _, r := range x.rows {
		n += encodedMessage + 64 + len(r.inline)
	}
	return n
}

func (x *appendEffect) encode(e *encoder) {
	x.onBox.encode(e)
	e.uvarint(uint64(x.modseq))
	e.uvarint(uint64(len(x.rows)))
	for i := range x.rows {
		r := &x.rows[i]
		encodeMessage(e, &r.Message)
		e.strs(r.keywords)
		e.str(r.spool)
		e.bytes(r.inline)
	}
}

func (x *appendEffect) decode(d *decoder) {
	x.onBox.decode(d)
	x.modseq = ModSeq(d.uvarint())
	for range d.count(encodedMessage) {
		r := newRow{Message: decodeMessage(d)}
		r.keywords, r.spool, r.inline = d.strs(), d.str(), d.bytes()
		x.rows = append(x.rows, r)
	}
}

func (x *appendEffect) apply(d *draft) error { return d.addRows(x.onBox, x.modseq, x.rows) }

func (d *draft) addRows(to onBox, modseq ModSeq, rows []newRow) error {
	return d.edit(to, modseq, func(v *View) error {
		messages := make([]Message, len(rows))
		for i, r := range rows {
			messages[i] = r.Message
			messages[i].ModSeq = modseq
			messages[i].Keywords = v.words.intern(r.keywords)
		}
		return v.add(messages)
	})
}

// copyEffect adds messages to a mailbox that lie in another one of the account.
type copyEffect struct {
	onBox
	modseq ModSeq
	source ID
	rows   []newRow
	held   int64 // of the unit's room for links; not in the log
}

func (*copyEffect) kind() effectKind { return kindCopy }

func (x *copyEffect) encode(e *encoder) {
	x.onBox.encode(e)
	e.uvarint(uint64(x.modseq))
	e.id(x.source)
	e.uvarint(uint64(len(x.rows)))
	for i := range x.rows {
		r := &x.rows[i]
		encodeMessage(e, &r.Message)
		e.strs(r.keywords)
		e.u32(uint32(r.from))
	}
}

func (x *copyEffect) decode(d *decoder) {
	x.onBox.decode(d)
	x.modseq, x.source = ModSeq(d.uvarint()), d.id()
	for range d.count(encodedMessage) {
		r := newRow{Message: decodeMessage(d)}
		r.keywords, r.from = d.strs(), UID(d.u32())
		x.rows = append(x.rows, r)
	}
}

func (x *copyEffect) apply(d *draft) error { return d.addRows(x.onBox, x.modseq, x.rows) }

// flagsEffect changes flags and keywords of messages, all of which differ afterwards from what they were.
type flagsEffect struct {
	onBox
	modseq   ModSeq
	op       StoreOp
	flags    Flags
	keywords []string
	uids     UIDSet
}

func (*flagsEffect) kind() effectKind { return kindFlags }

func (x *flagsEffect) encode(e *encoder) {
	x.onBox.encode(e)
	e.uvarint(uint64(x.modseq))
	e.u8(uint8(x.op))
	e.u32(uint32(x.flags))
	e.strs(x.keywords)
	e.uids(x.uids)
}

func (x *flagsEffect) decode(d *decoder) {
	x.onBox.decode(d)
	x.modseq, x.op, x.flags = ModSeq(d.uvarint()), StoreOp(d.u8()), Flags(d.u32())
	x.keywords, x.uids = d.strs(), d.uids()
}

func (x *flagsEffect) apply(d *draft) error {
	return d.edit(x.onBox, x.modseq, func(v *View) error {
		change := flagChanger(v.words, x.op, x.flags, x.keywords)
		v.messages = v.messages.edit(x.uids, func(m *Message) bool {
			v.count(m, -1)
			change(m)
			m.ModSeq = x.modseq
			v.count(m, 1)
			return true
		})
		v.nwords = v.words.len()
		return nil
	})
}

// flagChanger returns a function that does the operation to a message.
func flagChanger(t *keywordTable, op StoreOp, flags Flags, keywords []string) func(*Message) {
	sets := map[KeywordSet]KeywordSet{} // few messages have a set of their own
	return func(m *Message) {
		switch op {
		case SetFlags:
			m.Flags = flags
		case AddFlags:
			m.Flags |= flags
		default:
			m.Flags &^= flags
		}
		set, ok := sets[m.Keywords]
		if !ok {
			set = t.change(m.Keywords, op, keywords)
			sets[m.Keywords] = set
		}
		m.Keywords = set
	}
}

// expungeEffect removes messages.
type expungeEffect struct {
	onBox
	modseq ModSeq
	uids   UIDSet
}

func (*expungeEffect) kind() effectKind { return kindExpunge }

func (x *expungeEffect) encode(e *encoder) {
	x.onBox.encode(e)
	e.uvarint(uint64(x.modseq))
	e.uids(x.uids)
}

func (x *expungeEffect) decode(d *decoder) {
	x.onBox.decode(d)
	x.modseq, x.uids = ModSeq(d.uvarint()), d.uids()
}

func (x *expungeEffect) apply(d *draft) error {
	return d.edit(x.onBox, x.modseq, func(v *View) error {
		v.remove(x.uids, x.modseq)
		return nil
	})
}
