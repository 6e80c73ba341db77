package storage_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mailhavn/mailhavn/storage"
)

// copyOf is what a follower makes of what it is told: the MODSEQ of each message of each mailbox.
type copyOf map[storage.ID]map[storage.UID]storage.ModSeq

func (c copyOf) apply(t *testing.T, changes storage.Changes) {
	there := map[storage.ID]bool{}
	for _, info := range changes.Mailboxes {
		there[info.ID] = true
	}
	maps.DeleteFunc(c, func(id storage.ID, _ map[storage.UID]storage.ModSeq) bool { return !there[id] })
	for _, box := range changes.Changed {
		if c[box.Info.ID] == nil {
			c[box.Info.ID] = map[storage.UID]storage.ModSeq{}
		}
		for uid := range box.Vanished.All() {
			delete(c[box.Info.ID], uid)
		}
		for _, m := range box.View.Select(box.Changed) {
			c[box.Info.ID][m.UID] = m.ModSeq
		}
		if n := box.Info.Status.Messages; int(n) != len(c[box.Info.ID]) {
			t.Errorf("%s: %d messages, the follower has %d", box.Info.Name, n, len(c[box.Info.ID]))
		}
	}
}

// TestFollow checks that a follower who goes on, or comes back with the cursor it kept, has what the account has.
func TestFollow(t *testing.T) {
	b := newBench(t)
	a := b.account("anna")
	rnd := rand.New(rand.NewPCG(1, 2))
	replica := copyOf{}
	var cursor storage.ModSeq
	var next func() (storage.Changes, error, bool)
	stop := func() {}
	defer func() { stop() }()
	for step := range 400 {
		boxes := boxesOf(a)
		info := boxes[rnd.IntN(len(boxes))]
		m := b.box(a, info.Name)
		some := storage.UIDSet{{First: storage.UID(1 + rnd.IntN(int(info.UIDNext))), Last: info.UIDNext}}
		switch rnd.IntN(8) {
		default:
			b.add(a, m, fmt.Sprintf("Subject: %d\n\n", step))
		case 0:
			_, err := m.Store(b.ctx, some, storage.FlagChange{Op: storage.AddFlags, Flags: storage.Flagged})
			b.must(err)
		case 1:
			_, err := m.Store(b.ctx, some, storage.FlagChange{Op: storage.AddFlags, Flags: storage.Deleted})
			b.must(err)
			_, _, err = m.Expunge(b.ctx, some)
			b.must(err)
		case 2:
			_, err := m.Move(b.ctx, some, b.box(a, boxes[rnd.IntN(len(boxes))].Name))
			b.must(err)
		case 3:
			_, err := a.CreateMailbox(b.ctx, fmt.Sprintf("box %d", step), 0)
			b.must(err)
		case 4:
			if info.Name != "INBOX" {
				b.must(a.DeleteMailbox(b.ctx, info.Name))
			}
		}
		if next == nil || rnd.IntN(5) == 0 {
			stop()
			next, stop = iter.Pull2(a.Follow(b.ctx, cursor))
		} else if rnd.IntN(3) > 0 {
			continue // a later round tells it
		}
		for cursor < highest(a) || len(replica) != len(boxesOf(a)) {
			changes, err, _ := next()
			b.must(err)
			replica.apply(t, changes)
			cursor = changes.Cursor
		}
		compareCopy(t, a, b, replica)
	}
}

func boxesOf(a *storage.Account) []storage.MailboxInfo { return slices.Collect(a.Mailboxes()) }

func highest(a *storage.Account) (top storage.ModSeq) {
	for info := range a.Mailboxes() {
		top = max(top, info.HighestModSeq)
	}
	return top
}

func compareCopy(t *testing.T, a *storage.Account, b *bench, replica copyOf) {
	t.Helper()
	for info := range a.Mailboxes() {
		v, err := b.box(a, info.Name).View(b.ctx)
		b.must(err)
		want := map[storage.UID]storage.ModSeq{}
		for _, m := range v.All() {
			want[m.UID] = m.ModSeq
		}
		if got := replica[info.ID]; !maps.Equal(got, want) {
			t.Fatalf("%s: the follower has %v, the mailbox %v", info.Name, got, want)
		}
	}
}

// TestFollowEnds checks how the iteration ends, and that a cursor from another life yields everything.
func TestFollowEnds(t *testing.T) {
	b := newBench(t)
	a := b.account("anna")
	b.add(a, b.box(a, "INBOX"), "x")
	for changes, err := range a.Follow(b.ctx, 1<<40) {
		b.must(err)
		if len(changes.Changed) != len(changes.Mailboxes) {
			t.Errorf("%d of %d mailboxes", len(changes.Changed), len(changes.Mailboxes))
		}
		break
	}
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	for _, err := range a.Follow(ctx, 0) {
		if err != nil {
			wantErr(t, err, context.Canceled)
		}
		cancel()
	}
	for _, err := range a.Follow(b.ctx, 0) {
		if errors.Is(err, storage.ErrNoAccount) {
			return
		}
		b.must(err)
		b.must(b.unit.RemoveAccount(b.ctx, "anna"))
	}
	t.Error("goes on after the account was removed")
}
