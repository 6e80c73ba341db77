package imapserver

import (
	"bufio"
	"crypto/tls"
	"io"
	"strings"
	"testing"
	"time"
)

// secure goes over to TLS.
func (c *client) secure(s *testServer) {
	c.t.Helper()
	c.want("STARTTLS", ". OK …")
	conn := tls.Client(c.conn, s.clientTLS)
	if err := conn.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.conn, c.r = conn, bufio.NewReader(conn)
}

// TestStartTLS checks that STARTTLS works once, and that what was said before is forgotten (RFC 9051, section 6.2.1).
func TestStartTLS(t *testing.T) {
	s := newTestServer(t, nil)
	user, password := s.newAccount(t)
	c := s.connectPlain(t)
	if caps := c.do("CAPABILITY")[0]; !strings.Contains(caps, " STARTTLS") {
		t.Error(caps)
	}
	c.secure(s)
	if caps := c.do("CAPABILITY")[0]; strings.Contains(caps, "STARTTLS") || strings.Contains(caps, "LOGINDISABLED") {
		t.Error(caps)
	}
	c.want("STARTTLS", ". BAD …")
	c.want("LOGIN "+user+" "+password, ". OK …")
	c.want("STARTTLS", ". BAD …")
}

// TestStartTLSInjection sends commands in clear behind STARTTLS, cut at every octet. None may be answered within TLS.
func TestStartTLSInjection(t *testing.T) {
	s := newTestServer(t, nil)
	const attack = "a STARTTLS\r\nb NOOP\r\nc LOGIN {4+}\r\nuser x\r\n"
	for cut := len("a STARTTLS\r\n"); cut <= len(attack); cut += 3 {
		c := s.connectPlain(t)
		c.write(attack[:cut])
		c.write(attack[cut:])
		c.conn.SetDeadline(time.Now().Add(patience))
		if line := c.line(); !strings.HasPrefix(line, "a ") {
			t.Fatalf("answer to STARTTLS: %q", line)
		}
		conn := tls.Client(c.conn, s.clientTLS)
		if err := conn.Handshake(); err != nil {
			continue // the server closed the connection, or took the commands for a bad handshake
		}
		io.WriteString(conn, "d NOOP\r\n")
		if line, err := bufio.NewReader(conn).ReadString('\n'); err == nil && !strings.HasPrefix(line, "d ") {
			t.Errorf("cut at %d: answered within TLS: %q", cut, line)
		}
	}
}
