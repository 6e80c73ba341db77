package imapserver

import "testing"

// TestEnable checks ENABLE (RFC 5161).
func TestEnable(t *testing.T) {
	s := newTestServer(t, nil)
	s.connect(t).want("ENABLE CONDSTORE", ". BAD …")
	c := s.login(t, 1)[0]
	c.want("ENABLE", ". BAD …")
	c.want("ENABLE X-NONSENSE", "* ENABLED", ". OK …")
	c.want("ENABLE CONDSTORE X-NONSENSE condstore", "* ENABLED CONDSTORE", ". OK …")
	c.want("ENABLE qresync imap4rev2", "* ENABLED QRESYNC IMAP4rev2", ". OK …")
}
