package imapserver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/storage"
)

// pipeListener gives connections over net.Pipe.
type pipeListener struct{ conns chan net.Conn }

func (l *pipeListener) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *pipeListener) Close() error   { return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Net: "unix", Name: "pipe"} }

// sessionPrefixes bring a connection into each state.
var sessionPrefixes = []string{
	"",
	"a LOGIN user secret\r\n",
	"a LOGIN user secret\r\nb SELECT INBOX\r\n",
	"a LOGIN user secret\r\nb ENABLE IMAP4rev2 QRESYNC\r\nc SELECT INBOX\r\n",
	"a LOGIN user secret\r\nb SELECT INBOX\r\nc IDLE\r\n",
	"a LOGIN user secret\r\nb ENABLE UIDONLY CONDSTORE\r\nc SELECT INBOX\r\n",
	"a AUTHENTICATE PLAIN\r\n",
}

// FuzzSession sends any octets in each state. The server must not panic, must answer in lines, and the connection must end when the
// client has sent all. A second session watches, so that news have to be told.
func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		"x NOOP\r\n", "x FETCH 1:* (FLAGS BODY[1.2.HEADER.FIELDS (A)]<1.2> BINARY.PEEK[1])\r\n", "DONE\r\nx LOGOUT\r\n",
		"x SEARCH RETURN (MIN SAVE) CHARSET UTF-8 OR (NOT ALL) 1,2:* TEXT {1+}\r\nx\r\ny FETCH $ UID\r\n",
		"x STORE 1 (UNCHANGEDSINCE 1) +FLAGS.SILENT (\\Deleted k)\r\ny UID EXPUNGE 1\r\nz NOOP\r\n",
		"x APPEND INBOX (\\Seen) \" 1-Feb-2026 12:00:00 +0100\" {3+}\r\nabc\r\n", "x UID MOVE 1 Trash\r\ny UID COPY 1:* INBOX\r\n",
		"x SELECT INBOX (QRESYNC (1 1 1:2 (1 1)))\r\n", "x LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (% *) RETURN (STATUS (SIZE))\r\n",
		"x CREATE &AOU-\r\ny RENAME INBOX a/b\r\nz DELETE a\r\n", "AHVzZXIAc2VjcmV0\r\n", "x ID (\"a\" NIL)\r\n", "x BAD {5}\r\nhello\r\n",
		"x CREATE b (USE (\\Sent))\r\ny STATUS b (MAILBOXID APPENDLIMIT)\r\n", "x UID SEARCH OLDER 1 SAVEDON 1-Feb-2026 EMAILID M1 THREADID T\r\n",
		"x APPEND INBOX {1+}\r\na (\\Seen) {1+}\r\nb\r\ny UID REPLACE 1 Sent (k) {1+}\r\nc\r\n",
		"x UID SORT RETURN (PARTIAL -1:-2 COUNT) (REVERSE SUBJECT DISPLAYFROM) UTF-8 ALL\r\ny UID THREAD REFERENCES UTF-8 ALL\r\n",
		"x UID FETCH 1:* (EMAILID SAVEDATE) (PARTIAL 1:2 CHANGEDSINCE 1)\r\ny UNAUTHENTICATE\r\nz LOGIN user secret\r\n",
	} {
		for i := range sessionPrefixes {
			f.Add(byte(i), []byte(seed))
		}
	}
	unit := newUnit(f)
	var account atomic.Pointer[storage.Account]
	s := &Server{
		Auth: &users{passwords: map[string]string{"user": "secret"}},
		Open: func(ctx context.Context, _ string) (*storage.Account, error) {
			return unit.OpenAccount(ctx, account.Load().Name())
		},
		InsecureAuth: true,
		Logger:       slog.New(panicHandler{}),
		Limits:       Limits{ConnectionsPerAccount: Unlimited},
	}
	l := &pipeListener{make(chan net.Conn)}
	go s.Serve(l)
	defer s.Close()
	runs := 0
	f.Fuzz(func(t *testing.T, prefix byte, input []byte) {
		if runs++; runs%50 == 1 { // else COPY 1:* would make more and more
			a, err := unit.CreateAccount(context.Background(), fmt.Sprint("user", runs))
			if err != nil {
				t.Fatal(err)
			}
			account.Store(a)
		}
		a := account.Load()
		if n := current(t, inbox(t, a)).Len(); n < 3 {
			deliver(t, a, inbox(t, a), 3, "Subject: x\r\nContent-Type: text/plain\r\n\r\ntext\r\n")
		}
		out := talk(t, l, sessionPrefixes[int(prefix)%len(sessionPrefixes)]+string(input))
		for line := range strings.Lines(out) {
			if strings.Contains(line, "SERVERBUG") {
				t.Errorf("%q", line)
			}
		}
	})
}

// talk sends all of text and returns all that comes back until the server has closed the connection.
func talk(t *testing.T, l *pipeListener, text string) string {
	near, far := net.Pipe()
	l.conns <- far
	var out bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(&out, near)
	}()
	near.SetWriteDeadline(time.Now().Add(patience))
	// LOGOUT ends the connection when all has been answered, unless it went into a literal.
	if _, err := io.WriteString(near, text+"\r\nzz LOGOUT\r\n"); err == nil {
		select {
		case <-done:
		case <-time.After(20 * time.Millisecond):
		}
	}
	near.Close()
	<-done
	return out.String()
}

// panicHandler makes any error in the log end the process: there should be none, whatever a client sends.
type panicHandler struct{}

func (h panicHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
func (h panicHandler) WithAttrs([]slog.Attr) slog.Handler           { return h }
func (h panicHandler) WithGroup(string) slog.Handler                { return h }
func (h panicHandler) Handle(_ context.Context, r slog.Record) error {
	var detail strings.Builder
	r.Attrs(func(a slog.Attr) bool {
		detail.WriteString(" " + a.String())
		return true
	})
	panic(r.Message + ":" + detail.String())
}
