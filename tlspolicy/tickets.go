package tlspolicy

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// MaxTicketLife is the longest life of a ticket key. Who copies the memory of a
// server can open recorded TLS 1.2 sessions no further back than this.
const MaxTicketLife = 24 * time.Hour

// TicketKey is a secret under which session tickets are sealed.
type TicketKey struct {
	Secret [32]byte  // from crypto/rand, derived from nothing
	Made   time.Time // its life counts from here
}

// TicketSource is where the machines of a cluster get the ticket keys that they
// share. Whoever stands behind it makes a new key, from crypto/rand, when the
// newest is older than a quarter of the life of keys, and forgets, without a
// copy in any backup, those past their life.
type TicketSource interface {
	// TicketKeys returns all keys, in any order. It is called about once a
	// minute, by one goroutine at a time. After an error the keys known so far
	// stay in use to the end of their life.
	TicketKeys(context.Context) ([]TicketKey, error)
}

// TicketOptions are the options of [NewTickets].
type TicketOptions struct {
	Life   time.Duration // of a key; if zero, MaxTicketLife, which is also the most
	Source TicketSource  // if nil, keys are made by this process, for itself
	Logger *slog.Logger  // hears of a failing source; if nil, nobody does
}

// Tickets seals and opens session tickets (RFC 5077; RFC 8446, section 4.6.1)
// under keys of its own, so that the seven days that crypto/tls keeps its keys do
// not apply. A key makes tickets for the first quarter of its life; at the end
// of its life it is forgotten, and with it every ticket under it: clients do a
// full handshake. In TLS 1.3 each resumption has a new key exchange besides.
//
// A ticket is good for the server name it was given under, and for services
// with the same application protocols, only. crypto/tls announces a life of seven
// days to clients; that cannot be changed, and only makes them try in vain.
//
// All methods may be called by many goroutines.
type Tickets struct {
	life   time.Duration
	source TicketSource
	logger *slog.Logger
	now    func() time.Time

	mu      sync.RWMutex // guards the following
	keys    []sealKey    // newest first
	dropped map[[idSize]byte]time.Time
	asked   time.Time // when the source was asked last
	asking  bool
}

const (
	idSize       = 16
	askEvery     = time.Minute
	askTimeout   = 10 * time.Second
	maxClockSkew = time.Minute // of the machines of a cluster
	maxKeys      = 64          // that a source may have
)

type sealKey struct {
	id   [idSize]byte
	made time.Time
	aead cipher.AEAD
}

// NewTickets returns tickets with the given options. A source is asked at once,
// and its error returned.
func NewTickets(ctx context.Context, o TicketOptions) (*Tickets, error) {
	switch {
	case o.Life == 0:
		o.Life = MaxTicketLife
	case o.Life < time.Minute || o.Life > MaxTicketLife:
		return nil, fmt.Errorf("tlspolicy: ticket keys with a life of %v; it is between 1m and %v", o.Life, MaxTicketLife)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	t := &Tickets{life: o.Life, source: o.Source, logger: o.Logger, now: time.Now, dropped: map[[idSize]byte]time.Time{}}
	if o.Source == nil {
		return t, nil
	}
	return t, t.ask(ctx)
}

// Drop forgets all keys: no session opened so far can be resumed. Keys of a source
// that are known by now are not used again either.
func (t *Tickets) Drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.keys {
		t.dropped[k.id] = k.made
	}
	t.keys = nil
}

// enable makes config give and take tickets.
func (t *Tickets) enable(config *tls.Config) {
	config.SessionTicketsDisabled = false
	service := strings.Join(config.NextProtos, " ")
	config.WrapSession = func(state tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
		plain, err := session.Bytes()
		if err != nil {
			return nil, err
		}
		return t.seal(plain, service+"\x00"+state.ServerName), nil
	}
	config.UnwrapSession = func(ticket []byte, state tls.ConnectionState) (*tls.SessionState, error) {
		plain := t.open(ticket, service+"\x00"+state.ServerName)
		if plain == nil {
			return nil, nil
		}
		session, err := tls.ParseSessionState(plain)
		if err != nil { // written by another version of crypto/tls, in a cluster
			return nil, nil
		}
		return session, nil
	}
}

// seal returns a ticket: id of the key, nonce, sealed session. Without a key, it
// returns one that nobody can open: an error would end the handshake.
func (t *Tickets) seal(plain []byte, scope string) []byte {
	key, ok := t.sealing()
	ticket := make([]byte, idSize+12, idSize+12+len(plain)+16)
	rand.Read(ticket)
	if !ok {
		ticket = append(ticket, make([]byte, len(plain)+16)...)
		rand.Read(ticket[idSize+12:])
		return ticket
	}
	copy(ticket, key.id[:])
	return key.aead.Seal(ticket, ticket[idSize:idSize+12], plain, []byte(scope))
}

// open returns the session in a ticket, or nil.
func (t *Tickets) open(ticket []byte, scope string) []byte {
	if len(ticket) < idSize+12 {
		return nil
	}
	now := t.now()
	t.refresh(now)
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, k := range t.keys {
		if k.id == [idSize]byte(ticket[:idSize]) && now.Sub(k.made) < t.life {
			plain, err := k.aead.Open(nil, ticket[idSize:idSize+12], ticket[idSize+12:], []byte(scope))
			if err != nil {
				return nil
			}
			return plain
		}
	}
	return nil
}

// sealing returns the key that tickets are sealed with now.
func (t *Tickets) sealing() (sealKey, bool) {
	now := t.now()
	t.refresh(now)
	t.mu.RLock()
	keys := t.keys
	t.mu.RUnlock()
	young := func(k sealKey) bool { return now.Sub(k.made) < t.life/4 }
	if len(keys) > 0 && (young(keys[0]) || t.source != nil) {
		return keys[0], now.Sub(keys[0].made) < t.life
	}
	if t.source != nil {
		return sealKey{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.keys) > 0 && young(t.keys[0]) { // made by another goroutine meanwhile
		return t.keys[0], true
	}
	key := TicketKey{Made: now}
	rand.Read(key.Secret[:])
	t.take([]TicketKey{key}, t.keys, now)
	return t.keys[0], true
}

// take makes the keys of secrets and old those in use, without the ones past
// their life, dropped, or from the future. t.mu is held.
func (t *Tickets) take(secrets []TicketKey, old []sealKey, now time.Time) {
	keys := slices.Clone(old)
	for _, s := range secrets {
		keys = append(keys, newSealKey(s))
	}
	for id, made := range t.dropped {
		if now.Sub(made) > t.life {
			delete(t.dropped, id)
		}
	}
	keys = slices.DeleteFunc(keys, func(k sealKey) bool {
		_, dropped := t.dropped[k.id]
		return dropped || now.Sub(k.made) >= t.life || k.made.Sub(now) > maxClockSkew
	})
	slices.SortStableFunc(keys, func(a, b sealKey) int { return b.made.Compare(a.made) })
	t.keys = keys
	if len(keys) > 0 {
		// A server without traffic must forget, too.
		oldest := keys[len(keys)-1]
		time.AfterFunc(oldest.made.Add(t.life).Sub(now), t.forget)
	}
}

func (t *Tickets) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.take(nil, t.keys, t.now())
}

func newSealKey(s TicketKey) sealKey {
	k := sealKey{made: s.Made}
	// These three fail for a wrong size only.
	derived, _ := hkdf.Key(sha256.New, s.Secret[:], nil, "mailhavn session ticket", idSize+32)
	copy(k.id[:], derived)
	block, _ := aes.NewCipher(derived[idSize:])
	k.aead, _ = cipher.NewGCM(block)
	return k
}

// refresh asks the source in the background, once a minute.
func (t *Tickets) refresh(now time.Time) {
	if t.source == nil {
		return
	}
	t.mu.RLock()
	due := !t.asking && now.Sub(t.asked) >= askEvery
	t.mu.RUnlock()
	if !due {
		return
	}
	t.mu.Lock()
	due = !t.asking
	t.asking = true
	t.mu.Unlock()
	if due {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
			defer cancel()
			if err := t.ask(ctx); err != nil {
				t.logger.Warn("session tickets: the shared keys cannot be fetched; those known stay in use to the end of their life", "error", err)
			}
		}()
	}
}

// ask takes over the keys of the source.
func (t *Tickets) ask(ctx context.Context) error {
	secrets, err := t.source.TicketKeys(ctx)
	if err == nil && len(secrets) > maxKeys {
		err = fmt.Errorf("the source has %d ticket keys, more than %d", len(secrets), maxKeys)
	}
	if err == nil && slices.ContainsFunc(secrets, func(k TicketKey) bool { return k.Secret == [32]byte{} }) {
		err = errors.New("the source has a ticket key that is all zeros")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asking, t.asked = false, t.now()
	if err != nil {
		return fmt.Errorf("tlspolicy: ticket keys: %w", err)
	}
	t.take(secrets, nil, t.now())
	return nil
}
