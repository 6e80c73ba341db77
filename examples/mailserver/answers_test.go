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

// What a stranger hears over IMAP is the same for every kind of user, those with the right password hear why, and no password is in
// a log or a file.
func TestAnswers(t *testing.T) {
	const right, wrong = "quiet canary lanterns", "noisy canary lanterns"
	dir, log := filepath.Join(t.TempDir(), "d"), &lockedBuffer{}
	srv, err := newServer(settings{Data: dir, IMAPS: "127.0.0.1:0", MaxMessageSize: 1 << 20}, storage.Options{},
		slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	srv.store.users.Hasher.Params = passwd.Params{Memory: 8, Time: 1}
	srv.auth.Guard = nil // which would have had enough soon
	srv.start()
	closed := false
	stop := func() {
		if !closed {
			closed = true
			srv.close()
		}
	}
	defer stop()
	a := &admin{store: srv.store}
	do := func(r request) {
		t.Helper()
		if err := a.do(t.Context(), r, func(string) {}); err != nil {
			t.Fatal(err)
		}
	}
	users := []string{"active", "disabled", "expired", "marked", "app-only"}
	for _, name := range users {
		do(request{Command: "add", Name: name, Password: right})
	}
	do(request{Command: "disable", Name: "disabled"})
	do(request{Command: "expire", Name: "expired", Time: time.Now().Add(-time.Hour)})
	do(request{Command: "must-change", Name: "marked"})
	do(request{Command: "app-only", Name: "app-only", To: "on"})

	// hear returns the answers to commands on a new connection.
	hear := func(commands ...string) string {
		t.Helper()
		conn, err := tls.Dial("tcp", addressOf(srv.services[0].listener), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(time.Minute))
		in := bufio.NewReader(conn)
		in.ReadString('\n') // greeting
		answer := ""
		for _, c := range commands {
			fmt.Fprint(conn, c)
			line, err := in.ReadString('\n')
			if err != nil {
				t.Fatalf("%q: %v", c, err)
			}
			answer += line
		}
		return answer
	}
	plain := func(user, password string) string {
		return hear("a AUTHENTICATE PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password)) + "\r\n")
	}
	first := plain("nobody", wrong)
	for _, user := range append(users, "no name") {
		if got := plain(user, wrong); got != first || !strings.HasPrefix(got, "a NO [AUTHENTICATIONFAILED] ") {
			t.Errorf("%s: %q, a stranger hears %q", user, got, first)
		}
	}
	hear("a LOGIN active \"" + wrong + "\"\r\n")
	hear("a LOGIN active {"+fmt.Sprint(len(wrong))+"}\r\n", wrong+"\r\n")
	for user, want := range map[string]string{"disabled": "AUTHENTICATIONFAILED", "expired": "EXPIRED", "marked": "EXPIRED", "app-only": "AUTHENTICATIONFAILED"} {
		if got := plain(user, right); !strings.HasPrefix(got, "a NO ["+want+"] ") {
			t.Errorf("%s: %q", user, got)
		}
	}
	if got := plain("active", right); !strings.HasPrefix(got, "a OK ") {
		t.Errorf("%q", got)
	}
	if err := os.Rename(filepath.Join(dir, usersFile), filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	if got := plain("active", right); !strings.HasPrefix(got, "a NO [UNAVAILABLE] ") {
		t.Errorf("without a user file: %q", got)
	}
	stop()

	if got := log.String(); !strings.Contains(got, "login failed") || leaks(got) {
		t.Errorf("the log has no failures, or passwords:\n%s", got)
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if leaks(string(data)) {
			t.Errorf("%s holds a password", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// leaks reports passwords of the test, also in base64.
func leaks(text string) bool {
	for _, secret := range []string{"canary", base64.StdEncoding.EncodeToString([]byte("\x00active\x00noisy canary"))[:20]} {
		if strings.Contains(text, secret) {
			return true
		}
	}
	return false
}
