package hash

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"
)

// SCRAM is what a server stores for the SASL mechanisms SCRAM-* (RFC 5802, section 3). Who steals it cannot log in with it, only try
// passwords.
type SCRAM struct {
	Hash       string // "SHA-1", "SHA-256" or "SHA-512"
	Iterations int
	Salt       []byte
	StoredKey  []byte
	ServerKey  []byte
}

// scramHashes are the hash functions by their names in mechanisms.
var scramHashes = map[string]func() hash.Hash{"SHA-1": sha1.New, "SHA-256": sha256.New, "SHA-512": sha512.New}

// NewSCRAM makes a verifier with a random salt. The password is used as it is; RFC 5802 wants it prepared before.
// The hash must be one of those that [SCRAM] names, and iterations at least 4096 (RFC 7677, section 4) and at most 5,000,000.
func NewSCRAM(hash, password string, iterations int) (SCRAM, error) {
	if scramHashes[hash] == nil || iterations < 4096 || iterations > maxRounds {
		return SCRAM{}, &Error{"SCRAM", fmt.Sprintf("no %.20q with %d iterations", hash, iterations)}
	}
	s := SCRAM{Hash: hash, Iterations: iterations, Salt: make([]byte, 16)}
	rand.Read(s.Salt) // never fails
	return s.Sibling(password), nil
}

// Sibling returns a verifier of another password with the salt and the iterations of s: one exchange of SCRAM can be of either.
func (s SCRAM) Sibling(password string) SCRAM {
	s.StoredKey, s.ServerKey = s.keys(password)
	return s
}

// IsSibling reports whether other has the salt and the iterations of s.
func (s SCRAM) IsSibling(other SCRAM) bool {
	return s.Hash == other.Hash && s.Iterations == other.Iterations && string(s.Salt) == string(other.Salt)
}

// New returns the hash function.
func (s SCRAM) New() hash.Hash { return scramHashes[s.Hash]() }

// keys derives StoredKey and ServerKey.
func (s SCRAM) keys(password string) (stored, server []byte) {
	newHash := scramHashes[s.Hash]
	salted, err := pbkdf2.Key(newHash, password, s.Salt, s.Iterations, newHash().Size())
	if err != nil { // in FIPS mode, for short salts
		return nil, nil
	}
	mac := func(text string) []byte {
		m := hmac.New(newHash, salted)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	h := newHash()
	h.Write(mac("Client Key"))
	return h.Sum(nil), mac("Server Key")
}

// Match reports whether s is of this password.
func (s SCRAM) Match(password string) bool {
	stored, server := s.keys(password)
	return len(stored) > 0 && hmac.Equal(stored, s.StoredKey) && hmac.Equal(server, s.ServerKey)
}

// String returns "{SCRAM-SHA-256}iterations,salt,StoredKey,ServerKey", as Dovecot writes it.
func (s SCRAM) String() string {
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("{SCRAM-%s}%d,%s,%s,%s", s.Hash, s.Iterations, b64(s.Salt), b64(s.StoredKey), b64(s.ServerKey))
}

// scramReader reads verifiers of one hash function.
func scramReader(name string) func(string) (Hash, error) {
	return func(value string) (Hash, error) {
		f := strings.Split(value, ",")
		if len(f) != 4 {
			return Hash{}, &Error{Reason: "it has not the form iterations,salt,StoredKey,ServerKey"}
		}
		rounds, err := parseRounds(f[0])
		if err != nil {
			return Hash{}, err
		}
		s := SCRAM{Hash: name, Iterations: rounds}
		size := s.New().Size()
		for i, to := range []*[]byte{&s.Salt, &s.StoredKey, &s.ServerKey} {
			b, err := base64.StdEncoding.Strict().DecodeString(f[i+1])
			if err != nil || i > 0 && len(b) != size || len(b) == 0 || len(b) > maxSalt {
				return Hash{}, &Error{Reason: fmt.Sprintf("its part %d is not base64 of the right length", i+2)}
			}
			*to = b
		}
		return Hash{scram: &s, match: func(_, password string) bool { return s.Match(password) }}, nil
	}
}
