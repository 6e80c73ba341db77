package imapservertest

import (
	"fmt"
	"slices"
)

// qresync tells whether the session has QRESYNC enabled.
func (s *session) qresync() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mirror.qresync
}

// condstore tells whether the server takes the client for a CONDSTORE-aware one.
func (s *session) condstore() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mirror.condstore
}

// uidOnly tells whether the session has UIDONLY enabled.
func (s *session) uidOnly() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mirror.uidOnly
}

// readOnly tells whether the selected mailbox was opened by EXAMINE.
func (s *session) readOnly() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mirror.box != nil && s.mirror.box.readOnly
}

// memory returns what the client would keep of the selected mailbox.
func (s *session) memory() memory {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.mirror.box
	if b == nil {
		return memory{}
	}
	return memory{b.validity, b.highest, slices.Clone(b.messages)}
}

// resynchronise makes of what the client remembered, and of what SELECT with QRESYNC told, what it believes now
// (RFC 7162, section 3.2.5).
func (s *session) resynchronise(old memory) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.mirror.box
	if b.validity != old.validity {
		return nil // nothing remembered counts
	}
	told := map[uint32]bool{}
	for _, m := range b.messages {
		told[m.uid] = true
	}
	left := slices.DeleteFunc(slices.Clone(old.messages), func(m message) bool { return told[m.uid] || b.earlier.has(m.uid) })
	for i := range min(b.opened, len(b.messages)) {
		if b.messages[i].uid != 0 {
			continue
		}
		if len(left) == 0 {
			return violation("QRESYNC: message %d is neither remembered nor told: RFC 7162, section 3.2.5.1", i+1)
		}
		b.messages[i], left = left[0], left[1:]
	}
	if len(left) > 0 {
		return violation("QRESYNC: UID %d is gone, but VANISHED (EARLIER) did not tell: RFC 7162, section 3.2.5.1", left[0].uid)
	}
	for i := range b.messages {
		if i > 0 && b.messages[i].uid != 0 && b.messages[i].uid <= b.messages[i-1].uid {
			return fmt.Errorf("%w: QRESYNC: messages %d and %d have UIDs %d and %d", errRule, i, i+1, b.messages[i-1].uid, b.messages[i].uid)
		}
	}
	return nil
}
