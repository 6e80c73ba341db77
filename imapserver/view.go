package imapserver

import (
	"iter"

	"github.com/mailhavn/mailhavn/storage"
)

// view is a mailbox as the client of one session knows it: no I/O, no lock, no wire types.
//
// What the client knows can be no state that the mailbox ever had: while EXPUNGE may not be sent, messages that are
// gone keep their sequence numbers, though new flags and new messages have been shown. So a view has two states: numbers
// gives the messages up to its UIDNEXT their sequence numbers, among them those that are gone; data gives flags, and
// the messages above. Mostly both are the same. The zero value is of no use.
type view struct {
	numbers *storage.View
	data    *storage.View
	// ghosts has, of the messages that are gone, what the client was told last, where that is not in numbers.
	ghosts map[storage.UID]*storage.Message
}

func newView(v *storage.View) view { return view{numbers: v, data: v} }

// withholds tells whether messages that are gone have not been reported yet.
func (v *view) withholds() bool { return v.numbers != v.data }

// highestModSeq returns the MODSEQ up to which the client has been told everything.
func (v *view) highestModSeq() storage.ModSeq { return v.numbers.Status().HighestModSeq }

// bound returns the UID from which data gives the sequence numbers, and the number of messages of data below it.
func (v *view) bound() (uid storage.UID, below int) {
	uid = v.numbers.Status().UIDNext
	seq, _ := v.data.Seq(uid)
	return uid, seq - 1
}

// len returns the number of messages.
func (v *view) len() int {
	if !v.withholds() {
		return v.data.Len()
	}
	_, below := v.bound()
	return v.numbers.Len() + v.data.Len() - below
}

// seq returns the sequence number of uid, or of the next higher UID and false (len+1 where there is none).
func (v *view) seq(uid storage.UID) (int, bool) {
	if !v.withholds() {
		return v.data.Seq(uid)
	}
	bound, below := v.bound()
	if uid < bound {
		return v.numbers.Seq(uid)
	}
	seq, ok := v.data.Seq(uid)
	return v.numbers.Len() + seq - below, ok
}

// from yields the messages from sequence number seq on, with the newest known data of each. They are not to be modified.
func (v *view) from(seq int) iter.Seq2[int, *storage.Message] {
	if !v.withholds() {
		return v.data.From(seq)
	}
	return func(yield func(int, *storage.Message) bool) {
		for n, m := range v.numbers.From(seq) {
			if !yield(n, v.newest(m)) {
				return
			}
		}
		_, below := v.bound()
		shift := v.numbers.Len() - below
		for n, m := range v.data.From(max(seq-shift, below+1)) {
			if !yield(n+shift, m) {
				return
			}
		}
	}
}

// newest returns what data has of a message of numbers; where it is gone, what was known last.
func (v *view) newest(m *storage.Message) *storage.Message {
	if seq, ok := v.data.Seq(m.UID); ok {
		return v.data.At(seq)
	}
	if ghost := v.ghosts[m.UID]; ghost != nil {
		return ghost
	}
	return m
}

// keep remembers what data has of messages that are about to go.
func (v *view) keep(uids storage.UIDSet) {
	for _, m := range v.data.Select(uids) {
		seq, _ := v.numbers.Seq(m.UID)
		if v.numbers.At(seq).ModSeq == m.ModSeq {
			continue
		}
		if v.ghosts == nil {
			v.ghosts = map[storage.UID]*storage.Message{}
		}
		v.ghosts[m.UID] = m
	}
}

// sel yields the messages with UIDs in the set. It walks on where the set only leaves out what does not exist, and searches where
// the set leaves out messages.
func (v *view) sel(uids storage.UIDSet) iter.Seq2[int, *storage.Message] {
	return func(yield func(int, *storage.Message) bool) {
		for len(uids) > 0 {
			first, _ := v.seq(uids[0].First)
			skipped := false
			for n, m := range v.from(first) {
				for len(uids) > 0 && uids[0].Last < m.UID {
					uids = uids[1:]
				}
				if skipped = len(uids) == 0 || m.UID < uids[0].First; skipped {
					break
				}
				if !yield(n, m) {
					return
				}
			}
			if !skipped {
				return
			}
		}
	}
}

// uids returns the UIDs of the messages with sequence numbers first to last.
func (v *view) uids(first, last int) storage.UIDSet {
	if !v.withholds() {
		return v.data.UIDs(first, last)
	}
	var s storage.UIDSet
	for n, m := range v.from(first) {
		if n > last {
			break
		}
		s = s.Append(m.UID)
	}
	return s
}

// existing returns those of uids that are in the view.
func (v *view) existing(uids storage.UIDSet) storage.UIDSet {
	var s storage.UIDSet
	for _, m := range v.sel(uids) {
		s = s.Append(m.UID)
	}
	return s
}

// highestUID returns the UID of the last message, 0 if there is none.
func (v *view) highestUID() storage.UID {
	n := v.len()
	if n == 0 {
		return 0
	}
	if n := v.data.Len(); n > 0 {
		if m := v.data.At(n); !v.withholds() || m.UID >= v.numbers.Status().UIDNext {
			return m.UID
		}
	}
	return v.numbers.At(v.numbers.Len()).UID
}

// gone returns the messages of the view that do not exist any more in the mailbox as data has it.
func (v *view) gone() storage.UIDSet {
	if !v.withholds() {
		return nil
	}
	return v.numbers.Diff(v.data).Expunged
}

// advance goes on to a later state of the mailbox and returns what the client has to be told. If expunge is false, the
// messages that are gone keep their sequence numbers, and Expunged is empty.
//
// Where a message is gone that was new since numbers, it cannot be kept; then the view stays as it is for now.
func (v *view) advance(later *storage.View, expunge bool) storage.Diff {
	d := v.data.Diff(later)
	switch {
	case expunge && v.withholds():
		d.Expunged = v.numbers.Diff(later).Expunged.Union(d.Expunged)
		*v = newView(later)
	case expunge, len(d.Expunged) == 0 && !v.withholds():
		*v = newView(later)
	default:
		if n := len(d.Expunged); n > 0 && d.Expunged[n-1].Last >= v.numbers.Status().UIDNext {
			return storage.Diff{}
		}
		v.keep(d.Expunged)
		d.Expunged = nil
		v.data = later
	}
	return d
}

// changed returns those of uids whose MODSEQ is higher than since.
func (v *view) changed(uids storage.UIDSet, since storage.ModSeq) storage.UIDSet {
	var s storage.UIDSet
	for _, m := range v.sel(uids) {
		if m.ModSeq > since {
			s = s.Append(m.UID)
		}
	}
	return s
}
