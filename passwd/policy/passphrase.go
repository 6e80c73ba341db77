package policy

import (
	"crypto/rand"
	"math/big"
	"strings"

	"github.com/mailhavn/mailhavn/passwd/zxcvbn"
)

// listSize is the number of words that passphrases are made of: each word is 12 bits.
const listSize = 4096

// Passphrase returns words at random, such as "lantern copper orbit meadow quartz violin": 12 bits each, so that six of them, which is
// what zero or fewer means, are 72 bits.
func Passphrase(words int) string {
	if words <= 0 {
		words = 6
	}
	list := zxcvbn.CommonWords(listSize)
	chosen := make([]string, words)
	for i := range chosen {
		n, _ := rand.Int(rand.Reader, big.NewInt(int64(len(list)))) // never fails
		chosen[i] = list[n.Int64()]
	}
	return strings.Join(chosen, " ")
}
