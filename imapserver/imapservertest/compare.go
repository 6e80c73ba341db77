package imapservertest

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
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
	// Parts are all parts of Message by their numbers, for FETCH.
	Parts map[string]Part
	// Ask asks the second server something else.
	Ask func(command string) string
}

// A Part is what BODYSTRUCTURE says of a part.
type Part struct {
	Type     string // such as text/plain, in lower case; of all multiparts "multipart/"
	Encoding string // such as base64, in lower case
}

// A Difference is a way in which two servers are known to differ. It has one or more of the functions.
type Difference struct {
	// Name says what differs, and Why which of both is right, by RFC and section.
	Name, Why string
	// Is recognises it.
	Is func(Question) bool
	// Reads is a message as the first server reads it: its answer has to be that of the second server about such a message.
	Reads func(message []byte) []byte
	// Without is an answer without that in which servers may differ. The second server's answer has to be the first's then.
	Without func(command, answer string) string
	// Rare tells that it need not occur in every comparison.
	Rare bool
}

// Compare gives two servers the same messages and asks both the same: of each message everything that FETCH can tell, of all together
// SEARCH, SORT and THREAD. Answers are compared by meaning. What differs and is not known fails the test, and so does a known
// difference that never occurs. A table of what was compared goes to the log.
func Compare(t testing.TB, want, got Server, messages [][]byte, known []Difference) {
	c := newComparison(t, known)
	c.messages = messages
	c.want, c.got = newAsker(t, want), newAsker(t, got)
	c.want.addAll(messages)
	c.got.addAll(messages)
	c.readings = c.findReadings(got)
	for i := range messages {
		c.message(i)
	}
	c.searches()
	c.report()
}

type comparison struct {
	t         testing.TB
	want, got *asker
	messages  [][]byte
	readings  []reading // the last with everything
	known     []Difference
	table     map[string]*tally
	occurred  []map[string]int // how often, by the kind of question
	parts     map[string]Part
}

func newComparison(t testing.TB, known []Difference) *comparison {
	return &comparison{t: t, known: known, table: map[string]*tally{}, occurred: make([]map[string]int, len(known))}
}

// answered counts the answers to a question.
func (c *comparison) answered(kind string, q Question) {
	switch {
	case q.Want == q.Got:
		c.tally(kind).equal++
	case c.isKnown(kind, q):
		c.tally(kind).known++
	default:
		c.unknown(kind, q)
	}
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
func (c *comparison) message(i int) {
	n := i + 1
	c.parts = nil
	c.compare("BODYSTRUCTURE", i, fmt.Sprintf("FETCH %d BODYSTRUCTURE", n))
	c.parts = c.got.parts()
	numbers := slices.Sorted(maps.Keys(c.parts))
	numbers = numbers[:min(len(numbers), maxParts)]
	ask := func(kind, format string, of ...string) {
		var commands []string
		for _, item := range of {
			commands = append(commands, fmt.Sprintf("FETCH %d "+format, n, item))
		}
		c.compare(kind, i, commands...)
	}
	for _, item := range fetchItems {
		ask(item, "%s", item)
	}
	ask("BODY[]", "BODY.PEEK[%s]", sections...)
	ask("BODY[] of parts", "BODY.PEEK[%s]", numbers...)
	ask("MIME of parts", "BODY.PEEK[%s.MIME]", numbers...)
	ask("HEADER of parts", "BODY.PEEK[%s.HEADER]", numbers...)
	ask("TEXT of parts", "BODY.PEEK[%s.TEXT]", numbers...)
	ask("HEADER.FIELDS of parts", "BODY.PEEK[%s.HEADER.FIELDS (FROM SUBJECT)]", numbers...)
	ask("partial", "BODY.PEEK[]%s", partials...)
	ask("partial", "BODY.PEEK[TEXT]%s", partials...)
	ask("partial", "BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)]%s", partials...)
	parts := append([]string{"1", "2", "1.1", "1.2", "2.1"}, numbers...)
	slices.Sort(parts)
	parts = slices.Compact(parts)
	ask("BINARY", "BINARY.PEEK[%s]", parts...)
	ask("BINARY", "BINARY.PEEK[%s]<3.20>", parts...)
	ask("BINARY.SIZE", "BINARY.SIZE[%s]", parts...)
}

// maxParts bounds of how many parts of a message the servers are asked.
const maxParts = 40

// parts are the parts in the last answer, which was BODYSTRUCTURE, by their numbers.
func (a *asker) parts() map[string]Part {
	parts := map[string]Part{}
	for _, line := range a.last {
		if len(line) == 3 && line[1].is("FETCH") && len(line[2].list) == 2 {
			addParts(parts, line[2].list[1], "")
		}
	}
	return parts
}

// addParts adds the parts of a body (RFC 9051, section 7.5.2: body).
func addParts(parts map[string]Part, body value, prefix string) {
	if len(body.list) == 0 || body.list[0].kind != list {
		addPart(parts, body, prefix+"1")
	}
	for i, part := range body.list {
		if part.kind != list {
			break
		}
		addPart(parts, part, fmt.Sprintf("%s%d", prefix, i+1))
	}
}

// addPart adds a part, and those within it.
func addPart(parts map[string]Part, part value, number string) {
	switch l := part.list; {
	case len(l) > 0 && l[0].kind == list:
		parts[number] = Part{Type: "multipart/"}
		addParts(parts, part, number+".")
	case len(l) > 5:
		p := Part{strings.ToLower(l[0].text + "/" + l[1].text), strings.ToLower(l[5].text)}
		parts[number] = p
		if len(l) > 8 && p.Type == "message/rfc822" {
			addParts(parts, l[8], number+".")
		}
	}
}

// compare asks both servers about one message.
func (c *comparison) compare(kind string, i int, commands ...string) {
	for _, command := range commands {
		c.want.send(command)
		c.got.send(command)
		q := Question{command, c.messages[i], c.want.receive(command), c.got.receive(command), c.parts, c.got.ask}
		switch {
		case q.Want == q.Got:
			c.tally(kind).equal++
		case c.isKnown(kind, q), c.isRead(kind, i, q, func(r reading) string { return r.ask(command) }):
			c.tally(kind).known++
		default:
			c.unknown(kind, q)
		}
	}
}

// A reading is the second server with the messages as the first reads them, by some of the known differences.
type reading struct {
	*asker
	messages [][]byte
	by       []int
}

// findReadings makes a reading by the first known difference of this kind, one by the first two, and so on.
func (c *comparison) findReadings(got Server) (all []reading) {
	r := reading{messages: c.messages}
	for k, d := range c.known {
		if d.Reads == nil {
			continue
		}
		r = reading{newAsker(c.t, got), slices.Clone(r.messages), append(slices.Clone(r.by), k)}
		for i, m := range r.messages {
			if m = d.Reads(m); len(m) > 0 { // an empty one cannot be had
				r.messages[i] = m
			}
		}
		r.addAll(r.messages)
		all = append(all, r)
	}
	return all
}

// isRead tells whether the answers differ because the first server reads another message than it was given: answer is what the second says
// about that.
func (c *comparison) isRead(kind string, i int, q Question, answer func(reading) string) bool {
	return slices.ContainsFunc(c.readings, func(r reading) bool {
		if bytes.Equal(c.messages[i], r.messages[i]) {
			return false
		}
		q := q
		q.Message, q.Got = r.messages[i], answer(r)
		if q.Want != q.Got && !c.isKnown(kind, q) {
			return false
		}
		for _, k := range r.by {
			if !bytes.Equal(c.known[k].Reads(c.messages[i]), c.messages[i]) {
				c.occur(k, kind)
			}
		}
		return true
	})
}

// occur counts a known difference.
func (c *comparison) occur(k int, kind string) {
	if c.occurred[k] == nil {
		c.occurred[k] = map[string]int{}
	}
	c.occurred[k][kind]++
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
func (c *comparison) isKnown(kind string, q Question) bool {
	var without []int
	for k, d := range c.known {
		if d.Without == nil {
			continue
		}
		want, got := d.Without(q.Command, q.Want), d.Without(q.Command, q.Got)
		if want == q.Want && got == q.Got {
			continue
		}
		without = append(without, k)
		if q.Want, q.Got = want, got; want == got {
			break
		}
	}
	if len(without) > 0 && (q.Want == q.Got || c.isNamed(kind, q)) {
		for _, k := range without {
			c.occur(k, kind)
		}
		return true
	}
	return c.isNamed(kind, q)
}

// isNamed tells whether a known difference recognises the question.
func (c *comparison) isNamed(kind string, q Question) bool {
	for k, d := range c.known {
		if d.Is != nil && d.Is(q) {
			c.occur(k, kind)
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
	total := tally{}
	for _, kind := range slices.Sorted(maps.Keys(c.table)) {
		n := c.table[kind]
		c.t.Logf("%-30s %7d equal %6d explained %5d not", kind, n.equal, n.known, n.unknown)
		total = tally{total.equal + n.equal, total.known + n.known, total.unknown + n.unknown}
	}
	c.t.Logf("%-30s %7d equal %6d explained %5d not, of %d messages", "all", total.equal, total.known, total.unknown, len(c.messages))
	for k, d := range c.known {
		if len(c.occurred[k]) == 0 && !d.Rare {
			c.t.Errorf("%s: this difference is known and did not occur", d.Name)
		}
		c.t.Logf("%s: %s\n  %v", d.Name, d.Why, c.occurred[k])
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

// addAll fills INBOX with the messages, and selects it.
func (a *asker) addAll(messages [][]byte) {
	a.t.Helper()
	for i, m := range messages {
		a.add(m, i)
	}
	a.ask("SELECT INBOX")
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
