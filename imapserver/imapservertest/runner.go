package imapservertest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// runner runs one conversation in one mode.
type runner struct {
	server   *Server
	c        conversation
	mode     mode
	log      *transcript
	vars     vars
	user     string
	password string
	sessions map[string]*session
	order    []string // names of open sessions, oldest first
	caps     []string // announced after login
}

func newRunner(s *Server, c conversation, m mode, user, password string) *runner {
	r := &runner{server: s, c: c, mode: m, user: user, password: password, log: &transcript{}, vars: vars{}, sessions: map[string]*session{}}
	r.vars["user"], r.vars["password"] = r.user, r.password
	r.vars["sasl"] = base64.StdEncoding.EncodeToString([]byte("\x00" + r.user + "\x00" + r.password))
	r.vars["badsasl"] = base64.StdEncoding.EncodeToString([]byte("\x00" + r.user + "\x00not" + r.password))
	r.vars["len:user"], r.vars["len:password"] = strconv.Itoa(len(r.user)), strconv.Itoa(len(r.password))
	for name, b := range c.files {
		r.vars["size:"+name] = strconv.Itoa(len(b))
		r.vars["text:"+name] = strings.TrimRight(string(b), "\r\n")
	}
	return r
}

func (r *runner) applies(l scriptLine) bool {
	for _, alternatives := range l.conditions {
		if !slices.ContainsFunc(alternatives, func(c string) bool { return r.mode.holds(c, r.server) }) {
			return false
		}
	}
	return true
}

// line runs one line of the script.
func (r *runner) line(l scriptLine) error {
	if l.kind == directive {
		return r.directive(l)
	}
	s, err := r.session(l.session)
	if err != nil {
		return err
	}
	switch l.kind {
	case send, queue:
		return r.send(s, l)
	case skip:
		s.skipping = true
		return nil
	case group:
		return r.group(s, l)
	case gone:
		return r.gone(s, l.text)
	case found:
		return r.found(s, l.text)
	case eof:
		return r.eof(s)
	}
	return r.expect(s, l)
}

// session returns the named session; a new one connects, logs in and enables what the mode wants.
func (r *runner) session(name string) (*session, error) {
	if s := r.sessions[name]; s != nil {
		return s, nil
	}
	s, err := r.connect(name, r.server.Dial)
	if err != nil {
		return nil, err
	}
	if _, err := s.next(s.timeout); err != nil {
		return nil, fmt.Errorf("greeting: %w", err)
	}
	if _, err := s.command(fmt.Sprintf("LOGIN %q %q", r.user, r.password)); err != nil {
		return nil, err
	}
	if len(r.mode.needs) > 0 {
		if _, err := s.command("ENABLE " + strings.Join(r.mode.needs, " ")); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (r *runner) connect(name string, dial func() (net.Conn, error)) (*session, error) {
	conn, err := dial()
	if err != nil {
		return nil, err
	}
	s := newSession(name, conn, r.log, r.server)
	r.sessions[name] = s
	r.order = append(r.order, name)
	return s, nil
}

// send sends a client's line. "." is a new tag; a line that continues a literal, IDLE or AUTHENTICATE is no command.
func (r *runner) send(s *session, l scriptLine) error {
	line, err := r.vars.expand(l.text)
	if err != nil {
		return err
	}
	if rest, ok := strings.CutPrefix(line, ". "); ok {
		line = s.newTag() + " " + rest
	}
	parts, err := lineParts(line, r.c.files)
	if err != nil {
		return err
	}
	if !s.continues(line) {
		s.note(line)
	}
	return s.sendLine(parts, l.kind == queue)
}

// expect waits for a response and compares it.
func (r *runner) expect(s *session, l scriptLine) error {
	want := l.pattern
	if want.tag == "." {
		want.tag = s.oldestTag()
	}
	skipping := s.skipping
	s.skipping = false
	for {
		got, err := s.next(s.timeout)
		if err != nil {
			return fmt.Errorf("want: %s\n got: %w %s", l.text, err, got.raw)
		}
		if got.tag == want.tag && match(want, got, r.vars, s.lastTag) {
			return nil
		}
		if got.tagged() || !skipping && !isNoise(got) {
			return mismatch{l.text, got}
		}
	}
}

// isNoise tells whether a response may come at any time without being of interest to a script that does not ask for it.
func isNoise(r response) bool {
	switch r.name() {
	case "OK":
		return r.tag == "*" && slices.Contains([]string{"", "PERMANENTFLAGS", "HIGHESTMODSEQ", "CLOSED"}, r.codeName())
	case "FLAGS", "RECENT", "CAPABILITY":
		return true
	case "FETCH": // only a new MODSEQ
		items, _, _ := toPairs(r.body[len(r.body)-1].list)
		delete(items, "UID")
		delete(items, "MODSEQ")
		return len(items) == 0
	}
	return false
}

// group waits for responses that may come in any order.
func (r *runner) group(s *session, l scriptLine) error {
	left := slices.DeleteFunc(slices.Clone(l.group), func(l scriptLine) bool { return l.kind == skip || !r.applies(l) })
	others := slices.ContainsFunc(l.group, func(l scriptLine) bool { return l.kind == skip && r.applies(l) })
	for len(left) > 0 {
		got, err := s.next(s.timeout)
		if err != nil {
			return fmt.Errorf("want: %s\n got: %w %s", left[0].text, err, got.raw)
		}
		i := slices.IndexFunc(left, func(l scriptLine) bool {
			return l.pattern.tag == got.tag && match(l.pattern, got, r.vars, s.lastTag)
		})
		switch {
		case i >= 0:
			left = slices.Delete(left, i, i+1)
		case got.tagged() || !others && !isNoise(got):
			return mismatch{left[0].text + " (any order)", got}
		}
	}
	s.skipping = others
	return nil
}

// gone waits until the messages with these sequence numbers, as counted before the first response, are reported as
// expunged. Where the session gets VANISHED they are UIDs; "2,4 = 12,14" tells them where they differ.
func (r *runner) gone(s *session, sets string) error {
	sets, err := r.vars.expand(sets)
	if err != nil {
		return err
	}
	seqs, uids, both := strings.Cut(sets, " = ")
	if !both {
		uids = seqs
	}
	left, ok := parseSet(seqs)
	leftUIDs, ok2 := parseSet(uids)
	if !ok || !ok2 {
		return fmt.Errorf("bad set in GONE %s", sets)
	}
	var removed []uint32 // as counted before, ascending
	skipping := s.skipping
	s.skipping = false
	for len(left) > 0 {
		got, err := s.next(s.timeout)
		if err != nil {
			return fmt.Errorf("want: GONE %s\n got: %w %s", sets, err, got.raw)
		}
		switch got.name() {
		case "EXPUNGE":
			n, _ := got.body[0].number()
			seq := originalSeq(uint32(n), removed)
			if !left.has(seq) {
				return mismatch{"GONE " + left.String(), got}
			}
			left = left.without(numSet{{seq, seq}})
			removed = append(removed, seq)
			slices.Sort(removed)
		case "VANISHED":
			set, ok := parseSet(got.body[len(got.body)-1].text)
			if !ok || len(got.body) != 2 || len(set.without(leftUIDs)) > 0 {
				return mismatch{"GONE with UIDs " + leftUIDs.String(), got}
			}
			if leftUIDs = leftUIDs.without(set); len(leftUIDs) == 0 {
				return nil
			}
		default:
			if got.tagged() || !skipping && !isNoise(got) {
				return mismatch{"GONE " + left.String(), got}
			}
		}
	}
	return nil
}

// originalSeq returns the sequence number that a message had before the removed ones went.
func originalSeq(n uint32, removed []uint32) uint32 {
	for _, gone := range removed {
		if gone <= n {
			n++
		}
	}
	return n
}

// found waits for the result of a SEARCH without RETURN: SEARCH in IMAP4rev1, ESEARCH in IMAP4rev2
// (RFC 9051, section 6.4.4).
func (r *runner) found(s *session, set string) error {
	set, err := r.vars.expand(strings.TrimSpace(set))
	if err != nil {
		return err
	}
	skipping := s.skipping
	s.skipping = false
	for {
		got, err := s.next(s.timeout)
		if err != nil {
			return fmt.Errorf("want: FOUND %s\n got: %w %s", set, err, got.raw)
		}
		if isNoise(got) || skipping && got.tag == "*" && got.name() != "SEARCH" && got.name() != "ESEARCH" {
			continue
		}
		have, ok := r.result(s, got)
		if !ok || have != set && !equalSets(have, set, false) {
			return mismatch{"FOUND " + set, got}
		}
		return nil
	}
}

// result returns the numbers of a SEARCH or ESEARCH response as a set.
func (r *runner) result(s *session, got response) (string, bool) {
	uid := strings.HasPrefix(s.lastCommand(), "UID ")
	if r.mode.holds("rev2", r.server) {
		var v vars = vars{}
		pattern := `* ESEARCH (TAG ".") ALL ${all}`
		empty := `* ESEARCH (TAG ".")`
		if uid {
			pattern, empty = `* ESEARCH (TAG ".") UID ALL ${all}`, empty+" UID"
		}
		for _, p := range []string{pattern, empty} {
			want, err := parsePattern(strings.ReplaceAll(p, `"."`, strconv.Quote(s.lastTag)))
			if err == nil && match(want, got, v, s.lastTag) {
				return v["all"], true
			}
		}
		return "", false
	}
	if got.name() != "SEARCH" {
		return "", false
	}
	var numbers []string
	for _, v := range got.body[1:] {
		if v.kind == list { // (MODSEQ 12), RFC 7162, section 3.1.5
			continue
		}
		if _, ok := v.number(); !ok {
			return "", false
		}
		numbers = append(numbers, v.text)
	}
	return strings.Join(numbers, ","), true
}

// eof waits until the server has closed the connection.
func (r *runner) eof(s *session) error {
	for {
		got, err := s.next(s.timeout)
		switch {
		case errors.Is(err, errSilent):
			return fmt.Errorf("want the connection closed: %w", err)
		case errors.Is(err, errRule):
			return err
		case err != nil:
			r.drop(s)
			return nil
		case !isNoise(got) && !s.skipping:
			return mismatch{"<eof>", got}
		}
	}
}

func (r *runner) drop(s *session) {
	s.close()
	delete(r.sessions, s.name)
	r.order = slices.DeleteFunc(r.order, func(n string) bool { return n == s.name })
}

func (r *runner) closeAll() {
	for _, name := range r.order {
		r.sessions[name].close()
	}
}

// quietTime is how long a server must be silent to count as quiet.
const quietTime = 100 * time.Millisecond

// quiet checks that the server says nothing.
func (r *runner) quiet(s *session) error {
	got, err := s.next(quietTime)
	if errors.Is(err, errSilent) {
		return nil
	}
	if err == nil {
		err = mismatch{"nothing", got}
	}
	return err
}

// finish checks what every conversation must leave behind: nothing unread, and clients that believe what is true.
func (r *runner) finish() error {
	for _, name := range r.order {
		s := r.sessions[name]
		if s.busy() {
			if err := s.answersLeft(); err != nil {
				return fmt.Errorf("session %s: %w", name, err)
			}
			continue
		}
		if err := r.quietNow(s); err != nil {
			return fmt.Errorf("session %s: %w", name, err)
		}
		if err := s.verify(); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("session %s: %w", name, err)
		}
	}
	return nil
}

// quietNow checks that no response was left unread.
func (r *runner) quietNow(s *session) error {
	for !s.skipping {
		got, err := s.next(0)
		if errors.Is(err, errSilent) {
			return nil
		}
		if err != nil {
			return err
		}
		if !isNoise(got) {
			return mismatch{"nothing more", got}
		}
	}
	return nil
}
