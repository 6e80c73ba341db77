package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/storage"
)

// canary is in all passwords of tests that use a testServer, and must be nowhere else.
const canary = "canary lanterns"

// testServer is a server in this process, which computes cheap hashes and slows nobody down. When the test ends it is closed, and its
// log and files must have no password in them.
type testServer struct {
	*server
	t   *testing.T
	log *lockedBuffer
}

func newTestServer(t *testing.T, s settings) *testServer {
	t.Helper()
	dir := t.TempDir()
	s.Data, s.IMAPS, s.MaxMessageSize = filepath.Join(dir, "d"), "127.0.0.1:0", 1<<20
	x := &testServer{t: t, log: &lockedBuffer{}}
	srv, err := newServer(s, storage.Options{}, slog.New(slog.NewTextHandler(x.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	x.server = srv
	srv.store.users.Hasher.Params = passwd.Params{Memory: 8, Time: 1}
	srv.auth.Guard = nil // which would have had enough soon
	srv.start()
	t.Cleanup(func() {
		if err := srv.close(); err != nil {
			t.Error(err)
		}
		x.search()
	})
	return x
}

// search looks for passwords where none may be.
func (x *testServer) search() {
	x.t.Helper()
	if log := x.log.String(); leaks(log) {
		x.t.Errorf("passwords in the log:\n%s", log)
	}
	err := filepath.WalkDir(x.settings.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if leaks(string(data)) {
			x.t.Errorf("%s holds a password", path)
		}
		return err
	})
	if err != nil {
		x.t.Error(err)
	}
}

// leaks reports the canary, also in base64, which looks different at each of three places.
func leaks(text string) bool {
	for i := range 3 {
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", i) + canary))
		if strings.Contains(text, canary) || strings.Contains(text, encoded[4*((i+2)/3):len(encoded)-4]) {
			return true
		}
	}
	return false
}

// do carries out a request of the administrator and returns what is printed.
func (x *testServer) do(r request) (lines []string) {
	x.t.Helper()
	err := x.control.admin.do(x.t.Context(), r, func(l string) { lines = append(lines, l) })
	if err != nil {
		x.t.Fatal(err)
	}
	return lines
}

// imapClient is a connection that has been greeted.
type imapClient struct {
	t *testing.T
	*tls.Conn
	in *bufio.Reader
}

func (x *testServer) dial() *imapClient {
	x.t.Helper()
	conn, err := tls.Dial("tcp", addressOf(x.services[0].listener), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	c := &imapClient{x.t, conn, bufio.NewReader(conn)}
	c.line() // greeting
	return c
}

func (c *imapClient) line() string {
	c.t.Helper()
	line, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	return line
}

// say sends something and returns the line that is the answer.
func (c *imapClient) say(text string) string {
	c.t.Helper()
	fmt.Fprint(c, text)
	return c.line()
}

// plain is a command that logs in.
func plain(user, password string) string {
	return "a AUTHENTICATE PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password)) + "\r\n"
}

// lockedBuffer is a log that many goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
