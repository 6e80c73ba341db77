package goimap

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailhavn/mailhavn/imapserver/internal/names"
	"github.com/mailhavn/mailhavn/storage"
)

// flagRecent is that of IMAP4rev1 (RFC 3501, section 2.3.2).
const flagRecent = imap.Flag(`\Recent`)

// everyUID is the set of all UIDs.
var everyUID = storage.UIDSet{{First: 1, Last: math.MaxUint32}}

// selected is the selected mailbox, as the client knows it.
type selected struct {
	mbox     *storage.Mailbox
	readOnly bool
	rev2     bool          // the client has enabled IMAP4rev2
	view     *storage.View // gives sequence numbers, and flags where told has none
	// told has the messages whose flags the client was told since.
	told       map[storage.UID]*storage.Message
	recent     storage.UIDSet // \Recent to this session; some may be gone
	toldRecent uint32
	keywords   int            // how many the client has been told of
	hold       bool           // the command that ends has used sequence numbers, so that EXPUNGE has to wait (RFC 7162, section 3.2.10.2)
	saved      storage.UIDSet // the result of the last SEARCH RETURN (SAVE), some of which may be gone (RFC 5182)
}

// Select is SELECT and EXAMINE. The library calls Unselect before, where a mailbox is selected.
func (s *Session) Select(name string, options *imap.SelectOptions) (data *imap.SelectData, err error) {
	err = s.do(reads, func(ctx context.Context) error {
		mbox, err := s.account.Mailbox(name)
		if err != nil {
			return err
		}
		view, err := mbox.View(ctx)
		if err != nil {
			return err
		}
		b := &selected{mbox: mbox, readOnly: options.ReadOnly || s.readOnly, rev2: s.rev2(), view: view}
		b.claimRecent()
		b.toldRecent, b.keywords = b.countRecent(), len(view.AllKeywords())
		s.box, data = b, b.describe()
		if info, ok := mbox.Info(); ok && b.rev2 {
			data.List = &imap.ListData{Mailbox: info.Name, Delim: names.Separator, Attrs: attributes(&names.Entry{Info: info, Exists: true}, &imap.ListOptions{ReturnStatus: &imap.StatusOptions{}})}
		}
		return nil
	})
	return data, err
}

// describe returns what SELECT tells.
func (b *selected) describe() *imap.SelectData {
	st := b.view.Status()
	data := &imap.SelectData{
		Flags: b.allFlags(), PermanentFlags: []imap.Flag{}, NumMessages: st.Messages, NumRecent: b.toldRecent,
		FirstUnseenSeqNum: uint32(b.view.FirstUnseen()), UIDNext: imap.UID(st.UIDNext), UIDValidity: st.UIDValidity,
		HighestModSeq: uint64(st.HighestModSeq),
	}
	if !b.readOnly {
		data.PermanentFlags = append(b.allFlags(), imap.FlagWildcard)
	}
	return data
}

// Unselect closes the mailbox.
func (s *Session) Unselect() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.box = nil
	return nil
}

// Poll tells what has changed.
func (s *Session) Poll(w *imapserver.UpdateWriter, allowExpunge bool) error {
	return s.do(reads, func(ctx context.Context) error {
		if s.box == nil {
			return nil
		}
		hold := s.box.hold
		s.box.hold = false
		return s.sync(ctx, s.box, w, allowExpunge && !hold)
	})
}

// Idle tells what changes until stop is closed. The library does not wait for its end in all cases, and closes stop before it goes on to
// other commands: so that, once stop is closed, this reports nothing more, it is looked at under the lock.
func (s *Session) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	wake := make(chan struct{}, 1)
	var watched *selected
	for {
		s.mu.Lock()
		select {
		case <-stop:
			s.mu.Unlock()
			return nil
		default:
		}
		if watched == nil {
			if watched = s.box; watched == nil {
				s.mu.Unlock()
				return nil // there is nothing to tell
			}
			defer watched.mbox.Watch(wake)()
		}
		err := s.answer(s.sync(context.Background(), watched, w, true))
		s.mu.Unlock()
		if err != nil {
			return err
		}
		select {
		case <-stop:
			return nil
		case <-wake:
		}
	}
}

// sync tells what has changed since the client was told last; s.mu is held. While EXPUNGE may not be sent, all waits that comes with one.
// Where the mailbox is gone the connection ends: there is no other way to tell.
func (s *Session) sync(ctx context.Context, b *selected, w *imapserver.UpdateWriter, allowExpunge bool) error {
	later, err := b.mbox.View(ctx)
	if errors.Is(err, storage.ErrNoMailbox) {
		return errMailboxGone
	}
	if err != nil {
		return err
	}
	b.rev2 = s.rev2()
	d := b.view.Diff(later)
	if len(d.Expunged) > 0 && !allowExpunge {
		return nil
	}
	return b.show(later, d, w)
}

// show goes on to a later view, which differs by d.
func (b *selected) show(later *storage.View, d storage.Diff, w *imapserver.UpdateWriter) error {
	before, told := b.view, b.told
	b.view, b.told = later, nil
	reported := 0
	for seq := range before.Select(d.Expunged) {
		if err := w.WriteExpunge(uint32(seq - reported)); err != nil {
			return err
		}
		reported++
	}
	if n := len(later.AllKeywords()); n != b.keywords {
		b.keywords = n
		if err := w.WriteMailboxFlags(b.allFlags()); err != nil {
			return err
		}
	}
	if len(d.Added) > 0 {
		b.claimRecent()
		if err := w.WriteNumMessages(uint32(later.Len())); err != nil {
			return err
		}
	}
	if n := b.countRecent(); n != b.toldRecent {
		b.toldRecent = n
		if err := w.WriteNumRecent(n); err != nil {
			return err
		}
	}
	for seq, m := range later.Select(d.Changed) {
		if known := told[m.UID]; known != nil && known.ModSeq == m.ModSeq {
			continue
		}
		if err := w.WriteMessageFlags(uint32(seq), imap.UID(m.UID), b.flags(m)); err != nil {
			return err
		}
	}
	return nil
}

// present returns the newest that is known of a message of the view; now is the mailbox as it is.
func (b *selected) present(now *storage.View, m *storage.Message) *storage.Message {
	if seq, ok := now.Seq(m.UID); ok {
		return now.At(seq)
	}
	if last := b.told[m.UID]; last != nil {
		return last
	}
	return m
}

// tell notes that the client knows the flags of a message.
func (b *selected) tell(m *storage.Message) {
	if seq, ok := b.view.Seq(m.UID); ok && b.view.At(seq).ModSeq == m.ModSeq {
		return
	}
	if b.told == nil {
		b.told = map[storage.UID]*storage.Message{}
	}
	b.told[m.UID] = m
}

// known returns what the client knows of a message.
func (b *selected) known(m *storage.Message) *storage.Message {
	if last := b.told[m.UID]; last != nil {
		return last
	}
	return m
}

// claimRecent makes the messages recent that no session has been told of. A session that may not change the mailbox leaves them recent
// for others.
func (b *selected) claimRecent() {
	from := b.mbox.Recent()
	if !b.readOnly {
		from = b.mbox.ClaimRecent()
	}
	if next := b.view.Status().UIDNext; from < next {
		b.recent = b.recent.Union(storage.UIDSet{{First: from, Last: next - 1}})
	}
}

// countRecent returns how many messages of the view are recent.
func (b *selected) countRecent() uint32 {
	n := uint32(0)
	for range b.view.Select(b.recent) {
		n++
	}
	return n
}

// flags returns the flags of a message.
func (b *selected) flags(m *storage.Message) []imap.Flag {
	var flags []imap.Flag
	for _, f := range names.SystemFlags {
		if m.Flags&f.Flag != 0 {
			flags = append(flags, imap.Flag(f.Name))
		}
	}
	if !b.rev2 && b.recent.Contains(m.UID) {
		flags = append(flags, flagRecent)
	}
	return appendKeywords(flags, b.view.Keywords(m.Keywords))
}

// allFlags returns the flags of the mailbox.
func (b *selected) allFlags() []imap.Flag {
	var flags []imap.Flag
	for _, f := range names.SystemFlags {
		flags = append(flags, imap.Flag(f.Name))
	}
	return appendKeywords(flags, b.view.AllKeywords())
}

// appendKeywords adds those keywords that can be written: on another, which other software has made, the library would lose its place in
// the stream.
func appendKeywords(flags []imap.Flag, keywords []string) []imap.Flag {
	for _, k := range keywords {
		if isAtom(k) {
			flags = append(flags, imap.Flag(k))
		}
	}
	return flags
}

// isAtom tells whether s is an atom (RFC 9051, section 9).
func isAtom(s string) bool {
	for i := range len(s) {
		switch c := s[i]; c {
		case '(', ')', '{', ' ', '%', '*', '"', '\\', ']':
			return false
		default:
			if c < 0x20 || c >= 0x7f {
				return false
			}
		}
	}
	return s != ""
}

// resolve returns the messages of the view that a set names. A sequence number without a message is an error; a UID without one is
// passed over (RFC 9051, section 6.4.9).
func (b *selected) resolve(set imap.NumSet) (storage.UIDSet, error) {
	n := uint32(b.view.Len())
	seqs, _ := set.(imap.SeqSet)
	if slices.ContainsFunc(seqs, func(r imap.SeqRange) bool { return n == 0 || max(r.Start, r.Stop) > n }) {
		return nil, errNoSuchNumber
	}
	return b.existing(set), nil
}

// existing is resolve where numbers without a message are passed over, as in SEARCH.
func (b *selected) existing(set imap.NumSet) storage.UIDSet {
	var uids storage.UIDSet
	if imap.IsSearchRes(set) {
		uids = b.saved
	} else if s, ok := set.(imap.SeqSet); ok {
		n := uint32(b.view.Len())
		for _, r := range s {
			if first, last := bounds(r.Start, r.Stop, n); first <= n {
				uids = append(uids, b.view.UIDs(int(first), int(min(last, n)))...)
			}
		}
	} else if s, ok := set.(imap.UIDSet); ok {
		highest := uint32(0)
		if n := b.view.Len(); n > 0 {
			highest = uint32(b.view.At(n).UID)
		}
		for _, r := range s {
			first, last := bounds(uint32(r.Start), uint32(r.Stop), highest)
			uids = append(uids, storage.UIDRange{First: storage.UID(first), Last: storage.UID(last)})
		}
	}
	var there storage.UIDSet
	for _, m := range b.view.Select(storage.NormaliseUIDs(uids)) {
		there = there.Append(m.UID)
	}
	return there
}

// bounds returns the ends of a range in ascending order; 0 is "*".
func bounds(start, stop, highest uint32) (first, last uint32) {
	if start == 0 {
		start = highest
	}
	if stop == 0 {
		stop = highest
	}
	return min(start, stop), max(start, stop)
}
