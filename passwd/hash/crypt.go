package hash

import (
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"

	"github.com/go-crypt/x/crypt"
	"github.com/go-crypt/x/yescrypt"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// maxCryptPassword is the longest password, in bytes, that crypt(3) takes: CRYPT_MAX_PASSPHRASE_SIZE of libxcrypt. It bounds the
// functions whose work grows with the password.
const maxCryptPassword = 512

// cryptMethods are the methods of crypt(3), by how their hashes begin. The first that fits counts.
var cryptMethods = []struct {
	prefix string
	read   func(string) (Hash, error)
}{
	{"$argon2id$", parseArgon2id},
	{"$argon2i$", parseArgon2i},
	{"$2", parseBcrypt},
	{"$1$", md5Crypt("MD5-CRYPT", "$1$")},
	{"$apr1$", md5Crypt("APR1", "$apr1$")},
	{"$md5", parseSunMD5},
	{"$sha1$", parseSHA1Crypt},
	{"$5$", shaCrypt("SHA256-CRYPT", sha256.New)},
	{"$6$", shaCrypt("SHA512-CRYPT", sha512.New)},
	{"$y$", parseYescrypt},
	{"$7$", parseScrypt},
	{"$3$$", parseNT},
	{"$gy$", func(string) (Hash, error) {
		return Hash{}, &Error{"GOST-YESCRYPT", "this scheme is not supported; the user needs a new password"}
	}},
	{"_", parseBSDi},
}

func parseCrypt(s string) (Hash, error) {
	for _, m := range cryptMethods {
		if strings.HasPrefix(s, m.prefix) {
			return m.read(s)
		}
	}
	if len(s) == 13 && isCrypt64(s) {
		return parseDES(s)
	}
	return Hash{}, &Error{Reason: "it is no hash of crypt(3) and has no {SCHEME} before it"}
}

// recomputed is a hash that matches if computing it again from the password gives the same text.
func recomputed(scheme, text string, memory int, compute func(password []byte) string) (Hash, error) {
	return Hash{scheme: scheme, memory: memory, match: func(_, password string) bool {
		return len(password) <= maxCryptPassword && sameString(compute([]byte(password)), text)
	}}, nil
}

// isCrypt64 reports whether s consists of the digits of crypt(3).
func isCrypt64(s string) bool {
	for i := range len(s) {
		if digit64(s[i]) < 0 {
			return false
		}
	}
	return true
}

const itoa64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func digit64(c byte) int { return strings.IndexByte(itoa64, c) }

// maxBcrypt bounds bcrypt's cost, of which each step doubles the time: 12 took 0.24 s.
const maxBcrypt = 15

func parseBcrypt(s string) (Hash, error) {
	fail := func(reason string) (Hash, error) { return Hash{}, &Error{"BLF-CRYPT", reason} }
	if len(s) != 60 || !strings.Contains("aby", s[2:3]) || s[3] != '$' || s[6] != '$' || !isCrypt64(s[7:]) {
		return fail("it has not the form $2y$cost$salt+hash")
	}
	cost, err := bcrypt.Cost([]byte(s))
	if err != nil || cost > maxBcrypt {
		return fail(fmt.Sprintf("its cost is not %d to %d", bcrypt.MinCost, maxBcrypt))
	}
	return Hash{scheme: "BLF-CRYPT", match: func(_, password string) bool {
		// More than 72 bytes do not count, in every implementation of the time when the hash was made.
		return bcrypt.CompareHashAndPassword([]byte(s), []byte(password[:min(len(password), 72)])) == nil
	}}, nil
}

// md5Crypt reads FreeBSD's $1$ and Apache's $apr1$, which differ in the prefix alone.
func md5Crypt(scheme, prefix string) func(string) (Hash, error) {
	return func(s string) (Hash, error) {
		salt, sum, ok := strings.Cut(s[len(prefix):], "$")
		if !ok || len(salt) > 8 || len(sum) != 22 || !isCrypt64(sum) {
			return Hash{}, &Error{scheme, "it has not the form " + prefix + "salt$hash"}
		}
		return recomputed(scheme, sum, 0, func(password []byte) string { return md5CryptText(prefix, salt, password) })
	}
}

func md5CryptText(prefix, salt string, password []byte) string {
	sum := newMD5(slices.Concat(password, []byte(salt), password))
	b := slices.Concat(password, []byte(prefix+salt))
	for n := len(password); n > 0; n -= len(sum) {
		b = append(b, sum[:min(n, len(sum))]...)
	}
	for n := len(password); n > 0; n >>= 1 {
		if n&1 == 1 {
			b = append(b, 0)
		} else {
			b = append(b, password[0])
		}
	}
	sum = newMD5(b)
	for i := range 1000 {
		first, last := sum, password
		if i%2 == 1 {
			first, last = password, sum
		}
		b = append(b[:0], first...)
		if i%3 != 0 {
			b = append(b, salt...)
		}
		if i%7 != 0 {
			b = append(b, password...)
		}
		sum = newMD5(append(b, last...))
	}
	order := [16]int{12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11}
	out := make([]byte, len(order))
	for i, from := range order {
		out[i] = sum[from]
	}
	return string(yescrypt.Encode64(out))
}

// shaCrypt reads $5$ and $6$, with or without "rounds=".
func shaCrypt(scheme string, newHash func() hash.Hash) func(string) (Hash, error) {
	return func(s string) (Hash, error) {
		f := strings.Split(s[3:], "$")
		rounds := 5000
		if digits, ok := strings.CutPrefix(f[0], "rounds="); ok {
			n, err := strconv.ParseUint(digits, 10, 31)
			if err != nil || n < 1000 || n > 1_000_000 {
				return Hash{}, &Error{scheme, "its rounds are not 1000 to 1000000"}
			}
			rounds, f = int(n), f[1:]
		}
		if len(f) != 2 || len(f[0]) > 16 || len(f[1]) != (newHash().Size()*8+5)/6 || !isCrypt64(f[1]) {
			return Hash{}, &Error{scheme, "it has not the form " + s[:3] + "salt$hash"}
		}
		return recomputed(scheme, f[1], 0, func(password []byte) string {
			return string(crypt.KeySHACrypt(newHash, password, []byte(f[0]), rounds))
		})
	}
}

// parseSunMD5 reads $md5$salt$$hash and $md5,rounds=N$salt$$hash. One "$" before the hash is another form of the same method, in which
// the salt ends there.
func parseSunMD5(s string) (Hash, error) {
	fail := func(reason string) (Hash, error) { return Hash{}, &Error{"SUNMD5", reason} }
	end := strings.LastIndexByte(s, '$')
	settings, sum := s[:end], s[end+1:]
	head, salt, ok := strings.Cut(strings.TrimPrefix(settings, "$"), "$")
	rounds := uint64(0)
	if digits, has := strings.CutPrefix(head, "md5,rounds="); has {
		var err error
		if rounds, err = strconv.ParseUint(digits, 10, 31); err != nil || rounds == 0 || rounds > 1_000_000 {
			return fail("its rounds are not 1 to 1000000")
		}
	} else if head != "md5" {
		return fail("it has not the form $md5,rounds=N$salt$$hash")
	}
	salt, double := strings.CutSuffix(salt, "$")
	if !ok || !double || len(salt) > maxSalt || len(sum) != 22 || !isCrypt64(sum) {
		return fail("it has not the form $md5,rounds=N$salt$$hash")
	}
	return recomputed("SUNMD5", sum, 0, func(password []byte) string {
		return string(crypt.KeyMD5CryptSun(password, []byte(salt), uint32(rounds)))
	})
}

// parseSHA1Crypt reads NetBSD's $sha1$rounds$salt$hash.
func parseSHA1Crypt(s string) (Hash, error) {
	f := strings.Split(s[len("$sha1$"):], "$")
	if len(f) != 3 || len(f[1]) > maxSalt || len(f[2]) != 28 || !isCrypt64(f[2]) {
		return Hash{}, &Error{"SHA1-CRYPT", "it has not the form $sha1$rounds$salt$hash"}
	}
	rounds, err := parseRounds(f[0])
	if err != nil {
		return Hash{}, err
	}
	return recomputed("SHA1-CRYPT", f[2], 0, func(password []byte) string {
		return string(crypt.KeySHA1Crypt(password, []byte(f[1]), uint32(rounds)))
	})
}

// parseYescrypt reads $y$j<N><r>$salt$hash, which is what passwd(1) writes on today's Linux systems.
func parseYescrypt(s string) (Hash, error) {
	fail := func(reason string) (Hash, error) { return Hash{}, &Error{"YESCRYPT", reason} }
	f := strings.Split(s, "$")
	if len(f) != 5 || len(f[2]) != 3 || f[2][0] != 'j' || len(f[3]) > maxSalt || !isCrypt64(f[2]+f[3]+f[4]) || len(f[4]) != 43 {
		return fail("it has not the form $y$jXY$salt$hash, without parameters out of the ordinary")
	}
	ln, r := digit64(f[2][1])+1, digit64(f[2][2])+1
	if ln < 10 || ln > 18 || r > 32 || yescryptMemory(ln, r) > maxMemory {
		return fail("its costs are out of bounds")
	}
	return recomputed("YESCRYPT", s, yescryptMemory(ln, r), func(password []byte) string {
		text, err := yescrypt.Hash(password, []byte(s))
		if err != nil {
			return ""
		}
		return string(text)
	})
}

// yescryptMemory returns KiB: 128 bytes times r times 2^ln.
func yescryptMemory(ln, r int) int { return r << ln >> 3 }

// parseScrypt reads libxcrypt's $7$: the logarithm of N in one digit, r and p in five each, salt, hash.
func parseScrypt(s string) (Hash, error) {
	fail := func(reason string) (Hash, error) { return Hash{}, &Error{"SCRYPT", reason} }
	settings, sum, ok := strings.Cut(s[len("$7$"):], "$")
	if !ok || len(settings) < 11 || len(settings) > 11+maxSalt || len(sum) != 43 || !isCrypt64(settings[:11]+sum) {
		return fail("it has not the form $7$Nrrrrrpppppsalt$hash")
	}
	ln, r, p := digit64(settings[0]), number64(settings[1:6]), number64(settings[6:11])
	if ln < 1 || ln > 20 || r < 1 || r > 64 || p < 1 || p > 16 || yescryptMemory(ln, r) > maxMemory || yescryptMemory(ln, r)*p > 2*maxMemory {
		return fail("its costs are out of bounds")
	}
	return recomputed("SCRYPT", sum, yescryptMemory(ln, r), func(password []byte) string {
		key, err := scrypt.Key(password, []byte(settings[11:]), 1<<ln, r, p, 32)
		if err != nil {
			return ""
		}
		return string(yescrypt.Encode64(key))
	})
}

// number64 reads digits of crypt(3), the least significant first.
func number64(s string) (n int) {
	for i := range len(s) {
		n |= digit64(s[i]) << (6 * i)
	}
	return n
}

func parseNT(s string) (Hash, error) {
	return (&digest{new: newNT, hex: true}).parse("NT", "HEX", s[len("$3$$"):])
}
