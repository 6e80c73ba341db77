package imapserver

import (
	"strings"
	"testing"
)

// TestID checks the ID command (RFC 2971).
func TestID(t *testing.T) {
	s := newTestServer(t, func(s *Server) { s.ServerID = []string{"name", "test", "version", `1 "x"`} })
	c := s.connectPlain(t) // allowed before TLS and login
	const id = `* ID ("name" "test" "version" "1 \"x\"")`
	c.want("ID NIL", id, ". OK …")
	c.want(`ID ("name" "client" "os" NIL)`, id, ". OK …")
	c.want(`ID ("name")`, ". BAD …")
	c.want("ID ("+strings.Repeat(`"a" "b" `, 30)+`"c" "d")`, ". BAD …")
}

func TestIDOfNothing(t *testing.T) {
	c := newTestServer(t, func(s *Server) { s.ServerID = []string{} }).connect(t)
	c.want("ID NIL", "* ID NIL", ". OK …")
}
