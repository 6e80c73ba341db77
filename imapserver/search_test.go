package imapserver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// mail is a message of the search model.
type mail struct {
	uid            int
	flags          []string
	day, sent      int // of February 2026
	from, subject  string
	body           string
	raw            string
	recent, header bool
}

// searchMails appends messages of all kinds and returns them.
func searchMails(c *client, rnd *rand.Rand, n int) []mail {
	words := []string{"apple", "Birne", "Ærfugl", "naïve", "x1"}
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	var out []mail
	for i := range n {
		m := mail{uid: i + 1, day: 1 + rnd.IntN(9), sent: 1 + rnd.IntN(9), from: pick("anna@example.com", "Bob <bob@example.org>"),
			subject: pick(words...), body: pick(words...) + " " + pick(words...), header: rnd.IntN(2) == 0, recent: true}
		for _, f := range []string{`\Seen`, `\Flagged`, `\Deleted`, "$Label"} {
			if rnd.IntN(2) == 0 {
				m.flags = append(m.flags, f)
			}
		}
		m.raw = fmt.Sprintf("Date: %02d Feb 2026 23:30:00 -1000\r\nFrom: %s\r\nSubject: =?utf-8?q?%s?=\r\n", m.sent, m.from, quotePrintable(m.subject))
		if m.header {
			m.raw += "X-Extra: some\r\n thing\r\n"
		}
		m.raw += "Content-Type: text/plain; charset=utf-8\r\n\r\n" + m.body + strings.Repeat(".", rnd.IntN(50)) + "\r\n"
		c.ok(fmt.Sprintf("APPEND INBOX (%s) \"%02d-Feb-2026 23:59:59 +0000\" {%d+}\r\n%s", strings.Join(m.flags, " "), m.day, len(m.raw), m.raw))
		out = append(out, m)
	}
	return out
}

func quotePrintable(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "=%02X", c)
	}
	return b.String()
}

// literal writes a string that may have any octets.
func literalOf(s string) string { return fmt.Sprintf("{%d+}\r\n%s", len(s), s) }

// randomKey returns a search key and what it means.
func randomKey(rnd *rand.Rand, depth int) (string, func(mail) bool) {
	has := func(f string) func(mail) bool { return func(m mail) bool { return slices.Contains(m.flags, f) } }
	not := func(f func(mail) bool) func(mail) bool { return func(m mail) bool { return !f(m) } }
	contains := func(in func(mail) string, what string) func(mail) bool {
		return func(m mail) bool { return strings.Contains(strings.ToLower(in(m)), strings.ToLower(what)) }
	}
	word := []string{"APPLE", "birne", "ærfugl", "NAÏVE", "x", ""}[rnd.IntN(6)]
	day, size := 1+rnd.IntN(9), 150+rnd.IntN(100)
	date := fmt.Sprintf("%d-Feb-2026", day)
	n := 18
	if depth == 0 {
		n = 15
	}
	switch rnd.IntN(n) {
	case 0:
		return "seen", has(`\Seen`)
	case 1:
		return "UNFLAGGED", not(has(`\Flagged`))
	case 2:
		return "KEYWORD $label", has("$Label")
	case 3:
		return "UNKEYWORD $LABEL", not(has("$Label"))
	case 4:
		return "BEFORE " + date, func(m mail) bool { return m.day < day }
	case 5:
		return "SINCE " + date, func(m mail) bool { return m.day >= day }
	case 6:
		return `ON "` + date + `"`, func(m mail) bool { return m.day == day }
	case 7:
		return "SENTSINCE " + date, func(m mail) bool { return m.sent >= day }
	case 8:
		return fmt.Sprint("LARGER ", size), func(m mail) bool { return len(m.raw) > size }
	case 9:
		return "FROM BOB", contains(func(m mail) string { return m.from }, "bob")
	case 10:
		return "SUBJECT " + literalOf(word), contains(func(m mail) string { return m.subject }, word)
	case 11:
		return "BODY " + literalOf(word), contains(func(m mail) string { return m.body }, word)
	case 12:
		return `HEADER x-extra "Some Thing"`, func(m mail) bool { return m.header }
	case 13:
		return fmt.Sprintf("UID %d:%d", day, day+5), func(m mail) bool { return m.uid >= day && m.uid <= day+5 }
	case 14:
		return fmt.Sprintf("%d:*", day), func(m mail) bool { return m.uid >= day }
	case 15:
		a, f := randomKey(rnd, depth-1)
		return "NOT " + a, not(f)
	case 16:
		a, f := randomKey(rnd, depth-1)
		b, g := randomKey(rnd, depth-1)
		return "OR " + a + " " + b, func(m mail) bool { return f(m) || g(m) }
	default:
		a, f := randomKey(rnd, depth-1)
		b, g := randomKey(rnd, depth-1)
		return "(" + a + " " + b + ")", func(m mail) bool { return f(m) && g(m) }
	}
}

// TestSearchAgainstModel compares random searches with a filter of a slice.
func TestSearchAgainstModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	c := newTestServer(t, nil).login(t, 1)[0]
	mails := searchMails(c, rnd, 40)
	c.ok("SELECT INBOX")
	for range 300 {
		a, f := randomKey(rnd, 3)
		b, g := randomKey(rnd, 3)
		want := "* SEARCH"
		for _, m := range mails {
			if f(m) && g(m) {
				want += fmt.Sprint(" ", m.uid)
			}
		}
		c.want("UID SEARCH CHARSET UTF-8 "+a+" "+b, want, ". OK …")
	}
}

// TestSearchText checks what is text and what is not: encodings, charsets, messages in messages, attachments.
func TestSearchText(t *testing.T) {
	c := newTestServer(t, nil).session(t, 0)
	c.append("INBOX", "", "Subject: outer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nX-Long: "+
		strings.Repeat("y", 3000)+"needle1\r\n\r\npreamble\r\n"+
		"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\nX-Part: needle2\r\n\r\nnaïve n=E9ed=\r\nle3\r\n"+
		"--b\r\nContent-Type: text/html; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n\r\n7cHU2A==\r\n"+
		"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?needle4?=\r\n\r\nneedle5\r\n"+
		"--b\r\nContent-Type: application/octet-stream\r\n\r\nneedle6\r\n--b--\r\n")
	for key, found := range map[string]bool{
		"HEADER X-Long needle1": true, "TEXT needle1": true, "BODY needle1": false,
		"TEXT needle2": true, "BODY needle2": false,
		"BODY " + literalOf("NÉEDLE3"): true, "CHARSET ISO-8859-1 BODY " + literalOf("n\xe9edle"): true,
		"BODY " + literalOf("мать"): true, "CHARSET KOI8-R TEXT " + literalOf("\xed\xe1\xf4\xf8"): true,
		"BODY needle4": true, "TEXT needle4": true, "SUBJECT needle4": false, "BODY needle5": true, "TEXT needle6": false,
		`HEADER X-Long ""`: true, `HEADER X-Nothing ""`: false, "SUBJECT OUTER": true, "TEXT subject": true,
	} {
		want := "* SEARCH"
		if found {
			want += " 1"
		}
		c.want("SEARCH "+key, want, ". OK …")
	}
	c.want("SEARCH CHARSET NONSENSE ALL", ". NO [BADCHARSET (US-ASCII UTF-8)] …")
	c.want("SEARCH 2", "* SEARCH", ". OK …") // RFC 7377, section 2
	c.want("SEARCH UID 2:9", "* SEARCH", ". OK …")
	c.want("UID SEARCH NOT NOT 1", "* SEARCH 1", ". OK …")
}

// TestSearchEmptyText checks that the empty text is found also where there is no text.
func TestSearchEmptyText(t *testing.T) {
	c := newTestServer(t, nil).session(t, 0)
	c.append("INBOX", "", "Content-Type: image/png\r\n\r\nnot text\r\n")
	c.ok("SELECT INBOX")
	c.want(`SEARCH BODY ""`, "* SEARCH 1", ". OK …")
	c.want(`SEARCH NOT TEXT ""`, "* SEARCH", ". OK …")
	c.want("SEARCH BODY not", "* SEARCH", ". OK …")
}

// TestSearchBounds checks that a search is bounded in size, depth and time.
func TestSearchBounds(t *testing.T) {
	c := newTestServer(t, func(s *Server) { s.Limits.SearchKeys = 100 }).session(t, 1)
	start := time.Now()
	c.want("SEARCH "+strings.Repeat("NOT ", 101)+"ALL", ". NO [LIMIT] …")
	c.want("SEARCH "+strings.Repeat("OR ALL ", 60)+"ALL", ". NO [LIMIT] …")
	c.want("SEARCH "+strings.Repeat("(", 200)+"ALL"+strings.Repeat(")", 200), ". BAD …")
	c.want("SEARCH "+strings.Repeat("1,", 20000)+"1", ". BAD …")
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("%v", d)
	}
}

// TestSearchKeepsNumbers checks that a search with sequence numbers is not answered with EXPUNGE.
func TestSearchKeepsNumbers(t *testing.T) {
	s := newTestServer(t, nil)
	two := s.login(t, 2)
	a, b := two[0], two[1]
	for i := range 3 {
		a.append("INBOX", "", fmt.Sprintf("Subject: m%d\r\n\r\ntext\r\n", i))
	}
	a.ok("SELECT INBOX")
	b.ok("SELECT INBOX")
	b.ok(`STORE 2 +FLAGS.SILENT (\Deleted)`)
	a.want("SEARCH DELETED", "* SEARCH", `* 2 FETCH (FLAGS (\Deleted \Recent))`, ". OK …")
	b.ok("EXPUNGE")
	a.want("SEARCH DELETED", "* SEARCH 2", ". OK …") // still there, for this session
	a.want("UID SEARCH 3", "* SEARCH 3", ". OK …")   // numbers hold until the answer
	a.want("UID SEARCH UID 3", "* SEARCH 3", "* 2 EXPUNGE", "* 2 RECENT", ". OK …")
}
