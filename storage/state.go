package storage

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// accountState is the state of one account after one record: immutable. Everything that a checkpoint holds of an
// account is here, and apply is the only way from one state to the next, in service as in recovery.
type accountState struct {
	lsn         LSN    // of the last record
	modseq      ModSeq // highest given
	uidValidity uint32 // highest given
	boxes       []*box // INBOX first, then by name
	byID        map[ID]int
	subs        []string // sorted
}

// box is a mailbox in an account.
type box struct {
	name   string
	use    SpecialUse
	recent UID // from here on messages are \Recent to the next session that asks; 0 as 1
	view   *View
}

var emptyAccount = &accountState{}

// find returns the mailbox with the name.
func (s *accountState) find(name string) (*box, bool) {
	i, ok := slices.BinarySearchFunc(s.boxes, name, func(b *box, name string) int { return compareNames(b.name, name) })
	if !ok {
		return nil, false
	}
	return s.boxes[i], true
}

func (s *accountState) box(id ID) (*box, bool) {
	i, ok := s.byID[id]
	if !ok {
		return nil, false
	}
	return s.boxes[i], true
}

// compareNames orders mailboxes: INBOX, then by name, a mailbox right before its inferiors.
func compareNames(a, b string) int {
	if (a == inbox) != (b == inbox) {
		if a == inbox {
			return -1
		}
		return 1
	}
	return strings.Compare(a, b)
}

// errGap: what a record builds on is not there.
var errGap = errors.New("records are missing")

// draft is a state in the making.
type draft struct {
	accountState
	fresh []*View // made by the record
	moved bool    // boxes were added, removed or renamed
}

// apply returns the state after a record, and the views that it made. In service the record's LSN is not known
// yet; see stamp.
func (s *accountState) apply(r *record) (*accountState, []*View, error) {
	if r.prev != s.lsn {
		return nil, nil, fmt.Errorf("account %s: record %d follows record %d, but the state is that of %d: %w", r.account, r.lsn, r.prev, s.lsn, errGap)
	}
	d := draft{accountState: *s}
	d.lsn = r.lsn
	d.boxes = slices.Clone(s.boxes)
	for _, x := range r.effects {
		if err := x.apply(&d); err != nil {
			return nil, nil, err
		}
	}
	if d.moved {
		d.index()
	}
	next := d.accountState
	return &next, d.fresh, nil
}

// index sorts the mailboxes and notes their places.
func (s *accountState) index() {
	slices.SortFunc(s.boxes, func(a, b *box) int { return compareNames(a.name, b.name) })
	s.byID = make(map[ID]int, len(s.boxes))
	for i, b := range s.boxes {
		s.byID[b.view.id] = i
	}
}

// stamp enters the LSN, known last, into a state and its new views, before anyone else sees them.
func (s *accountState) stamp(lsn LSN, fresh []*View) {
	s.lsn = lsn
	for _, v := range fresh {
		v.lsn = lsn
	}
}

// onBox is the part of an effect that names its mailbox and the LSN of the last record on it: a gap is seen.
type onBox struct {
	id   ID
	prev LSN
}

func (x *onBox) encode(e *encoder) { e.id(x.id); e.u64(uint64(x.prev)) }
func (x *onBox) decode(d *decoder) { x.id, x.prev = d.id(), LSN(d.u64()) }

// edit replaces the mailbox's view by one that f has changed.
func (d *draft) edit(x onBox, modseq ModSeq, f func(*View) error) error {
	d.modseq = max(d.modseq, modseq)
	i, ok := d.place(x.id)
	if !ok {
		return ErrNoMailbox
	}
	b := *d.boxes[i]
	old, err := b.view.load()
	if err != nil {
		return err
	}
	if x.prev != old.lsn && !slices.Contains(d.fresh, old) {
		return fmt.Errorf("mailbox %s: record %d follows record %d, but the state is that of %d: %w", x.id, d.lsn, x.prev, old.lsn, errGap)
	}
	v := *old
	v.lsn = d.lsn
	v.status.HighestModSeq = max(v.status.HighestModSeq, modseq)
	if err := f(&v); err != nil {
		return err
	}
	b.view = &v
	d.boxes[i] = &b
	d.fresh = append(d.fresh, &v)
	return nil
}

// place finds a mailbox in a draft, whose index may be out of date.
func (d *draft) place(id ID) (int, bool) {
	if !d.moved {
		i, ok := d.byID[id]
		return i, ok
	}
	i := slices.IndexFunc(d.boxes, func(b *box) bool { return b.view.id == id })
	return i, i >= 0
}

// cell loads a mailbox's messages from its checkpoint when they are first needed. All states in which the mailbox is
// as the checkpoint has it share the cell.
type cell struct {
	read func() (*View, error)
	mu   sync.Mutex // held while reading; guards view
	view *View
}

// load returns the view with its messages.
func (v *View) load() (*View, error) {
	if v.unread == nil {
		return v, nil
	}
	c := v.unread
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.view == nil {
		view, err := c.read()
		if err != nil {
			return nil, err
		}
		c.view = view
	}
	return c.view, nil
}

// forgetKeywords takes back what states that will never be durable, made from this one, have put into the tables of keywords.
func (st *accountState) forgetKeywords() {
	for _, b := range st.boxes {
		if v, ok := b.view.inMemory(); ok {
			v.words.truncate(v.nwords)
		}
	}
}

// inMemory returns the view with its messages, if they were read or made.
func (v *View) inMemory() (*View, bool) {
	if v.unread == nil {
		return v, true
	}
	v.unread.mu.Lock()
	defer v.unread.mu.Unlock()
	return v.unread.view, v.unread.view != nil
}

// add puts messages at the end of a view that is being made.
func (v *View) add(rows []Message) error {
	for _, m := range rows {
		if m.UID < v.status.UIDNext {
			return fmt.Errorf("mailbox %s: message with UID %d arrives when UIDNEXT is %d", v.id, m.UID, v.status.UIDNext)
		}
		v.status.UIDNext = m.UID + 1
		v.count(&m, 1)
	}
	v.messages = v.messages.append(rows...)
	v.nwords = v.words.len()
	return nil
}

// count adds a message to the counts, or takes it away.
func (v *View) count(m *Message, sign int) {
	add := func(n *uint32) { *n = uint32(int(*n) + sign) }
	add(&v.status.Messages)
	if m.Flags&Seen == 0 {
		add(&v.status.Unseen)
	}
	if m.Flags&Deleted != 0 {
		add(&v.status.Deleted)
	}
	v.status.Size += int64(sign) * int64(m.Size)
}

// maxTombs bounds the tombstones of a mailbox; the older half goes when it is reached.
const maxTombs = 8192

// remove takes messages out of a view that is being made and leaves tombstones.
func (v *View) remove(uids UIDSet, modseq ModSeq) {
	v.messages = v.messages.edit(uids, func(m *Message) bool {
		v.count(m, -1)
		return false
	})
	if len(v.dead)+len(uids) > maxTombs {
		cut := min(len(v.dead), len(v.dead)+len(uids)-maxTombs/2)
		if cut > 0 {
			v.trimmed = v.dead[cut-1].modseq
			v.dead = slices.Clone(v.dead[cut:])
		}
	}
	for _, r := range uids {
		v.dead = append(v.dead, tomb{modseq, r})
	}
}
