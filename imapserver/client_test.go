package imapserver

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// client is a connection that a test speaks on. Its lines have "." in place of the tag.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	tags int
}

// patience bounds every wait for the server.
const patience = 30 * time.Second

func newClient(t testing.TB, conn net.Conn, err error) *client {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{t: t, conn: conn, r: bufio.NewReader(conn)}
}

// connect opens a connection under TLS and reads the greeting.
func (s *testServer) connect(t testing.TB) *client {
	t.Helper()
	conn, err := s.dialTLS()
	c := newClient(t, conn, err)
	c.line()
	return c
}

// connectPlain opens a connection without TLS and reads the greeting.
func (s *testServer) connectPlain(t testing.TB) *client {
	t.Helper()
	conn, err := s.dialPlain()
	c := newClient(t, conn, err)
	c.line()
	return c
}

// login opens connections of one new account, and logs in.
func (s *testServer) login(t testing.TB, n int) []*client {
	t.Helper()
	user, password := s.newAccount(t)
	var out []*client
	for range n {
		c := s.connect(t)
		c.want(fmt.Sprintf("LOGIN %s %s", user, password), ". OK …")
		out = append(out, c)
	}
	return out
}

// session is a new account with one connection, which has selected INBOX with the given number of messages.
func (s *testServer) session(t testing.TB, messages int) *client {
	t.Helper()
	c := s.login(t, 1)[0]
	for i := range messages {
		c.append("INBOX", "", fmt.Sprintf("Subject: message %d\r\n\r\ntext\r\n", i+1))
	}
	c.ok("SELECT INBOX")
	return c
}

// line reads a response, with the literals in it.
func (c *client) line() string {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(patience))
	var b strings.Builder
	for {
		text, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatalf("reading: %v (after %q)", err, b.String()+text)
		}
		text = strings.TrimSuffix(text, "\r\n")
		b.WriteString(text)
		m := literalEnd.FindStringSubmatch(text)
		if m == nil {
			return b.String()
		}
		n, _ := strconv.Atoi(m[1])
		octets := make([]byte, n)
		if _, err := io.ReadFull(c.r, octets); err != nil {
			c.t.Fatal(err)
		}
		b.WriteString("\r\n" + string(octets))
	}
}

var literalEnd = regexp.MustCompile(`\{(\d+)\}$`)

// send sends a command and returns its tag.
func (c *client) send(command string) string {
	c.t.Helper()
	c.tags++
	tag := fmt.Sprintf("t%d", c.tags)
	c.write(tag + " " + command + "\r\n")
	return tag
}

func (c *client) write(s string) {
	c.t.Helper()
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c.conn, s); err != nil {
		c.t.Fatalf("writing: %v", err)
	}
}

// answer reads up to the tagged answer of a command.
func (c *client) answer(tag string) []string {
	c.t.Helper()
	var lines []string
	for {
		line := c.line()
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			return append(lines, ". "+rest)
		}
		lines = append(lines, line)
	}
}

// do sends a command and returns the responses, the tagged one last.
func (c *client) do(command string) []string {
	c.t.Helper()
	return c.answer(c.send(command))
}

// ok sends a command that has to succeed.
func (c *client) ok(command string) []string {
	c.t.Helper()
	lines := c.do(command)
	if !strings.HasPrefix(lines[len(lines)-1], ". OK") {
		c.t.Fatalf("%s: %q", command, lines)
	}
	return lines
}

// want sends a command and compares all responses with patterns, in which "…" stands for anything.
func (c *client) want(command string, patterns ...string) {
	c.t.Helper()
	c.compare(command, c.do(command), patterns)
}

func (c *client) compare(what string, lines, patterns []string) {
	c.t.Helper()
	for i := range max(len(lines), len(patterns)) {
		if i >= len(lines) || i >= len(patterns) || !matches(patterns[i], lines[i]) {
			c.t.Fatalf("%s:\n got %s\nwant %s", what, strings.Join(lines, "\n     "), strings.Join(patterns, "\n     "))
		}
	}
}

func matches(pattern, line string) bool {
	parts := strings.Split(pattern, "…")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	return regexp.MustCompile(`(?s)^` + strings.Join(parts, ".*") + `$`).MatchString(line)
}

// append stores a message.
func (c *client) append(mailbox, flags, text string) {
	c.t.Helper()
	if flags != "" {
		flags = "(" + flags + ") "
	}
	c.ok(fmt.Sprintf("APPEND %s %s{%d+}\r\n%s", mailbox, flags, len(text), text))
}

// gone waits for the server to close the connection, and returns what it says before.
func (c *client) gone() []string {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(patience))
	rest, err := io.ReadAll(c.r)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		c.t.Fatalf("the server keeps the connection (it said %q)", rest)
	}
	return strings.Split(strings.TrimSuffix(string(rest), "\r\n"), "\r\n")
}

func itoa(n int) string { return strconv.Itoa(n) }
