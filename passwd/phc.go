package passwd

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
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

// What a hash may cost. The bounds hold for hashes that are read too, and are
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
	maxPHC     = 256 // bytes of text; the longest that keeps the bounds is shorter
)

// What new hashes have (RFC 9106, section 3.1).
const (
	newSalt = 16
	newSum  = 32
)

func (p Params) withDefaults() Params {
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

// check reports costs outside of the bounds. p has its defaults already.
func (p Params) check() error {
	switch {
	case p.Time == 0 || p.Threads == 0:
		return fmt.Errorf("%w: time and threads must be at least 1", ErrHash)
	case p.Threads > maxThreads:
		return fmt.Errorf("%w: more than %d threads", ErrHash, maxThreads)
	case p.Memory < 8*uint32(p.Threads):
		return fmt.Errorf("%w: less than 8 KiB of memory for each thread", ErrHash)
	case p.Memory > maxMemory:
		return fmt.Errorf("%w: more than %d KiB of memory", ErrHash, maxMemory)
	case uint64(p.Memory)*uint64(p.Time) > maxWork:
		return fmt.Errorf("%w: memory times passes is more than %d KiB", ErrHash, maxWork)
	}
	return nil
}

// phc is a stored password: an argon2id hash of version 19 (0x13) in the PHC
// string format, $argon2id$v=19$m=19456,t=2,p=1$salt$sum.
type phc struct {
	params    Params
	salt, sum []byte
}

const phcPrefix = "$argon2id$v=19$"

// b64 is base64 without padding, and with unused bits zero.
var b64 = base64.RawStdEncoding.Strict()

// String returns the only text that parsePHC reads as h.
func (h phc) String() string {
	p := h.params
	return fmt.Sprintf("%sm=%d,t=%d,p=%d$%s$%s", phcPrefix, p.Memory, p.Time, p.Threads,
		b64.EncodeToString(h.salt), b64.EncodeToString(h.sum))
}

// parsePHC reads a hash whose costs and sizes are within the bounds. Its errors
// are ErrHash and quote nothing.
func parsePHC(s string) (phc, error) {
	rest, ok := strings.CutPrefix(s, phcPrefix)
	if !ok || len(s) > maxPHC {
		return phc{}, fmt.Errorf("%w: it does not begin with %s or is too long", ErrHash, phcPrefix)
	}
	fields := strings.Split(rest, "$")
	if len(fields) != 3 {
		return phc{}, fmt.Errorf("%w: it has not the form %sm=...,t=...,p=...$salt$hash", ErrHash, phcPrefix)
	}
	h := phc{}
	var err error
	if h.params, err = parseParams(fields[0]); err != nil {
		return phc{}, err
	}
	if h.salt, err = decode64("salt", fields[1], minSalt, maxSalt); err != nil {
		return phc{}, err
	}
	if h.sum, err = decode64("hash", fields[2], minSum, maxSum); err != nil {
		return phc{}, err
	}
	return h, nil
}

// parseParams reads m=19456,t=2,p=1 in this order, as the PHC string format
// fixes it.
func parseParams(s string) (p Params, err error) {
	var values [3]uint64
	fields := strings.Split(s, ",")
	if len(fields) != len(values) {
		return p, fmt.Errorf("%w: parameters are not m, t, p", ErrHash)
	}
	for i, want := range []struct {
		key  string
		bits int
	}{{"m=", 32}, {"t=", 32}, {"p=", 8}} {
		digits, ok := strings.CutPrefix(fields[i], want.key)
		n, err := strconv.ParseUint(digits, 10, want.bits)
		if !ok || err != nil || strconv.FormatUint(n, 10) != digits { // no sign, no leading zero
			return p, fmt.Errorf("%w: parameter %d is not %sNUMBER", ErrHash, i+1, want.key)
		}
		values[i] = n
	}
	p = Params{Memory: uint32(values[0]), Time: uint32(values[1]), Threads: uint8(values[2])}
	return p, p.check()
}

// decode64 reads the field called what, of least to most bytes.
func decode64(what, s string, least, most int) ([]byte, error) {
	b, err := b64.DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") { // which the decoder skips
		return nil, fmt.Errorf("%w: the %s is not base64 without padding", ErrHash, what)
	}
	if len(b) < least || len(b) > most {
		return nil, fmt.Errorf("%w: the %s has %d bytes, not %d to %d", ErrHash, what, len(b), least, most)
	}
	return b, nil
}
