package drill

import (
	"crypto/x509"
	"fmt"
	"strings"
	"time"
)

// state is what the log says: its beginning and the records after it.
type state struct {
	beginning
	certs    []*certificate
	done     map[string]time.Time // by stepID
	notes    map[string]string    // of done steps, or why they failed
	last     time.Time            // of the last installation
	cursor   string               // last user that is marked
	marked   int
	finished time.Time
	begun    bool // it is on disk
}

// certificate is one that is replaced.
type certificate struct {
	certificateRecord
	number int // in the log
	leaf   *x509.Certificate
}

func newState(b beginning) (*state, error) {
	s := &state{beginning: b, done: map[string]time.Time{}, notes: map[string]string{}}
	seen := map[string]bool{}
	for i, c := range b.Certificates {
		leaf, err := x509.ParseCertificate(c.Leaf)
		if err != nil {
			return nil, fmt.Errorf("drill: certificate %q: %w", c.Name, err)
		}
		if seen[c.Name] {
			return nil, fmt.Errorf("drill: two certificates are called %q", c.Name)
		}
		seen[c.Name] = true
		s.certs = append(s.certs, &certificate{c, i, leaf})
	}
	return s, nil
}

// itemOf is the name of a step's certificate; "" for a step that has none.
func itemOf(c *certificate) string {
	if c == nil {
		return ""
	}
	return c.Name
}

func stepID(p Phase, c *certificate) string { return string(p) + " " + itemOf(c) }

// apply takes a record in.
func (s *state) apply(x record) error {
	id := string(x.Phase) + " " + x.Item
	switch {
	case x.Phase == finish:
		s.finished = x.Time
	case x.Cursor != "":
		s.cursor = x.Cursor
		s.marked += x.Count
	case x.Done:
		s.done[id], s.notes[id] = x.Time, x.Note
		if x.Phase == Install {
			s.last = x.Time
		}
	case x.Failed != "":
		s.notes[id] = x.Failed
	default:
		return fmt.Errorf("drill: a record of the log says nothing: %+v", x)
	}
	return nil
}

// installed is when all new certificates were in place: what is older may be known to whoever has an old key.
func (s *state) installed() time.Time {
	if s.last.IsZero() {
		return s.Started
	}
	return s.last
}

// wanted tells whether the drill has a phase.
func (s *state) wanted(p Phase) bool {
	switch p {
	case Tickets:
		return s.Tickets
	case Passwords:
		return s.Accounts
	case Sessions:
		return s.Sessions
	}
	return true
}

// items returns what the steps of a phase are about; one nil is a single step.
func (s *state) items(p Phase, each bool) []*certificate {
	if each {
		return s.certs
	}
	if !s.wanted(p) {
		return nil
	}
	return []*certificate{nil}
}

// ready tells whether all is done that a step of phases[i] waits for.
func (s *state) ready(i int, c *certificate) bool {
	for _, before := range phases[:i] {
		for _, p := range phases[i].after {
			if before.phase != p {
				continue
			}
			for _, other := range s.items(p, before.each) {
				if (!phases[i].same || other == c) && s.done[stepID(p, other)].IsZero() {
					return false
				}
			}
		}
	}
	return true
}

// left counts the steps that are not done.
func (s *state) left() (n int) {
	for _, p := range phases {
		for _, c := range s.items(p.phase, p.each) {
			if s.done[stepID(p.phase, c)].IsZero() {
				n++
			}
		}
	}
	return n
}

func (s *state) plan() *Plan {
	p := &Plan{Finished: s.finished}
	if s.begun {
		p.Started = s.Started
	}
	for _, phase := range phases {
		if !s.wanted(phase.phase) {
			p.LeftOut = append(p.LeftOut, phase.phase)
		}
		for _, c := range s.items(phase.phase, phase.each) {
			id := stepID(phase.phase, c)
			step := Step{Phase: phase.phase, Item: itemOf(c), Done: s.done[id]}
			if step.Done.IsZero() {
				step.Failed = s.notes[id]
			} else {
				step.Note = s.notes[id]
			}
			if c != nil {
				step.About = c.about()
			}
			p.Steps = append(p.Steps, step)
		}
	}
	return p
}

// about tells people which certificate it is.
func (c *certificate) about() string {
	names := c.leaf.DNSNames
	for _, ip := range c.leaf.IPAddresses {
		names = append(names[:len(names):len(names)], ip.String())
	}
	more := ""
	if len(names) > 3 {
		more = fmt.Sprintf(" and %d more", len(names)-3)
		names = names[:3]
	}
	about := "(" + strings.Join(names, ", ") + more
	if len(c.Services) > 0 {
		about += "; " + strings.Join(c.Services, ", ")
	}
	return about + ")"
}
