package imapservertest

import (
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

// lastCommand returns the name of the last command sent.
func (s *session) lastCommand() string { return s.lastName }

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

// verify brings the client up to date by NOOP and compares what it believes then with a fresh look at the mailbox.
func (s *session) verify() error {
	if _, selected := s.belief(); !selected {
		return nil
	}
	if _, err := s.command("NOOP"); err != nil {
		return err
	}
	believed, _ := s.belief()
	if len(believed) == 0 {
		return nil
	}
	if _, err := s.command("FETCH 1:* (UID FLAGS)"); err != nil {
		return err
	}
	truth, _ := s.belief()
	return compareBeliefs(believed, truth)
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
