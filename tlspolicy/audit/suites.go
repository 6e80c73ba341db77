package audit

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Suite is a cipher suite. What it is worth follows from its name.
type Suite struct {
	ID            uint16 `json:"id"`
	Name          string `json:"name"` // in IANA's registry; "unregistered 0xABCD" if it has none
	Bits          int    `json:"bits"` // effective strength of the cipher; 0: it does not encrypt, or is not known
	ForwardSecret bool   `json:"forward_secret"`
	AEAD          bool   `json:"aead"`
}

//go:embed suites.txt
var registryText string

// registry has the name of each registered suite.
var registry = sync.OnceValue(func() map[uint16]string {
	names := map[uint16]string{}
	for line := range strings.Lines(registryText) {
		var id uint16
		var name string
		if n, _ := fmt.Sscanf(line, "%04x %s", &id, &name); n == 2 {
			names[id] = name
		}
	}
	return names
})

// registered returns the numbers of all registered suites of TLS 1.3, or of all
// versions before it, in rising order.
func registered(modern bool) (ids []uint16) {
	for id := range registry() {
		if isModern(id) == modern {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// isModern reports whether a suite is one of TLS 1.3 (RFC 8446, appendix B.4; the
// ones that only authenticate, of RFC 9150, have numbers elsewhere).
func isModern(id uint16) bool { return id>>8 == 0x13 || id == 0xc0b4 || id == 0xc0b5 }

// strengths are the bits of ciphers, by a part of their name; the first that fits counts.
var strengths = []struct {
	part string
	bits int
}{
	{"_NULL", 0}, {"TLS_SHA", 0},
	{"_40_", 40}, {"DES40", 40}, {"_56_", 56}, {"3DES", 112}, {"_DES_", 56},
	{"AEGIS_128L", 128}, {"_128_", 128}, {"SEED", 128}, {"IDEA", 128}, {"SM4", 128},
	{"_256_", 256}, {"CHACHA20", 256}, {"KUZNYECHIK", 256}, {"MAGMA", 256}, {"28147", 256},
}

func suiteOf(id uint16) Suite {
	name, ok := registry()[id]
	if !ok {
		return Suite{ID: id, Name: fmt.Sprintf("unregistered 0x%04X", id)}
	}
	s := Suite{ID: id, Name: name}
	exchange, cipher, split := strings.Cut(name, "_WITH_")
	if !split {
		cipher = name
	}
	cipher = "_" + cipher + "_"
	for _, x := range strengths {
		if strings.Contains(cipher, x.part) {
			s.Bits = x.bits
			break
		}
	}
	s.ForwardSecret = isModern(id) || strings.Contains(exchange, "DHE_") || strings.Contains(exchange, "ECCPWD")
	for _, mode := range []string{"GCM", "CCM", "CHACHA20", "AEGIS", "MGM"} {
		s.AEAD = s.AEAD || strings.Contains(cipher, mode)
	}
	return s
}

// has reports whether the name has one of these parts.
func (s Suite) has(parts ...string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(s.Name, p) })
}

// elliptic reports whether keys are agreed on by ephemeral Diffie-Hellman on elliptic curves, before TLS 1.3.
func (s Suite) elliptic() bool { return s.has("TLS_ECDHE_", "TLS_ECDH_anon") }
