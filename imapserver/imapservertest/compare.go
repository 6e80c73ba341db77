package imapservertest

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// A Question is what two servers answered differently.
type Question struct {
	// Command was asked, about Message, one of those that were compared.
	Command string
	Message []byte
	// Want and Got are the answers. For SEARCH they are "found" or "not found", for SORT and THREAD empty: is the message one that may
	// have another place?
	Want, Got string
	// Parts are the numbers of all parts of Message, for FETCH.
	Parts []string
}

// A Difference is a way in which two servers are known to differ.
type Difference struct {
	// Name says what differs, and Why which of both is right, by RFC and section.
	Name, Why string
	// Is recognises it.
	Is func(Question) bool
}

// Compare gives two servers the same messages and asks both the same: of each message everything that FETCH can tell, of all together
// SEARCH, SORT and THREAD. Answers are compared by meaning. What differs and is not known fails the test, and so does a known
// difference that never occurs. A table of what was compared goes to the log.
func Compare(t testing.TB, want, got Server, messages [][]byte, known []Difference) {
	c := &comparison{t: t, messages: messages, known: known, table: map[string]*tally{}, occurred: make([]int, len(known))}
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
	c.searches()
	c.report()
}

type comparison struct {
	t         testing.TB
	want, got *asker
	messages  [][]byte
	known     []Difference
	table     map[string]*tally
	occurred  []int
	parts     []string // of the message being compared
}

// tally counts the answers to one kind of question.
type tally struct{ equal, known, unknown int }

// fetchItems are asked of each message.
var fetchItems = []string{"RFC822.SIZE", "ENVELOPE", "BODY", "RFC822.HEADER"}

// sections are asked of each message, whether it has them or not.
var sections = []string{"", "HEADER", "TEXT", "1", "1.MIME", "1.HEADER", "1.TEXT", "2", "1.1", "1.1.MIME", "2.1", "2.TEXT", "9", "1.1.1.1.1",
	"HEADER.FIELDS (SUBJECT FROM TO X-MAILER)", "HEADER.FIELDS (DATE CONTENT-TYPE X-EMPTY)", "HEADER.FIELDS.NOT (RECEIVED DATE)",
	"HEADER.FIELDS.NOT (SUBJECT FROM TO CC BCC SENDER REPLY-TO MESSAGE-ID)", "1.HEADER.FIELDS (SUBJECT)", "2.HEADER.FIELDS.NOT (SUBJECT)"}

var partials = []string{"<0.10>", "<7.50>", "<100.1>", "<100000000.5>"}

// message asks for all that FETCH knows of a message.
func (c *comparison) message(n int, m []byte) {
	c.parts = nil
	c.compare("BODYSTRUCTURE", m, fmt.Sprintf("FETCH %d BODYSTRUCTURE", n))
	c.parts = c.got.parts()
	ask := func(kind, format string, of ...string) {
		var commands []string
		for _, item := range of {
			commands = append(commands, fmt.Sprintf("FETCH %d "+format, n, item))
		}
		c.compare(kind, m, commands...)
	}
	for _, item := range fetchItems {
		ask(item, "%s", item)
	}
	ask("BODY[]", "BODY.PEEK[%s]", sections...)
	ask("BODY[] of parts", "BODY.PEEK[%s]", c.parts...)
	ask("MIME of parts", "BODY.PEEK[%s.MIME]", c.parts...)
	ask("HEADER of parts", "BODY.PEEK[%s.HEADER]", c.parts...)
	ask("TEXT of parts", "BODY.PEEK[%s.TEXT]", c.parts...)
	ask("HEADER.FIELDS of parts", "BODY.PEEK[%s.HEADER.FIELDS (FROM SUBJECT)]", c.parts...)
	ask("partial", "BODY.PEEK[]%s", partials...)
	ask("partial", "BODY.PEEK[TEXT]%s", partials...)
	ask("partial", "BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)]%s", partials...)
	parts := append([]string{"1", "2", "1.1", "1.2", "2.1"}, c.parts...)
	slices.Sort(parts)
	parts = slices.Compact(parts)
	ask("BINARY", "BINARY.PEEK[%s]", parts...)
	ask("BINARY", "BINARY.PEEK[%s]<3.20>", parts...)
	ask("BINARY.SIZE", "BINARY.SIZE[%s]", parts...)
}

// maxParts bounds of how many parts of a message the servers are asked.
const maxParts = 40

// parts are the numbers of the parts in the last answer, which was BODYSTRUCTURE.
func (a *asker) parts() []string {
	for _, line := range a.last {
		if len(line) == 3 && line[1].is("FETCH") && len(line[2].list) == 2 {
			parts := partNumbers(nil, line[2].list[1], "")
			return parts[:min(len(parts), maxParts)]
		}
	}
	return nil
}

// partNumbers appends the numbers of the parts of a body (RFC 9051, section 7.5.2: body).
func partNumbers(numbers []string, body value, prefix string) []string {
	if len(body.list) == 0 || body.list[0].kind != list {
		return partNumber(numbers, body, prefix+"1")
	}
	for i, part := range body.list {
		if part.kind != list {
			break
		}
		numbers = partNumber(numbers, part, fmt.Sprintf("%s%d", prefix, i+1))
	}
	return numbers
}

// partNumber appends the number of a part, and those of the parts within it.
func partNumber(numbers []string, part value, number string) []string {
	numbers = append(numbers, number)
	if len(part.list) > 0 && part.list[0].kind == list {
		return partNumbers(numbers, part, number+".")
	}
	if len(part.list) > 8 && strings.EqualFold(part.list[0].text, "message") && strings.EqualFold(part.list[1].text, "rfc822") {
		return partNumbers(numbers, part.list[8], number+".")
	}
	return numbers
}

// compare asks both servers about one message.
func (c *comparison) compare(kind string, message []byte, commands ...string) {
	for _, command := range commands {
		c.want.send(command)
		c.got.send(command)
		q := Question{command, message, c.want.receive(command), c.got.receive(command), c.parts}
		switch {
		case q.Want == q.Got:
			c.tally(kind).equal++
		case c.isKnown(q):
			c.tally(kind).known++
		default:
			c.unknown(kind, q)
		}
	}
}

func (c *comparison) tally(kind string) *tally {
	n := c.table[kind]
	if n == nil {
		n = &tally{}
		c.table[kind] = n
	}
	return n
}

// isKnown tells whether somebody knows why the answers differ.
func (c *comparison) isKnown(q Question) bool {
	for i, d := range c.known {
		if d.Is(q) {
			c.occurred[i]++
			return true
		}
	}
	return false
}

// maxDifferences bounds how many unknown differences of a kind are shown.
const maxDifferences = 8

func (c *comparison) unknown(kind string, q Question) {
	n := c.tally(kind)
	if n.unknown++; n.unknown <= maxDifferences {
		c.t.Errorf("%q\nwant %s\ngot  %s\nof %.1500q", q.Command, excerpt(q.Want, q.Got), excerpt(q.Got, q.Want), q.Message)
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
		c.t.Logf("%-30s %7d equal %6d explained %5d not", kind, n.equal, n.known, n.unknown)
		total = tally{total.equal + n.equal, total.known + n.known, total.unknown + n.unknown}
	}
	c.t.Logf("%-30s %7d equal %6d explained %5d not, of %d messages", "all", total.equal, total.known, total.unknown, len(c.messages))
	for i, d := range c.known {
		c.t.Logf("%6d times: %s (%s)", c.occurred[i], d.Name, d.Why)
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
	last           [][]value // the untagged responses of the last answer
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
	literal := ""
	if bytes.IndexByte(message, 0) >= 0 {
		literal = "~" // RFC 3516, section 4.4
	}
	answer := a.ask(fmt.Sprintf("APPEND INBOX \"%02d-Feb-2020 10:%02d:00 +0000\" %s{%d+}\r\n%s", n%28+1, n%60, literal, len(message), message))
	if !strings.HasPrefix(answer, "OK") {
		a.t.Fatalf("%s: APPEND of %.200q: %s", a.server.Name, message, answer)
	}
}

// ConnectionLost is the answer of a server that ends the connection instead of giving one.
const ConnectionLost = "connection lost"

// ask sends a command and returns the answer, strings always quoted. Of the tagged response it has the condition only.
func (a *asker) ask(command string) string {
	a.t.Helper()
	a.send(command)
	return a.receive(command)
}

// send sends a command, whose answer is to be received next.
func (a *asker) send(command string) {
	a.t.Helper()
	a.tags++
	a.conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := fmt.Fprintf(a.conn, "c%d %s\r\n", a.tags, command); err != nil {
		a.t.Fatalf("%s: %.200q: %v", a.server.Name, command, err)
	}
}

// receive returns the answer to the command just sent.
func (a *asker) receive(command string) string {
	a.t.Helper()
	answer, err := a.answer()
	if err == nil {
		return answer
	}
	if !strings.HasPrefix(command, "FETCH") {
		a.t.Fatalf("%s: %.200q: %v", a.server.Name, command, err)
	}
	a.conn.Close()
	a.connect()
	a.ask("SELECT INBOX")
	return ConnectionLost
}

// answer reads the answer to one command.
func (a *asker) answer() (string, error) {
	a.last = nil
	var lines []string
	for {
		r, err := readResponse(a.r)
		if err != nil {
			return "", fmt.Errorf("%w after %.500q", err, r.raw)
		}
		if r.tagged() {
			return r.word(0) + "\n" + strings.Join(lines, "\n"), nil
		}
		if !isStatus(r.word(0)) {
			a.last = append(a.last, r.body)
			lines = append(lines, join(r.body))
		}
	}
}
