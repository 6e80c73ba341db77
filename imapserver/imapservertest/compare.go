package imapservertest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// A Difference is a way in which two servers are known to differ.
type Difference struct {
	// Name says what differs, and Why which of both is right, by RFC and section.
	Name, Why string
	// Is recognises it in the answers about a message to a command.
	Is func(command string, message []byte, want, got string) bool
}

// Compare gives two servers the same messages and asks both the same: of each message everything that FETCH can tell, of all together
// SEARCH, SORT and THREAD. Answers are compared by meaning. What differs and is not known fails the test, and so does a known
// difference that never occurs. A table of what was compared goes to the log.
func Compare(t testing.TB, want, got Server, messages [][]byte, known []Difference) {
	c := &comparison{t: t, known: known, table: map[string]*tally{}, occurred: make([]int, len(known))}
	c.want, c.got = newAsker(t, want), newAsker(t, got)
	for i, m := range messages {
		for _, a := range []*asker{c.want, c.got} {
			a.add(m, i)
		}
	}
	for _, a := range []*asker{c.want, c.got} {
		a.ask("SELECT INBOX")
	}
	for i, m := range messages {
		c.message(i+1, m)
	}
	c.searches(messages)
	c.report()
}

type comparison struct {
	t         testing.TB
	want, got *asker
	known     []Difference
	table     map[string]*tally
	occurred  []int
	shown     int
}

// tally counts the answers to one kind of question.
type tally struct{ equal, known, unknown int }

// sections are asked of each message, whether it has them or not.
var sections = []string{"", "HEADER", "TEXT", "1", "1.MIME", "1.HEADER", "1.TEXT", "2", "2.MIME", "3", "1.1", "1.1.MIME", "1.2", "2.1", "2.2", "2.HEADER",
	"2.TEXT", "2.1.MIME", "1.1.1", "1.2.1", "3.1", "4", "HEADER.FIELDS (SUBJECT FROM TO X-MAILER)", "HEADER.FIELDS.NOT (RECEIVED DATE)",
	"1.HEADER.FIELDS (SUBJECT)", "2.HEADER.FIELDS.NOT (SUBJECT)"}

func (c *comparison) message(n int, m []byte) {
	for _, item := range []string{"RFC822.SIZE", "ENVELOPE", "BODY", "BODYSTRUCTURE", "RFC822.HEADER"} {
		c.compare(item, fmt.Sprintf("FETCH %d %s", n, item), m)
	}
	for _, s := range sections {
		c.compare("BODY[]", fmt.Sprintf("FETCH %d BODY.PEEK[%s]", n, s), m)
	}
	for _, partial := range []string{"<0.10>", "<7.50>", "<100.1>", "<100000000.5>"} {
		c.compare("partial", fmt.Sprintf("FETCH %d BODY.PEEK[]%s", n, partial), m)
		c.compare("partial", fmt.Sprintf("FETCH %d BODY.PEEK[TEXT]%s", n, partial), m)
	}
	for _, part := range []string{"1", "2", "1.1", "1.2", "2.1"} {
		c.compare("BINARY", fmt.Sprintf("FETCH %d BINARY.PEEK[%s]", n, part), m)
		c.compare("BINARY.SIZE", fmt.Sprintf("FETCH %d BINARY.SIZE[%s]", n, part), m)
	}
}

// searches asks for keys, with words of the messages.
func (c *comparison) searches(messages [][]byte) {
	words := searchWords(messages)
	for _, key := range []string{"SUBJECT", "FROM", "TO", "CC", "TEXT", "BODY", "HEADER Content-Type", "HEADER Message-ID", "HEADER References"} {
		for _, w := range words {
			c.compare("SEARCH "+key, fmt.Sprintf("UID SEARCH %s {%d+}\r\n%s", key, len(w), w), nil)
		}
	}
	for _, key := range []string{"ALL", "SEEN", "LARGER 1000", "SMALLER 500", "SENTSINCE 1-Jan-2000", "SENTBEFORE 1-Jan-2000", "SENTON 1-Jan-2020",
		"SINCE 1-Feb-2020", "BEFORE 15-Feb-2020", "ON 10-Feb-2020", "HEADER Subject \"\"", "HEADER X-Mailer \"\"", "NOT HEADER Date \"\""} {
		c.compare("SEARCH", "UID SEARCH "+key, nil)
	}
	for _, order := range []string{"ARRIVAL", "DATE", "SIZE", "SUBJECT", "FROM", "TO", "CC", "DISPLAYFROM", "DISPLAYTO", "REVERSE SUBJECT", "SUBJECT REVERSE DATE"} {
		c.compare("SORT", fmt.Sprintf("UID SORT (%s) UTF-8 ALL", order), nil)
	}
	for _, algorithm := range []string{"REFERENCES", "ORDEREDSUBJECT"} {
		c.compare("THREAD", fmt.Sprintf("UID THREAD %s UTF-8 ALL", algorithm), nil)
		for n := 1; n < len(messages); n += 25 {
			c.compare("THREAD", fmt.Sprintf("UID THREAD %s UTF-8 UID %d:%d", algorithm, n, n+40), nil)
		}
	}
}

// searchWords picks words out of the messages, few of each.
func searchWords(messages [][]byte) []string {
	seen := map[string]bool{"e": true, "example": true, "no such text": true}
	for i, m := range messages {
		fields := strings.FieldsFunc(string(m), func(r rune) bool { return r < 'A' || r > 'z' || r > 'Z' && r < 'a' })
		if i%9 == 0 && len(fields) > 0 {
			seen[fields[(i*31)%len(fields)]] = true
		}
	}
	var words []string
	for w := range seen {
		words = append(words, w)
	}
	slices.Sort(words)
	return words
}

// maxDifferences bounds how many unknown differences are shown.
const maxDifferences = 25

func (c *comparison) compare(kind, command string, message []byte) {
	want, got := c.want.ask(command), c.got.ask(command)
	n := c.table[kind]
	if n == nil {
		n = &tally{}
		c.table[kind] = n
	}
	if want == got {
		n.equal++
		return
	}
	for i, d := range c.known {
		if d.Is(command, message, want, got) {
			c.occurred[i]++
			n.known++
			return
		}
	}
	n.unknown++
	if c.shown++; c.shown <= maxDifferences {
		c.t.Errorf("%s\nwant %s\ngot  %s\nof %.1500q", command, excerpt(want, got), excerpt(got, want), message)
	}
}

// excerpt is where one text begins to differ from another.
func excerpt(text, other string) string {
	at := 0
	for at < len(text) && at < len(other) && text[at] == other[at] {
		at++
	}
	from, to := max(0, at-60), min(len(text), at+200)
	return fmt.Sprintf("%d: …%s…", at, text[from:to])
}

func (c *comparison) report() {
	kinds := make([]string, 0, len(c.table))
	for kind := range c.table {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	total := tally{}
	for _, kind := range kinds {
		n := c.table[kind]
		c.t.Logf("%-30s %7d equal %5d explained %5d not", kind, n.equal, n.known, n.unknown)
		total = tally{total.equal + n.equal, total.known + n.known, total.unknown + n.unknown}
	}
	c.t.Logf("%-30s %7d equal %5d explained %5d not", "all", total.equal, total.known, total.unknown)
	for i, d := range c.known {
		c.t.Logf("%5d times: %s (%s)", c.occurred[i], d.Name, d.Why)
		if c.occurred[i] == 0 {
			c.t.Errorf("%s: this difference is known and did not occur", d.Name)
		}
	}
	if total.unknown > 0 {
		c.t.Errorf("%d answers differ and nobody knows why", total.unknown)
	}
}

// asker is a connection that asks one question after the other.
type asker struct {
	t              testing.TB
	server         Server
	user, password string
	conn           net.Conn
	r              *bufio.Reader
	tags           int
}

func newAsker(t testing.TB, s Server) *asker {
	t.Helper()
	a := &asker{t: t, server: s}
	a.user, a.password = s.NewAccount(t)
	a.connect()
	t.Cleanup(func() { a.conn.Close() })
	return a
}

func (a *asker) connect() {
	a.t.Helper()
	conn, err := a.server.Dial()
	if err != nil {
		a.t.Fatal(err)
	}
	a.conn, a.r = conn, bufio.NewReader(conn)
	if _, err := readResponse(a.r); err != nil {
		a.t.Fatal(err)
	}
	a.ask(fmt.Sprintf("LOGIN %q %q", a.user, a.password))
}

// add appends a message, with a date that follows from its number.
func (a *asker) add(message []byte, n int) {
	a.t.Helper()
	answer := a.ask(fmt.Sprintf("APPEND INBOX \"%02d-Feb-2020 10:%02d:00 +0000\" {%d+}\r\n%s", n%28+1, n%60, len(message), message))
	if !strings.HasPrefix(answer, "OK") {
		a.t.Fatalf("%s: APPEND of %.200q: %s", a.server.Name, message, answer)
	}
}

// ConnectionLost is the answer of a server that ends the connection instead of giving one.
const ConnectionLost = "connection lost"

// ask sends a command and returns the answer, strings always quoted. Of the tagged response it has the condition only.
func (a *asker) ask(command string) string {
	a.t.Helper()
	a.tags++
	tag := fmt.Sprintf("c%d", a.tags)
	a.conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(a.conn, tag+" "+command+"\r\n"); err != nil {
		a.t.Fatalf("%s: %.200q: %v", a.server.Name, command, err)
	}
	var lines []string
	for {
		r, err := readResponse(a.r)
		if err != nil && strings.HasPrefix(command, "FETCH") {
			a.conn.Close()
			a.connect()
			a.ask("SELECT INBOX")
			return ConnectionLost
		} else if err != nil {
			a.t.Fatalf("%s: %.200q: %v after %.500q", a.server.Name, command, err, r.raw)
		}
		if r.tagged() {
			return r.word(0) + "\n" + strings.Join(lines, "\n")
		}
		if !isStatus(r.word(0)) {
			lines = append(lines, join(r.body))
		}
	}
}
