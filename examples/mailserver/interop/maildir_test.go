//go:build interop

package interop_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maildir is a folder of mail on the side of a client.
type maildir struct {
	t    *testing.T
	path string
}

// newMaildir makes a maildir.
func newMaildir(t *testing.T, path string) maildir {
	t.Helper()
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(path, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return maildir{t, path}
}

// add delivers a message with flags, letters in alphabetical order.
func (d maildir) add(name, text, flags string) {
	d.t.Helper()
	path := filepath.Join(d.path, "cur", name+":2,"+flags)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// local is a message in a maildir.
type local struct{ path, text, flags string }

// list returns all messages.
func (d maildir) list() (all []local) {
	d.t.Helper()
	for _, sub := range []string{"cur", "new"} {
		files, err := os.ReadDir(filepath.Join(d.path, sub))
		if err != nil {
			d.t.Fatal(err)
		}
		for _, f := range files {
			path := filepath.Join(d.path, sub, f.Name())
			b, err := os.ReadFile(path)
			if err != nil {
				d.t.Fatal(err)
			}
			_, flags, _ := strings.Cut(f.Name(), ":2,")
			all = append(all, local{path, string(b), flags})
		}
	}
	return all
}

// setFlags gives a message other flags, as a mail program does.
func (d maildir) setFlags(m local, flags string) {
	d.t.Helper()
	base, _, _ := strings.Cut(filepath.Base(m.path), ":2,")
	letters := []byte(flags)
	slices.Sort(letters)
	if err := os.Rename(m.path, filepath.Join(d.path, "cur", base+":2,"+string(slices.Compact(letters)))); err != nil {
		d.t.Fatal(err)
	}
}

// mailState is the messages of a mailbox: flags (letters of maildirs) by digest of the content.
type mailState map[string]string

// ownFields are what clients put into messages to find them again.
var ownFields = regexp.MustCompile(`(?m)^(X-TUID|X-OfflineIMAP|Content-Length|Lines): .*\n`)

// essence is the digest of a message without line ends and fields that are the client's doing.
func essence(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	header, body, whole := strings.Cut(text, "\n\n")
	text = ownFields.ReplaceAllString(header+"\n", "")
	if whole {
		text += "\n" + body
	}
	return digest(text)
}

// state is what the maildir holds.
func (d maildir) state() mailState {
	d.t.Helper()
	s := mailState{}
	for _, m := range d.list() {
		key := essence(m.text)
		if _, twice := s[key]; twice {
			d.t.Errorf("%s is there twice", m.path)
		}
		s[key] = m.flags
	}
	return s
}

var flagLetters = map[string]string{`\Answered`: "R", `\Deleted`: "T", `\Draft`: "D", `\Flagged`: "F", `\Seen`: "S"}

// state is what a mailbox of the server holds, whose messages must have CRLF throughout.
func (s *server) state(user, mailbox string) (mailState, uint32) {
	s.t.Helper()
	all, validity := s.messages(user, mailbox)
	state := mailState{}
	for _, m := range all {
		if toCRLF(m.body) != m.body {
			s.t.Errorf("UID %d of %s has bare LF", m.uid, mailbox)
		}
		key := essence(m.body)
		if _, twice := state[key]; twice {
			s.t.Errorf("UID %d of %s is there twice", m.uid, mailbox)
		}
		var letters []string
		for _, f := range strings.Fields(m.flags) {
			letters = append(letters, flagLetters[f])
		}
		slices.Sort(letters)
		state[key] = strings.Join(letters, "")
	}
	return state, validity
}

// compareStates reports how a state is not as it should be.
func compareStates(t *testing.T, what string, got, want mailState) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	var report []string
	for key, flags := range want {
		if g, ok := got[key]; !ok {
			report = append(report, key+" is missing")
		} else if g != flags {
			report = append(report, fmt.Sprintf("%s has flags %q, not %q", key, g, flags))
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			report = append(report, key+" is too much")
		}
	}
	slices.Sort(report)
	t.Errorf("%s: %d differences:\n%s", what, len(report), strings.Join(report[:min(len(report), 10)], "\n"))
}
