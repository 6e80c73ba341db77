package pgp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/mailhavn/mailhavn/pgp"
)

var profiles = map[string]pgp.Profile{"compatible": pgp.Compatible, "modern": pgp.Modern, "post-quantum": pgp.PostQuantum}

// long asks for the long forms of tests.
var long = flag.Bool("pgp.long", false, "run the long forms of tests")

var made sync.Map

// key makes a private key once for all tests.
func key(t testing.TB, name string, profile pgp.Profile) *pgp.Key {
	t.Helper()
	id := fmt.Sprint(name, profile)
	if k, ok := made.Load(id); ok {
		return k.(*pgp.Key)
	}
	k, err := pgp.Generate(pgp.NewKey{Name: name, Email: name + "@example.org", Profile: profile})
	if err != nil {
		t.Fatal(err)
	}
	made.Store(id, k)
	return k
}

func encrypt(t testing.TB, enc pgp.Encrypter, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := enc.Encrypt(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func decrypt(d pgp.Decrypter, message []byte) ([]byte, *pgp.Message, error) {
	m, err := d.Decrypt(context.Background(), bytes.NewReader(message))
	if err != nil {
		return nil, nil, err
	}
	defer m.Close()
	text, err := io.ReadAll(m.Reader())
	return text, m, err
}

func random(size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func TestRoundTrip(t *testing.T) {
	for name, profile := range profiles {
		anna, bob, eve := key(t, "anna", profile), key(t, "bob", profile), key(t, "eve", profile)
		for _, size := range []int{0, 1, 1000, 3 << 20} {
			if size > 1<<20 && testing.Short() {
				continue
			}
			text := random(size)
			enc := pgp.Encrypter{To: []*pgp.Key{bob.Public()}, Hidden: []*pgp.Key{anna.Public()}, Signers: []*pgp.Key{anna}}
			message := encrypt(t, enc, text)
			for _, reader := range []*pgp.Key{anna, bob} {
				got, m, err := decrypt(pgp.Decrypter{Keys: []*pgp.Key{eve, reader}, Verify: []*pgp.Key{eve, anna.Public()}}, message)
				if err != nil || !bytes.Equal(got, text) {
					t.Fatalf("%s, %d bytes: %v", name, size, err)
				}
				if m.DecryptedBy != reader || m.Size() != int64(size) || m.Authenticated != (profile != pgp.Compatible) {
					t.Errorf("%s: %+v", name, m)
				}
				if len(m.Signatures) != 1 || m.Signatures[0].Err != nil || m.Signatures[0].Key.Fingerprint() != anna.Fingerprint() {
					t.Fatalf("%s: signatures %+v", name, m.Signatures)
				}
			}
			if _, _, err := decrypt(pgp.Decrypter{Keys: []*pgp.Key{eve}}, message); !errors.Is(err, pgp.ErrNoKey) {
				t.Errorf("%s: with another key: %v", name, err)
			}
		}
	}
}

func TestPasswordsAndSessionKeys(t *testing.T) {
	anna := key(t, "anna", pgp.Compatible)
	for _, enc := range []pgp.Encrypter{
		{Passwords: [][]byte{[]byte("one"), []byte("two")}},
		{Passwords: [][]byte{[]byte("one"), []byte("two")}, To: []*pgp.Key{anna}, Binary: true},
	} {
		message := encrypt(t, enc, []byte("hello"))
		got, m, err := decrypt(pgp.Decrypter{Passwords: [][]byte{[]byte("wrong"), []byte("two")}}, message)
		if err != nil || string(got) != "hello" {
			t.Fatalf("by the second password: %q, %v", got, err)
		}
		again, err := pgp.ParseSessionKey(m.SessionKey.String())
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := decrypt(pgp.Decrypter{SessionKeys: []pgp.SessionKey{again}}, message); err != nil || string(got) != "hello" {
			t.Errorf("by the session key: %q, %v", got, err)
		}
		if _, _, err := decrypt(pgp.Decrypter{Passwords: [][]byte{[]byte("wrong")}}, message); !errors.Is(err, pgp.ErrNoKey) {
			t.Errorf("by a wrong password: %v", err)
		}
	}
}

// TestWrongPasswords tries wrong ones first on a message as "gpg --symmetric" makes it: the password makes the key, so that each of them gives one.
func TestWrongPasswords(t *testing.T) {
	const skesk = "\x8c\x04\x04\x09\x00\x08" // version 4, AES-256, a simple S2K with SHA-256
	message := []byte(skesk + symmetric(t, sha256.Sum256([]byte("right")), "hello"))
	var passwords [][]byte
	for i := range 50 {
		passwords = append(passwords, fmt.Appendf(nil, "wrong %d", i))
	}
	if _, _, err := decrypt(pgp.Decrypter{Passwords: passwords}, message); !errors.Is(err, pgp.ErrNoKey) {
		t.Errorf("only wrong ones: %v", err)
	}
	got, _, err := decrypt(pgp.Decrypter{Passwords: append(passwords, []byte("right"))}, message)
	if err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
}

// symmetric is a SEIPD packet of version 1 with a literal packet.
func symmetric(t *testing.T, key [32]byte, text string) string {
	t.Helper()
	var out, literal bytes.Buffer
	w, err := packet.SerializeSymmetricallyEncrypted(&out, packet.CipherAES256, false, packet.CipherSuite{}, key[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := packet.SerializeLiteral(struct {
		io.Writer
		io.Closer
	}{&literal, io.NopCloser(nil)}, true, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(l, text)
	l.Close()
	w.Write(literal.Bytes())
	w.Close()
	return out.String()
}

func TestLockedKeys(t *testing.T) {
	for _, profile := range []pgp.Profile{pgp.Modern, pgp.Compatible} {
		if profile == pgp.Compatible && testing.Short() {
			continue // 65 million rounds of SHA-512
		}
		anna := key(t, "anna", profile)
		message := encrypt(t, pgp.Encrypter{To: []*pgp.Key{anna}}, []byte("hello"))
		locked, err := anna.Lock([]byte("secret"))
		if err != nil || !locked.Locked() || !locked.Private() {
			t.Fatalf("Lock: %v", err)
		}
		if _, _, err := decrypt(pgp.Decrypter{Keys: []*pgp.Key{locked}}, message); !errors.Is(err, pgp.ErrLocked) {
			t.Errorf("with a locked key: %v", err)
		}
		if err := locked.CanSign(time.Time{}); !errors.Is(err, pgp.ErrLocked) {
			t.Errorf("signing with a locked key: %v", err)
		}
		if _, err := locked.Unlock([]byte("wrong")); !errors.Is(err, pgp.ErrLocked) {
			t.Errorf("a wrong passphrase: %v", err)
		}
		open, err := locked.Unlock([]byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := decrypt(pgp.Decrypter{Keys: []*pgp.Key{open}}, message); err != nil || string(got) != "hello" {
			t.Errorf("after Unlock: %q, %v", got, err)
		}
	}
}

func sign(t testing.TB, s pgp.Signer, text []byte, message bool) []byte {
	t.Helper()
	var out bytes.Buffer
	begin := s.Detached
	if message {
		begin = s.Message
	}
	w, err := begin(&out)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestSignatures(t *testing.T) {
	ctx := context.Background()
	for name, profile := range profiles {
		anna, bob := key(t, "anna", profile), key(t, "bob", profile)
		text := []byte("line\r\nanother \r\n")
		detached := sign(t, pgp.Signer{Keys: []*pgp.Key{anna, bob}}, text, false)
		if micalg, err := pgp.SignatureHash(detached); err != nil || !strings.HasPrefix(micalg, "pgp-sha") {
			t.Errorf("%s: micalg %q, %v", name, micalg, err)
		}
		good, err := pgp.Verifier{Keys: []*pgp.Key{anna.Public()}}.Detached(ctx, bytes.NewReader(text), detached)
		if err != nil || len(good) != 2 || good[0].Err != nil || good[0].SignedBy == "" || !errors.Is(good[1].Err, pgp.ErrUnknownSigner) {
			t.Errorf("%s: %+v, %v", name, good, err)
		}
		bad, err := pgp.Verifier{Keys: []*pgp.Key{anna, bob}}.Detached(ctx, strings.NewReader("line\r\nanother\r\n"), detached)
		if err != nil || !errors.Is(bad[0].Err, pgp.ErrBadSignature) || !errors.Is(bad[1].Err, pgp.ErrBadSignature) {
			t.Errorf("%s: of another text: %+v, %v", name, bad, err)
		}
		inline := sign(t, pgp.Signer{Keys: []*pgp.Key{anna}}, text, true)
		m, err := pgp.Verifier{Keys: []*pgp.Key{anna}}.Message(ctx, bytes.NewReader(inline))
		if err != nil || m.Signatures[0].Err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, _ := io.ReadAll(m.Reader()); !bytes.Equal(got, text) {
			t.Errorf("%s: %q", name, got)
		}
		m.Close()
	}
}

// PG2: the form follows from the keys of all recipients, whatever their order and number.
func TestFormat(t *testing.T) {
	old := []*pgp.Key{key(t, "anna", pgp.Compatible), key(t, "bob", pgp.Compatible)}
	modern := []*pgp.Key{key(t, "anna", pgp.Modern), key(t, "bob", pgp.Modern)}
	all := slices.Concat(old, modern)
	sets := 200
	switch {
	case *long:
		sets = 1000
	case testing.Short():
		sets = 20
	}
	for range sets {
		var to []*pgp.Key
		for range 1 + rand.IntN(4) {
			to = append(to, all[rand.IntN(len(all))])
		}
		hidden := rand.IntN(len(to) + 1)
		message := encrypt(t, pgp.Encrypter{To: to[hidden:], Hidden: to[:hidden], Binary: true}, []byte("x"))
		want := !slices.ContainsFunc(to, func(k *pgp.Key) bool { return k.Version() == 4 })
		reader := to[rand.IntN(len(to))]
		if _, m, err := decrypt(pgp.Decrypter{Keys: []*pgp.Key{reader}}, message); err != nil || m.Authenticated != want {
			t.Fatalf("%d recipients, authenticated should be %v: %v", len(to), want, err)
		}
	}
}

// Keys may be used by several goroutines.
func TestConcurrency(t *testing.T) {
	anna := key(t, "anna", pgp.Compatible)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			message := encrypt(t, pgp.Encrypter{To: []*pgp.Key{anna}, Signers: []*pgp.Key{anna}}, []byte("hello"))
			if _, m, err := decrypt(pgp.Decrypter{Keys: []*pgp.Key{anna}, Verify: []*pgp.Key{anna}}, message); err != nil || m.Signatures[0].Err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}
