package imapserver

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/mailhavn/mailhavn/storage"
)

// SessionInfo describes a connection of the server.
type SessionInfo struct {
	ID      uint64    // unique in the server, counted from 1
	User    string    // "" before login
	Remote  net.Addr  // of the client
	TLS     bool      // whether the connection is encrypted
	Since   time.Time // when it was accepted
	Mailbox string    // the selected mailbox when it was selected, "" if none
}

// sessions is the registry of connections. The server's lock guards it.
type sessions struct {
	limits    Limits
	last      uint64
	byID      map[uint64]*conn
	addresses map[netip.Prefix]int
	accounts  map[storage.ID]int
	changes   map[storage.ID]int // shown since it was looked at what sessions hold
}

var (
	errTooMany        = &Error{Status: Bye, Code: "UNAVAILABLE", Text: "Too many connections"}
	errTooManyAddress = &Error{Status: Bye, Code: "LIMIT", Text: "Too many connections from this address"}
	errTooManyAccount = &Error{Status: No, Code: "LIMIT", Text: "Too many connections of this account"}
)

func newSessions(l Limits) sessions {
	return sessions{
		limits:    l,
		byID:      map[uint64]*conn{},
		addresses: map[netip.Prefix]int{},
		accounts:  map[storage.ID]int{},
		changes:   map[storage.ID]int{},
	}
}

// add takes a new connection in and numbers it, unless a limit is reached.
func (s *sessions) add(c *conn) *Error {
	prefix := networkOf(c.net.RemoteAddr())
	switch {
	case len(s.byID) >= s.limits.Connections:
		return errTooMany
	case prefix.IsValid() && s.addresses[prefix] >= s.limits.ConnectionsPerAddress:
		return errTooManyAddress
	}
	s.last++
	c.id = s.last
	s.byID[c.id] = c
	s.addresses[prefix]++
	return nil
}

func (s *sessions) remove(c *conn) {
	delete(s.byID, c.id)
	decrement(s.addresses, networkOf(c.net.RemoteAddr()))
	s.logout(c)
}

// login counts a connection to its account, unless there are too many.
func (s *sessions) login(c *conn, user string, account storage.ID) error {
	if s.accounts[account] >= s.limits.ConnectionsPerAccount {
		return errTooManyAccount
	}
	s.accounts[account]++
	c.info.user, c.info.account, c.info.counted = user, account, true
	return nil
}

// logout takes login back.
func (s *sessions) logout(c *conn) {
	if c.info.counted {
		decrement(s.accounts, c.info.account)
		if s.accounts[c.info.account] == 0 {
			delete(s.changes, c.info.account)
		}
	}
	c.info.user, c.info.account, c.info.counted = "", storage.ID{}, false
}

// changed counts changes that were shown to a session of the account, and tells whether it is time to look at what sessions hold.
func (s *sessions) changed(account storage.ID, changes int) bool {
	s.changes[account] += changes
	if s.changes[account] < changesPerSweep {
		return false
	}
	delete(s.changes, account)
	return true
}

// of returns the connections that are logged in to the account.
func (s *sessions) of(account storage.ID) (conns []*conn) {
	for _, c := range s.byID {
		if c.info.counted && c.info.account == account {
			conns = append(conns, c)
		}
	}
	return conns
}

func (s *sessions) all() []*conn {
	out := make([]*conn, 0, len(s.byID))
	for _, c := range s.byID {
		out = append(out, c)
	}
	return out
}

func decrement[K comparable](m map[K]int, k K) {
	if m[k]--; m[k] <= 0 {
		delete(m, k)
	}
}

// networkOf returns what counts as one address: an IPv4 address, or an IPv6 /64, which one customer usually has. It is not
// valid for what is no IP address, such as a Unix socket.
func networkOf(a net.Addr) netip.Prefix {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	prefix, _ := ip.Prefix(bits) // the zero Prefix for an invalid address
	return prefix
}

// connInfo is what the registry shows of a connection. The server's lock guards it.
type connInfo struct {
	user    string
	account storage.ID
	counted bool // in sessions.accounts
	tls     bool
	mailbox string
}

// Sessions lists the connections of the server, oldest first.
func (s *Server) Sessions() []SessionInfo {
	s.init()
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]SessionInfo, 0, len(s.sessions.byID))
	for id, c := range s.sessions.byID {
		out = append(out, SessionInfo{
			ID: id, User: c.info.user, Remote: c.net.RemoteAddr(), TLS: c.info.tls,
			Since: c.since, Mailbox: c.info.mailbox,
		})
	}
	slices.SortFunc(out, func(a, b SessionInfo) int { return int(int64(a.ID) - int64(b.ID)) })
	return out
}

// Kick ends a connection: its running command ends, the client gets a BYE. It returns false when there is no such connection.
func (s *Server) Kick(id uint64) bool {
	s.init()
	s.mu.Lock()
	c, ok := s.sessions.byID[id]
	s.mu.Unlock()
	if ok {
		c.end(errKicked)
	}
	return ok
}

var errKicked = &Error{Status: Bye, Code: "UNAVAILABLE", Text: "Session was ended by the administrator"}

// login counts a connection to its account, unless there are too many.
func (s *Server) login(c *conn, user string, account storage.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions.login(c, user, account)
}

func (s *Server) logout(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions.logout(c)
}

// describe changes what the registry shows of a connection.
func (s *Server) describe(c *conn, change func(*connInfo)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&c.info)
}
