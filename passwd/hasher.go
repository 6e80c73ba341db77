package passwd

import (
	"cmp"
	"context"
	"crypto/subtle"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/mailhavn/mailhavn/passwd/hash"
)

// Params are the costs of new hashes; see [hash.Params].
type Params = hash.Params

// MaxPassword is the longest password in bytes. Longer ones are refused before
// any work.
const MaxPassword = 4096

// Hasher makes and checks password hashes, a bounded number at a time. The zero
// value is ready for use and safe; fields may be set before the first call. It
// may be used by many goroutines and must not be copied after first use.
type Hasher struct {
	// Params are the costs of new hashes. If zero, the defaults.
	Params Params

	// Slots is how many hashes are computed at a time; each takes a processor and
	// Params.Memory (a stored hash: its own, at most 256 MiB).
	// If zero or less, the number of processors.
	Slots int

	// Queue is how many callers may wait for a slot; the next one gets ErrBusy. Logins that a Guard knows the network of have as many
	// places of their own, and three of four slots. If zero or less, 16 for each slot, which is some two seconds of waiting.
	Queue int

	// Remember is how long a success is remembered, so that clients that log in
	// again and again cost no hash each time. What is kept in memory is no password,
	// only a digest under a random key of this process, of the user, the stored hash and
	// the password: another hash is another digest. If zero, nothing is remembered.
	Remember time.Duration

	// SCRAM lists the hash functions, of "SHA-1", "SHA-256" and "SHA-512", for whose SASL mechanisms verifiers are kept beside the
	// hash. Who steals them can try passwords faster than with argon2id alone; clients in turn show no password to the server. They
	// are made when a password is set, and at the next login by another mechanism.
	SCRAM []string

	// Iterations of SCRAM verifiers. If zero, 65,536: clients built on Cyrus SASL (mbsync, mutt, KMail) refuse more, and do not
	// try another mechanism then. OWASP recommends for PBKDF2 in 2026 1,300,000 with SHA-1, 600,000 with SHA-256 and 210,000 with
	// SHA-512, for who knows all clients of the host. Clients compute them at each login.
	Iterations int

	remembered successes
	upgrading  sync.Map // names of users whose hash is being made anew

	once  sync.Once
	queue queue

	derive func(p Params, password, salt []byte, size int) []byte // nil: argon2id; tests count and shorten
}

// Hash returns a new hash of password, to be stored. The password must be 1 to
// MaxPassword bytes of UTF-8 without NUL, else the error is ErrPassword. It waits
// for a slot as long as ctx allows; then the error is ErrBusy.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := checkPassword(password); err != nil {
		return "", err
	}
	a, err := hash.NewArgon2id(h.Params)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrHash, err)
	}
	if a.Sum, err = h.compute(ctx, a, prepare(password)); err != nil {
		return "", err
	}
	return a.String(), nil
}

// Verify reports whether stored is a hash of password, of any scheme that
// [hash.Parse] reads: nil if it is, ErrCredentials if not, ErrHash if it is no hash
// of acceptable costs, ErrBusy if no slot came free while ctx allowed to wait.
// It compares in constant time.
func (h *Hasher) Verify(ctx context.Context, stored, password string) error {
	parsed, err := parseHash(stored)
	if err != nil {
		return err
	}
	return h.verify(ctx, parsed, "", password)
}

func parseHash(text string) (hash.Hash, error) {
	parsed, err := hash.Parse(text)
	if err != nil {
		return hash.Hash{}, fmt.Errorf("%w: %w", ErrHash, err)
	}
	return parsed, nil
}

func (h *Hasher) verify(ctx context.Context, stored hash.Hash, user, password string) error {
	if checkPassword(password) != nil {
		return ErrCredentials
	}
	key := h.remembered.key(user, stored.String(), password)
	if h.Remember > 0 && h.remembered.has(key) {
		return nil
	}
	err := h.match(ctx, stored, user, prepare(password))
	if raw := password; err == ErrCredentials && raw != prepare(raw) { // a hash of another program may be of what was typed there
		err = h.match(ctx, stored, user, raw)
	}
	if err != nil {
		return err
	}
	if h.Remember > 0 {
		h.remembered.add(key, h.Remember)
	}
	return nil
}

// match computes the hash in a slot.
func (h *Hasher) match(ctx context.Context, stored hash.Hash, user, password string) error {
	matches := false
	if a, ok := stored.Argon2id(); ok {
		sum, err := h.compute(ctx, a, password)
		if err != nil {
			return err
		}
		matches = subtle.ConstantTimeCompare(sum, a.Sum) == 1
	} else {
		release, err := h.acquire(ctx)
		if err != nil {
			return err
		}
		matches = stored.Match(user, password)
		release()
	}
	if !matches {
		return ErrCredentials
	}
	return nil
}

// iterations of new verifiers, and of those that users without one seem to have.
func (h *Hasher) iterations() int { return cmp.Or(h.Iterations, 65_536) }

// begin reports whether nobody else is making a new hash for the user.
func (h *Hasher) begin(user string) bool {
	_, busy := h.upgrading.LoadOrStore(user, true)
	return !busy
}

func (h *Hasher) end(user string) { h.upgrading.Delete(user) }

// dummy is a hash that no password has, of the costs of new ones: what is
// computed for users that do not exist.
func (h *Hasher) dummy() hash.Hash {
	a, err := hash.NewArgon2id(h.Params)
	if err != nil {
		a, _ = hash.NewArgon2id(Params{})
	}
	d, _ := hash.Parse(a.String())
	return d
}

// outdated reports whether a stored hash is weaker than new ones would be.
func (h *Hasher) outdated(stored hash.Hash) bool {
	a, ok := stored.Argon2id()
	now := h.Params.WithDefaults()
	return !ok || a.Params.Memory < now.Memory || uint64(a.Params.Memory)*uint64(a.Params.Time) < uint64(now.Memory)*uint64(now.Time)
}

// compute derives the sum of a hash in a slot.
func (h *Hasher) compute(ctx context.Context, a hash.Argon2id, password string) ([]byte, error) {
	release, err := h.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if h.derive != nil {
		return h.derive(a.Params, []byte(password), a.Salt, len(a.Sum)), nil
	}
	return a.Derive(password), nil
}

// acquire waits for a slot.
func (h *Hasher) acquire(ctx context.Context) (release func(), err error) {
	h.once.Do(func() {
		if h.queue.free = h.Slots; h.queue.free <= 0 {
			h.queue.free = runtime.GOMAXPROCS(0)
		}
		if h.queue.room = h.Queue; h.queue.room <= 0 {
			h.queue.room = 16 * h.queue.free
		}
	})
	if err := h.queue.enter(ctx); err != nil {
		return nil, err
	}
	return h.queue.leave, nil
}

// checkPassword reports what can be no password at all. How good one is, is
// another question.
func checkPassword(password string) error {
	switch {
	case password == "":
		return fmt.Errorf("%w: it is empty", ErrPassword)
	case len(password) > MaxPassword:
		return fmt.Errorf("%w: it is longer than %d bytes", ErrPassword, MaxPassword)
	case !utf8.ValidString(password):
		return fmt.Errorf("%w: it is not valid UTF-8", ErrPassword)
	case strings.ContainsRune(password, 0):
		return fmt.Errorf("%w: it contains a NUL byte, which PLAIN cannot carry", ErrPassword)
	}
	return nil
}
