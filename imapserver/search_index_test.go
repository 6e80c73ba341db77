package imapserver

import (
	"context"
	"encoding/base64"
	"flag"
	"fmt"
	"math/rand/v2"
	"mime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/message"
)

var indexQueries = flag.Int("search.queries", 60, "random searches to compare, with an index of texts and without")

// searchWords are common, rare, short and not ASCII; some have other forms of the same letters.
var searchWords = []string{"harbour", "Ærlig", "日本語", "ΣΊΣΥΦΟΣ", "σίσυφος", "straße", "a", "of", "invoice", "x1", "Grüße", "Gru\u0308ße", "no", "%", "ﬁne", "é"}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func someWords(r *rand.Rand, most int) string {
	var words []string
	for range 1 + r.IntN(most) {
		words = append(words, pick(r, searchWords))
	}
	return strings.Join(words, " ")
}

// searchable makes a message with words in many places and forms.
func searchable(r *rand.Rand) string {
	var b strings.Builder
	for _, name := range []string{"Subject", "From", "To", "Cc", "BCC", "X-Other", "subject", "Comments"} {
		if r.IntN(3) > 0 {
			continue
		}
		text := someWords(r, 4)
		switch r.IntN(3) {
		case 0:
			text = mime.QEncoding.Encode("utf-8", text)
		case 1:
			text = mime.BEncoding.Encode("utf-8", text)
		}
		if strings.Contains("From To Cc BCC", name) {
			text += " <" + pick(r, []string{"harbour", "x1", "no"}) + "@example.org>"
		}
		fmt.Fprintf(&b, "%s:%s%s\r\n", name, pick(r, []string{" ", "", "\r\n "}), text)
	}
	plain := func() string {
		return "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
			base64.StdEncoding.EncodeToString([]byte(someWords(r, 20))) + "\r\n"
	}
	switch r.IntN(4) {
	case 0:
		b.WriteString("\r\n" + someWords(r, 30) + "\r\n")
	case 1:
		b.WriteString("Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe of =C6rlig\r\n")
	case 2:
		b.WriteString(plain())
	case 3:
		b.WriteString("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + plain() + "--b\r\nSubject: " + pick(r, searchWords) +
			"\r\nContent-Type: message/rfc822\r\n\r\nSubject: " + someWords(r, 2) + "\r\nFrom: " + someWords(r, 2) + "\r\n\r\n" + someWords(r, 5) +
			"\r\n--b--\r\n")
	}
	return b.String()
}

// searchQuery makes search keys, some with others within.
func searchQuery(r *rand.Rand, depth int) string {
	text := someWords(r, 2)
	if runes := []rune(text); r.IntN(2) == 0 {
		text = string(runes[r.IntN(len(runes)):])
	}
	if r.IntN(2) == 0 {
		text = strings.ToUpper(text)
	}
	text = fmt.Sprintf("{%d+}\r\n%s", len(text), text)
	if depth > 0 {
		switch r.IntN(4) {
		case 0:
			return "NOT " + searchQuery(r, depth-1)
		case 1:
			return "OR " + searchQuery(r, depth-1) + " " + searchQuery(r, depth-1)
		case 2:
			return "(" + searchQuery(r, depth-1) + " " + searchQuery(r, depth-1) + ")"
		}
	}
	return pick(r, []string{"SUBJECT", "FROM", "TO", "CC", "BCC", "HEADER X-Other", "HEADER subject", "HEADER Content-Type", "BODY", "TEXT"}) + " " + text
}

// TestSearchWithIndex compares searches in a mailbox that is indexed with those in mailboxes that are too small for an index.
func TestSearchWithIndex(t *testing.T) {
	const n, small = 300, 100
	queries := *indexQueries
	if testing.Short() {
		queries = min(queries, 10)
	}
	r := rand.New(rand.NewPCG(1, 1))
	ctx := context.Background()
	c := selectedConn(t, 0)
	account, whole := c.identity.account, c.selected.mbox
	var pieces []*storage.Mailbox
	for i := range n {
		if i%small == 0 {
			piece, err := account.CreateMailbox(ctx, fmt.Sprintf("piece %d", i/small), 0)
			if err != nil {
				t.Fatal(err)
			}
			pieces = append(pieces, piece)
		}
		text := searchable(r)
		deliver(t, account, whole, 1, text)
		deliver(t, account, pieces[i/small], 1, text)
	}
	waitForIndex(t, whole, n)
	find := func(mbox *storage.Mailbox, query string) []storage.UID {
		t.Helper()
		v, err := mbox.View(ctx)
		if err != nil {
			t.Fatal(err)
		}
		c.selected = &selected{mbox: mbox, view: newView(v)}
		if _, err := parsed(t, c, "UID SEARCH RETURN (SAVE) CHARSET UTF-8 "+query)(ctx); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		return slices.Collect(c.selected.saved.All())
	}
	hits := 0
	for range queries {
		query := searchQuery(r, 2)
		var want []storage.UID
		for i, piece := range pieces {
			for _, uid := range find(piece, query) {
				want = append(want, uid+storage.UID(i*small))
			}
		}
		if got := find(whole, query); !slices.Equal(got, want) {
			t.Fatalf("%q: %v with the index, %v without", query, got, want)
		}
		hits += len(want)
	}
	t.Logf("%d searches found %d of %d", queries, hits, queries*n)
}

func waitForIndex(t testing.TB, mbox *storage.Mailbox, n int) {
	t.Helper()
	for range 2000 {
		indexed, _, err := mbox.MayContain(context.Background(), []byte("any"), message.BodyText)
		if err != nil {
			t.Fatal(err)
		}
		if indexed.Len() == n {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("not indexed")
}
