package pgp_test

import (
	"bytes"
	"io"
	"os"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/pgp"
)

// fuzzKey is the same in all processes that fuzz.
func fuzzKey(f *testing.F) *pgp.Key {
	text, err := os.Open("testdata/fuzz.key")
	if err != nil {
		f.Fatal(err)
	}
	defer text.Close()
	keys, err := pgp.ReadKeys(text)
	if err != nil {
		f.Fatal(err)
	}
	return keys[0]
}

// FuzzMessage reads messages, encrypted and signed, and packets that stand in an encrypted message.
func FuzzMessage(f *testing.F) {
	k := fuzzKey(f)
	message := encrypt(f, pgp.Encrypter{To: []*pgp.Key{k}, Signers: []*pgp.Key{k}, Binary: true}, []byte("hello"))
	f.Add(message)
	f.Add(encrypt(f, pgp.Encrypter{To: []*pgp.Key{k}}, []byte("hello")))
	f.Add(encrypt(f, pgp.Encrypter{Passwords: [][]byte{[]byte("x")}}, []byte("hello")))
	f.Add(sign(f, pgp.Signer{Keys: []*pgp.Key{k}, Binary: true}, []byte("hello"), true))
	f.Add(sign(f, pgp.Signer{Keys: []*pgp.Key{k}}, []byte("hello"), false))
	f.Add(literal("hello"))
	f.Add(compressed(literal("hello")))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, message := range [][]byte{data, raw(t, k, func(w io.Writer) { w.Write(data) })} {
			d := pgp.Decrypter{Keys: []*pgp.Key{k}, Verify: []*pgp.Key{k}, Passwords: [][]byte{[]byte("x")}, MaxSize: 1 << 20}
			if m, err := d.Decrypt(t.Context(), bytes.NewReader(message)); err == nil {
				if n, err := io.Copy(io.Discard, m.Reader()); err != nil || n != m.Size() {
					t.Errorf("%d octets of %d, %v", n, m.Size(), err)
				}
				m.Close()
			}
		}
		v := pgp.Verifier{Keys: []*pgp.Key{k}, MaxSize: 1 << 20}
		if m, err := v.Message(t.Context(), bytes.NewReader(data)); err == nil {
			m.Close()
		}
		v.Detached(t.Context(), bytes.NewReader([]byte("hello")), data)
	})
}

// FuzzKeys reads keys. What was read can be used, written and read again, with no change.
func FuzzKeys(f *testing.F) {
	k := fuzzKey(f)
	f.Add(k.Bytes())
	f.Add(k.Public().Bytes())
	f.Add([]byte(k.Armor()))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := pgp.ReadKeys(bytes.NewReader(data))
		for _, k := range keys {
			now := time.Unix(1_800_000_000, 0)
			k.CanEncrypt(now)
			k.CanSign(now)
			k.Emails(now)
			k.Expires(now)
			k.Unlock([]byte("x"))
			again, err := pgp.ReadKeys(bytes.NewReader(k.Bytes()))
			if err != nil || len(again) != 1 || !bytes.Equal(again[0].Bytes(), k.Bytes()) {
				t.Errorf("%s: read again: %v", k.Fingerprint(), err)
			}
			if public := k.Public(); public.Private() || public.Fingerprint() != k.Fingerprint() {
				t.Errorf("%s: Public gives %+v", k.Fingerprint(), public)
			}
		}
		if (err == nil) != (len(keys) > 0) {
			t.Errorf("%d keys, %v", len(keys), err)
		}
	})
}
