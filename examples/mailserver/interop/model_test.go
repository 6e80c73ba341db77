//go:build interop

package interop_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// place is where a message has its UID: UIDs are never reused there.
type place struct{ user, box string }

// held is a message that the server has acknowledged.
type held struct {
	place
	uid     uint32
	content string // digest
	flags   string // canonical

	// What an operation that was not answered may have left. Where none was, these are empty.
	maybeGone  bool
	maybeFlags string // flags that may be instead
	maybeAt    string // mailbox that it may have moved to
}

// model is what the server has acknowledged, and what it may have done without saying so. It is safe for concurrent use.
type model struct {
	mu       sync.Mutex
	held     map[place]map[uint32]*held
	ever     map[place]map[uint32]string // content of every UID that was ever seen
	validity map[place]uint32
	maybe    map[place]map[string]int // content of messages that may be there, by operations without an answer

	delivered map[place][]string // content of messages that must be there, under UIDs that nobody was told

	done int // acknowledged operations
}

func newModel(places []place) *model {
	m := &model{held: map[place]map[uint32]*held{}, ever: map[place]map[uint32]string{}, validity: map[place]uint32{},
		maybe: map[place]map[string]int{}, delivered: map[place][]string{}}
	for _, p := range places {
		m.held[p], m.ever[p], m.maybe[p] = map[uint32]*held{}, map[uint32]string{}, map[string]int{}
	}
	return m
}

// change does something to the model.
func (m *model) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// arrived notes a message with an acknowledged UID. The caller holds the lock.
func (m *model) arrived(t *testing.T, h *held) {
	if old, ok := m.ever[h.place][h.uid]; ok {
		t.Errorf("UID %d of %v is given out for %s, but was that of %s", h.uid, h.place, h.content, old)
	}
	m.ever[h.place][h.uid], m.held[h.place][h.uid] = h.content, h
}

// expect notes that a message may come to be; the return value takes the note back. The caller holds the lock.
func (m *model) expect(p place, content string) (answered func()) {
	m.maybe[p][content]++
	return func() { m.maybe[p][content]-- }
}

// own returns the acknowledged messages of a mailbox in the order of their UIDs.
func (m *model) own(p place, mine func(uint32) bool) (all []*held) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for uid, h := range m.held[p] {
		if mine(uid) {
			all = append(all, h)
		}
	}
	slices.SortFunc(all, func(a, b *held) int { return int(a.uid) - int(b.uid) })
	return all
}

// verify compares the server with the model and settles what was uncertain by what it finds.
func (m *model) verify(t *testing.T, s *server) (messages int) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	conns := map[string]*wire{}
	type arrival struct {
		place
		stored
		content string
	}
	var arrivals []arrival
	missing := map[*held]bool{}
	for p := range m.held {
		if conns[p.user] == nil {
			conns[p.user] = s.connect(p.user)
			defer conns[p.user].close()
		}
		all, validity, next, err := conns[p.user].fetchAll(p.box)
		if err != nil {
			t.Fatalf("reading %v: %v; log:\n%s", p, err, s.log.tail(4000))
		}
		messages += len(all)
		m.number(t, p, validity, next)
		found := map[uint32]bool{}
		for _, f := range all {
			found[f.uid] = true
			content := contentOf(f.body)
			if was, ok := m.ever[p][f.uid]; ok && was != content {
				t.Errorf("UID %d of %v was %s and is now %s", f.uid, p, was, content)
			}
			h := m.held[p][f.uid]
			if h == nil {
				arrivals = append(arrivals, arrival{p, f, content})
				continue
			}
			if f.flags != h.flags && (h.maybeFlags == "" || f.flags != h.maybeFlags) {
				t.Errorf("UID %d of %v has flags %q, not %q (%q not acknowledged)", f.uid, p, f.flags, h.flags, h.maybeFlags)
			}
			h.flags = f.flags
		}
		for uid, h := range m.held[p] {
			if found[uid] {
				h.maybeGone, h.maybeFlags, h.maybeAt = false, "", ""
				continue
			}
			missing[h] = true
			delete(m.held[p], uid)
			if !h.maybeGone && h.maybeAt == "" {
				t.Errorf("UID %d of %v, %s, is lost", uid, p, h.content)
			}
		}
	}
	arrived := map[place]map[string]bool{}
	for p := range m.held {
		arrived[p] = map[string]bool{}
	}
	for _, a := range arrivals {
		if was, ok := m.ever[a.place][a.uid]; ok {
			t.Errorf("UID %d of %v, %s, is back after an acknowledged expunge", a.uid, a.place, was)
			continue
		}
		h := &held{place: a.place, uid: a.uid, content: a.content, flags: a.flags}
		m.arrived(t, h)
		arrived[a.place][a.content] = true
		moved := false
		for old := range missing {
			if old.maybeAt == a.box && old.user == a.user && old.content == a.content {
				if a.flags != old.flags {
					t.Errorf("UID %d of %v has flags %q after a move, not %q", a.uid, a.place, a.flags, old.flags)
				}
				delete(missing, old)
				moved = true
				break
			}
		}
		if !moved {
			if m.maybe[a.place][a.content]--; m.maybe[a.place][a.content] < 0 {
				t.Errorf("UID %d of %v, %s, came out of nothing:\n%s", a.uid, a.place, a.content, clip(a.body))
			}
		}
	}
	for h := range missing {
		if !h.maybeGone {
			t.Errorf("UID %d of %v, %s, is lost in a move to %s", h.uid, h.place, h.content, h.maybeAt)
		}
	}
	for p, contents := range m.delivered {
		for _, content := range contents {
			if !arrived[p][content] {
				t.Errorf("%s, delivered to %v, is lost", content, p)
			}
		}
	}
	clear(m.delivered)
	for p := range m.maybe {
		clear(m.maybe[p])
	}
	return messages
}

// number checks the numbers of a mailbox.
func (m *model) number(t *testing.T, p place, validity, next uint32) {
	t.Helper()
	if m.validity[p] != 0 && m.validity[p] != validity {
		t.Errorf("UIDVALIDITY of %v was %d and is %d", p, m.validity[p], validity)
	}
	for uid := range m.ever[p] {
		if uid >= next {
			t.Errorf("UIDNEXT of %v is %d, but UID %d was given out", p, next, uid)
		}
	}
	m.validity[p] = validity
}

// contentOf is the digest of a message without what a delivery puts before it.
func contentOf(body string) string {
	if i := strings.Index(body, loadMark); i >= 0 {
		body = body[i:]
	}
	return digest(body)
}

func (p place) String() string { return fmt.Sprintf("%s of %s", p.box, p.user) }
