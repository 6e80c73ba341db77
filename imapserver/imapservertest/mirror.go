package imapservertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// errRule is the error of a response that no server may send at that moment, whatever the conversation expects.
var errRule = errors.New("protocol rule broken")

func violation(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errRule}, args...)...)
}

// message is what a client believes of one message of its selected mailbox.
type message struct {
	uid    uint32 // 0: not told yet
	flags  string // sorted, lower case, without \Recent, each followed by a space; valid with known
	known  bool
	fresh  bool // flags were told during the command in progress
	modseq uint64
}

// mailbox is what a client believes of its selected mailbox.
type mailbox struct {
	name     string // as it was selected
	readOnly bool
	messages []message
	before   int             // how many messages there were when the command in progress began
	told     map[string]bool // which data SELECT brought
	counted  bool            // EXISTS came
	opened   int             // what the first EXISTS said; later ones tell of messages that SELECT does not resynchronise
	validity uint64          // UIDVALIDITY
	highest  uint64          // HIGHESTMODSEQ as RFC 7162, section 6, has a client compute it
	maximum  uint64          // the highest MODSEQ of FETCH responses since the last tagged response
	explicit uint64          // the last HIGHESTMODSEQ since then
	earlier  numSet          // UIDs of VANISHED (EARLIER) during SELECT
}

// mirror is the client's half of the protocol: it believes what the server says, and knows what a server may not say
// when (RFC 9051, sections 5.2, 5.5 and 7; RFC 7162, section 3). Not safe for concurrent use.
type mirror struct {
	condstore bool // a CONDSTORE enabling command was answered
	qresync   bool
	uidOnly   bool
	anytime   bool // NOTIFY asked for removals in the selected mailbox without delay
	rev2      bool
	bye       bool
	pending   []*command
	box       *mailbox // nil: none is selected
	next      *mailbox // of a SELECT in progress
	closed    bool     // [CLOSED] was seen during that SELECT
	fetched   bool     // FETCH was seen during the command in progress
	modseqs   bool     // HIGHESTMODSEQ or NOMODSEQ was seen during the command in progress

	byNumber []string       // tags of commands by message number that were sent by UID
	learn    func(*mailbox) // finds UIDs that were not told yet; nil where nothing can
}

// send notes a command before its first byte goes out.
func (m *mirror) send(c *command) {
	m.pending = append(m.pending, c)
	if len(m.pending) == 1 {
		m.begin()
	}
}

// begin prepares for the responses to the oldest command without answer.
func (m *mirror) begin() {
	m.modseqs, m.closed, m.fetched, m.next = false, false, false, nil
	if m.box != nil {
		m.box.before = len(m.box.messages)
		for i := range m.box.messages {
			m.box.messages[i].fresh = false
		}
	}
	if c := m.current(); c != nil && c.selects() {
		m.next = &mailbox{name: c.mailbox(), readOnly: c.name == "EXAMINE", told: map[string]bool{}}
	}
}

func (m *mirror) current() *command {
	if len(m.pending) == 0 {
		return nil
	}
	return m.pending[0]
}

// during tells whether the command in progress is one of those.
func (m *mirror) during(names ...string) bool {
	c := m.current()
	return c != nil && slices.Contains(names, c.name)
}

// target returns the mailbox of which the server is speaking: during SELECT the new one, but where the server must
// say CLOSED first, the old one until then (RFC 7162, section 3.2.11).
func (m *mirror) target() *mailbox {
	if m.next == nil || m.box != nil && !m.closed && (m.rev2 || m.qresync) {
		return m.box
	}
	return m.next
}

// apply takes in one response and says which rule it breaks, if any.
func (m *mirror) apply(r response) error {
	switch {
	case r.tag == "+":
		return nil
	case r.tagged():
		return m.complete(r)
	}
	m.noteCode(r)
	if box := m.target(); box != nil {
		box.note(r)
	}
	switch r.name() {
	case "BYE":
		m.bye = true
	case "ENABLED":
		m.enabled(r)
	case "EXISTS":
		return m.exists(r)
	case "EXPUNGE":
		return m.expunge(r)
	case "VANISHED":
		return m.vanished(r)
	case "FETCH":
		return m.fetch(r)
	case "UIDFETCH":
		return violation("UIDFETCH without ENABLE UIDONLY: RFC 9586, section 3")
	case "SEARCH", "ESEARCH":
		return m.search(r)
	}
	return nil
}

// search checks that a result speaks of messages that the client counts.
func (m *mirror) search(r response) error {
	if m.rev2 && r.name() == "SEARCH" {
		return violation("SEARCH after ENABLE IMAP4rev2: RFC 9051, section 6.4.4 wants ESEARCH")
	}
	if !m.during("SEARCH") || m.box == nil {
		return nil
	}
	for i, v := range r.body {
		if i > 0 && (r.word(i-1) == "COUNT" || r.word(i-1) == "MODSEQ") {
			continue
		}
		set, ok := parseSet(v.text)
		if ok && v.kind == atom && set[len(set)-1].last > uint32(len(m.box.messages)) {
			return violation("search found %s where the client counts %d", v.text, len(m.box.messages))
		}
	}
	return nil
}

func (m *mirror) noteCode(r response) {
	switch r.codeName() {
	case "CLOSED":
		m.closed = true
	case "HIGHESTMODSEQ", "NOMODSEQ":
		m.modseqs = true
	}
}

func (m *mirror) enabled(r response) {
	for _, v := range r.body[1:] {
		switch strings.ToUpper(v.text) {
		case "QRESYNC":
			m.qresync, m.condstore = true, true
		case "CONDSTORE":
			m.condstore = true
		case "UIDONLY":
			m.uidOnly = true
			m.learnUIDs(m.box)
		case "IMAP4REV2":
			m.rev2 = true
		}
	}
}

// learnUIDs finds the UIDs of a mailbox that the client must know where there are no message numbers.
func (m *mirror) learnUIDs(box *mailbox) {
	if m.uidOnly && m.learn != nil && box != nil {
		m.learn(box)
	}
}

// note remembers which of the data that SELECT must bring has come.
func (b *mailbox) note(r response) {
	name := r.name()
	if c := r.codeName(); c != "" {
		name = c
	}
	b.told[name] = true
	if c := r.code(); len(c) > 1 {
		n, _ := c[1].number()
		switch name {
		case "UIDVALIDITY":
			b.validity = n
		case "HIGHESTMODSEQ":
			b.explicit = n
		}
	}
}

// exists may only add messages (RFC 9051, section 7.4.1); only EXPUNGE and VANISHED remove.
func (m *mirror) exists(r response) error {
	n, _ := r.body[0].number()
	box := m.target()
	switch {
	case box == nil:
		return violation("EXISTS without a selected mailbox")
	case n < uint64(len(box.messages)):
		return violation("EXISTS %d where the client counts %d: RFC 9051, section 7.5.1", n, len(box.messages))
	case n > 10_000_000:
		return violation("EXISTS %d", n)
	}
	box.messages = append(box.messages, make([]message, n-uint64(len(box.messages)))...)
	if !box.counted {
		box.counted, box.opened = true, int(n)
	}
	m.learnUIDs(box)
	return nil
}

// complete takes in a tagged response: the end of a command.
func (m *mirror) complete(r response) error {
	i := slices.IndexFunc(m.pending, func(c *command) bool { return c.tag == r.tag })
	if i < 0 {
		return violation("answer to %q, which is no command in progress", r.tag)
	}
	if s := r.word(0); s != "OK" && s != "NO" && s != "BAD" {
		return violation("tagged response %q", r.word(0))
	}
	m.noteCode(r)
	c := m.pending[i]
	if box := m.target(); box != nil {
		box.note(r)
		box.settle()
	}
	err := m.effect(c, r)
	m.pending = slices.Delete(m.pending, i, i+1)
	if i == 0 {
		m.begin()
	}
	return err
}

// effect applies what the end of a command means to the client.
func (m *mirror) effect(c *command, r response) error {
	ok := r.word(0) == "OK"
	var err error
	switch {
	case c.selects() && r.word(0) != "BAD":
		err = m.selected(c, ok)
	case ok && (c.name == "CLOSE" || c.name == "UNSELECT" || c.name == "LOGOUT"):
		m.box = nil
	case ok && c.name == "UNAUTHENTICATE":
		m.box, m.condstore, m.qresync, m.uidOnly, m.anytime, m.rev2 = nil, false, false, false, false, false
	case ok && c.name == "NOTIFY":
		m.anytime = c.uses("(SELECTED (")
	case strings.HasSuffix(c.name, "STORE") && c.uses(".SILENT") && m.box != nil:
		m.box.silentStore(c, r)
	}
	if err == nil && ok && c.enablesCondstore() {
		if !m.condstore && m.box != nil && !m.modseqs {
			err = violation("no HIGHESTMODSEQ after the first CONDSTORE enabling command: RFC 7162, section 3.1")
		}
		m.condstore = true
	}
	return err
}

// settle computes HIGHESTMODSEQ at the end of a command (RFC 7162, section 6).
func (b *mailbox) settle() {
	if b.explicit != 0 {
		b.highest = b.explicit
	} else {
		b.highest = max(b.highest, b.maximum)
	}
	b.explicit, b.maximum = 0, 0
}

// selected ends a SELECT or EXAMINE: what has to be told must have been told (RFC 9051, section 6.3.2; RFC 3501, section 6.3.1).
func (m *mirror) selected(c *command, ok bool) error {
	before := m.box
	m.box = m.next
	if !ok || m.next == nil {
		m.box = nil
		return nil
	}
	if before != nil && !m.closed && (m.rev2 || m.qresync) {
		return violation("no CLOSED when another mailbox was selected: RFC 7162, section 3.2.11")
	}
	want := []string{"FLAGS", "EXISTS", "PERMANENTFLAGS", "UIDNEXT", "UIDVALIDITY"}
	if m.rev2 {
		want = append(want, "LIST")
	} else {
		want = append(want, "RECENT")
	}
	for _, name := range want {
		if !m.box.told[name] {
			return violation("%s without %s", c.name, name)
		}
	}
	if (m.condstore || c.enablesCondstore()) && !m.modseqs {
		return violation("%s without HIGHESTMODSEQ or NOMODSEQ: RFC 7162, section 3.1.2", c.name)
	}
	return nil
}
