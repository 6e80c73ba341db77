package storage

import (
	"iter"
	"slices"
	"sort"
)

// View is the state of one mailbox at one moment: immutable, shared by all who look at it, free to keep. It maps
// sequence numbers (counted from 1) to UIDs and yields what is known of each message without I/O or locks. The
// difference of two views of a mailbox is what a session has to tell its client.
type View struct {
	id       ID
	status   Status
	messages tree
	words    *keywordTable
	nwords   int    // keywords of the table that this view knows
	dead     []tomb // by ascending MODSEQ
	trimmed  ModSeq // tombstones up to this MODSEQ may be gone
	lsn      LSN    // of the last record that changed the mailbox
	unread   *cell  // not nil: only id, status and lsn are known yet, see load
}

// tomb records that the UIDs were expunged under the MODSEQ.
type tomb struct {
	modseq ModSeq
	uids   UIDRange
}

// MailboxID returns the mailbox's id.
func (v *View) MailboxID() ID { return v.id }

// Status returns the counts and high-water marks.
func (v *View) Status() Status { return v.status }

// Len returns the number of messages: the highest sequence number.
func (v *View) Len() int { return v.messages.len() }

// At returns the message with sequence number seq, which is from 1 to Len. The caller does not modify it.
func (v *View) At(seq int) *Message { return v.messages.at(seq - 1) }

// Seq returns the sequence number of uid, or of the next higher UID and false (Len+1 where there is none).
func (v *View) Seq(uid UID) (seq int, ok bool) {
	i, ok := v.messages.find(uid)
	return i + 1, ok
}

// From yields sequence numbers and messages from seq on. The messages are not to be modified.
func (v *View) From(seq int) iter.Seq2[int, *Message] {
	return func(yield func(int, *Message) bool) {
		for i, m := range v.messages.from(max(seq, 1) - 1) {
			if !yield(i+1, m) {
				return
			}
		}
	}
}

// All yields all sequence numbers and messages.
func (v *View) All() iter.Seq2[int, *Message] { return v.From(1) }

// Select yields the messages whose UIDs are in the set.
func (v *View) Select(uids UIDSet) iter.Seq2[int, *Message] {
	return func(yield func(int, *Message) bool) {
		for _, r := range uids {
			first, _ := v.Seq(r.First)
			for seq, m := range v.From(first) {
				if m.UID > r.Last {
					break
				}
				if !yield(seq, m) {
					return
				}
			}
		}
	}
}

// Flagged yields the messages that have all flags of have and none of lack. It passes over many others at once.
func (v *View) Flagged(have, lack Flags) iter.Seq2[int, *Message] {
	return func(yield func(int, *Message) bool) {
		for i, m := range v.messages.flagged(have, lack) {
			if !yield(i+1, m) {
				return
			}
		}
	}
}

// UIDs returns the UIDs of the messages with sequence numbers first to last.
func (v *View) UIDs(first, last int) UIDSet {
	var s UIDSet
	for seq, m := range v.From(first) {
		if seq > last {
			break
		}
		s = s.Append(m.UID)
	}
	return s
}

// Keywords returns the keywords of a message, in the order in which the mailbox met them. The slice is not to be modified.
func (v *View) Keywords(set KeywordSet) []string { return v.words.names(set) }

// HasKeyword tells whether the set has the keyword, compared without regard to ASCII case.
func (v *View) HasKeyword(set KeywordSet, keyword string) bool {
	return slices.ContainsFunc(v.words.names(set), func(w string) bool { return equalFold(w, keyword) })
}

// AllKeywords returns every keyword that the mailbox has met.
func (v *View) AllKeywords() []string { return v.words.all(v.nwords) }

// FirstUnseen returns the lowest sequence number of a message without \Seen, or 0.
func (v *View) FirstUnseen() int {
	if v.status.Unseen == 0 {
		return 0
	}
	for seq := range v.Flagged(0, Seen) {
		return seq
	}
	return 0
}

// VanishedSince returns the UIDs expunged after the MODSEQ (RFC 7162, section 3.2.5.1). Where tombstones that old are
// gone it over-reports, as that section allows: every UID below UIDNEXT that is not there.
func (v *View) VanishedSince(m ModSeq) UIDSet {
	if m < v.trimmed {
		return v.missing()
	}
	i := sort.Search(len(v.dead), func(i int) bool { return v.dead[i].modseq > m })
	ranges := make([]UIDRange, 0, len(v.dead)-i)
	for _, t := range v.dead[i:] {
		ranges = append(ranges, t.uids)
	}
	return NormaliseUIDs(ranges)
}

// missing returns every UID below UIDNEXT that no message has.
func (v *View) missing() UIDSet {
	var s UIDSet
	next := UID(1)
	for _, m := range v.All() {
		if m.UID > next {
			s = append(s, UIDRange{next, m.UID - 1})
		}
		next = m.UID + 1
	}
	if next < v.status.UIDNext {
		s = append(s, UIDRange{next, v.status.UIDNext - 1})
	}
	return s
}

// Diff is what happened to a mailbox between two views.
type Diff struct {
	Expunged UIDSet // gone
	Changed  UIDSet // in both, with another MODSEQ
	Added    UIDSet // new; always above all that were there before
}

// Diff compares v with a later view of the same mailbox. It costs what changed, not what is there.
func (v *View) Diff(later *View) Diff {
	var d Diff
	if v == later {
		return d
	}
	v.messages.diff(later.messages,
		func(m *Message) { d.Expunged = d.Expunged.Append(m.UID) },
		func(m *Message) { d.Changed = d.Changed.Append(m.UID) },
		func(m *Message) { d.Added = d.Added.Append(m.UID) })
	return d
}
