package imapservertest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var openLiteral = regexp.MustCompile(`\{\d+\+?\}$`)

// continues tells whether a line is not a command of its own but goes on with one, and notes what the next line is.
func (s *session) continues(line string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	literal := s.inLiteral && slices.ContainsFunc(s.mirror.pending, func(c *command) bool { return c.tag == s.lastTag })
	s.inLiteral = openLiteral.MatchString(line)
	return literal || !strings.Contains(line, " ") && slices.ContainsFunc(s.mirror.pending, func(c *command) bool {
		return c.name == "IDLE" || c.name == "AUTHENTICATE"
	})
}

// oldestTag returns the tag of the oldest command whose answer the script has not met yet.
func (s *session) oldestTag() string {
	if len(s.unmet) == 0 {
		return s.lastTag
	}
	return s.unmet[0]
}

// busy tells whether a command is still in progress, or the connection is about to end.
func (s *session) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mirror.bye || len(s.mirror.pending) > 0
}

// answersLeft is an error if the conversation ends without having met the answer of a command, other than one that
// waits for the client.
func (s *session) answersLeft() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mirror.bye || s.mirror.during("IDLE", "AUTHENTICATE") || len(s.unmet) == 0 {
		return nil
	}
	return fmt.Errorf("no line of the script is for the answer to %s", s.unmet[0])
}

// belief returns a copy of what the client believes of the selected mailbox; false if none is selected.
func (s *session) belief() ([]message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mirror.box == nil {
		return nil, false
	}
	return slices.Clone(s.mirror.box.messages), true
}

// verify brings the client up to date by NOOP and compares what it believes then with what the server shows it, and with
// what it shows to another client.
func (r *runner) verify(s *session) error {
	if _, selected := s.belief(); !selected {
		return nil
	}
	if _, err := s.command("NOOP"); err != nil {
		return err
	}
	believed := s.memory()
	if len(believed.messages) > 0 {
		fetch := "FETCH 1:* (UID FLAGS)"
		if s.uidOnly() {
			fetch = "UID " + fetch
		}
		if _, err := s.command(fetch); err != nil {
			return err
		}
		if err := compareBeliefs(believed.messages, s.memory().messages); err != nil {
			return err
		}
	}
	truth, ok, err := r.look(s.mailboxName())
	if err != nil || !ok || truth.validity != believed.validity {
		return err
	}
	return compareBeliefs(believed.messages, truth.messages)
}

// mailboxName returns the name by which the mailbox was selected, or "" where it is not written as IMAP4rev1 has it.
func (s *session) mailboxName() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mirror.box.plainName()
}

func (b *mailbox) plainName() string {
	if strings.ContainsFunc(b.name, func(c rune) bool { return strings.ContainsRune(`&{<`, c) || c > '~' }) {
		return ""
	}
	return b.name
}

// look returns what a fresh client sees of a mailbox; false where there is no such mailbox (any more).
func (r *runner) look(name string) (m memory, ok bool, err error) {
	if name == "" {
		return m, false, nil
	}
	err = r.setup(func(s *session) error {
		switch _, err := s.command("EXAMINE " + name); {
		case errors.Is(err, errRefused):
			return nil
		case err != nil:
			return err
		}
		if m = s.memory(); len(m.messages) > 0 {
			if _, err := s.command("FETCH 1:* (UID FLAGS)"); err != nil {
				return err
			}
		}
		m, ok = s.memory(), true
		return nil
	})
	return m, ok, err
}

// finish checks what every conversation must leave behind: nothing unread, and clients that believe what is true.
func (r *runner) finish() error {
	for _, name := range r.order {
		s := r.sessions[name]
		if s.busy() {
			if err := s.answersLeft(); err != nil {
				return fmt.Errorf("session %s: %w", name, err)
			}
			continue
		}
		if err := r.quietNow(s); err != nil {
			return fmt.Errorf("session %s: %w", name, err)
		}
		if err := r.verify(s); err != nil {
			return fmt.Errorf("session %s: %w", name, err)
		}
	}
	return nil
}

// quietNow checks that no response was left unread.
func (r *runner) quietNow(s *session) error {
	for !s.skipping {
		got, err := s.next(0)
		if errors.Is(err, errSilent) {
			return nil
		}
		if err != nil {
			return err
		}
		if !isNoise(got) {
			return mismatch{"nothing more", got}
		}
	}
	return nil
}

func compareBeliefs(believed, truth []message) error {
	if len(believed) != len(truth) {
		return fmt.Errorf("the client counted %d messages, there are %d", len(believed), len(truth))
	}
	for i, b := range believed {
		if t := truth[i]; b.uid != 0 && b.uid != t.uid || b.known && b.flags != t.flags {
			return fmt.Errorf("message %d: the client believed UID %d, flags %q; they are UID %d, %q", i+1, b.uid, b.flags, t.uid, t.flags)
		}
	}
	return nil
}
