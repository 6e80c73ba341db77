package imapserver

import "testing"

// TestNamespace checks NAMESPACE (RFC 2342).
func TestNamespace(t *testing.T) {
	s := newTestServer(t, nil)
	s.connect(t).want("NAMESPACE", ". BAD …")
	c := s.login(t, 1)[0]
	c.want("NAMESPACE", `* NAMESPACE (("" "/")) NIL NIL`, ". OK …")
	c.want("NAMESPACE x", ". BAD …")
}
