package pgp_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/mailhavn/mailhavn/pgp"
)

// PG12: the sample keys and messages of RFC 9980, appendix A.
func TestRFC9980(t *testing.T) {
	read := func(name string) []byte {
		t.Helper()
		text, err := os.ReadFile("testdata/rfc9980/" + name + ".asc")
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, test := range []struct {
		key, message, fingerprint string
		version                   int
		authenticated             bool
	}{
		{"v6-mldsa-65-sample-sk", "v6-mldsa-65-sample-message", "A3E2E14B6A493FF930FB27321F125E9A6880338BE9FB7DA3AE065EA65793242F", 6, true},
		{"v4-eddsa-sample-sk", "v4-eddsa-sample-message-v1", "342E5DB2DE345215CB2C944F7102FFED3B9CF12D", 4, false},
		{"v4-eddsa-sample-sk", "v4-eddsa-sample-message-v2", "342E5DB2DE345215CB2C944F7102FFED3B9CF12D", 4, true},
	} {
		k := readKey(t, read(test.key))
		if k.Fingerprint() != test.fingerprint || k.Version() != test.version || !k.Private() {
			t.Errorf("%s: %s, version %d", test.key, k.Fingerprint(), k.Version())
		}
		text, m, err := decrypt(pgp.Decrypter{Keys: []*pgp.Key{k}, Verify: []*pgp.Key{k}}, read(test.message))
		if err != nil || string(text) != "Testing\n" || m.Authenticated != test.authenticated {
			t.Errorf("%s: %q, %v", test.message, text, err)
			continue
		}
		for _, s := range m.Signatures {
			if s.Err != nil {
				t.Errorf("%s: %v", test.message, s.Err)
			}
		}
		again := encrypt(t, pgp.Encrypter{To: []*pgp.Key{k}}, []byte("hello"))
		if text, _, err := decrypt(pgp.Decrypter{Keys: []*pgp.Key{k}}, again); err != nil || string(text) != "hello" {
			t.Errorf("%s: our message: %q, %v", test.key, text, err)
		}
		if _, _, err := decrypt(pgp.Decrypter{Keys: []*pgp.Key{key(t, "anna", pgp.Compatible)}}, again); !errors.Is(err, pgp.ErrNoKey) {
			t.Errorf("%s: with another key: %v", test.key, err)
		}
	}
}

func readKey(t *testing.T, text []byte) *pgp.Key {
	t.Helper()
	keys, err := pgp.ReadKeys(bytes.NewReader(text))
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	return keys[0]
}
