package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// bench is a unit in memory and what tests do with it.
type bench struct {
	t    *testing.T
	ctx  context.Context
	tree vfs.FS
	opt  storage.Options
	unit *storage.Unit
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, ctx: t.Context(), tree: vfs.NewMem(), opt: keptOptions}
	b.opt.Now = nil
	b.open()
	t.Cleanup(func() {
		findings, err := b.unit.Verify(context.Background())
		if err != nil && !errors.Is(err, storage.ErrReadOnly) {
			t.Errorf("Verify: %v", err)
		}
		for _, f := range findings {
			t.Error(f)
		}
		if err := b.unit.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) open() {
	b.t.Helper()
	u, err := storage.Open(b.tree, b.opt)
	b.must(err)
	b.unit = u
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) account(name string) *storage.Account {
	b.t.Helper()
	a, err := b.unit.OpenAccount(b.ctx, name)
	if errors.Is(err, storage.ErrNoAccount) {
		a, err = b.unit.CreateAccount(b.ctx, name)
	}
	b.must(err)
	b.t.Cleanup(a.Close)
	return a
}

func (b *bench) box(a *storage.Account, name string) *storage.Mailbox {
	b.t.Helper()
	m, err := a.Mailbox(name)
	b.must(err)
	return m
}

func (b *bench) add(a *storage.Account, m *storage.Mailbox, text string) storage.UID {
	b.t.Helper()
	body := a.NewBody()
	defer body.Close()
	_, err := io.WriteString(body, text)
	b.must(err)
	uids, err := m.Append(b.ctx, storage.NewMessage{Body: body})
	b.must(err)
	return uids[0]
}

func (b *bench) read(m *storage.Mailbox, uid storage.UID) string {
	b.t.Helper()
	c, err := m.Open(b.ctx, uid)
	b.must(err)
	defer c.Close()
	data, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	b.must(err)
	return string(data)
}

func (b *bench) names(a *storage.Account) string {
	var names []string
	for m := range a.Mailboxes() {
		names = append(names, m.Name)
	}
	return strings.Join(names, " ")
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAccounts(t *testing.T) {
	b := newBench(t)
	anna := b.account("Anna@Example.org")
	id := anna.ID()
	_, err := b.unit.CreateAccount(b.ctx, "anna@example.ORG")
	wantErr(t, err, storage.ErrAccountExists)
	for _, bad := range []string{"", "a b", "a\x00", "\xff", strings.Repeat("x", 256)} {
		_, err := b.unit.CreateAccount(b.ctx, bad)
		wantErr(t, err, storage.ErrInvalidName)
	}
	b.must(b.unit.SetAliases(b.ctx, "anna@example.org", []string{"info", "post"}))
	bob := b.account("bob")
	wantErr(t, b.unit.SetAliases(b.ctx, "bob", []string{"INFO"}), storage.ErrAccountExists)
	wantErr(t, b.unit.RenameAccount(b.ctx, "bob", "post"), storage.ErrAccountExists)
	b.must(b.unit.RenameAccount(b.ctx, "anna@example.org", "post")) // its own alias
	if got := b.account("info"); got.ID() != id || got.Name() != "post" {
		t.Errorf("the alias leads to %s %s", got.Name(), got.ID())
	}
	_, err = b.unit.OpenAccount(b.ctx, "anna@example.org")
	wantErr(t, err, storage.ErrNoAccount)

	b.add(bob, b.box(bob, "INBOX"), "Subject: x\n\n")
	lost, _ := b.box(bob, "INBOX").Info()
	b.must(b.unit.RemoveAccount(b.ctx, "bob"))
	wantErr(t, b.unit.RemoveAccount(b.ctx, "bob"), storage.ErrNoAccount)
	wantErr(t, bob.Subscribe(b.ctx, "y", true), storage.ErrNoAccount)
	b.must(b.unit.Checkpoint(b.ctx))
	again := b.account("bob")
	if again.ID() == bob.ID() || b.box(again, "INBOX").Recent() != 1 {
		t.Error("an account made anew is the old one")
	}
	if info, _ := b.box(again, "INBOX").Info(); info.UIDValidity <= lost.UIDValidity+5 { // 5 more mailboxes had it
		t.Errorf("UIDVALIDITY %d again after %d", info.UIDValidity, lost.UIDValidity)
	}
	b.must(b.unit.Close())
	b.open()
	if got := b.account("info"); got.ID() != id {
		t.Errorf("after reopening the alias leads to %s", got.ID())
	}
}

func TestMailboxNames(t *testing.T) {
	b := newBench(t)
	a := b.account("anna")
	_, err := a.CreateMailbox(b.ctx, "a/b/c", 0)
	b.must(err)
	if got := b.names(a); got != "INBOX Archive Drafts Junk Sent Trash a a/b a/b/c" {
		t.Errorf("mailboxes %s", got)
	}
	for _, bad := range []string{"", "/", "a/", "/a", "a//b", "x\x01", "\xff", strings.Repeat("a/", 32) + "a", strings.Repeat("x", 1025)} {
		_, err := a.CreateMailbox(b.ctx, bad, 0)
		wantErr(t, err, storage.ErrInvalidName)
	}
	_, err = a.CreateMailbox(b.ctx, "inbox", 0)
	wantErr(t, err, storage.ErrMailboxExists)
	wantErr(t, a.DeleteMailbox(b.ctx, "Inbox"), storage.ErrForbidden)
	wantErr(t, a.DeleteMailbox(b.ctx, "no"), storage.ErrNoMailbox)
	wantErr(t, a.RenameMailbox(b.ctx, "a", "a/b/d"), storage.ErrForbidden)
	wantErr(t, a.RenameMailbox(b.ctx, "a", "Sent"), storage.ErrMailboxExists)
	b.must(a.DeleteMailbox(b.ctx, "a")) // its inferiors stay
	b.must(a.RenameMailbox(b.ctx, "a", "x/y"))
	if got := b.names(a); got != "INBOX Archive Drafts Junk Sent Trash x x/y/b x/y/b/c" {
		t.Errorf("mailboxes %s", got)
	}
	_, err = a.CreateMailbox(b.ctx, "INBOX/sub", 0)
	b.must(err)
	uid := b.add(a, b.box(a, "INBOX"), "Subject: kept\r\n\r\n")
	b.must(a.RenameMailbox(b.ctx, "INBOX", "2024/old"))
	if got := b.read(b.box(a, "2024/old"), uid); got != "Subject: kept\r\n\r\n" {
		t.Errorf("moved message %q", got)
	}
	if info, _ := b.box(a, "INBOX").Info(); info.Messages != 0 || info.UIDNext != 2 {
		t.Errorf("INBOX afterwards: %+v", info)
	}
	if _, err := a.Mailbox("INBOX/sub"); err != nil {
		t.Error(err)
	}
}

// TestUIDValidityNeverRepeats: a mailbox made again under the same name within the same second is another one.
func TestUIDValidityNeverRepeats(t *testing.T) {
	b := newBench(t)
	a := b.account("anna")
	seen := map[uint32]bool{}
	for range 20 {
		m, err := a.CreateMailbox(b.ctx, "x", 0)
		b.must(err)
		info, _ := m.Info()
		if seen[info.UIDValidity] {
			t.Fatalf("UIDVALIDITY %d again", info.UIDValidity)
		}
		seen[info.UIDValidity] = true
		b.add(a, m, "Subject: x\n\n")
		b.must(a.DeleteMailbox(b.ctx, "x"))
		if _, ok := m.Info(); ok {
			t.Error("a deleted mailbox has Info")
		}
		_, err = m.View(b.ctx)
		wantErr(t, err, storage.ErrNoMailbox)
	}
}

func TestStore(t *testing.T) {
	b := newBench(t)
	a := b.account("anna")
	m := b.box(a, "INBOX")
	for range 5 {
		b.add(a, m, "Subject: x\n\n")
	}
	all := storage.UIDSet{{First: 1, Last: 9}}
	res, err := m.Store(b.ctx, all, storage.FlagChange{Op: storage.AddFlags, Flags: storage.Seen, Keywords: []string{"$Work", "b"}})
	b.must(err)
	if res.Changed.String() != "1:5" || res.ModSeq == 0 {
		t.Errorf("changed %s at %d", res.Changed, res.ModSeq)
	}
	again, err := m.Store(b.ctx, all, storage.FlagChange{Op: storage.AddFlags, Flags: storage.Seen, Keywords: []string{"$WORK"}})
	b.must(err)
	if again.ModSeq != 0 || len(again.Changed) != 0 {
		t.Errorf("a change of nothing has MODSEQ %d", again.ModSeq)
	}
	third, err := m.Store(b.ctx, storage.UIDSet{{First: 3, Last: 3}}, storage.FlagChange{Op: storage.RemoveFlags, Keywords: []string{"B"}})
	b.must(err)
	since := res.ModSeq
	cond, err := m.Store(b.ctx, all, storage.FlagChange{Op: storage.SetFlags, Flags: storage.Deleted, UnchangedSince: &since})
	b.must(err)
	if cond.Modified.String() != "3" || cond.Changed.String() != "1:2,4:5" {
		t.Errorf("modified %s, changed %s", cond.Modified, cond.Changed)
	}
	v, err := m.View(b.ctx)
	b.must(err)
	if got := v.Keywords(v.At(3).Keywords); !slices.Equal(got, []string{"$Work"}) || v.At(3).ModSeq != third.ModSeq {
		t.Errorf("message 3 has %q at %d", got, v.At(3).ModSeq)
	}
	if s := v.Status(); s.Deleted != 4 || s.Unseen != 4 || s.HighestModSeq != cond.ModSeq {
		t.Errorf("status %+v", s)
	}
	gone, _, err := m.Expunge(b.ctx, storage.UIDSet{{First: 2, Last: 4}})
	b.must(err)
	if gone.String() != "2,4" {
		t.Errorf("expunged %s", gone)
	}
	_, err = m.Open(b.ctx, 77)
	wantErr(t, err, storage.ErrExpunged)
}

// TestWireForm: bare line feeds are stored as they came and shown as CRLF.
func TestWireForm(t *testing.T) {
	b := newBench(t)
	a := b.account("anna")
	m := b.box(a, "INBOX")
	for _, stored := range []string{"Subject: a\n\nx\ny\r\nz\r", "", "\n", strings.Repeat("line\n", 20000), strings.Repeat("line\r\n", 20000)} {
		uid := b.add(a, m, stored)
		want := strings.ReplaceAll(strings.ReplaceAll(stored, "\r\n", "\n"), "\n", "\r\n")
		for _, when := range []string{"before", "after"} {
			if got := b.read(m, uid); got != want {
				t.Errorf("%.20q (%d bytes) %s the checkpoint is shown as %.20q (%d bytes)", stored, len(stored), when, got, len(got))
			}
			b.must(b.unit.Checkpoint(b.ctx))
		}
		v, err := m.View(b.ctx)
		b.must(err)
		if msg := v.At(v.Len()); int(msg.Size) != len(want) || int(msg.StoredSize) != len(stored) {
			t.Errorf("%.20q has sizes %d and %d", stored, msg.Size, msg.StoredSize)
		}
	}
}

// TestBodyFor: one message for two accounts, small and large; each is alone afterwards.
func TestBodyFor(t *testing.T) {
	b := newBench(t)
	anna, bob := b.account("anna"), b.account("bob")
	for _, text := range []string{"Subject: s\r\n\r\n", "Subject: l\r\n\r\n" + strings.Repeat("x", 100000)} {
		first := anna.NewBody()
		_, err := io.WriteString(first, text)
		b.must(err)
		second, err := first.For(bob)
		b.must(err)
		uids, err := b.box(bob, "INBOX").Append(b.ctx, storage.NewMessage{Body: second})
		b.must(err)
		b.must(second.Close())
		b.must(first.Close()) // not delivered
		if got := b.read(b.box(bob, "INBOX"), uids[0]); got != text {
			t.Errorf("%d bytes of %d", len(got), len(text))
		}
	}
}

// TestAbandonedBody leaves no spool file.
func TestAbandonedBody(t *testing.T) {
	b := newBench(t)
	a := b.account("anna")
	body := a.NewBody()
	_, err := io.WriteString(body, strings.Repeat("x", 100000))
	b.must(err)
	b.must(body.Close())
	dir := "a/" + a.ID().String()[:2] + "/" + a.ID().String() + "/meta/spool"
	if entries, err := b.tree.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestWatch(t *testing.T) {
	b := newBench(t)
	a := b.account("anna")
	inbox, sent := b.box(a, "INBOX"), b.box(a, "Sent")
	wake, other, any := make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
	stop := inbox.Watch(wake)
	defer sent.Watch(other)()
	defer a.Watch(any)()
	woken := func(c chan struct{}) bool {
		select {
		case <-c:
			return true
		case <-time.After(10 * time.Second):
			return false
		}
	}
	b.add(a, inbox, "Subject: x\n\n")
	if !woken(wake) || !woken(any) {
		t.Error("not woken by a message")
	}
	if v, err := inbox.View(b.ctx); err != nil || v.Len() != 1 {
		t.Errorf("woken before the change is to be seen: %v", err)
	}
	if len(other) != 0 {
		t.Error("woken by another mailbox")
	}
	b.must(a.DeleteMailbox(b.ctx, "Sent"))
	if !woken(other) {
		t.Error("not woken by the deletion")
	}
	stop()
	b.add(a, inbox, "Subject: y\n\n")
	if len(wake) != 0 {
		t.Error("woken after stop")
	}
}

// TestClaimRecent: each message is recent to one session only.
func TestClaimRecent(t *testing.T) {
	b := newBench(t)
	a := b.account("anna")
	m := b.box(a, "INBOX")
	b.add(a, m, "Subject: 1\n\n")
	b.add(a, m, "Subject: 2\n\n")
	if got := m.Recent(); got != 1 {
		t.Errorf("recent from %d", got)
	}
	var mu sync.Mutex
	claims := map[storage.UID]int{}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			first := m.ClaimRecent()
			mu.Lock()
			defer mu.Unlock()
			claims[first]++
		})
	}
	all.Wait()
	if claims[1] != 1 || claims[3] != 7 {
		t.Errorf("claims %v", claims)
	}
}

// TestCacheHeals: a cache that is lost or damaged is made again from the messages.
func TestCacheHeals(t *testing.T) {
	b := newBench(t)
	a := b.account("anna")
	m := b.box(a, "INBOX")
	b.add(a, m, "Subject: one\n\n")
	b.add(a, m, "Subject: two\n\n")
	envelope := func() string {
		b.t.Helper()
		s, err := b.box(b.account("anna"), "INBOX").Summary(b.ctx, 2)
		b.must(err)
		return string(s.AppendEnvelope(nil))
	}
	want := envelope()
	if !strings.Contains(want, `"two"`) {
		t.Fatalf("envelope %s", want)
	}
	b.must(b.unit.Checkpoint(b.ctx))
	name := "a/" + a.ID().String()[:2] + "/" + a.ID().String() + "/meta/" + m.ID().String() + ".cache"
	info, err := b.tree.Stat(name)
	b.must(err)
	for at := int64(0); at < info.Size; at += 7 {
		b.must(b.unit.Close())
		f, err := b.tree.OpenRW(name)
		b.must(err)
		c := make([]byte, 1)
		_, err = f.ReadAt(c, at)
		b.must(err)
		_, err = f.WriteAt([]byte{c[0] ^ 0x20}, at)
		b.must(err)
		b.must(f.Close())
		b.open()
		if got := envelope(); got != want {
			t.Fatalf("byte %d: %s", at, got)
		}
		b.must(b.unit.Close())
		f, err = b.tree.OpenRW(name)
		b.must(err)
		_, err = f.WriteAt(c, at)
		b.must(err)
		b.must(f.Close())
		b.open()
	}
	b.must(b.unit.Close())
	b.must(b.tree.Remove(name))
	b.open()
	if got := envelope(); got != want {
		t.Fatalf("without a file: %s", got)
	}
}

// TestForeignRename: another program has changed the flag letters of a file; the message is found all the same.
func TestForeignRename(t *testing.T) {
	b := newBench(t)
	a := b.account("anna")
	m := b.box(a, "INBOX")
	b.add(a, m, "Subject: x\r\n\r\n")
	b.must(b.unit.Checkpoint(b.ctx))
	cur := "a/" + a.ID().String()[:2] + "/" + a.ID().String() + "/Maildir/cur/"
	entries, err := b.tree.ReadDir(cur[:len(cur)-1])
	b.must(err)
	name := entries[0].Name
	b.must(b.tree.Rename(cur+name, cur+name+"FS"))
	if got := b.read(m, 1); got != "Subject: x\r\n\r\n" {
		t.Errorf("got %q", got)
	}
	b.must(b.tree.Remove(cur + name + "FS"))
	_, err = m.Open(b.ctx, 1)
	var damage *storage.DamageError
	if !errors.As(err, &damage) || !strings.Contains(damage.File, cur) {
		t.Errorf("a missing file gives %v", err)
	}
	_, err = m.Store(b.ctx, storage.UIDSet{{First: 1, Last: 1}}, storage.FlagChange{Op: storage.AddFlags, Flags: storage.Deleted})
	b.must(err)
	_, _, err = m.Expunge(b.ctx, storage.UIDSet{{First: 1, Last: 1}})
	b.must(err)
}

// TestSecondOwner: a unit has one owner at a time, and the second hears who the first is.
func TestSecondOwner(t *testing.T) {
	b := newBench(t)
	_, err := storage.Open(b.tree, b.opt)
	var locked *vfs.LockedError
	if !errors.As(err, &locked) || !strings.Contains(locked.Owner, "process") {
		t.Errorf("got %v", err)
	}
}

// TestConcurrentWriters: many writers in one mailbox; every message is there once, in the order of UIDs.
func TestConcurrentWriters(t *testing.T) {
	b := newBench(t)
	a := b.account("anna")
	m := b.box(a, "INBOX")
	var all sync.WaitGroup
	var mu sync.Mutex
	got := map[storage.UID]string{}
	for w := range 8 {
		all.Go(func() {
			for i := range 20 {
				text := fmt.Sprintf("Subject: %d.%d\r\n\r\n", w, i)
				body := a.NewBody()
				io.WriteString(body, text)
				uids, err := m.Append(context.Background(), storage.NewMessage{Body: body})
				body.Close()
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				got[uids[0]] = text
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(got) != 160 {
		t.Fatalf("%d UIDs", len(got))
	}
	for uid, want := range got {
		if text := b.read(m, uid); text != want {
			t.Fatalf("message %d is %q, want %q", uid, text, want)
		}
	}
}
