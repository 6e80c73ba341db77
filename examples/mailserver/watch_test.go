package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/storage"
)

// TestTraceCommand looks at the sessions of one of two accounts.
func TestTraceCommand(t *testing.T) {
	srv, err := newServer(settings{Data: t.TempDir(), IMAPS: "127.0.0.1:0", MaxMessageSize: 1 << 20}, storage.Options{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	srv.start()
	defer srv.close()
	a := srv.control.admin
	lines := make(chan string, 100)
	out := func(line string) { lines <- line }
	if err := a.do(t.Context(), request{Command: "trace", Name: "anna@example.org"}, out); err == nil {
		t.Error("an account that does not exist is traced")
	}
	for _, name := range []string{"anna@example.org", "bob@example.org"} {
		if err := a.do(t.Context(), request{Command: "add", Name: name, Password: "quiet lanterns"}, func(string) {}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- a.do(ctx, request{Command: "trace", Name: "anna@example.org"}, out) }()
	for srv.watches.logger("anna@example.org") == nil {
		time.Sleep(time.Millisecond)
	}
	for _, name := range []string{"bob@example.org", "anna@example.org"} {
		conn, err := tls.Dial("tcp", addressOf(srv.services[0].listener), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "a LOGIN %s \"quiet lanterns\"\r\nb STATUS %s (MESSAGES)\r\nc LOGOUT\r\n", name, name[:3])
		io.Copy(io.Discard, conn)
		conn.Close()
	}
	var got []string
	for !strings.Contains(strings.Join(got, "\n"), "c OK LOGOUT") {
		got = append(got, <-lines)
	}
	text := strings.Join(got, "\n")
	if !strings.Contains(text, `from=client line="b STATUS ann (MESSAGES)"`) || !strings.Contains(text, `from=server line="b NO [NONEXISTENT]`) {
		t.Errorf("the trace has not what was said:\n%s", text)
	}
	if strings.Contains(text, "lanterns") || strings.Contains(text, "bob") {
		t.Errorf("the trace has what is nobody's business:\n%s", text)
	}
	cancel()
	if err := <-ended; err != nil || srv.watches.logger("anna@example.org") != nil {
		t.Errorf("%v, or the trace goes on", err)
	}
}

// TestSlowWatcher checks that a terminal that takes nothing costs lines, and no time.
func TestSlowWatcher(t *testing.T) {
	var all watches
	w := all.add("anna@example.org")
	log := all.logger("anna@example.org")
	for range watchRoom + 7 {
		log.Info("x")
	}
	for range watchRoom {
		<-w.lines
	}
	log.Info("x")
	if line := <-w.lines; !strings.HasPrefix(line, "(7 lines are missing here)\n") {
		t.Errorf("%q", line)
	}
}
