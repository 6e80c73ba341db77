package hash

import (
	"strings"
	"testing"
)

const goodSalt, goodSum = "c2FsdHNhbHRzYWx0c2FsdA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func TestParsePHC(t *testing.T) {
	tests := []struct {
		hash string
		ok   bool
	}{
		{"$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt + "$" + goodSum, true},
		{"$argon2id$v=19$m=8,t=1,p=1$" + goodSalt + "$" + goodSum, true},
		{"$argon2id$v=19$m=65536,t=3,p=4$" + goodSalt + "$" + goodSum, true},
		{"$argon2id$v=19$m=262144,t=4,p=16$" + goodSalt + "$" + goodSum, true},
		{"$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", true}, // 8 and 16 bytes
		// costs
		{"$argon2id$v=19$m=262145,t=1,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=262144,t=5,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=4294967295,t=4294967295,p=255$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=8,t=4294967295,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=4294967296,t=1,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=65536,t=3,p=17$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=65536,t=3,p=256$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=65536,t=3,p=0$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=65536,t=0,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=0,t=2,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=15,t=2,p=2$" + goodSalt + "$" + goodSum, false},
		// form
		{"", false},
		{"$", false},
		{"$argon2id$v=16$m=19456,t=2,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$m=19456,t=2,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$t=2,m=19456,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=19456,t=2$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=19456,t=2,p=1,keyid=AA$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=019456,t=2,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=+19456,t=2,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=-1,t=2,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=,t=2,p=1$" + goodSalt + "$" + goodSum, false},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt, false},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt + "$" + goodSum + "$", false},
		// base64
		{"$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt + "==$" + goodSum + "=", false},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt + "\n$" + goodSum, false},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt + "$" + goodSum[:42] + "B", false}, // unused bits
		{"$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAA$" + goodSum, false},                  // 7 bytes
		{"$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt + "$AAAAAAAAAAAAAAAAAAAA", false},  // 15 bytes
		{"$argon2id$v=19$m=19456,t=2,p=1$$", false},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + strings.Repeat("A", 88) + "$" + goodSum, false}, // 66 bytes
		{"$argon2id$v=19$m=19456,t=2,p=1$" + strings.Repeat("A", 1<<20), false},
	}
	for _, test := range tests {
		h, err := Parse(test.hash)
		if (err == nil) != test.ok {
			t.Errorf("%.100s: %v, want ok %v", test.hash, err, test.ok)
		}
		if a, ok := h.Argon2id(); ok && a.String() != test.hash {
			t.Errorf("%s became %s", test.hash, a)
		}
		if err != nil && strings.Contains(err.Error(), goodSum[:20]) {
			t.Errorf("error quotes the hash: %v", err)
		}
	}
}
