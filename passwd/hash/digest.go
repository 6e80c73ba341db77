package hash

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	//lint:ignore SA1019 old hashes are checked with it, none is made
	"golang.org/x/crypto/md4"
)

// What these schemes compute: a fast digest of password and salt.
func newSHA1(b []byte) []byte   { s := sha1.Sum(b); return s[:] }
func newSHA256(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
func newSHA512(b []byte) []byte { s := sha512.Sum512(b); return s[:] }
func newMD5(b []byte) []byte    { s := md5.Sum(b); return s[:] }
func newMD4(b []byte) []byte    { h := md4.New(); h.Write(b); return h.Sum(nil) }

// newNT is what libxcrypt does for Windows' hash: MD4 of the password in UTF-16, where it takes each byte for a character.
func newNT(b []byte) []byte {
	var wide []byte
	for _, c := range b {
		wide = append(wide, c, 0)
	}
	return newMD4(wide)
}

// newCRAM is what CRAM-MD5 needs of a password (RFC 2195): the states of the outer and the inner MD5 of HMAC after the key.
func newCRAM(b []byte) []byte {
	if len(b) > md5.BlockSize {
		b = newMD5(b)
	}
	var out []byte
	for _, pad := range []byte{0x5c, 0x36} {
		block := make([]byte, md5.BlockSize)
		copy(block, b)
		for i := range block {
			block[i] ^= pad
		}
		h := md5.New()
		h.Write(block)
		state, _ := h.(encoding.BinaryMarshaler).MarshalBinary() // "md5\x01" and four words; no error is possible
		for i := 4; i < 20; i += 4 {
			out = binary.LittleEndian.AppendUint32(out, binary.BigEndian.Uint32(state[i:]))
		}
	}
	return out
}

// digest is a scheme that stores a digest of the password, in hexadecimal or base64.
type digest struct {
	new    func([]byte) []byte
	hex    bool // by default
	salted bool // the salt follows the digest
	realm  bool // of user:realm:password
}

// maxDigestSalt bounds what may follow a digest.
const maxDigestSalt = 256

func (d *digest) parse(name, suffix, value string) (Hash, error) {
	size := len(d.new(nil))
	stored, ok := d.decode(suffix, value, size)
	if !ok {
		return Hash{}, &Error{name, "its value is not hexadecimal or base64 of the right length"}
	}
	sum, salt := stored[:size], stored[size:]
	return Hash{scheme: name, match: func(user, password string) bool {
		if d.realm {
			local, realm, _ := strings.Cut(user, "@")
			password = local + ":" + realm + ":" + password
		}
		return subtle.ConstantTimeCompare(d.new(append([]byte(password), salt...)), sum) == 1
	}}, nil
}

// decode reads value as the suffix of the scheme says, else as its length says, else as usual for the scheme.
func (d *digest) decode(suffix, value string, size int) ([]byte, bool) {
	asHex := d.hex
	switch {
	case suffix == "HEX":
		asHex = true
	case suffix == "B64" || suffix == "BASE64":
		asHex = false
	case suffix != "":
		return nil, false
	case !d.salted && len(value) == hex.EncodedLen(size):
		asHex = true
	case !d.salted:
		asHex = false
	}
	var b []byte
	var err error
	if asHex {
		b, err = hex.DecodeString(value)
	} else {
		b, err = decode64(value)
	}
	if !d.salted {
		return b, err == nil && len(b) == size
	}
	return b, err == nil && len(b) > size && len(b) <= size+maxDigestSalt
}

// decode64 reads base64, with or without padding.
func decode64(s string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}

func parsePlain(value string) (Hash, error) {
	if value == "" {
		return Hash{}, &Error{Reason: "it is empty"}
	}
	return Hash{match: func(_, password string) bool { return sameString(password, value) }}, nil
}

// parsePlainTrunc reads "LENGTH-password", of which a password that was cut to LENGTH bytes matches every one that begins with it.
func parsePlainTrunc(value string) (Hash, error) {
	limit, rest, ok := strings.Cut(value, "-")
	n, err := strconv.Atoi(limit)
	if !ok || err != nil || n != len(rest) || n == 0 {
		if ok && err == nil {
			value = rest
		}
		return parsePlain(value)
	}
	return Hash{match: func(_, password string) bool {
		return len(password) >= n && sameString(password[:n], rest)
	}}, nil
}

func sameString(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// parsePBKDF2 reads Dovecot's "$1$salt$rounds$hex", with HMAC-SHA-1.
func parsePBKDF2(value string) (Hash, error) {
	f := strings.Split(value, "$")
	if len(f) != 5 || f[0] != "" || f[1] != "1" || len(f[2]) == 0 || len(f[2]) > maxSalt {
		return Hash{}, &Error{Reason: "it has not the form $1$salt$rounds$hash"}
	}
	rounds, err := parseRounds(f[3])
	if err != nil {
		return Hash{}, err
	}
	sum, err := hex.DecodeString(f[4])
	if err != nil || len(sum) != sha1.Size {
		return Hash{}, &Error{Reason: "its last part is not 40 hexadecimal digits"}
	}
	return Hash{match: func(_, password string) bool {
		key, err := pbkdf2.Key(sha1.New, password, []byte(f[2]), rounds, sha1.Size)
		return err == nil && hmac.Equal(key, sum)
	}}, nil
}

// maxRounds bounds the iterations of cheap functions: some seconds at most.
const maxRounds = 5_000_000

func parseRounds(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil || n == 0 || n > maxRounds {
		return 0, &Error{Reason: "its number of rounds is not one of 1 to " + strconv.Itoa(maxRounds)}
	}
	return int(n), nil
}
