package throttle

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"

	"github.com/mailhavn/mailhavn/passwd"
)

// limit is how many failures are let through.
type limit struct{ perMinute, perDay uint16 }

// networks are the widths of networks and their limits.
var networks = []struct {
	v4, v6 int
	limit
}{
	{32, 64, limit{10, 50}},
	{26, 48, limit{30, 150}},
	{21, 32, limit{90, 450}},
}

var (
	pairLimit    = limit{10, 100} // of a known network on its account
	accountLimit = limit{20, 70}  // of all others on an account; then one an hour, so at most 94 a day
)

const slowly = 60 // minutes between attempts beyond the account's limit

// Sizes of the tables, in slots of 16 bytes.
const (
	networkSlots = 1 << 19
	accountSlots = 1 << 19
	pairSlots    = 1 << 18
	wrongSlots   = 1 << 18
)

// Guard counts attempts. It may be used by many goroutines.
type Guard struct {
	mu       sync.Mutex // guards the following fields
	secret   [32]byte   // under which keys are made, so that nobody can choose who shares a slot with whom
	networks table
	accounts table
	pairs    table
	wrong    table // wrong passwords of an account from a network
	known    known
}

// New returns a Guard that has seen nothing yet.
func New() *Guard {
	g := &Guard{
		networks: newTable(networkSlots), accounts: newTable(accountSlots), pairs: newTable(pairSlots), wrong: newTable(wrongSlots),
		known: known{},
	}
	rand.Read(g.secret[:]) // never fails
	return g
}

// key makes a key of parts.
func (g *Guard) key(parts ...string) uint64 {
	mac := hmac.New(sha256.New, g.secret[:])
	for _, p := range parts {
		mac.Write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
		mac.Write([]byte(p))
	}
	return binary.BigEndian.Uint64(mac.Sum(nil))
}

// Begin implements [passwd.Guard].
func (g *Guard) Begin(a passwd.Attempt) (known bool, end func(error), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	nets := prefixes(passwd.AddressOf(a.Remote))
	repeated := a.Password != "" && g.wrong.has(g.key("wrong", a.User, nets[0], a.Password), a.Time)
	charged, ok := g.charge(a, nets, !repeated)
	if !ok {
		return false, nil, passwd.ErrThrottled
	}
	return g.known.has(a.User, nets[0]), func(err error) { g.end(a, nets, charged, !repeated, err) }, nil
}

// counter is a table and a key in it.
type counter struct {
	table *table
	key   uint64
}

// charge counts an attempt everywhere, unless a limit is reached somewhere.
func (g *Guard) charge(a passwd.Attempt, nets []string, day bool) (charged []counter, ok bool) {
	if g.known.has(a.User, nets[0]) {
		c := counter{&g.pairs, g.key("pair", a.User, nets[0])}
		if pairLimit.reached(c.table.at(c.key, a.Time), day) {
			return nil, false
		}
		charged = append(charged, c)
	} else {
		for i, n := range networks {
			c := counter{&g.networks, g.key("network", nets[i])}
			if n.reached(c.table.at(c.key, a.Time), day) {
				return nil, false
			}
			charged = append(charged, c)
		}
		c := counter{&g.accounts, g.key("account", a.User)}
		s := c.table.at(c.key, a.Time)
		if accountLimit.reached(s, day) && (s.PerDay < accountLimit.perDay || minuteOf(a.Time)-s.Minute < slowly) {
			return nil, false
		}
		charged = append(charged, c)
	}
	for _, c := range charged {
		c.table.at(c.key, a.Time).count(a.Time, day)
	}
	return charged, true
}

func (l limit) reached(s *slot, day bool) bool {
	return s.PerMinute >= l.perMinute || day && s.PerDay >= l.perDay
}

// end takes the count back, unless the password was wrong.
func (g *Guard) end(a passwd.Attempt, nets []string, charged []counter, day bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var passing interface{ Temporary() bool }
	if err == nil {
		g.known.add(a.User, nets[0], a.Time)
	}
	if err == nil || errors.As(err, &passing) && passing.Temporary() {
		for _, c := range charged {
			c.table.at(c.key, a.Time).refund(day)
		}
		return
	}
	if day && a.Password != "" {
		g.wrong.at(g.key("wrong", a.User, nets[0], a.Password), a.Time).count(a.Time, true)
	}
}

// prefixes returns the networks that an address is in, from the narrowest.
func prefixes(a netip.Addr) []string {
	list := make([]string, len(networks))
	for i, n := range networks {
		bits := n.v6
		if a.Is4() {
			bits = n.v4
		}
		if p, err := a.Prefix(bits); err == nil {
			list[i] = p.String()
		}
	}
	return list
}
