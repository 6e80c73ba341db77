package pgp_test

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/aes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/mailhavn/mailhavn/pgp"
)

// PG3: one bit inverted anywhere lets nothing out. Every 64th octet of 1 MiB takes minutes; the long form does that.
func TestBitFlips(t *testing.T) {
	size := 1 << 20
	if testing.Short() {
		size = 64 << 10
	}
	step := 32771 // a prime, so that all places in chunks come up
	if *long {
		step = 64
	}
	for name, profile := range map[string]pgp.Profile{"SEIPD version 1": pgp.Compatible, "SEIPD version 2": pgp.Modern} {
		anna := key(t, "anna", profile)
		message := encrypt(t, pgp.Encrypter{To: []*pgp.Key{anna}, Signers: []*pgp.Key{anna}, Binary: true}, random(size))
		flips := 0
		try := func(at int) {
			message[at] ^= 1 << (at % 8)
			m, err := pgp.Decrypter{Keys: []*pgp.Key{anna}}.Decrypt(context.Background(), bytes.NewReader(message))
			if err == nil {
				t.Errorf("%s: %d of %d inverted: no error", name, at, len(message))
				m.Close()
			}
			message[at] ^= 1 << (at % 8)
			flips++
		}
		pkesk, _ := split(message) // says only whose it is
		start := len(pkesk)
		for at := start; at < len(message); at += step {
			try(at)
		}
		for at := len(message) - 24; at < len(message); at++ {
			try(at)
		}
		t.Logf("%s: %d places", name, flips)
	}
}

func TestCuts(t *testing.T) {
	for _, profile := range []pgp.Profile{pgp.Compatible, pgp.Modern} {
		anna := key(t, "anna", profile)
		message := encrypt(t, pgp.Encrypter{To: []*pgp.Key{anna}, Binary: true}, random(100_000))
		for cut := 1; cut < len(message); cut += 1 + len(message)/100 {
			if _, _, err := decrypt(pgp.Decrypter{Keys: []*pgp.Key{anna}}, message[:len(message)-cut]); err == nil {
				t.Errorf("%d octets missing: no error", cut)
			}
		}
		if _, _, err := decrypt(pgp.Decrypter{Keys: []*pgp.Key{anna}}, append(message, message...)); !errors.Is(err, pgp.ErrMalformed) {
			t.Errorf("two messages: %v", err)
		}
	}
}

// split takes a message apart, after its only recipient.
func split(message []byte) (pkesk, seipd []byte) {
	end := 2 + int(message[1])
	return message[:end:end], message[end:]
}

// withoutMDC makes a message as it is before its checksum is appended.
func withoutMDC(t *testing.T, k *pgp.Key) []byte {
	t.Helper()
	whole := raw(t, k, func(w io.Writer) { w.Write(literal("hello")) })
	pkesk, _ := split(whole)
	block, err := aes.NewCipher(random(32)) // the key of raw
	if err != nil {
		t.Fatal(err)
	}
	stream, prefix := packet.NewOCFBEncrypter(block, random(16), packet.OCFBNoResync)
	text := literal("hello")
	stream.XORKeyStream(text, text)
	return append(pkesk, pkt(18, slices.Concat([]byte{1}, prefix, text))...)
}

// raw makes a message of any packets for a key: SEIPD version 1 without looking at what is in it.
func raw(t testing.TB, k *pgp.Key, fill func(w io.Writer)) []byte {
	t.Helper()
	entities, err := openpgp.ReadKeyRing(bytes.NewReader(k.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	chosen, ok := entities[0].EncryptionKey(time.Now(), nil)
	if !ok {
		t.Fatal("no key to encrypt to")
	}
	session := random(32)
	var out bytes.Buffer
	if err := packet.SerializeEncryptedKeyAEAD(&out, chosen.PublicKey, packet.CipherAES256, false, session, nil); err != nil {
		t.Fatal(err)
	}
	w, err := packet.SerializeSymmetricallyEncrypted(&out, packet.CipherAES256, false, packet.CipherSuite{}, session, &packet.Config{})
	if err != nil {
		t.Fatal(err)
	}
	fill(w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func pkt(tag byte, body []byte) []byte {
	n := len(body)
	return append([]byte{0xc0 | tag, 0xff, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, body...)
}

func literal(text string) []byte { return pkt(11, []byte("b\x00\x00\x00\x00\x00"+text)) }

func compressed(packets []byte) []byte {
	out := bytes.NewBuffer([]byte{1})
	w, _ := flate.NewWriter(out, 1)
	w.Write(packets)
	w.Close()
	return pkt(8, out.Bytes())
}

func TestRefused(t *testing.T) {
	anna := key(t, "anna", pgp.Compatible)
	good := encrypt(t, pgp.Encrypter{To: []*pgp.Key{anna}, Binary: true}, []byte("hello"))
	pkesk, seipd := split(good)
	signature := sign(t, pgp.Signer{Keys: []*pgp.Key{anna}, Binary: true}, []byte("x"), false)
	nested := literal("hello")
	for range 32 {
		nested = compressed(nested)
	}
	bomb := compressed(literal(strings.Repeat("\x00", 20<<20)))
	many := 100_000
	if *long {
		many = 1_000_000
	}
	for _, test := range []struct {
		name    string
		message []byte
		want    error
	}{
		{"nothing", nil, pgp.ErrMalformed},
		{"text", []byte("hello"), pgp.ErrMalformed},
		{"armor without data", []byte("-----BEGIN PGP MESSAGE-----\n\n-----END PGP MESSAGE-----\n"), pgp.ErrMalformed},
		{"armor whose head does not end", []byte("-----BEGIN PGP MESSAGE-----\n" + strings.Repeat("Comment: more\n", 1<<20)), pgp.ErrMalformed},
		{"text whose armor does not begin", bytes.Repeat([]byte("text\n"), 1<<20), pgp.ErrMalformed},
		{"not encrypted", literal("hello"), pgp.ErrNotEncrypted},
		{"signed only", sign(t, pgp.Signer{Keys: []*pgp.Key{anna}}, []byte("x"), true), pgp.ErrNotEncrypted},
		{"SED", append(bytes.Clone(pkesk), pkt(9, random(100))...), pgp.ErrUnprotected},
		{"SED in old format", append(bytes.Clone(pkesk), append([]byte{0xa5, 0, 100}, random(100)...)...), pgp.ErrUnprotected},
		{"SEIPD turned into SED", append(bytes.Clone(pkesk), append([]byte{0xc9}, seipd[1:]...)...), pgp.ErrUnprotected},
		{"without MDC", withoutMDC(t, anna), pgp.ErrIntegrity},
		{"a million recipients", append(bytes.Repeat(pkesk, 1_000_000), seipd...), pgp.ErrTooMany},
		{"many attempts", append(bytes.Repeat(other(t, pkesk), 500), seipd...), pgp.ErrTooMany},
		{"a recipient of endless length", append([]byte{0xc1, 0xff, 0xff, 0xff, 0xff, 0xff}, make([]byte, 1000)...), pgp.ErrMalformed},
		{"a recipient in parts", append([]byte{0xc1, 0xe0}, make([]byte, 1000)...), pgp.ErrMalformed},
		{"many signatures", raw(t, anna, func(w io.Writer) { w.Write(bytes.Repeat(signature, many)) }), pgp.ErrTooMany},
		{"signatures that nobody announced", raw(t, anna, func(w io.Writer) { w.Write(append(literal("hello"), signature...)) }), pgp.ErrMalformed},
		{"two texts", raw(t, anna, func(w io.Writer) { w.Write(append(literal("hello"), literal("world")...)) }), pgp.ErrMalformed},
		{"a key", raw(t, anna, func(w io.Writer) { w.Write(anna.Bytes()) }), pgp.ErrMalformed},
		{"encrypted in encrypted", raw(t, anna, func(w io.Writer) { w.Write(good) }), pgp.ErrMalformed},
		{"nothing in it", raw(t, anna, func(w io.Writer) {}), pgp.ErrMalformed},
		{"32 layers", raw(t, anna, func(w io.Writer) { w.Write(nested) }), pgp.ErrTooMany},
		{"a bomb", raw(t, anna, func(w io.Writer) { w.Write(bomb) }), pgp.ErrTooLarge},
		{"two bombs", raw(t, anna, func(w io.Writer) { w.Write(compressed(bomb)) }), pgp.ErrTooLarge},
	} {
		start := time.Now()
		_, _, err := decrypt(pgp.Decrypter{Keys: []*pgp.Key{anna}}, test.message)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, not %v", test.name, err, test.want)
		}
		t.Logf("%-35s %8v %v", test.name, time.Since(start).Round(time.Millisecond), err)
	}
}

// other changes the session key in a recipient, so that the right private key does not open it.
func other(t *testing.T, pkesk []byte) []byte {
	t.Helper()
	changed := bytes.Clone(pkesk)
	changed[len(changed)-1] ^= 1
	return changed
}

// Text without compression may be as large as allowed, and no larger.
func TestMaxSize(t *testing.T) {
	anna := key(t, "anna", pgp.Compatible)
	message := encrypt(t, pgp.Encrypter{To: []*pgp.Key{anna}}, random(1<<20))
	if _, _, err := decrypt(pgp.Decrypter{Keys: []*pgp.Key{anna}, MaxSize: 1 << 20}, message); err != nil {
		t.Error(err)
	}
	if _, _, err := decrypt(pgp.Decrypter{Keys: []*pgp.Key{anna}, MaxSize: 1<<20 - 1}, message); !errors.Is(err, pgp.ErrTooLarge) {
		t.Errorf("an octet too much: %v", err)
	}
}

// A signature that says whom it is for counts for nobody else, or bob could pass anna's words on as if they were for carol (RFC 9580, section 5.2.3.36).
func TestForwarded(t *testing.T) {
	anna, bob, carol := key(t, "anna", pgp.Compatible), key(t, "bob", pgp.Compatible), key(t, "carol", pgp.Compatible)
	var entities []*openpgp.Entity
	for _, k := range []*pgp.Key{anna, bob, carol} {
		list, err := openpgp.ReadKeyRing(bytes.NewReader(k.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		entities = append(entities, list[0])
	}
	var out bytes.Buffer
	w, err := openpgp.Encrypt(&out, entities[1:2], entities[2:], entities[:1], nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("hello"))
	w.Close()
	for _, reader := range []*pgp.Key{bob, carol} {
		_, m, err := decrypt(pgp.Decrypter{Keys: []*pgp.Key{reader}, Verify: []*pgp.Key{anna}}, out.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Signatures[0].Err; (err == nil) != (reader == bob) {
			t.Errorf("%v: %v", reader.UserIDs(), err)
		}
	}
}

// The caller's own errors come back as they are, and an end of the context ends the work.
func TestSourceErrors(t *testing.T) {
	anna := key(t, "anna", pgp.Compatible)
	message := encrypt(t, pgp.Encrypter{To: []*pgp.Key{anna}}, random(1<<20))
	broken := errors.New("the disk is gone")
	src := io.MultiReader(bytes.NewReader(message[:len(message)/2]), readerFunc(func([]byte) (int, error) { return 0, broken }))
	if _, err := (pgp.Decrypter{Keys: []*pgp.Key{anna}}).Decrypt(context.Background(), src); !errors.Is(err, broken) || errors.Is(err, pgp.ErrIntegrity) {
		t.Errorf("a broken disk: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	src = io.MultiReader(bytes.NewReader(message[:len(message)/2]), readerFunc(func([]byte) (int, error) { cancel(); return 0, nil }))
	if _, err := (pgp.Decrypter{Keys: []*pgp.Key{anna}}).Decrypt(ctx, src); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
