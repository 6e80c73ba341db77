package imapserver

import (
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/mailhavn/mailhavn/storage"
)

// While a client is silent, its session keeps the mailbox as the client knows it. That is free while the mailbox is the same, and
// costs up to all that is known of it when others have changed each message since. So what the sessions of one account hold in
// this way is bounded: those that are furthest behind have to end. They need not come back at once, and lose nothing.

// changesPerSweep is after how many changes shown to sessions of an account it is looked again at what they hold.
const changesPerSweep = 8192

var errFarBehind = &Error{Status: Bye, Code: "LIMIT", Text: "Too much has changed since this session was told of it, please select the mailbox again"}

// shown is the views that a session keeps, for those who count them.
type shown struct {
	atomic.Pointer[[2]*storage.View]
}

// set notes what s, which may be nil, keeps.
func (p *shown) set(s *selected) {
	if s == nil {
		p.Store(nil)
		return
	}
	p.Store(&[2]*storage.View{s.view.numbers, s.view.data})
}

// showed counts changes of messages that a session of the account was shown, and ends sessions that hold too much.
func (s *Server) showed(account storage.ID, changes int) {
	s.mu.Lock()
	due := s.sessions.changed(account, changes)
	var conns []*conn
	if due {
		conns = s.sessions.of(account)
	}
	s.mu.Unlock()
	for _, c := range farBehind(conns, s.limits.OldViews) {
		c.end(errFarBehind)
	}
}

// farBehind returns the sessions of one account without which the others do not hold more than limit.
func farBehind(conns []*conn, limit int64) (behind []*conn) {
	type entry struct {
		conn *conn
		view *storage.View
	}
	var views []entry
	for _, c := range conns {
		if kept := c.shown.Load(); kept != nil {
			views = append(views, entry{c, kept[0]}, entry{c, kept[1]})
		}
	}
	slices.SortStableFunc(views, func(a, b entry) int { // MODSEQ counts all changes of an account
		return cmp.Compare(b.view.Status().HighestModSeq, a.view.Status().HighestModSeq)
	})
	var held storage.Held
	var sum int64
	current := map[storage.ID]bool{} // the newest view of a mailbox is no old one
	for _, e := range views {
		octets := held.Add(e.view)
		if id := e.view.MailboxID(); !current[id] {
			current[id] = true
			continue
		}
		switch {
		case sum+octets <= limit:
			sum += octets
		case !slices.Contains(behind, e.conn): // what it holds will be free
			behind = append(behind, e.conn)
		}
	}
	return behind
}
