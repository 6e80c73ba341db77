package imapserver

import (
	"fmt"
	"strings"
	"testing"
)

// TestUnauthenticate checks that nothing of a session is left for the next one of the same connection (RFC 8437, section 4.1).
func TestUnauthenticate(t *testing.T) {
	s := newTestServer(t, func(s *Server) { s.Limits.ConnectionsPerAccount = 1 })
	anna, annasPassword := s.newAccount(t)
	berta, bertasPassword := s.newAccount(t)
	c := s.connect(t)
	c.want("UNAUTHENTICATE", ". BAD …")
	login := func(user, password string) { t.Helper(); c.ok(fmt.Sprintf("LOGIN %s %s", user, password)) }
	login(anna, annasPassword)
	c.append("INBOX", "", "Subject: hers\r\n\r\n")
	c.ok("ENABLE IMAP4rev2 QRESYNC")
	c.ok("SELECT INBOX")
	c.ok("SEARCH RETURN (SAVE) ALL")
	if lines := c.ok("CAPABILITY"); !strings.Contains(lines[0], " UNAUTHENTICATE") {
		t.Errorf("%q", lines)
	}
	c.want("UNAUTHENTICATE", ". OK …")
	c.want("FETCH 1 FLAGS", ". BAD …")
	if lines := c.ok("CAPABILITY"); strings.Contains(lines[0], " UNAUTHENTICATE") || !strings.Contains(lines[0], " AUTH=PLAIN") {
		t.Errorf("%q", lines)
	}
	if info := s.Sessions(); len(info) != 1 || info[0].User != "" || info[0].Mailbox != "" {
		t.Errorf("%+v", info)
	}
	login(berta, bertasPassword)
	c.want("STATUS INBOX (MESSAGES)", "* STATUS INBOX (MESSAGES 0)", ". OK …")
	c.want("SEARCH ALL", ". BAD …")
	c.ok("SELECT INBOX")
	c.want("SEARCH ALL", "* SEARCH", ". OK …") // no ESEARCH: IMAP4rev2 is not enabled
	c.want("SEARCH $", "* SEARCH", ". OK …")
	c.want("SELECT INBOX (QRESYNC (1 1))", ". BAD …")
	c.ok("UNAUTHENTICATE")
	login(anna, annasPassword) // her one connection is free
	// Commands may be sent together (RFC 8437, section 3).
	c.write(fmt.Sprintf("p1 UNAUTHENTICATE\r\np2 LOGIN %s %s\r\np3 STATUS INBOX (MESSAGES)\r\n", berta, bertasPassword))
	for _, want := range []string{"p1 OK ", "p2 OK ", "* STATUS INBOX (MESSAGES 0)", "p3 OK "} {
		if line := c.line(); !strings.HasPrefix(line, want) {
			t.Errorf("%q, want %q", line, want)
		}
	}
}
