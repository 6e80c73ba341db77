package goimap_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-sasl"

	mailhavn "github.com/mailhavn/mailhavn/imapserver"
	"github.com/mailhavn/mailhavn/imapserver/goimap"
	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

const (
	user     = "anna"
	password = "correct horse"
	patience = 10 * time.Second
)

// testServer serves one unit by go-imap's server and by mailhavn's.
type testServer struct {
	goimap, own net.Listener
	unit        *storage.Unit
	auth        *plain
	accounts    atomic.Int32
}

// newServer starts the servers. No connection may panic.
func newServer(t testing.TB) *testServer {
	t.Helper()
	return newTransformingServer(t, nil)
}

// newTransformingServer is newServer with a hook of the storage.
func newTransformingServer(t testing.TB, transform storage.Transform) *testServer {
	t.Helper()
	s := &testServer{goimap: listen(t), own: listen(t), auth: &plain{}}
	var err error
	if s.unit, err = storage.Open(vfs.NewMem(), storage.Options{Transform: transform, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	account, err := s.unit.CreateAccount(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	account.Close()
	certified := httptest.NewTLSServer(nil)
	certified.Close()
	config := &tls.Config{Certificates: certified.TLS.Certificates}
	backend := &goimap.Backend{Auth: s.auth, Open: s.unit.OpenAccount}
	theirs := imapserver.New(&imapserver.Options{
		NewSession: backend.NewSession, Caps: goimap.Caps(), TLSConfig: config, InsecureAuth: true, Logger: logger{t},
	})
	ours := &mailhavn.Server{Auth: s.auth, Open: s.unit.OpenAccount, InsecureAuth: true, Logger: slog.New(slog.DiscardHandler)}
	var served sync.WaitGroup
	served.Go(func() { theirs.Serve(s.goimap) })
	served.Go(func() { ours.Serve(s.own) })
	t.Cleanup(func() {
		theirs.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := ours.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		served.Wait()
		if err := s.unit.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func listen(t testing.TB) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// logger fails the test when a session has panicked.
type logger struct{ t testing.TB }

func (l logger) Printf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if strings.Contains(text, "panic") {
		l.t.Errorf("log: %s", text)
	}
}

// plain is an Authenticator of one user.
type plain struct {
	readOnly bool
	expiry   time.Time
	lastWord string // what the server says at the end
}

func (p *plain) Mechanisms(net.Addr, *tls.ConnectionState) []string { return []string{"PLAIN"} }

func (p *plain) Start(context.Context, string, net.Addr, *tls.ConnectionState) (sasl.Server, func() string, error) {
	var name string
	server := sasl.NewPlainServer(func(_, username, given string) error {
		if name = username; given != password {
			return imapserver.ErrAuthFailed
		}
		return nil
	})
	return &plainServer{server, *p}, func() string { return name }, nil
}

type plainServer struct {
	sasl.Server
	plain
}

func (s *plainServer) Next(response []byte) ([]byte, bool, error) {
	challenge, done, err := s.Server.Next(response)
	if done {
		challenge = []byte(s.lastWord)
	}
	return challenge, done, err
}

func (s *plainServer) Grant() (bool, time.Time) { return s.readOnly, s.expiry }

// client is go-imap's client.
func (s *testServer) client(t testing.TB, to net.Listener, options *imapclient.Options) *imapclient.Client {
	t.Helper()
	conn, err := net.Dial("tcp", to.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := imapclient.New(conn, options)
	t.Cleanup(func() { c.Close() })
	return c
}

// login is a client that has logged in; with a mailbox, one that has selected it.
func (s *testServer) login(t testing.TB, to net.Listener, mailbox string, options *imapclient.Options) *imapclient.Client {
	t.Helper()
	c := s.client(t, to, options)
	must(t, c.Login(user, password).Wait())
	if mailbox != "" {
		_, err := c.Select(mailbox, nil).Wait()
		must(t, err)
	}
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// add appends a message.
func add(t testing.TB, c *imapclient.Client, mailbox, text string, options *imap.AppendOptions) *imap.AppendData {
	t.Helper()
	cmd := c.Append(mailbox, int64(len(text)), options)
	io.WriteString(cmd, text)
	must(t, cmd.Close())
	data, err := cmd.Wait()
	must(t, err)
	return data
}

// raw speaks the protocol line by line.
type raw struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	n    int
}

func (s *testServer) raw(t testing.TB, to net.Listener) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", to.Addr().String())
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	r := &raw{t: t, conn: conn, r: bufio.NewReader(conn)}
	_, err = r.response()
	must(t, err)
	return r
}

func (s *testServer) rawLogin(t testing.TB, to net.Listener, mailbox string) *raw {
	t.Helper()
	r := s.raw(t, to)
	r.ok("LOGIN " + user + ` "` + password + `"`)
	if mailbox != "" {
		r.ok("SELECT " + mailbox)
	}
	return r
}

// response reads one response with its literals, without the CRLF at its end.
func (r *raw) response() (string, error) {
	r.conn.SetReadDeadline(time.Now().Add(patience))
	var out strings.Builder
	for {
		line, err := r.r.ReadString('\n')
		if err != nil {
			return out.String(), err
		}
		line = strings.TrimSuffix(line, "\r\n")
		out.WriteString(line)
		i := strings.LastIndexByte(line, '{')
		if i < 0 || !strings.HasSuffix(line, "}") {
			return out.String(), nil
		}
		size, err := strconv.Atoi(line[i+1 : len(line)-1])
		if err != nil {
			return out.String(), nil
		}
		literal := make([]byte, size)
		if _, err := io.ReadFull(r.r, literal); err != nil {
			return out.String(), err
		}
		out.WriteString("\r\n")
		out.Write(literal)
	}
}

// do runs a command and returns the untagged responses and the tagged one, without its tag.
//
// It returns after the answer to the command, and if another tag is given, after a response with that.
func (r *raw) do(command string, last ...string) (untagged []string, tagged string, err error) {
	r.n++
	tag := "t" + strconv.Itoa(r.n)
	if _, err := io.WriteString(r.conn, tag+" "+command+"\r\n"); err != nil {
		return nil, "", err
	}
	for {
		line, err := r.response()
		if err != nil {
			return untagged, "", err
		}
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			if tagged = rest; len(last) == 0 {
				return untagged, tagged, nil
			}
		} else if len(last) > 0 && strings.HasPrefix(line, last[0]) {
			return untagged, tagged, nil
		}
		untagged = append(untagged, line)
	}
}

// ok runs a command that must succeed.
func (r *raw) ok(command string) []string {
	r.t.Helper()
	untagged, tagged, err := r.do(command)
	if err != nil || !strings.HasPrefix(tagged, "OK") {
		r.t.Fatalf("%s: %q %q %v", command, untagged, tagged, err)
	}
	return untagged
}

// refused runs a command that must fail with a response that begins so.
func (r *raw) refused(command, want string) {
	r.t.Helper()
	if untagged, tagged, err := r.do(command); err != nil || !strings.HasPrefix(tagged, want) {
		r.t.Errorf("%s: %q %q %v, want %s", command, untagged, tagged, err, want)
	}
}

// append appends a message by a literal that does not wait, in pieces.
func (r *raw) append(mailbox string, text []byte) {
	r.t.Helper()
	r.n++
	tag := "t" + strconv.Itoa(r.n)
	fmt.Fprintf(r.conn, "%s APPEND %s {%d}\r\n", tag, mailbox, len(text))
	if line, err := r.response(); err != nil || !strings.HasPrefix(line, "+") {
		r.t.Fatalf("APPEND: %q %v", line, err)
	}
	r.conn.Write(append(bytes.Clone(text), "\r\n"...))
	for {
		line, err := r.response()
		if err != nil {
			r.t.Fatal(err)
		}
		if strings.HasPrefix(line, tag) {
			if !strings.HasPrefix(line, tag+" OK") {
				r.t.Fatalf("APPEND: %q", line)
			}
			return
		}
	}
}
