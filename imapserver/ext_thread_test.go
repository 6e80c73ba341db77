package imapserver

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
)

// TestThread checks THREAD over the wire (RFC 5256).
func TestThread(t *testing.T) {
	c := newTestServer(t, nil).login(t, 1)[0]
	for i, header := range []string{
		"Message-ID: <1@x>\r\nSubject: harbour\r\n",
		"Message-ID: <2@x>\r\nSubject: Re: harbour\r\nReferences: <0@x> <\"1\"@x>\r\n",
		"Message-ID: <3@x>\r\nSubject: other\r\nIn-Reply-To: your mail <2@x>\r\n",
		"Message-ID: <4@x>\r\nSubject: [list] Re: HARBOUR\r\n",
		"Subject: alone\r\n",
	} {
		text := fmt.Sprintf("Date: %d Jan 2020 00:00:00 +0000\r\n%s\r\n", i+1, header)
		c.ok(fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(text), text))
	}
	c.ok("SELECT INBOX")
	c.want("THREAD REFERENCES UTF-8 ALL", "* THREAD (1 (2 3)(4))(5)", ". OK …")
	c.want("THREAD ORDEREDSUBJECT UTF-8 ALL", "* THREAD (1 (2)(4))(3)(5)", ". OK …")
	c.want("THREAD REFERENCES UTF-8 2:3", "* THREAD (2 3)", ". OK …")
	c.want("THREAD REFERENCES UTF-8 DELETED", "* THREAD", ". OK …")
	c.ok("UID STORE 1 +FLAGS (\\Deleted)")
	c.ok("EXPUNGE")
	c.want("UID THREAD REFERENCES US-ASCII ALL", "* THREAD ((2 3)(4))(5)", ". OK …")
	c.want("THREAD REFERENCES US-ASCII ALL", "* THREAD ((1 2)(3))(4)", ". OK …")
	c.want("THREAD NONSENSE UTF-8 ALL", ". BAD …")
	c.want("THREAD REFERENCES ALL", ". BAD …")
	c.want("THREAD REFERENCES X-NONSENSE ALL", ". NO [BADCHARSET …")
}

// threads writes what a THREAD response would have.
func threads(f *forest, messages []threadMessage) string {
	var out bytes.Buffer
	e := wire.NewEncoder(&out)
	f.write(e, messages)
	e.Flush()
	return out.String()
}

// TestThreadByReferences checks single rules of the algorithm (RFC 5256, section 3). The messages are numbered from 1; each is
// "id<references subject", with + before the subject of a reply.
func TestThreadByReferences(t *testing.T) {
	for _, c := range []struct {
		rule     string
		messages []string
		want     string
	}{
		{"a chain", []string{"a< s", "b<a s", "c<a,b s"}, "(1 2 3)"},
		{"a chain in another order", []string{"c<a,b s", "b<a s", "a< s"}, "(3 2 1)"},
		{"siblings", []string{"a< s", "b<a s", "c<a s"}, "(1 (2)(3))"},
		{"one missing parent goes", []string{"b<a s"}, "(1)"},
		{"a missing parent of two stays at the top", []string{"b<a s", "c<a s"}, "((1)(2))"},
		{"a missing one in the middle goes", []string{"a< s", "c<a,b s", "d<a,b s"}, "(1 (2)(3))"},
		{"a double identifier counts once", []string{"a< s", "a< t", "b<a s"}, "(1 3)(2)"},
		{"no loop of two", []string{"a<b s", "b<a s"}, "(2 1)"},
		{"no loop with oneself", []string{"a<a s"}, "(1)"},
		{"own references count", []string{"c<x,b s", "b<a s", "a< s"}, "(3 2 1)"},
		{"equal subjects", []string{"a< s", "b< s"}, "((1)(2))"},
		{"a reply by subject", []string{"a< s", "b< +s"}, "(1 2)"},
		{"a reply before what it replies to", []string{"a< +s", "b< s"}, "(2 1)"},
		{"two replies", []string{"a< +s", "b< +s"}, "((1)(2))"},
		{"three equal subjects", []string{"a< s", "b< s", "c< s"}, "((1)(2)(3))"},
		{"two dummies", []string{"b<a s", "c<a s", "e<d s", "f<d s"}, "((1)(2)(3)(4))"},
		{"a dummy and a message", []string{"b<a s", "c<a s", "d< +s"}, "((1)(2)(3))"},
		{"no subjects", []string{"a< ", "b< "}, "(1)(2)"},
	} {
		var messages []threadMessage
		for i, text := range c.messages {
			id, rest, _ := strings.Cut(text, "<")
			refs, subject, _ := strings.Cut(rest, " ")
			subject, reply := strings.CutPrefix(subject, "+")
			m := threadMessage{number: uint32(i + 1), date: int64(i), subject: subject, reply: reply, id: id}
			if refs != "" {
				m.references = strings.Split(refs, ",")
			}
			messages = append(messages, m)
		}
		if got := threads(threadByReferences(messages), messages); got != c.want {
			t.Errorf("%s: %s, want %s", c.rule, got, c.want)
		}
	}
}

// TestThreadsAreComplete checks that each message is in the answer once, whatever the references.
func TestThreadsAreComplete(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	number := regexp.MustCompile(`\d+`)
	for round := range 300 {
		var messages []threadMessage
		n := 1 + r.IntN(40)
		for i := range n {
			m := threadMessage{number: uint32(i + 1), date: int64(r.IntN(5)), reply: r.IntN(2) == 0}
			m.subject = []string{"", "a", "b", "c"}[r.IntN(4)]
			m.id = fmt.Sprint("i", r.IntN(n))
			for range r.IntN(4) {
				m.references = append(m.references, fmt.Sprint("i", r.IntN(2*n)))
			}
			messages = append(messages, m)
		}
		for name, thread := range threadAlgorithms {
			got := threads(thread(messages), messages)
			var seen []int
			for _, d := range number.FindAllString(got, -1) {
				k, _ := strconv.Atoi(d)
				seen = append(seen, k)
			}
			slices.Sort(seen)
			if len(seen) != n || seen[0] != 1 || seen[n-1] != n || len(slices.Compact(seen)) != n {
				t.Fatalf("round %d, %s: %s", round, name, got)
			}
			if strings.Contains(got, "()") || strings.Contains(got, " )") {
				t.Fatalf("round %d, %s: %s", round, name, got)
			}
		}
	}
}

// longThreads makes one conversation as deep as there are messages.
func longThreads(n int) []threadMessage {
	messages := make([]threadMessage, n)
	for i := range messages {
		messages[i] = threadMessage{number: uint32(i + 1), date: int64(i), subject: "s", reply: true, id: fmt.Sprint(i)}
		if i > 0 {
			messages[i].references = []string{fmt.Sprint(i - 1)}
		}
	}
	return messages
}

func BenchmarkThreadByReferences(b *testing.B) {
	for name, messages := range map[string][]threadMessage{"deep": longThreads(100000)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				threadByReferences(messages)
			}
		})
	}
}
