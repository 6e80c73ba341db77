package tlspolicy

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func newTickets(t testing.TB, o TicketOptions) *Tickets {
	t.Helper()
	tickets, err := NewTickets(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return tickets
}

// clock is a time that a test sets.
type clock struct{ atomic.Pointer[time.Time] }

func newClock() *clock {
	c, now := &clock{}, time.Now()
	c.Store(&now)
	return c
}

func (c *clock) now() time.Time { return *c.Load() }
func (c *clock) add(d time.Duration) {
	then := c.now().Add(d)
	c.Store(&then)
}

// resumer connects again and again with one session cache.
type resumer struct {
	client *tls.Config
	t      testing.TB
}

func newResumer(t testing.TB, version uint16) *resumer {
	return &resumer{&tls.Config{InsecureSkipVerify: true, ServerName: "mail.example.org", MinVersion: version, MaxVersion: version,
		ClientSessionCache: tls.NewLRUClientSessionCache(10)}, t}
}

func (r *resumer) resumes(server *tls.Config) bool {
	r.t.Helper()
	state, serverErr, clientErr := handshake(r.t, server, r.client)
	if serverErr != nil || clientErr != nil {
		r.t.Fatalf("server %v, client %v", serverErr, clientErr)
	}
	return state.DidResume
}

func ticketServer(t testing.TB, tickets *Tickets, protocols ...string) *tls.Config {
	t.Helper()
	config, err := Intermediate.ALPN(protocols...).Resume(tickets).Server(issue(t, nil, ecdsaKey(t, p256), nil).Pair())
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func versions(t *testing.T, test func(*testing.T, uint16)) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) { test(t, v) })
	}
}

func TestTicketLife(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		tickets, clock := newTickets(t, TicketOptions{}), newClock()
		tickets.now = clock.now
		server, client := ticketServer(t, tickets), newResumer(t, version)
		if client.resumes(server) || !client.resumes(server) {
			t.Fatal("the second handshake should be the first that resumes")
		}
		clock.add(5 * time.Hour) // one key so far
		if !client.resumes(server) || len(tickets.keys) != 1 {
			t.Errorf("%d keys after 5 hours", len(tickets.keys))
		}
		clock.add(3 * time.Hour)
		if !client.resumes(server) {
			t.Error("a ticket of 8 hours is refused")
		}
		// No ticket outlives a day, whatever the client does.
		clock.add(24 * time.Hour)
		if client.resumes(server) {
			t.Error("a ticket older than a day was taken")
		}
		for _, k := range tickets.keys {
			if clock.now().Sub(k.made) >= MaxTicketLife {
				t.Error("a key outlived a day")
			}
		}
	})
}

func TestTicketKeysAreForgottenWithoutTraffic(t *testing.T) {
	tickets := newTickets(t, TicketOptions{})
	tickets.life = 50 * time.Millisecond
	tickets.seal([]byte("session"), "")
	deadline := time.Now().Add(5 * time.Second)
	for {
		tickets.mu.RLock()
		n := len(tickets.keys)
		tickets.mu.RUnlock()
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the key is still there")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestTicketsDrop(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		tickets := newTickets(t, TicketOptions{})
		server, client := ticketServer(t, tickets), newResumer(t, version)
		client.resumes(server)
		tickets.Drop()
		if client.resumes(server) {
			t.Error("resumed after Drop")
		}
		if !client.resumes(server) {
			t.Error("no resumption with the next key")
		}
	})
}

// A ticket is no good for another service or another name.
func TestTicketScope(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		tickets := newTickets(t, TicketOptions{})
		imap, pop := ticketServer(t, tickets, "imap"), ticketServer(t, tickets, "pop3")
		client := newResumer(t, version)
		client.resumes(imap)
		if client.resumes(pop) {
			t.Error("a ticket of imap was taken by pop3")
		}
		ticket := tickets.seal([]byte("session"), "imap\x00mail.example.org")
		if tickets.open(ticket, "imap\x00mail.example.org") == nil || tickets.open(ticket, "imap\x00other.example.org") != nil {
			t.Error("scope is not looked at")
		}
	})
}

func TestTicketTampering(t *testing.T) {
	tickets := newTickets(t, TicketOptions{})
	ticket := tickets.seal([]byte("session"), "")
	for i := range ticket {
		bad := append([]byte(nil), ticket...)
		bad[i] ^= 1
		if tickets.open(bad, "") != nil {
			t.Errorf("byte %d does not matter", i)
		}
		if tickets.open(ticket[:i], "") != nil {
			t.Errorf("%d bytes are enough", i)
		}
	}
}

// shared is a TicketSource as two machines would have it.
type shared struct {
	mu   sync.Mutex
	keys []TicketKey
	err  error
}

func (s *shared) TicketKeys(context.Context) ([]TicketKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys, s.err
}

func (s *shared) add(made time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := TicketKey{Made: made}
	rand.Read(k.Secret[:])
	s.keys = append(s.keys, k)
}

func TestTicketsOfACluster(t *testing.T) {
	versions(t, func(t *testing.T, version uint16) {
		source, clock := &shared{}, newClock()
		source.add(clock.now())
		machine := func() (*Tickets, *tls.Config) {
			tickets := newTickets(t, TicketOptions{Source: source})
			tickets.now = clock.now
			return tickets, ticketServer(t, tickets)
		}
		a, serverA := machine()
		b, serverB := machine()
		wait := func(x *Tickets) { // for what refresh does in the background
			t.Helper()
			x.refresh(clock.now())
			for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
				x.mu.RLock()
				done := !x.asking && x.asked.Equal(clock.now())
				x.mu.RUnlock()
				if done {
					return
				}
				if time.Now().After(deadline) {
					t.Fatal("the source is not asked")
				}
			}
		}
		client := newResumer(t, version)
		if client.resumes(serverA) || !client.resumes(serverB) {
			t.Error("machine B does not take tickets of machine A")
		}
		// A new key reaches both.
		clock.add(6 * time.Hour)
		source.add(clock.now())
		wait(a)
		client = newResumer(t, version)
		client.resumes(serverA)
		wait(b)
		if !client.resumes(serverB) {
			t.Error("the new key did not reach machine B")
		}
		// The source fails: what is known goes on, to the end of its life.
		source.err = errors.New("no network")
		clock.add(2 * time.Minute)
		wait(b)
		if !client.resumes(serverB) {
			t.Error("keys were thrown away when the source failed")
		}
		clock.add(MaxTicketLife)
		if client.resumes(serverB) {
			t.Error("a ticket older than a day was taken")
		}
		if client.resumes(serverB) {
			t.Error("without a key there is nothing to resume")
		}
		// A source that brings dropped or old keys back is not believed.
		source.err = nil
		source.add(clock.now())
		wait(a)
		a.Drop()
		clock.add(2 * time.Minute)
		wait(a)
		if _, ok := a.sealing(); ok {
			t.Error("a dropped key is in use again")
		}
	})
}

func TestNewTicketsRefuses(t *testing.T) {
	ctx := context.Background()
	for name, o := range map[string]TicketOptions{
		"long life":  {Life: MaxTicketLife + 1},
		"short life": {Life: time.Second},
		"failing":    {Source: &shared{err: errors.New("no network")}},
		"zeros":      {Source: &shared{keys: []TicketKey{{Made: time.Now()}}}},
		"many":       {Source: &shared{keys: make([]TicketKey, maxKeys+1)}},
	} {
		if _, err := NewTickets(ctx, o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Strict.Resume(newTickets(t, TicketOptions{})).Server(issue(t, nil, ecdsaKey(t, p256), nil).Pair()); !errors.Is(err, ErrNoResumption) {
		t.Errorf("strict: %v", err)
	}
}

// Many handshakes while keys come and go; for the race detector.
func TestTicketsConcurrently(t *testing.T) {
	tickets := newTickets(t, TicketOptions{})
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 200 {
				if ticket := tickets.seal([]byte("session"), ""); len(ticket) == 0 {
					t.Error("no ticket")
				} else {
					tickets.open(ticket, "")
				}
			}
		})
	}
	wait.Go(func() {
		for range 50 {
			tickets.Drop()
			tickets.forget()
		}
	})
	wait.Wait()
}
