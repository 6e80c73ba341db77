package storage_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/message"
)

// vocabulary is what messages of these tests are made of.
var vocabulary = []string{"harbour", "Ærlig", "日本語", "ΣΊΣΥΦΟΣ", "straße", "a", "of", "invoice", "%s", "meeting", "x1", "\t", "Grüße", "no"}

// randomMessage makes a message in one of several forms.
func randomMessage(r *rand.Rand) string {
	words := func(n int) string {
		var b strings.Builder
		for range r.IntN(n) {
			b.WriteString(vocabulary[r.IntN(len(vocabulary))])
			b.WriteByte(' ')
		}
		return b.String()
	}
	encoded := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	subject := "Subject:=?utf-8?b?" + encoded(words(5)) + "?= and " + vocabulary[r.IntN(3)] + "\r\n"
	plain := "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded(words(60)) + "\r\n"
	switch r.IntN(4) {
	case 0:
		return subject + "From: " + vocabulary[r.IntN(2)] + " <a@example.org>\r\n\r\n" + words(40) + "\n"
	case 1:
		return subject + plain
	case 2:
		return subject + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + plain + "--b\r\nContent-Type: image/png\r\n\r\n" + words(9) +
			"\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner " + words(4) + "\r\n\r\n" + words(9) + "\r\n--b--\r\n"
	}
	return words(30)
}

// holds searches a message as a program without an index does.
func holds(b *bench, m *storage.Mailbox, uid storage.UID, want *message.Matcher, classes []message.TextClass) bool {
	b.t.Helper()
	summary, err := m.Summary(b.ctx, uid)
	b.must(err)
	content, err := m.Open(b.ctx, uid)
	b.must(err)
	defer content.Close()
	found := false
	b.must(summary.SearchTexts(content, func(t message.SearchText) (bool, error) {
		if !slices.Contains(classes, t.Class) {
			return true, nil
		}
		if t.Part == nil {
			found = found || want.Match(t.Field) || want.Match(t.Value)
			return true, nil
		}
		ok, err := want.MatchReader(t.Part)
		found = found || ok
		return true, err
	}))
	return found
}

// indexed waits until all messages of a mailbox are indexed.
func (b *bench) indexed(m *storage.Mailbox) {
	b.t.Helper()
	v, err := m.View(b.ctx)
	b.must(err)
	want := v.UIDs(1, v.Len())
	for range 2000 {
		have, _, err := m.MayContain(b.ctx, []byte("x"), message.BodyText)
		b.must(err)
		if want.Intersect(have).Len() == want.Len() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	b.t.Fatal("messages are not indexed")
}

// TestMayContain compares searches by the index with reading every message: while the mailbox grows and shrinks, after reopening,
// after damage.
func TestMayContain(t *testing.T) {
	b := newBench(t)
	r := rand.New(rand.NewPCG(1, 1))
	a := b.account("anna")
	m := b.box(a, "INBOX")
	grow := func() {
		var msgs []storage.NewMessage
		for range 160 {
			body := a.NewBody()
			defer body.Close()
			_, err := io.WriteString(body, randomMessage(r))
			b.must(err)
			msgs = append(msgs, storage.NewMessage{Body: body})
		}
		_, err := m.Append(b.ctx, msgs...)
		b.must(err)
	}
	check := func(state string, queries int) {
		t.Helper()
		v, err := m.View(b.ctx)
		b.must(err)
		for range queries {
			text := vocabulary[r.IntN(len(vocabulary))]
			if r.IntN(3) == 0 {
				text += " " + vocabulary[r.IntN(len(vocabulary))]
			}
			if runes := []rune(text); r.IntN(3) == 0 {
				text = string(runes[r.IntN(len(runes)):])
			}
			want := message.NewMatcher(strings.ToUpper(text))
			classes := message.ClassesOf(r.IntN(2) == 0)
			if r.IntN(2) == 0 {
				classes = []message.TextClass{message.FieldClass([]string{"from", "Subject", "cc", "X-Other"}[r.IntN(4)])}
			}
			indexed, found, err := m.MayContain(b.ctx, want.Folded(), classes...)
			b.must(err)
			for _, row := range v.All() {
				if indexed.Contains(row.UID) && !found.Contains(row.UID) && holds(b, m, row.UID, want, classes) {
					t.Fatalf("%s: %q is in message %d (classes %v), and the index denies it", state, text, row.UID, classes)
				}
			}
		}
	}
	for round := range 4 {
		grow()
		check("new messages", 15)
		b.indexed(m)
		check("all indexed", 15)
		v, err := m.View(b.ctx)
		b.must(err)
		some := v.UIDs(50*round+1, 50*round+40)
		_, err = m.Store(b.ctx, some, storage.FlagChange{Op: storage.AddFlags, Flags: storage.Deleted})
		b.must(err)
		_, _, err = m.Expunge(b.ctx, some)
		b.must(err)
		check("some expunged", 15)
		b.must(b.unit.Close())
		b.open()
		a = b.account("anna")
		m = b.box(a, "INBOX")
		check("opened again", 15)
	}
	dir := "a/" + a.ID().String()[:2] + "/" + a.ID().String() + "/meta/" + m.ID().String() + ".texts"
	for bit := range 40 {
		entries, err := b.tree.ReadDir(dir)
		b.must(err)
		if len(entries) == 0 {
			t.Fatal("there is no index")
		}
		name := dir + "/" + entries[r.IntN(len(entries))].Name
		f, err := b.tree.OpenRW(name)
		b.must(err)
		size, err := f.Size()
		b.must(err)
		var c [1]byte
		at := r.Int64N(size)
		_, err = f.ReadAt(c[:], at)
		b.must(err)
		c[0] ^= 1 << (bit % 8)
		_, err = f.WriteAt(c[:], at)
		b.must(err)
		b.must(f.Close())
		check(fmt.Sprintf("bit %d of byte %d of %s inverted", bit%8, at, name), 3)
		b.must(b.unit.Close())
		b.open()
		a = b.account("anna")
		m = b.box(a, "INBOX")
		check("the same, opened again", 3)
		b.indexed(m)
	}
	b.must(a.RenameMailbox(b.ctx, "INBOX", "old"))
	b.must(a.DeleteMailbox(b.ctx, "old"))
	b.must(b.unit.Checkpoint(b.ctx))
	b.must(b.unit.Checkpoint(b.ctx))
}

// TestIndexSize checks that an index takes at most a quarter of the text.
func TestIndexSize(t *testing.T) {
	b := newBench(t)
	a := b.account("anna")
	m := b.box(a, "INBOX")
	r := rand.New(rand.NewPCG(2, 2))
	total := 0
	for range 500 {
		var text bytes.Buffer
		text.WriteString("Subject: size\r\n\r\n")
		for text.Len() < 3000 {
			fmt.Fprintf(&text, "%s%d ", vocabulary[r.IntN(len(vocabulary))], r.IntN(2000))
		}
		total += text.Len()
		b.add(a, m, text.String())
	}
	b.indexed(m)
	dir := "a/" + a.ID().String()[:2] + "/" + a.ID().String() + "/meta/" + m.ID().String() + ".texts"
	entries, err := b.tree.ReadDir(dir)
	b.must(err)
	size := 0
	for _, e := range entries {
		info, err := b.tree.Stat(dir + "/" + e.Name)
		b.must(err)
		size += int(info.Size)
	}
	if size == 0 || size > total/4 {
		t.Errorf("the index has %d bytes, the text %d", size, total)
	}
}

// TestIndexOfDeletedMailbox: a mailbox that is deleted while it is indexed leaves nothing, which Verify at the end of the test looks for.
func TestIndexOfDeletedMailbox(t *testing.T) {
	b := newBench(t)
	a := b.account("anna")
	for range 10 {
		m, err := a.CreateMailbox(b.ctx, "short", 0)
		b.must(err)
		for range 150 {
			b.add(a, m, "Subject: soon gone\r\n\r\ntext\r\n")
		}
		if _, _, err := m.MayContain(b.ctx, []byte("gone"), message.BodyText); err != nil {
			t.Fatal(err)
		}
		b.must(a.DeleteMailbox(b.ctx, "short"))
		b.must(b.unit.Checkpoint(b.ctx))
		if _, _, err := m.MayContain(b.ctx, []byte("gone"), message.BodyText); !errors.Is(err, storage.ErrNoMailbox) {
			t.Fatalf("a deleted mailbox answers %v", err)
		}
	}
}

// TestIndexedUnasked checks that a mailbox that grows is indexed before anybody searches in it.
func TestIndexedUnasked(t *testing.T) {
	b := newBench(t)
	b.must(b.unit.Close())
	b.opt.CheckpointEvery, b.opt.CheckpointAfter = time.Hour, 1<<40 // a checkpoint would ask for the index
	b.open()
	b.must(b.unit.Checkpoint(b.ctx))
	a := b.account("anna")
	m := b.box(a, "INBOX")
	for range 10 {
		var messages []storage.NewMessage
		for range 100 {
			body := a.NewBody()
			defer body.Close()
			_, err := io.WriteString(body, "Subject: harbour\n\n")
			b.must(err)
			messages = append(messages, storage.NewMessage{Body: body})
		}
		_, err := m.Append(b.ctx, messages...)
		b.must(err)
	}
	dir := "a/" + a.ID().String()[:2] + "/" + a.ID().String() + "/meta/" + m.ID().String() + ".texts"
	for range 3000 { // a search would ask too
		if entries, err := b.tree.ReadDir(dir); err == nil && len(entries) > 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("not indexed")
}
