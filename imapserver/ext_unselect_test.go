package imapserver

import "testing"

// TestUnselect checks that UNSELECT removes nothing, while CLOSE does (RFC 3691).
func TestUnselect(t *testing.T) {
	c := newTestServer(t, nil).session(t, 1)
	c.ok(`STORE 1 +FLAGS (\Deleted)`)
	c.want("UNSELECT", ". OK …")
	c.want("UNSELECT", ". BAD …")
	c.want("STATUS INBOX (MESSAGES)", "* STATUS INBOX (MESSAGES 1)", ". OK …")
	c.ok("SELECT INBOX")
	c.want("CLOSE", ". OK …")
	c.want("STATUS INBOX (MESSAGES)", "* STATUS INBOX (MESSAGES 0)", ". OK …")
}
