package imapserver

import (
	"strings"
	"testing"
)

// TestAppendLimit checks that the limit is announced and kept (RFC 7889).
func TestAppendLimit(t *testing.T) {
	c := newTestServer(t, func(s *Server) { s.Limits.MessageSize = 20 }).login(t, 1)[0]
	if lines := c.ok("CAPABILITY"); !strings.Contains(lines[0], " APPENDLIMIT=20 ") {
		t.Errorf("%q", lines)
	}
	c.want("STATUS INBOX (APPENDLIMIT)", "* STATUS INBOX (APPENDLIMIT 20)", ". OK …")
	c.want(`LIST "" INBOX RETURN (STATUS (APPENDLIMIT MESSAGES))`, "* LIST …", "* STATUS INBOX (APPENDLIMIT 20 MESSAGES 0)", ". OK …")
	c.append("INBOX", "", strings.Repeat("x", 20))
	c.want("APPEND INBOX {21}", ". NO [TOOBIG] …")

	c = newTestServer(t, func(s *Server) { s.Limits.MessageSize = Unlimited }).login(t, 1)[0]
	if lines := c.ok("CAPABILITY"); !strings.Contains(lines[0], " APPENDLIMIT ") {
		t.Errorf("%q", lines)
	}
	c.want("STATUS INBOX (APPENDLIMIT)", "* STATUS INBOX (APPENDLIMIT NIL)", ". OK …")
}
