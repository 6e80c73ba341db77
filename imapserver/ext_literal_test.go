package imapserver

import (
	"strings"
	"testing"
)

// TestLiteralMinus checks LITERAL-: before login, a non-synchronising literal has at most 4096 octets (RFC 7888, section 5).
func TestLiteralMinus(t *testing.T) {
	s := newTestServer(t, nil)
	user, password := s.newAccount(t)
	c := s.connect(t)
	c.want("LOGIN {5000+}\r\n"+strings.Repeat("x", 5000)+" y", ". BAD …")
	if caps := c.do("CAPABILITY")[0]; !strings.Contains(caps, " LITERAL- ") || strings.Contains(caps, "LITERAL+") {
		t.Error(caps)
	}
	c.want("LOGIN {"+itoa(len(user))+"+}\r\n"+user+" {"+itoa(len(password))+"+}\r\n"+password, ". OK …")
	if caps := c.do("CAPABILITY")[0]; !strings.Contains(caps, " LITERAL+ ") || strings.Contains(caps, "LITERAL-") {
		t.Error(caps)
	}
	c.append("INBOX", "", strings.Repeat("x", 5000))
}

// TestRefusedLiteral checks that the octets of a refused literal are never taken for commands: they are skipped, or the connection
// ends.
func TestRefusedLiteral(t *testing.T) {
	s := newTestServer(t, nil)
	for _, command := range []string{"APPEND missing {%}\r\n$", "NOOP {%}\r\n$", "NONSENSE {%}\r\n$", "LIST {%}\r\n$ nonsense", "APPEND INBOX (bad {%}\r\n$"} {
		c := s.session(t, 0)
		smuggled := "x LOGOUT\r\n"
		command = strings.Replace(command, "%", itoa(len(smuggled))+"+", 1)
		lines := c.do(strings.Replace(command, "$", smuggled, 1))
		if last := lines[len(lines)-1]; strings.HasPrefix(last, ". OK") || len(lines) > 1 {
			t.Errorf("%q: %q", command, lines)
		}
		c.want("NOOP", ". OK …")
	}
}
