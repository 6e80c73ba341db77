package passwd

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

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

	// Queue is how many callers may wait for a slot; the next one gets ErrBusy.
	// If zero or less, 32 for each slot, which is a few seconds of waiting.
	Queue int

	once    sync.Once
	slots   chan struct{} // holds a token for each running computation
	queue   int64
	waiting atomic.Int64

	derive func(p Params, password, salt []byte, size int) []byte // nil: argon2id; tests count and shorten
}

// Hash returns a new hash of password, to be stored. The password must be 1 to
// MaxPassword bytes of UTF-8 without NUL, else the error is ErrPassword. It waits
// for a slot as long as ctx allows; then the error is ErrBusy.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := checkPassword(password); err != nil {
		return "", err
	}
	p := h.Params.withDefaults()
	if err := p.check(); err != nil {
		return "", err
	}
	salt := make([]byte, newSalt)
	rand.Read(salt) // never fails
	sum, err := h.compute(ctx, p, password, salt, newSum)
	if err != nil {
		return "", err
	}
	return phc{p, salt, sum}.String(), nil
}

// Verify reports whether hash, a PHC string, is one of password: nil if it is,
// ErrCredentials if not, ErrHash if it is no hash of acceptable costs, ErrBusy if
// no slot came free while ctx allowed to wait. Sums are compared in constant time.
func (h *Hasher) Verify(ctx context.Context, hash, password string) error {
	stored, err := parsePHC(hash)
	if err != nil {
		return err
	}
	return h.verify(ctx, stored, password)
}

func (h *Hasher) verify(ctx context.Context, stored phc, password string) error {
	if checkPassword(password) != nil {
		return ErrCredentials
	}
	sum, err := h.compute(ctx, stored.params, password, stored.salt, len(stored.sum))
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(sum, stored.sum) != 1 {
		return ErrCredentials
	}
	return nil
}

// dummy is a hash that no password has, of the costs of new ones: what is
// computed for users that do not exist.
func (h *Hasher) dummy() phc {
	return phc{h.Params.withDefaults(), make([]byte, newSalt), make([]byte, newSum)}
}

// compute derives size bytes in a slot.
func (h *Hasher) compute(ctx context.Context, p Params, password string, salt []byte, size int) ([]byte, error) {
	release, err := h.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if h.derive != nil {
		return h.derive(p, []byte(password), salt, size), nil
	}
	return argon2.IDKey([]byte(password), salt, p.Time, p.Memory, p.Threads, uint32(size)), nil
}

// acquire waits for a slot, first come first served.
func (h *Hasher) acquire(ctx context.Context) (release func(), err error) {
	h.once.Do(func() {
		slots := h.Slots
		if slots <= 0 {
			slots = runtime.GOMAXPROCS(0)
		}
		h.slots, h.queue = make(chan struct{}, slots), int64(h.Queue)
		if h.queue <= 0 {
			h.queue = 32 * int64(slots)
		}
	})
	release = func() { <-h.slots }
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBusy, err)
	}
	select {
	case h.slots <- struct{}{}:
		return release, nil
	default:
	}
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > h.queue {
		return nil, fmt.Errorf("%w: %d others wait to have a password checked", ErrBusy, h.queue)
	}
	select {
	case h.slots <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
	}
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
