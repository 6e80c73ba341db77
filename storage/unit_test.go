package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/storagetest"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	tree := vfs.NewMem()
	opt := storage.Options{SegmentSize: 256 << 10, Ballast: 4096, Logger: slog.New(slog.DiscardHandler)}
	u, err := storage.Open(tree, opt)
	if err != nil {
		t.Fatal(err)
	}
	a, err := u.CreateAccount(ctx, "anna@example.org")
	if err != nil {
		t.Fatal(err)
	}
	inbox, err := a.Mailbox("inbox")
	if err != nil {
		t.Fatal(err)
	}
	add := func(m *storage.Mailbox, text string) storage.UID {
		t.Helper()
		b := a.NewBody()
		defer b.Close()
		io.WriteString(b, text)
		uids, err := m.Append(ctx, storage.NewMessage{Body: b, Flags: storage.Seen, Keywords: []string{"$Work"}})
		if err != nil {
			t.Fatal(err)
		}
		return uids[0]
	}
	for i := range 100 {
		add(inbox, fmt.Sprintf("Subject: %d\n\nHello\n", i))
	}
	big := "Subject: big\r\n\r\n" + string(make([]byte, 200000))
	add(inbox, big)
	trash, err := a.Mailbox("Trash")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := inbox.Move(ctx, storage.UIDSet{{1, 10}}, trash); err != nil {
		t.Fatal(err)
	}
	if res, err := trash.Copy(ctx, storage.UIDSet{{1, 5}}, trash); err != nil || res.To.String() != "11:15" {
		t.Fatal(res, err)
	}
	if _, err := inbox.Store(ctx, storage.UIDSet{{11, 20}}, storage.FlagChange{Op: storage.AddFlags, Flags: storage.Deleted}); err != nil {
		t.Fatal(err)
	}
	if gone, _, err := inbox.Expunge(ctx, storage.UIDSet{{1, 15}}); err != nil || gone.String() != "11:15" {
		t.Fatal(gone, err)
	}
	if _, err := a.CreateMailbox(ctx, "Lists/Go", 0); err != nil {
		t.Fatal(err)
	}
	if err := a.RenameMailbox(ctx, "INBOX", "Old"); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		found, err := u.Verify(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			t.Error(f)
		}
	}
	check()
	a.Close()
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	u, err = storage.Open(tree, opt)
	if err != nil {
		t.Fatal(err)
	}
	check()
	a, err = u.OpenAccount(ctx, "ANNA@example.org")
	if err != nil {
		t.Fatal(err)
	}
	for m := range a.Mailboxes() {
		t.Logf("%+v", m)
	}
	old, err := a.Mailbox("Old")
	if err != nil {
		t.Fatal(err)
	}
	c, err := old.Open(ctx, 86)
	if err != nil {
		t.Fatal(err)
	}
	if c.Size() != int64(len(big)) {
		t.Error(c.Size())
	}
	a.Close()
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCloseAwaitsChanges closes a unit while a change that nobody waits for is on its way to the log: the next opening must know of it.
func TestCloseAwaitsChanges(t *testing.T) {
	ctx := t.Context()
	var slow atomic.Bool
	tree := storagetest.Faults(vfs.NewMem(), func(op storagetest.Op) *storagetest.Fault {
		if slow.Load() && op.Kind == storagetest.OpWrite {
			time.Sleep(200 * time.Millisecond)
		}
		return nil
	})
	opt := storage.Options{SegmentSize: 8 << 10, Ballast: 1024, Logger: slog.New(slog.DiscardHandler)}
	open := func() (*storage.Unit, *storage.Account, *storage.Mailbox) {
		t.Helper()
		u, err := storage.Open(tree, opt)
		if err != nil {
			t.Fatal(err)
		}
		a, err := u.OpenAccount(ctx, "anna")
		if errors.Is(err, storage.ErrNoAccount) {
			a, err = u.CreateAccount(ctx, "anna")
		}
		if err != nil {
			t.Fatal(err)
		}
		inbox, err := a.Mailbox("INBOX")
		if err != nil {
			t.Fatal(err)
		}
		return u, a, inbox
	}
	u, a, inbox := open()
	b := a.NewBody()
	io.WriteString(b, "Subject: x\r\n\r\n")
	if _, err := inbox.Append(ctx, storage.NewMessage{Body: b}); err != nil {
		t.Fatal(err)
	}
	b.Close()
	for range 2 { // nothing is left to write: closing makes only the record of its end
		if err := u.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
	}
	slow.Store(true)
	inbox.ClaimRecent()
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	slow.Store(false)
	u, _, inbox = open()
	defer u.Close()
	if first := inbox.ClaimRecent(); first != 2 {
		t.Errorf("messages from %d on are recent to the second session", first)
	}
}
