package pgp_test

import (
	"bytes"
	"crypto"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/mailhavn/mailhavn/pgp"
)

var born = time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)

func day(n int) time.Time { return born.AddDate(0, 0, n) }

func reasonOf(err error) pgp.Reason {
	var key *pgp.KeyError
	if !errors.As(err, &key) {
		return -1
	}
	return key.Reason
}

func generate(t testing.TB, profile pgp.Profile, lifetime time.Duration) *pgp.Key {
	t.Helper()
	k, err := pgp.Generate(pgp.NewKey{Name: "Anna", Email: "Anna@Example.org", Profile: profile, Lifetime: lifetime, Created: born})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestRenewRevokeMerge(t *testing.T) {
	for name, profile := range profiles {
		k := generate(t, profile, 10*24*time.Hour)
		if !k.Expires(day(1)).Equal(day(10)) {
			t.Errorf("%s: expires %v", name, k.Expires(day(1)))
		}
		for _, test := range []struct {
			at   time.Time
			want pgp.Reason
		}{{day(-1), pgp.NotYetValid}, {day(11), pgp.Expired}} {
			if got := reasonOf(k.CanEncrypt(test.at)); got != test.want {
				t.Errorf("%s: at %v: %v (%v)", name, test.at, got, k.CanEncrypt(test.at))
			}
			if got := reasonOf(k.CanSign(test.at)); got != test.want {
				t.Errorf("%s: signing at %v: %v", name, test.at, got)
			}
		}
		if err := k.CanEncrypt(day(5)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		renewed, err := k.Renew(day(100), day(11))
		if err != nil {
			t.Fatal(err)
		}
		merged, err := k.Public().Merge(renewed.Public())
		if err != nil || merged.Private() {
			t.Fatalf("%s: %v", name, err)
		}
		if err := merged.CanEncrypt(day(50)); err != nil || !merged.Expires(day(50)).Equal(day(100)) {
			t.Errorf("%s: renewed: %v, until %v", name, err, merged.Expires(day(50)))
		}
		if again, _ := merged.Merge(merged); !bytes.Equal(again.Bytes(), merged.Bytes()) {
			t.Errorf("%s: merging what is the same changes it", name)
		}
		if _, err := k.Renew(day(1), day(11)); err == nil {
			t.Errorf("%s: renewed into the past", name)
		}
		revoked, err := renewed.Revoke(pgp.RevokedRetired, "gone", day(60))
		if err != nil {
			t.Fatal(err)
		}
		if merged, err = merged.Merge(revoked.Public()); err != nil {
			t.Fatal(err)
		}
		if reasonOf(merged.CanEncrypt(day(61))) != pgp.Revoked || reasonOf(revoked.CanSign(day(61))) != pgp.Revoked {
			t.Errorf("%s: revoked: %v", name, merged.CanEncrypt(day(61)))
		}
		if _, err := revoked.Renew(day(200), day(61)); reasonOf(err) != pgp.Revoked {
			t.Errorf("%s: renewing a revoked key: %v", name, err)
		}
		if back, err := merged.Merge(k); err != nil || !back.Private() {
			t.Errorf("%s: private parts are lost: %v", name, err)
		}
		for _, err := range []error{second(k.Public().Renew(day(100), day(1))), second(k.Public().Revoke(0, "", day(1))), second(k.Public().Lock([]byte("x")))} {
			if reasonOf(err) != pgp.NotPrivate {
				t.Errorf("%s: with a certificate: %v", name, err)
			}
		}
	}
	if _, err := key(t, "anna", pgp.Compatible).Merge(key(t, "bob", pgp.Compatible)); err == nil {
		t.Error("two keys were merged")
	}
}

func second[T any](_ T, err error) error { return err }

func TestAddresses(t *testing.T) {
	k := generate(t, pgp.Compatible, 0)
	if got := k.Emails(day(1)); len(got) != 1 || got[0] != "anna@example.org" {
		t.Errorf("Emails: %q", got)
	}
	bob := key(t, "bob", pgp.Compatible)
	vouched, err := k.Certify("Anna <Anna@Example.org>", bob, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if v := vouched.Vouches([]*pgp.Key{bob}); len(v) != 1 || v[0].By != bob || v[0].UserID != "Anna <Anna@Example.org>" {
		t.Errorf("Vouches: %+v", v)
	}
	if v := vouched.Vouches(nil); len(v) != 1 || v[0].By != nil || !strings.HasSuffix(bob.Fingerprint(), v[0].KeyID) {
		t.Errorf("Vouches, nobody known: %+v", v)
	}
	small, err := vouched.ForAddress("ANNA@example.org", day(1))
	if err != nil || small.Private() || len(small.Vouches(nil)) != 0 || small.CanEncrypt(day(1)) != nil {
		t.Errorf("ForAddress: %v", err)
	}
	if _, err := vouched.ForAddress("bob@example.org", day(1)); reasonOf(err) != pgp.NoAddress {
		t.Errorf("ForAddress of another: %v", err)
	}
}

// PG9: what is refused, and why.
func TestRefusedKeys(t *testing.T) {
	make := func(change func(*packet.Config), edit func(*openpgp.Entity, *packet.Config)) *pgp.Key {
		config := &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, DefaultHash: crypto.SHA256, Time: func() time.Time { return born },
			RejectHashAlgorithms: map[crypto.Hash]bool{}, MinRSABits: 1}
		if change != nil {
			change(config)
		}
		e, err := openpgp.NewEntity("Anna", "", "anna@example.org", config)
		if err != nil {
			t.Fatal(err)
		}
		if edit != nil {
			edit(e, config)
		}
		var out bytes.Buffer
		if err := e.SerializePrivateWithoutSigning(&out, config); err != nil {
			t.Fatal(err)
		}
		keys, err := pgp.ReadKeys(&out)
		if err != nil {
			t.Fatal(err)
		}
		return keys[0]
	}
	for _, test := range []struct {
		name string
		key  *pgp.Key
		want pgp.Reason
	}{
		{"RSA with 1024 bits", make(func(c *packet.Config) { c.Algorithm, c.RSABits = packet.PubKeyAlgoRSA, 1024 }, nil), pgp.Weak},
		{"no encryption key", make(nil, func(e *openpgp.Entity, _ *packet.Config) { e.Subkeys = nil }), pgp.WrongPurpose},
		{"revoked subkey", make(nil, func(e *openpgp.Entity, c *packet.Config) {
			if err := e.Subkeys[0].Revoke(packet.KeyCompromised, "", c); err != nil {
				t.Fatal(err)
			}
		}), pgp.Revoked},
	} {
		err := test.key.CanEncrypt(day(1))
		if reasonOf(err) != test.want {
			t.Errorf("%s: %v", test.name, err)
		}
		if _, err := (pgp.Encrypter{To: []*pgp.Key{key(t, "bob", pgp.Compatible), test.key}}).Encrypt(&bytes.Buffer{}); err == nil {
			t.Errorf("%s: encrypted to it", test.name)
		}
	}
}

// Keys that GnuPG makes when it is told to.
func TestRefusedFiles(t *testing.T) {
	for name, want := range map[string]pgp.Reason{"sha1": pgp.Weak, "dsa": pgp.Weak, "elgamal": pgp.Weak} {
		text, err := os.ReadFile("testdata/refused/" + name + ".asc")
		if err != nil {
			t.Fatal(err)
		}
		keys, err := pgp.ReadKeys(bytes.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := keys[0].CanEncrypt(time.Time{}); reasonOf(err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// PG9: floods of signatures.
func TestPoisoned(t *testing.T) {
	if testing.Short() {
		t.Skip("reads many signatures")
	}
	k := key(t, "anna", pgp.Compatible)
	signature := sign(t, pgp.Signer{Keys: []*pgp.Key{k}, Binary: true}, []byte("x"), false)
	flood := append(k.Bytes(), bytes.Repeat(signature, 10_000)...)
	if _, err := pgp.ReadKeys(bytes.NewReader(flood)); reasonOf(err) != pgp.Poisoned {
		t.Errorf("10,000 signatures: %v", err)
	}
	if _, err := pgp.ReadKeys(bytes.NewReader(append(k.Bytes(), pkt(13, make([]byte, 100<<10))...))); err != nil {
		t.Errorf("a large user ID: %v", err)
	}
	if _, err := pgp.ReadKeys(bytes.NewReader(bytes.Repeat(k.Bytes(), 1001))); !errors.Is(err, pgp.ErrTooMany) {
		t.Errorf("1001 keys: %v", err)
	}
	many, err := pgp.ReadKeys(strings.NewReader(pgp.ArmorKeys(k, key(t, "bob", pgp.Modern))))
	if err != nil || len(many) != 2 {
		t.Errorf("two keys: %d, %v", len(many), err)
	}
}
