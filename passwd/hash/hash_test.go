package hash

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// Other forms of schemes than those that doveadm writes.
func TestForms(t *testing.T) {
	sha, salted := newSHA1([]byte("secret")), append(newSHA256([]byte("secretsalt")), "salt"...)
	b64 := base64.StdEncoding.EncodeToString
	for _, good := range []string{
		"{SHA}" + b64(sha), "{sha}" + b64(sha), "{SHA1}" + hex.EncodeToString(sha), "{SHA.HEX}" + hex.EncodeToString(sha), "{SHA1.b64}" + b64(sha),
		"{SHA.base64}" + strings.TrimRight(b64(sha), "="), "{SSHA256.hex}" + hex.EncodeToString(salted), "{SSHA256}" + b64(salted),
		"{MD5}" + b64(newMD5([]byte("secret"))), "{PLAIN-MD5.b64}" + b64(newMD5([]byte("secret"))), "{PLAIN-MD5}" + b64(newMD5([]byte("secret"))),
		"$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0", "{CRYPT}$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0",
		"{PLAIN}secret", "{CLEARTEXT}secret", "{PLAIN-TRUNC}6-secret", "{PLAIN-TRUNC}3-sec", "{PLAIN-TRUNC}99-secret", "{PLAIN-TRUNC}secret",
		"{DIGEST-MD5}" + hex.EncodeToString(newMD5([]byte("anna:example.org:secret"))),
	} {
		h, err := Parse(good)
		if err != nil || !h.Match("anna@example.org", "secret") || h.Match("anna@example.org", "Secret") {
			t.Errorf("%s: %v", good, err)
		}
	}
	if h, _ := Parse("{PLAIN-TRUNC}3-sec"); !h.Match("", "sec") || h.Match("", "se") {
		t.Error("PLAIN-TRUNC")
	}
	if (Hash{}).Match("", "") {
		t.Error("the zero value matches")
	}
}

// What must be refused, before any work is done.
func TestRefused(t *testing.T) {
	sum := strings.Repeat("A", 43)
	for _, bad := range []string{
		"", "x", "secret", "{", "{}", "{SHA}", "{NOPE}x", "{OTP}sha1 1024 x y", "$gy$j9T$x$" + sum, "{SHA.gz}" + sum, "{PLAIN}", "{CRYPT}", "{PLAIN.b64}c2VjcmV0",
		"{SHA}" + sum, "{SSHA}" + base64.StdEncoding.EncodeToString(make([]byte, 20)), "{SSHA}" + base64.StdEncoding.EncodeToString(make([]byte, 400)),
		"{PBKDF2}$1$salt$2147483647$" + strings.Repeat("0", 40), "{PBKDF2}$1$salt$0$" + strings.Repeat("0", 40), "{PBKDF2}$2$salt$1$" + strings.Repeat("0", 40),
		"{SCRAM-SHA-256}2147483648,AAAA," + sum + "=," + sum + "=", "{SCRAM-SHA-256}4096,," + sum + "=," + sum + "=", "{SCRAM-SHA-1}4096,AAAA," + sum + "=," + sum + "=",
		"{SCRAM-SHA-256}4096,AA\nAA," + sum + "=," + sum + "=", "{SCRAM-SHA-256}-1,AAAA," + sum + "=," + sum + "=",
		"$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$" + sum, "$argon2i$v=19$m=8,t=4294967295,p=1$c2FsdHNhbHQ$" + sum, "$argon2d$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$" + sum,
		"$2y$31$" + strings.Repeat("A", 53), "$2x$05$" + strings.Repeat("A", 53), "$2y$05$" + strings.Repeat("A", 52), "$2", "$2y$00$" + strings.Repeat("A", 53),
		"$5$rounds=999999999$salt$" + sum, "$5$rounds=1$salt$" + sum, "$6$rounds=-1$salt$" + sum + sum, "$5$" + strings.Repeat("s", 17) + "$" + sum, "$5$salt$" + sum[1:],
		"$md5,rounds=4294967295$salt$$" + sum[:22], "$md5$", "$md5", "$md5,rounds=1$salt$" + sum[:22], "$sha1$4294967295$salt$" + sum[:28],
		"$y$jzzT$salt$" + sum, "$y$j9T$salt$" + sum[1:], "$y$k9T$salt$" + sum, "$y$j9T$sa lt$" + sum,
		"$7$zzzzz/zzzzzsalt$" + sum, "$7$CU..../....salt$" + sum[1:], "$7$C", "$7$", "$7$U/..../....$x",
		"_zzzzsalt" + sum[:11], "_....salt" + sum[:11], "_J9..", "AAAAAAAAAAAA!", strings.Repeat("A", 14), "$3$$zz", "$1$salt", "$1$toolongsalt$" + sum[:22],
		"{PLAIN}" + strings.Repeat("x", maxText), "{PLAIN}a\x00b", "{PLAIN}a\nb",
	} {
		begin := time.Now()
		_, err := Parse(bad)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.60q: %v", bad, err)
		}
		if err != nil && len(bad) > 30 && strings.Contains(err.Error(), bad[20:]) {
			t.Errorf("the error quotes the hash: %v", err)
		}
		if took := time.Since(begin); took > time.Second {
			t.Errorf("%.60q: %v to refuse", bad, took)
		}
	}
}

// Ten thousand mutations of real hashes: none panics, and none that is read has costs out of bounds.
func TestMutations(t *testing.T) {
	data, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var hashes []string
	for line := range strings.Lines(string(data)) {
		_, rest, _ := strings.Cut(line, `"hash":"`)
		hashes = append(hashes, strings.TrimRight(rest, "\"}\n"))
	}
	r := rand.New(rand.NewPCG(3, 4))
	read := 0
	for range 10_000 {
		b := []byte(hashes[r.IntN(len(hashes))])
		for range 1 + r.IntN(4) {
			at := r.IntN(len(b))
			switch r.IntN(4) {
			case 0:
				b[at] = byte(r.IntN(256))
			case 1:
				b = append(b[:at], b[at+1:]...)
			case 2:
				b = append(b[:at:at], append([]byte(fmt.Sprint(r.Uint64())), b[at:]...)...)
			case 3:
				b = b[:at+1]
			}
			if len(b) == 0 {
				b = []byte("$")
			}
		}
		h, err := Parse(string(b))
		if err != nil {
			continue
		}
		read++
		if h.Memory() > maxMemory || h.Scheme() == "" {
			t.Errorf("%q: %d KiB", b, h.Memory())
		}
		if h.Memory() == 0 && read%20 == 0 {
			h.Match("anna@example.org", "pässwörd 1")
		}
	}
	if read == 0 {
		t.Error("no mutation was read at all")
	}
}

func TestArgon2id(t *testing.T) {
	a, err := NewArgon2id(Params{Memory: 64, Time: 1})
	if err != nil {
		t.Fatal(err)
	}
	a.Sum = a.Derive("secret")
	h, err := Parse(a.String())
	if err != nil || !h.Match("", "secret") || h.Match("", "Secret") || h.Scheme() != "ARGON2ID" || h.Memory() != 64 {
		t.Errorf("%v, %v", h, err)
	}
	if b, ok := h.Argon2id(); !ok || b.String() != a.String() {
		t.Errorf("%v, %v", b, ok)
	}
	for _, p := range []Params{{Memory: maxMemory + 1}, {Time: 1 << 31}, {Threads: 200}, {Memory: 1}} {
		if _, err := NewArgon2id(p); err == nil || p.Check() == nil {
			t.Errorf("%v is accepted", p)
		}
	}
}

func TestSCRAM(t *testing.T) {
	for _, name := range []string{"SHA-1", "SHA-256", "SHA-512"} {
		s, err := NewSCRAM(name, "secret", 4096)
		if err != nil {
			t.Fatal(err)
		}
		h, err := Parse(s.String())
		if err != nil || !h.Match("", "secret") || h.Match("", "Secret") || h.Scheme() != "SCRAM-"+name {
			t.Errorf("%s: %v", s, err)
		}
		if got, ok := h.SCRAM(); !ok || got.String() != s.String() {
			t.Errorf("%s: %s", s, got)
		}
	}
	for _, bad := range []struct {
		name string
		n    int
	}{{"MD5", 4096}, {"SHA-256", 4095}, {"SHA-256", 1 << 30}} {
		if _, err := NewSCRAM(bad.name, "x", bad.n); err == nil {
			t.Errorf("%v", bad)
		}
	}
}

func TestCalibrate(t *testing.T) {
	if p := Calibrate(time.Millisecond, 32<<10); p != (Params{}).WithDefaults() {
		t.Errorf("weaker or stronger than the defaults for a short time: %v", p)
	}
	if p := Calibrate(time.Hour, 20<<10); p.Check() != nil || p.Memory != 20<<10 || p.Time < 50 {
		t.Errorf("an hour gives %v", p)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("{SSHA}z1TTdd7DIuV1zh1A8+zuZhcRsAK44UjT")
	f.Add("$md5,rounds=66776$4vCWyHVU$$.wYrtX6otEdhWyhfBQ0N00")
	f.Add("$7$CU..../....JgK3CrlH8Afl/FuDTGiaR0$hY4kht7RrMnJAtLNKiuRo5QZ3NvSIsVV38ikOmqcoM/")
	f.Add("{SCRAM-SHA-1}4096,IC4kY7a3m0ewkm+A91VlNw==,Q+UnvnYkMBuJq2CVq2ucazr+H3c=,38CeBtGN0nTjgJM5TejU6jZGWVA=")
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := Parse(s)
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("%q: %v", s, err)
		}
		if err != nil {
			return
		}
		if h.String() != s || h.Memory() > maxMemory {
			t.Errorf("%q: %+v", s, h)
		}
		if a, ok := h.Argon2id(); ok && a.String() != s && "{ARGON2ID}"+a.String() != s && !strings.HasPrefix(s, "{") {
			t.Errorf("%q is read as %s", s, a)
		}
	})
}
