package hash

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
)

// Params are the costs of an argon2id hash (RFC 9106, section 3.1). The zero
// value, and each zero field, means the default: 19 MiB, 2 passes, 1 thread, the
// first recommendation of OWASP's Password Storage Cheat Sheet. It took 0.1 s on
// the machine of 2026 that it was measured on.
type Params struct {
	Memory  uint32 // KiB
	Time    uint32 // passes over the memory
	Threads uint8  // lanes
}

// What an argon2 hash may cost. The bounds hold for hashes that are read too, and are
// checked before any work: a line with m=4194304 must not take the host down.
// Between them lie all parameters that OWASP recommends, and the second
// recommendation of RFC 9106, section 4.
const (
	maxMemory  = 256 << 10 // KiB
	maxWork    = 1 << 20   // KiB times passes: some seconds at most
	maxThreads = 16
	minSalt    = 8
	maxSalt    = 64
	minSum     = 16
	maxSum     = 64
)

// What new hashes have (RFC 9106, section 3.1).
const (
	newSalt = 16
	newSum  = 32
)

// WithDefaults returns p with its zero fields set.
func (p Params) WithDefaults() Params {
	if p.Memory == 0 {
		p.Memory = 19 << 10
	}
	if p.Time == 0 {
		p.Time = 2
	}
	if p.Threads == 0 {
		p.Threads = 1
	}
	return p
}

// Check returns an [*Error] if the costs, zero fields taken for their defaults, are outside of the bounds.
func (p Params) Check() error {
	p = p.WithDefaults()
	return p.check()
}

func (p Params) check() error {
	fail := func(reason string, args ...any) error { return &Error{"ARGON2ID", fmt.Sprintf(reason, args...)} }
	switch {
	case p.Time == 0 || p.Threads == 0:
		return fail("time and threads must be at least 1")
	case p.Threads > maxThreads:
		return fail("more than %d threads", maxThreads)
	case p.Memory < 8*uint32(p.Threads):
		return fail("less than 8 KiB of memory for each thread")
	case p.Memory > maxMemory:
		return fail("more than %d KiB of memory", maxMemory)
	case uint64(p.Memory)*uint64(p.Time) > maxWork:
		return fail("memory times passes is more than %d KiB", maxWork)
	}
	return nil
}

// Calibrate returns the parameters with which one hash takes about the given time on this machine, with at most so many KiB of memory:
// as much memory as fits with two passes, else more passes. They are never weaker than the defaults.
func Calibrate(target time.Duration, memory uint32) Params {
	floor := Params{}.WithDefaults()
	p := Params{Memory: max(floor.Memory, min(memory, maxMemory)), Time: floor.Time, Threads: 1}
	cost := func() time.Duration {
		begin := time.Now()
		argon2.IDKey([]byte("calibration"), make([]byte, newSalt), p.Time, p.Memory, p.Threads, newSum)
		return time.Since(begin)
	}
	took := cost()
	for took > target && p.Memory > floor.Memory {
		p.Memory = max(floor.Memory, p.Memory/2)
		took = cost()
	}
	passes := uint32(float64(p.Time) * float64(target) / float64(max(took, 1)))
	p.Time = max(p.Time, min(passes, maxWork/p.Memory))
	return p
}

// Argon2id is a password hash of that function, version 19 (0x13).
type Argon2id struct {
	Params    Params
	Salt, Sum []byte
}

// NewArgon2id prepares a hash with a random salt; its Sum is to be had from [Argon2id.Derive].
func NewArgon2id(p Params) (Argon2id, error) {
	p = p.WithDefaults()
	if err := p.check(); err != nil {
		return Argon2id{}, err
	}
	a := Argon2id{Params: p, Salt: make([]byte, newSalt), Sum: make([]byte, newSum)}
	rand.Read(a.Salt) // never fails
	return a, nil
}

// Derive computes the sum for a password, as long as a.Sum is.
func (a Argon2id) Derive(password string) []byte {
	return argon2.IDKey([]byte(password), a.Salt, a.Params.Time, a.Params.Memory, a.Params.Threads, uint32(len(a.Sum)))
}

const argon2idPrefix = "$argon2id$v=19$"

// b64 is base64 without padding, and with unused bits zero.
var b64 = base64.RawStdEncoding.Strict()

// String returns a in the PHC string format, $argon2id$v=19$m=19456,t=2,p=1$salt$sum.
func (a Argon2id) String() string {
	p := a.Params
	return fmt.Sprintf("%sm=%d,t=%d,p=%d$%s$%s", argon2idPrefix, p.Memory, p.Time, p.Threads,
		b64.EncodeToString(a.Salt), b64.EncodeToString(a.Sum))
}

func parseArgon2id(s string) (Hash, error) {
	a, err := parsePHC(argon2idPrefix, s)
	if err != nil {
		return Hash{}, err
	}
	return Hash{scheme: "ARGON2ID", memory: int(a.Params.Memory), argon: &a, match: func(_, password string) bool {
		return subtle.ConstantTimeCompare(a.Derive(password), a.Sum) == 1
	}}, nil
}

func parseArgon2i(s string) (Hash, error) {
	a, err := parsePHC("$argon2i$v=19$", s)
	if err != nil {
		return Hash{}, err
	}
	return Hash{scheme: "ARGON2I", memory: int(a.Params.Memory), match: func(_, password string) bool {
		sum := argon2.Key([]byte(password), a.Salt, a.Params.Time, a.Params.Memory, a.Params.Threads, uint32(len(a.Sum)))
		return subtle.ConstantTimeCompare(sum, a.Sum) == 1
	}}, nil
}

// parsePHC reads a hash whose costs and sizes are within the bounds; there is one text for each hash.
func parsePHC(prefix, s string) (a Argon2id, err error) {
	fail := func(reason string) (Argon2id, error) { return Argon2id{}, &Error{"ARGON2", reason} }
	rest, ok := strings.CutPrefix(s, prefix)
	fields := strings.Split(rest, "$")
	if !ok || len(fields) != 3 {
		return fail("it has not the form " + prefix + "m=...,t=...,p=...$salt$hash")
	}
	if a.Params, err = parseParams(fields[0]); err != nil {
		return Argon2id{}, err
	}
	if a.Salt, ok = decodePHC(fields[1], minSalt, maxSalt); !ok {
		return fail(fmt.Sprintf("its salt is not base64 without padding of %d to %d bytes", minSalt, maxSalt))
	}
	if a.Sum, ok = decodePHC(fields[2], minSum, maxSum); !ok {
		return fail(fmt.Sprintf("its hash is not base64 without padding of %d to %d bytes", minSum, maxSum))
	}
	return a, nil
}

// parseParams reads m=19456,t=2,p=1 in this order, as the PHC string format fixes it.
func parseParams(s string) (p Params, err error) {
	var values [3]uint64
	fields := strings.Split(s, ",")
	if len(fields) != len(values) {
		return p, &Error{"ARGON2", "its parameters are not m, t, p"}
	}
	for i, want := range []struct {
		key  string
		bits int
	}{{"m=", 32}, {"t=", 32}, {"p=", 8}} {
		digits, ok := strings.CutPrefix(fields[i], want.key)
		n, err := strconv.ParseUint(digits, 10, want.bits)
		if !ok || err != nil || strconv.FormatUint(n, 10) != digits { // no sign, no leading zero
			return p, &Error{"ARGON2", fmt.Sprintf("its parameter %d is not %sNUMBER", i+1, want.key)}
		}
		values[i] = n
	}
	p = Params{Memory: uint32(values[0]), Time: uint32(values[1]), Threads: uint8(values[2])}
	return p, p.check()
}

func decodePHC(s string, least, most int) ([]byte, bool) {
	if len(s) > b64.EncodedLen(most) {
		return nil, false
	}
	b, err := b64.DecodeString(s)
	return b, err == nil && !strings.ContainsAny(s, "\r\n") && len(b) >= least && len(b) <= most
}
