package storage

import (
	"context"
	"fmt"
	"iter"
)

// Changes is what has happened to an account since a cursor, as its state shows it: what came and went in between is not there, and
// what changed twice is there once.
type Changes struct {
	Cursor    ModSeq           // from which to go on
	Mailboxes []MailboxInfo    // all that there are; any other is gone
	Changed   []MailboxChanges // those of them in which messages have changed
}

// MailboxChanges is what has happened in one mailbox.
type MailboxChanges struct {
	Info     MailboxInfo
	View     *View  // the mailbox at the moment of Changes
	Changed  UIDSet // messages that are new or have other flags; they are in View
	Vanished UIDSet // UIDs that are gone; more than were ever told where the cursor is old, see [View.VanishedSince]
}

// Follow yields what has happened to the account since the cursor: once at once, even when that is nothing, and then each time that
// something has. All of it is durable. A zero cursor yields everything that there is; so does one that the account has never
// reached. Keep the last Cursor that was dealt with, and nothing is ever missed, however long nobody followed; what the account
// itself holds, such as names and subscriptions, has no cursor and is to be compared.
//
// A round costs what has changed where it concerns the mailboxes of the round before, and a look at each message of others that
// have changed. The iteration ends with an error: that of the context, [ErrNoAccount] when the account was removed, or that of
// reading a mailbox.
func (a *Account) Follow(ctx context.Context, since ModSeq) iter.Seq2[Changes, error] {
	return func(yield func(Changes, error) bool) {
		wake := make(chan struct{}, 1)
		defer a.Watch(wake)()
		f := follower{cursor: since}
		if since > a.durable.Load().modseq {
			f.cursor = 0
		}
		for {
			changes, err := f.round(a.durable.Load())
			if a.removed.Load() {
				err = fmt.Errorf("account %s was removed: %w", a.id, ErrNoAccount)
			}
			if !yield(changes, err) || err != nil {
				return
			}
			select {
			case <-wake:
			case <-ctx.Done():
				yield(Changes{}, ctx.Err())
				return
			}
		}
	}
}

// follower is where one iteration of Follow is.
type follower struct {
	cursor ModSeq
	views  map[ID]*View // of the mailboxes that changed in the last round, as told
}

// round returns what st has that is newer than the cursor, and goes on to st.
func (f *follower) round(st *accountState) (Changes, error) {
	c := Changes{Cursor: st.modseq}
	views := map[ID]*View{}
	for _, b := range st.boxes {
		c.Mailboxes = append(c.Mailboxes, b.info())
		if b.view.status.HighestModSeq <= f.cursor {
			continue
		}
		v, err := b.view.load()
		if err != nil {
			return Changes{}, fmt.Errorf("mailbox %q: %w", b.name, err)
		}
		box := MailboxChanges{Info: b.info(), View: v}
		if told := f.views[v.id]; told != nil {
			d := told.Diff(v)
			box.Changed, box.Vanished = d.Changed.Union(d.Added), d.Expunged
		} else {
			box.Changed, box.Vanished = v.changedSince(f.cursor), v.VanishedSince(f.cursor)
		}
		c.Changed = append(c.Changed, box)
		views[v.id] = v
	}
	f.cursor, f.views = c.Cursor, views
	return c, nil
}

// changedSince returns the messages with a higher MODSEQ.
func (v *View) changedSince(m ModSeq) UIDSet {
	var s UIDSet
	for _, x := range v.All() {
		if x.ModSeq > m {
			s = s.Append(x.UID)
		}
	}
	return s
}
