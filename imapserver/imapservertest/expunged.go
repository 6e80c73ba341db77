package imapservertest

import (
	"regexp"
	"slices"
)

// mayExpunge tells whether EXPUNGE and VANISHED are allowed now (RFC 9051, section 7.5.1).
func (m *mirror) mayExpunge() error {
	switch {
	case m.box == nil && m.next == nil:
		return violation("expunge without a selected mailbox")
	case m.anytime:
		return nil // RFC 5465, section 5.3
	case m.current() == nil:
		return violation("expunge while no command is in progress: RFC 9051, section 7.5.1")
	case m.during("FETCH", "STORE", "SEARCH", "SORT", "THREAD"):
		return violation("expunge during %s: RFC 9051, section 7.5.1", m.current().name)
	case m.during("UID SEARCH") && numbersFirst.MatchString(m.current().args):
		return violation("expunge during UID SEARCH with message numbers: RFC 7162, section 3.2.10.2")
	}
	return nil
}

// numbersFirst is a search program that begins with message sequence numbers.
var numbersFirst = regexp.MustCompile(`^(RETURN \([^)]*\) )?[\d*]`)

func (m *mirror) expunge(r response) error {
	if err := m.mayExpunge(); err != nil {
		return err
	}
	if m.qresync {
		return violation("EXPUNGE after ENABLE QRESYNC: RFC 7162, section 3.2.10.2")
	}
	n, _ := r.body[0].number()
	box := m.target()
	if n == 0 || n > uint64(len(box.messages)) {
		return violation("EXPUNGE %d where the client counts %d", n, len(box.messages))
	}
	box.messages = slices.Delete(box.messages, int(n)-1, int(n))
	return nil
}

func (m *mirror) vanished(r response) error {
	earlier := len(r.body) == 3 && r.body[1].kind == list
	if earlier {
		if !m.qresync || !m.during("SELECT", "EXAMINE", "UID FETCH") {
			return violation("VANISHED (EARLIER) that nobody asked for: RFC 7162, section 3.2.10.1")
		}
		return m.vanishedEarlier(r.body[2].text)
	}
	if err := m.mayExpunge(); err != nil {
		return err
	}
	if !m.qresync && !m.uidOnly {
		return violation("VANISHED without ENABLE QRESYNC or UIDONLY: RFC 7162, section 3.2.10.2")
	}
	uids, ok := parseSet(r.body[len(r.body)-1].text)
	if !ok {
		return violation("VANISHED with a bad set")
	}
	return m.target().remove(uids)
}

// vanishedEarlier tells of messages that had gone before the client came, so it cannot know them (RFC 7162, section 3.2.10.1).
func (m *mirror) vanishedEarlier(text string) error {
	uids, ok := parseSet(text)
	if !ok {
		return violation("VANISHED with a bad set")
	}
	box := m.target()
	if m.fetched {
		return violation("VANISHED (EARLIER) after FETCH: RFC 7162, section 3.2.6")
	}
	if i := slices.IndexFunc(box.messages, func(msg message) bool { return uids.has(msg.uid) }); i >= 0 {
		return violation("VANISHED (EARLIER) names UID %d, which is there", box.messages[i].uid)
	}
	box.earlier = append(box.earlier, uids...)
	return nil
}

// remove drops messages by UID. Of messages whose UID the client was never told it cannot say which they are: if not
// all of those are gone, it forgets what it knows of the others, too.
func (b *mailbox) remove(uids numSet) error {
	unknown := 0
	before := len(b.messages)
	b.messages = slices.DeleteFunc(b.messages, func(msg message) bool {
		if msg.uid == 0 {
			unknown++
		}
		return msg.uid != 0 && uids.has(msg.uid)
	})
	switch left := int(min(uids.size(), 1<<32)) - (before - len(b.messages)); {
	case left > unknown:
		return violation("VANISHED %s names messages that the client does not have: RFC 7162, section 3.2.10.2", uids)
	case left == unknown:
		b.messages = slices.DeleteFunc(b.messages, func(msg message) bool { return msg.uid == 0 })
	case left > 0:
		b.messages = make([]message, len(b.messages)-left)
	}
	return nil
}
