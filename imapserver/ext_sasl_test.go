package imapserver

import (
	"encoding/base64"
	"strings"
	"testing"
)

func plain(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
}

// TestAuthenticatePlain checks AUTHENTICATE with and without an initial response (RFC 4959).
func TestAuthenticatePlain(t *testing.T) {
	s := newTestServer(t, nil)
	user, password := s.newAccount(t)
	c := s.connect(t)
	tag := c.send("AUTHENTICATE PLAIN")
	if got := c.line(); got != "+ " {
		t.Fatalf("challenge %q", got)
	}
	c.write("*\r\n")
	c.compare("cancelled", c.answer(tag), []string{". BAD Authentication cancelled"})
	c.want("AUTHENTICATE PLAIN ***", ". BAD …")
	c.want("AUTHENTICATE PLAIN "+plain(user, "wrong"), ". NO [AUTHENTICATIONFAILED] …")
	c.want("AUTHENTICATE PLAIN "+plain(user, password), ". OK [CAPABILITY IMAP4rev1 …] Logged in")
	c.want("AUTHENTICATE PLAIN "+plain(user, password), ". BAD …")

	c = s.connect(t)
	tag = c.send("AUTHENTICATE PLAIN")
	c.line()
	c.write(plain(user, password) + "\r\n")
	c.compare("response", c.answer(tag), []string{". OK …"})
}

// TestLoginDisabled checks that nobody can log in without TLS, and is not even asked for the password (RFC 9051, section 11).
func TestLoginDisabled(t *testing.T) {
	s := newTestServer(t, func(s *Server) { s.Limits.AuthFailures = 3 })
	user, password := s.newAccount(t)
	c := s.connectPlain(t)
	caps := c.do("CAPABILITY")[0]
	if !strings.Contains(caps, " LOGINDISABLED") || strings.Contains(caps, "AUTH=") {
		t.Error(caps)
	}
	c.want("LOGIN {4}", ". NO [PRIVACYREQUIRED] …")
	c.want("AUTHENTICATE PLAIN "+plain(user, password), ". NO [PRIVACYREQUIRED] …")
	c.want("LOGIN "+user+" "+password, ". NO [PRIVACYREQUIRED] …")
	if got := c.gone(); len(got) != 1 || !strings.HasPrefix(got[0], "* BYE") {
		t.Errorf("after too many failures: %q", got)
	}
}
