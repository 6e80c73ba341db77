package imapserver

import (
	"strings"
	"testing"
	"time"
)

// TestIdle checks that changes of other sessions are told at once (RFC 2177).
func TestIdle(t *testing.T) {
	s := newTestServer(t, nil)
	two := s.login(t, 2)
	a, b := two[0], two[1]
	a.ok("SELECT INBOX")
	tag := a.send("IDLE")
	a.compare("IDLE", []string{a.line()}, []string{"+ …"})
	b.append("INBOX", "", "x")
	a.compare("new", []string{a.line(), a.line()}, []string{"* 1 EXISTS", "* 1 RECENT"})
	b.ok("SELECT INBOX")
	b.ok(`STORE 1 +FLAGS (\Deleted)`)
	a.compare("flags", []string{a.line()}, []string{`* 1 FETCH (FLAGS (\Deleted \Recent))`})
	b.ok("EXPUNGE")
	a.compare("expunge", []string{a.line(), a.line()}, []string{"* 1 EXPUNGE", "* 0 RECENT"})
	a.write("DONE\r\nx NOOP\r\n") // in one packet
	a.compare("DONE", a.answer(tag), []string{". OK …"})
	a.compare("NOOP", a.answer("x"), []string{". OK …"})

	tag = a.send("IDLE")
	a.line()
	a.write("NOT DONE\r\n")
	a.compare("not DONE", a.answer(tag), []string{". BAD …"})
}

// TestIdleEnds checks that IDLE does not outlast the time-out.
func TestIdleEnds(t *testing.T) {
	s := newTestServer(t, func(s *Server) { s.Timeouts.Idle = 200 * time.Millisecond })
	c := s.session(t, 0)
	c.send("IDLE")
	c.line()
	if got := c.gone(); !strings.HasPrefix(got[0], "* BYE") {
		t.Errorf("%q", got)
	}
}
