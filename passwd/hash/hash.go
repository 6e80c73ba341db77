package hash

import (
	"fmt"
	"strings"
)

// Hash is a stored password. The zero value matches none.
type Hash struct {
	text   string
	scheme string
	memory int // KiB that Match takes, besides a little
	match  func(user, password string) bool
	argon  *Argon2id // if it is one
	scram  *SCRAM    // if it is one
}

// Error tells why a stored password cannot be used. It quotes nothing of it but the name of the scheme.
type Error struct {
	Scheme string // in capitals, as Dovecot has it; empty if it cannot be told
	Reason string
}

func (e *Error) Error() string {
	if e.Scheme == "" {
		return "this password hash cannot be used: " + e.Reason
	}
	return fmt.Sprintf("this %.40q password hash cannot be used: %s", e.Scheme, e.Reason)
}

// maxText bounds a stored password in bytes.
const maxText = 4200

// Parse reads a stored password. The error is an [*Error].
func Parse(text string) (Hash, error) {
	if len(text) > maxText {
		return Hash{}, &Error{Reason: fmt.Sprintf("it is longer than %d bytes", maxText)}
	}
	if strings.ContainsAny(text, "\x00\n\r") {
		return Hash{}, &Error{Reason: "it contains control characters"}
	}
	h, err := parse(text)
	if err != nil {
		return Hash{}, err
	}
	h.text = text
	return h, nil
}

func parse(text string) (Hash, error) {
	if !strings.HasPrefix(text, "{") {
		return parseCrypt(text)
	}
	name, value, ok := strings.Cut(text[1:], "}")
	if !ok {
		return Hash{}, &Error{Reason: `it begins with "{" and has no "}"`}
	}
	name, suffix, _ := strings.Cut(strings.ToUpper(name), ".")
	name = alias(name, value)
	s, ok := schemes[name]
	if !ok {
		return Hash{}, &Error{name, "this scheme is not known"}
	}
	if suffix != "" && s.digest == nil {
		return Hash{}, &Error{name, "this scheme has no encodings to choose from"}
	}
	if s.digest != nil {
		return s.digest.parse(name, suffix, value)
	}
	h, err := s.read(value)
	if e, ok := err.(*Error); ok && e.Scheme == "" {
		e.Scheme = name
	}
	if err == nil {
		h.scheme = name
	}
	return h, err
}

// String returns the stored password as it was read.
func (h Hash) String() string { return h.text }

// Scheme returns the name of the scheme, as Dovecot has it; of a crypt(3) hash that has none there, the name of libxcrypt's method in
// capitals.
func (h Hash) Scheme() string { return h.scheme }

// Memory returns how many KiB Match takes.
func (h Hash) Memory() int { return h.memory }

// Match reports whether h is of this password. The user's name counts for DIGEST-MD5 only, where it is to be as stored.
func (h Hash) Match(user, password string) bool {
	return h.match != nil && h.match(user, password)
}

// Argon2id returns the parts of h if it is of that scheme.
func (h Hash) Argon2id() (Argon2id, bool) {
	if h.argon == nil {
		return Argon2id{}, false
	}
	return *h.argon, true
}

// SCRAM returns the parts of h if it is of one of these schemes.
func (h Hash) SCRAM() (SCRAM, bool) {
	if h.scram == nil {
		return SCRAM{}, false
	}
	return *h.scram, true
}

// scheme is how to read one of Dovecot's schemes.
type scheme struct {
	digest *digest
	read   func(value string) (Hash, error)
}

// schemes are those of "doveadm pw -l", by name.
var schemes = map[string]scheme{
	"PLAIN":       {read: parsePlain},
	"CLEAR":       {read: parsePlain},
	"CLEARTEXT":   {read: parsePlain},
	"PLAIN-TRUNC": {read: parsePlainTrunc},

	"SHA":       {digest: &digest{new: newSHA1}},
	"SHA1":      {digest: &digest{new: newSHA1}},
	"SHA256":    {digest: &digest{new: newSHA256}},
	"SHA512":    {digest: &digest{new: newSHA512}},
	"LDAP-MD5":  {digest: &digest{new: newMD5}},
	"PLAIN-MD5": {digest: &digest{new: newMD5, hex: true}},
	"PLAIN-MD4": {digest: &digest{new: newMD4, hex: true}},
	"SSHA":      {digest: &digest{new: newSHA1, salted: true}},
	"SSHA256":   {digest: &digest{new: newSHA256, salted: true}},
	"SSHA512":   {digest: &digest{new: newSHA512, salted: true}},
	"SMD5":      {digest: &digest{new: newMD5, salted: true}},

	"CRAM-MD5":   {digest: &digest{new: newCRAM, hex: true}},
	"HMAC-MD5":   {digest: &digest{new: newCRAM, hex: true}},
	"DIGEST-MD5": {digest: &digest{new: newMD5, hex: true, realm: true}},

	"PBKDF2":        {read: parsePBKDF2},
	"SCRAM-SHA-1":   {read: scramReader("SHA-1")},
	"SCRAM-SHA-256": {read: scramReader("SHA-256")},
	"SCRAM-SHA-512": {read: scramReader("SHA-512")},

	"CRYPT":        {read: parseCrypt},
	"DES-CRYPT":    {read: parseCrypt},
	"MD5-CRYPT":    {read: parseCrypt},
	"SHA256-CRYPT": {read: parseCrypt},
	"SHA512-CRYPT": {read: parseCrypt},
	"BLF-CRYPT":    {read: parseCrypt},
	"ARGON2I":      {read: parseCrypt},
	"ARGON2ID":     {read: parseCrypt},

	"OTP": {read: func(string) (Hash, error) {
		return Hash{}, &Error{"OTP", "one-time passwords are not supported, nor by Dovecot 2.4; the user needs a new password"}
	}},
}

// alias returns the name of the scheme that a name means. MD5 is crypt(3)'s with Dovecot and a plain one with LDAP (RFC 2307); only the
// former has a "$".
func alias(name, value string) string {
	switch {
	case name == "MD5" && strings.HasPrefix(value, "$"):
		return "MD5-CRYPT"
	case name == "MD5":
		return "LDAP-MD5"
	}
	return name
}
