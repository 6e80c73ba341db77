package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/passwd"
)

// What a stranger hears over IMAP is the same for every kind of user, those with the right password hear why, and no password is in
// a log or a file.
func TestAnswers(t *testing.T) {
	const right, wrong = "quiet canary lanterns", "noisy canary lanterns"
	s := newTestServer(t, settings{})
	users := []string{"active", "disabled", "expired", "marked", "app-only"}
	for _, name := range users {
		s.do(request{Command: "add", Name: name, Password: right})
	}
	s.do(request{Command: "disable", Name: "disabled"})
	s.do(request{Command: "expire", Name: "expired", Time: time.Now().Add(-time.Hour)})
	s.do(request{Command: "must-change", Name: "marked"})
	s.do(request{Command: "app-only", Name: "app-only", To: "on"})

	first := s.dial().say(plain("nobody", wrong))
	for _, user := range append(users, "no name") {
		if got := s.dial().say(plain(user, wrong)); got != first || !strings.HasPrefix(got, "a NO [AUTHENTICATIONFAILED] ") {
			t.Errorf("%s: %q, a stranger hears %q", user, got, first)
		}
	}
	c := s.dial()
	c.say("a LOGIN active \"" + wrong + "\"\r\n")
	c.say("a LOGIN active {" + fmt.Sprint(len(wrong)) + "}\r\n")
	c.say(wrong + "\r\n")
	for user, want := range map[string]string{"disabled": "AUTHENTICATIONFAILED", "expired": "EXPIRED", "marked": "EXPIRED", "app-only": "AUTHENTICATIONFAILED"} {
		if got := s.dial().say(plain(user, right)); !strings.HasPrefix(got, "a NO ["+want+"] ") {
			t.Errorf("%s: %q", user, got)
		}
	}
	if got := s.dial().say(plain("active", right)); !strings.HasPrefix(got, "a OK ") {
		t.Errorf("%q", got)
	}
	if log := s.log.String(); !strings.Contains(log, "login failed") {
		t.Errorf("no failures in the log:\n%s", log)
	}
	file, away := filepath.Join(s.settings.Data, usersFile), filepath.Join(s.settings.Data, "away")
	if err := os.Rename(file, away); err != nil {
		t.Fatal(err)
	}
	if got := s.dial().say(plain("active", right)); !strings.HasPrefix(got, "a NO [UNAVAILABLE] ") {
		t.Errorf("without a user file: %q", got)
	}
	if err := os.Rename(away, file); err != nil {
		t.Fatal(err)
	}
}

// It can be seen when and from where an app password was used; once it is revoked, its sessions end and it lets nobody in.
func TestRevocation(t *testing.T) {
	s := newTestServer(t, settings{})
	s.do(request{Command: "add", Name: "anna", Password: "quiet canary lanterns"})
	made := strings.Fields(s.do(request{Command: "app-add", Name: "anna", App: &passwd.AppPassword{Name: "phone"}})[0])
	secret, id := made[len(made)-1], made[2]
	if l := s.do(request{Command: "app-list", Name: "anna"}); !strings.Contains(l[0], "  used never  ") {
		t.Errorf("%q", l)
	}
	busy, idle := s.dial(), s.dial()
	for _, c := range []*imapClient{busy, idle} {
		if got := c.say(plain("anna", secret)); !strings.HasPrefix(got, "a OK ") {
			t.Fatalf("%q", got)
		}
	}
	fmt.Fprint(idle, "b SELECT INBOX\r\n")
	for !strings.HasPrefix(idle.line(), "b OK ") {
	}
	if got := idle.say("c IDLE\r\n"); !strings.HasPrefix(got, "+ ") {
		t.Fatalf("%q", got)
	}
	if l := s.do(request{Command: "app-list", Name: "anna"}); !strings.Contains(l[0], "  used 2") || !strings.Contains(l[0], " from 127.0.0.1  ") {
		t.Errorf("%q", l)
	}
	if l := strings.Join(s.do(request{Command: "show", Name: "anna"}), "\n"); !strings.Contains(l, "\nlogin:     2") || !strings.Contains(l, " UTC from 127.0.0.1, imap by PLAIN with app password "+id+"\n") {
		t.Errorf("%q", l)
	}
	began := time.Now()
	s.do(request{Command: "app-remove", Name: "anna", To: id})
	for _, c := range []*imapClient{busy, idle} {
		if got := c.line(); !strings.HasPrefix(got, "* BYE ") {
			t.Errorf("%q", got)
		}
		if line, err := c.in.ReadString('\n'); err == nil {
			t.Errorf("the session goes on: %q", line)
		}
	}
	t.Logf("both sessions had ended %s after the command was given; the goal says a second", time.Since(began).Round(time.Microsecond))
	if strings.Contains(s.log.String(), secret) {
		t.Error("the log has the app password")
	}
	if got := s.dial().say(plain("anna", secret)); !strings.HasPrefix(got, "a NO [AUTHENTICATIONFAILED] ") {
		t.Errorf("%q", got)
	}
}
