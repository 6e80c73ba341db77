package imapserver

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// traceLog collects what is traced, one "from: line" each.
type traceLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *traceLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *traceLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// logger logs only what was said, so that tests can compare it.
func (l *traceLog) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "from" || a.Key == "line" {
			return a
		}
		return slog.Attr{}
	}}))
}

// TestTrace checks what a trace tells: everything after the login but the contents of literals, for the account that is
// traced and no other.
func TestTrace(t *testing.T) {
	var log traceLog
	s := newTestServer(t, func(s *Server) {
		s.Trace = func(user string) *slog.Logger {
			if user == "user1@example.com" {
				return log.logger()
			}
			return nil
		}
	})
	const secret = "the secret of a message"
	message := "Subject: x\r\n\r\n" + strings.Repeat(secret+"\r\n", 4000)
	clients := [2]*client{s.login(t, 1)[0], s.login(t, 1)[0]}
	for _, c := range clients {
		c.append("INBOX", "", message)
		c.ok("SELECT INBOX")
		c.ok("FETCH 1 (UID FLAGS BODY.PEEK[])")
		c.ok(`SEARCH TEXT "` + strings.Repeat("a", 3000) + `"`)
		c.ok("UNAUTHENTICATE")
		c.want("LOGIN nobody@example.com hunter2", ". NO …")
	}
	got := log.String()
	for _, want := range []string{
		fmt.Sprintf("from=client line=\"t2 APPEND INBOX {%d+}\"\n", len(message)),
		fmt.Sprintf("from=server line=\"* 1 FETCH (UID 1 FLAGS (\\\\Recent) BODY[] {%d}\"\nfrom=server line=)\n", len(message)),
		"aaa... (1017 octets)\"\n",
		"from=client line=\"t6 UNAUTHENTICATE\"\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in the trace:\n%.3000s", want, got)
		}
	}
	for _, never := range []string{secret, "hunter2", "LOGIN"} {
		if strings.Contains(got, never) {
			t.Errorf("%q is in the trace", never)
		}
	}
	if n := strings.Count(got, "UNAUTHENTICATE"); n != 3 { // a capability, the command, its answer
		t.Errorf("UNAUTHENTICATE is there %d times", n)
	}
}

// TestTracePieces checks that it does not matter in which pieces the server writes.
func TestTracePieces(t *testing.T) {
	text := "* 1 FETCH (BODY[] ~{5}\r\n{9}\r\n X {3}\r\nabc)\r\n" + strings.Repeat("x", 2*traceLine) + "{2}\r\n\r\n\r\nt1 OK done\r\n"
	trace := func(size int) string {
		var log traceLog
		tr := tracer{log: log.logger()}
		for rest := []byte(text); len(rest) > 0; {
			n := min(size, len(rest))
			tr.wrote(rest[:n])
			rest = rest[n:]
		}
		return log.String()
	}
	want := trace(len(text))
	for _, line := range []string{`"* 1 FETCH (BODY[] ~{5}"`, `" X {3}"`, "line=)\n", "xx... (2003 octets)", `"t1 OK done"`} {
		if !strings.Contains(want, line) {
			t.Errorf("%s is not in\n%s", line, want)
		}
	}
	for size := 1; size < 40; size++ {
		if got := trace(size); got != want {
			t.Fatalf("in pieces of %d: got\n%s\nwant\n%s", size, got, want)
		}
	}
}
