package imapserver

import "testing"

// TestStatusSize checks that SIZE is the sum of RFC822.SIZE (RFC 8438).
func TestStatusSize(t *testing.T) {
	c := newTestServer(t, nil).login(t, 1)[0]
	c.want("STATUS INBOX (SIZE)", "* STATUS INBOX (SIZE 0)", ". OK …")
	c.append("INBOX", "", "12345")
	c.append("INBOX", "", "a\nb\n") // six octets, with CRLF
	c.ok("SELECT INBOX")
	c.want("FETCH 1:2 RFC822.SIZE", "* 1 FETCH (RFC822.SIZE 5)", "* 2 FETCH (RFC822.SIZE 6)", ". OK …")
	c.want("STATUS INBOX (SIZE MESSAGES)", "* STATUS INBOX (SIZE 11 MESSAGES 2)", ". OK …")
}
