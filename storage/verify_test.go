package storage_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/storage"
)

// TestVerifyInUse: Verify finds nothing wrong with a sound unit that many are using.
func TestVerifyInUse(t *testing.T) {
	b := newBench(t)
	b.must(b.unit.Close())
	b.opt.CheckpointEvery = 5 * time.Millisecond
	b.open()
	a := b.account("anna")
	ctx, cancel := context.WithCancel(b.ctx)
	var users sync.WaitGroup
	for user := range 4 {
		users.Go(func() {
			r := rand.New(rand.NewPCG(uint64(user), 0))
			for ctx.Err() == nil {
				if err := use(ctx, a, r, fmt.Sprint("box", r.IntN(3))); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 25 {
		findings, err := b.unit.Verify(b.ctx)
		b.must(err)
		for _, f := range findings {
			t.Error(f)
		}
	}
	cancel()
	users.Wait()
}

// use does something with a mailbox that others may remove at the same time.
func use(ctx context.Context, a *storage.Account, r *rand.Rand, name string) error {
	gone := func(err error) error {
		if errors.Is(err, storage.ErrNoMailbox) || errors.Is(err, storage.ErrMailboxExists) || errors.Is(err, storage.ErrExpunged) {
			return nil
		}
		return err
	}
	m, err := a.Mailbox(name)
	if errors.Is(err, storage.ErrNoMailbox) {
		_, err := a.CreateMailbox(ctx, name, 0)
		return gone(err)
	}
	if err != nil {
		return err
	}
	v, err := m.View(ctx)
	if err != nil {
		return gone(err)
	}
	some := v.UIDs(1, r.IntN(6))
	switch r.IntN(12) {
	case 0:
		return gone(a.DeleteMailbox(ctx, name))
	case 1:
		return gone(a.RenameMailbox(ctx, name, name+"x"))
	case 2:
		return gone(a.DeleteMailbox(ctx, name+"x"))
	case 3, 4:
		_, err = m.Store(ctx, some, storage.FlagChange{Op: storage.StoreOp(r.IntN(3)), Flags: storage.Deleted | storage.Seen})
	case 5:
		_, _, err = m.Expunge(ctx, v.UIDs(1, v.Len()))
	case 6:
		to, err := a.Mailbox("INBOX")
		if err != nil {
			return err
		}
		_, err = m.Move(ctx, some, to)
		return gone(err)
	default:
		body := a.NewBody()
		defer body.Close()
		fmt.Fprintf(body, "Subject: %d\n\n%0*d\n", r.Uint64(), r.IntN(3000), 0)
		_, err = m.Append(ctx, storage.NewMessage{Body: body})
	}
	return gone(err)
}
