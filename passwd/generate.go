package passwd

import "crypto/rand"

// readable are the characters of generated passwords: without those that are
// mistaken for others when they are read or told (i l o 0 1).
const readable = "abcdefghjkmnpqrstuvwxyz23456789"

// Generate returns a random password of 99 bits, four groups of five characters
// such as "k7mwp-3xqrt-h9vbn-e4sgd".
func Generate() string { return randomGroups(4, 5) }

// randomGroups returns groups of size characters.
func randomGroups(groups, size int) string {
	// Bytes from here on are left out, so that each character is equally likely.
	const limit = 256 - 256%len(readable)
	var password []byte
	for len(password) < groups*(size+1)-1 {
		if len(password)%(size+1) == size {
			password = append(password, '-')
		}
		var b [1]byte
		rand.Read(b[:]) // never fails
		if int(b[0]) < limit {
			password = append(password, readable[int(b[0])%len(readable)])
		}
	}
	return string(password)
}
