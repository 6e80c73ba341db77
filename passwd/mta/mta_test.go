package mta

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"github.com/mailhavn/mailhavn/passwd"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// listen serves on a socket until the test ends.
func listen(t *testing.T, serve func(net.Listener) error, stop func() error) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(stop(), <-done); err != nil {
			t.Error(err)
		}
	})
	return path
}

// client is a process of a mail transfer agent.
type client struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, path string) *client {
	t.Helper()
	c, err := net.Dial("unix", path)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return &client{t, c, bufio.NewReader(c)}
}

func (c *client) line() string {
	c.t.Helper()
	s, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimSuffix(s, "\n")
}

func (c *client) send(format string, args ...any) {
	c.t.Helper()
	_, err := fmt.Fprintf(c, format+"\n", args...)
	must(c.t, err)
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// server starts one for anna and returns a client that has greeted.
func authServer(t *testing.T) (*client, string) {
	t.Helper()
	users, err := passwd.OpenFile(filepath.Join(t.TempDir(), "users"))
	must(t, err)
	users.Hasher.Params = passwd.Params{Memory: 8, Time: 1}
	users.Hasher.SCRAM, users.Hasher.Iterations = []string{"SHA-256"}, 4096
	must(t, users.Add(context.Background(), "anna", "secret"))
	authenticator := passwd.NewAuthenticator(users)
	authenticator.Login = true
	a := &Auth{Authenticator: authenticator}
	path := listen(t, a.Serve, a.Close)
	c := dial(t, path)
	var greeting []string
	for len(greeting) == 0 || greeting[len(greeting)-1] != "DONE" {
		greeting = append(greeting, c.line())
	}
	text := strings.Join(greeting, "\n")
	for _, want := range []string{"VERSION\t1\t2\n", "MECH\tPLAIN\tplaintext\n", "MECH\tLOGIN\tplaintext\n", "MECH\tSCRAM-SHA-256\t", "SPID\t", "CUID\t", "COOKIE\t"} {
		if !strings.Contains(text, want) {
			t.Errorf("greeting without %q:\n%s", want, text)
		}
	}
	c.send("VERSION\t1\t2\nCPID\t42")
	return c, path
}

func TestAuth(t *testing.T) {
	c, _ := authServer(t)
	for _, test := range []struct{ send, want string }{
		{"AUTH\t1\tPLAIN\tservice=smtp\tnologin\tlip=192.0.2.2\trip=192.0.2.1\tsecured\tresp=" + b64("\x00anna\x00secret"), "OK\t1\tuser=anna"},
		{"AUTH\t2\tPLAIN\tservice=smtp\tsecured=tls\tresp=" + b64("\x00anna\x00wrong"), "FAIL\t2"},
		{"AUTH\t3\tPLAIN\tservice=smtp\tsecured\tresp=" + b64("\x00nobody\x00secret"), "FAIL\t3"},
		{"AUTH\t4\tPLAIN\tservice=smtp\tresp=" + b64("\x00anna\x00secret"), "FAIL\t4"}, // without TLS
		{"AUTH\t5\tGSSAPI\tsecured", "FAIL\t5"},
		{"AUTH\t6\tPLAIN\tsecured\tresp=!!!", "FAIL\t6"},
		{"AUTH\t7\tPLAIN\tsecured", "CONT\t7\t"},
		{"CONT\t7\t" + b64("\x00anna\x00secret"), "OK\t7\tuser=anna"},
		{"AUTH\t8\tLOGIN\tsecured", "CONT\t8\t" + b64("Username:")},
		{"CONT\t8\t" + b64("anna"), "CONT\t8\t" + b64("Password:")},
		{"CONT\t8\t" + b64("secret"), "OK\t8\tuser=anna"},
	} {
		c.send("%s", test.send)
		if got := c.line(); got != test.want {
			t.Errorf("%s: %q, want %q", test.send, got, test.want)
		}
	}
	// To clients of version 1.1 an empty response is none.
	c.send("AUTH\t10\tPLAIN\tsecured\tresp=")
	if got := c.line(); got != "FAIL\t10" {
		t.Error(got)
	}
	c.send("VERSION\t1\t1\nAUTH\t11\tPLAIN\tsecured\tresp=")
	if got := c.line(); got != "CONT\t11\t" {
		t.Error(got)
	}
	// Others go on while one waits, and what is cancelled is forgotten.
	c.send("AUTH\t20\tLOGIN\tsecured")
	c.line()
	c.send("AUTH\t21\tPLAIN\tsecured\tresp=%s", b64("\x00anna\x00secret"))
	if got := c.line(); got != "OK\t21\tuser=anna" {
		t.Error(got)
	}
	c.send("CANCEL\t20\nCONT\t20\t%s\nAUTH\t22\tPLAIN\tsecured\tresp=%s", b64("anna"), b64("\x00anna\x00secret"))
	if got := c.line(); got != "OK\t22\tuser=anna" {
		t.Error(got)
	}
}

// The server's proof comes with OK for clients that say so, and in a challenge of its own for others.
func TestAuthSCRAM(t *testing.T) {
	c, _ := authServer(t)
	for id, parameter := range []string{"", "\tfinal-resp-ok"} {
		conversation, err := scram.SHA256.NewClientUnprepped("anna", "secret", "")
		must(t, err)
		x := conversation.NewConversation()
		step := func(challenge string) string {
			t.Helper()
			text, err := base64.StdEncoding.DecodeString(challenge)
			must(t, err)
			response, err := x.Step(string(text))
			must(t, err)
			return b64(response)
		}
		after := func(prefix string) string {
			t.Helper()
			rest, ok := strings.CutPrefix(c.line(), fmt.Sprintf(prefix, id))
			if !ok {
				t.Fatalf("not %q", prefix)
			}
			return rest
		}
		c.send("AUTH\t%d\tSCRAM-SHA-256\tsecured%s\tresp=%s", id, parameter, step(""))
		c.send("CONT\t%d\t%s", id, step(after("CONT\t%d\t")))
		if parameter == "" {
			step(after("CONT\t%d\t"))
			c.send("CONT\t%d\t", id)
			after("OK\t%d\tuser=anna")
		} else {
			step(after("OK\t%d\tuser=anna\tresp="))
		}
		if !x.Valid() {
			t.Error("the server's proof is missing")
		}
	}
}

// Nonsense ends the connection, and that one only.
func TestAuthBroken(t *testing.T) {
	good, path := authServer(t)
	for _, bad := range []string{"VERSION\t2\t0", "AUTH", "AUTH\tx\tPLAIN\tsecured", "CONT\t1", "GET / HTTP/1.1", strings.Repeat("x", maxAuthLine+10),
		"AUTH\t1\tLOGIN\tsecured\nAUTH\t1\tLOGIN\tsecured"} {
		c := dial(t, path)
		c.send("%s", bad)
		if _, err := io.Copy(io.Discard, c.in); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%.40q: %v", bad, err)
		}
	}
	good.send("AUTH\t1\tPLAIN\tsecured\tresp=%s", b64("\x00anna\x00secret"))
	if got := good.line(); got != "OK\t1\tuser=anna" {
		t.Error(got)
	}
}

func TestRecipients(t *testing.T) {
	r := &Recipients{Lookup: func(_ context.Context, address string) (bool, error) {
		if address == "down" {
			return false, errors.New("secret reason")
		}
		return address == "anna@example.org", nil
	}}
	path := listen(t, r.Serve, r.Close)
	c := dial(t, path)
	for _, test := range []struct{ request, want string }{
		{"recipients anna@example.org", "OK anna@example.org"}, {"recipients bob@example.org", "NOTFOUND "}, {"x down", "TEMP the users are not available"},
		{"recipients", "PERM the request has no key"}, {"recipients two words", "NOTFOUND "},
	} {
		fmt.Fprintf(c, "%d:%s,", len(test.request), test.request)
		if got, err := readNetstring(c.in); got != test.want || err != nil {
			t.Errorf("%q: %q, %v, want %q", test.request, got, err, test.want)
		}
	}
	for _, bad := range []string{"x:abc,", "3:abcd", "99999999:x", "01:x,", "200000:", ":,"} {
		c := dial(t, path)
		fmt.Fprint(c, bad)
		c.Conn.(*net.UnixConn).CloseWrite()
		if b, err := io.ReadAll(c.in); len(b) > 0 || err != nil {
			t.Errorf("%q is answered: %q, %v", bad, b, err)
		}
	}
}

func FuzzNetstring(f *testing.F) {
	f.Add("3:abc,")
	f.Add("0:,")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := readNetstring(bufio.NewReader(strings.NewReader(s)))
		if err == nil && !strings.HasPrefix(s, fmt.Sprintf("%d:%s,", len(got), got)) {
			t.Errorf("%q: %q", s, got)
		}
	})
}
