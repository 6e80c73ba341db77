package tlspolicy

import (
	"bytes"
	"crypto/tls"
	"slices"
	"testing"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/hello"
)

var everySignature = []tls.SignatureScheme{
	tls.PSSWithSHA256, tls.ECDSAWithP256AndSHA256, tls.PKCS1WithSHA256, tls.Ed25519,
}

// answer begins a handshake with server, in memory.
func answer(t testing.TB, server *tls.Config, h hello.Hello) hello.Reply {
	t.Helper()
	conn := &script{in: bytes.NewReader(h.Bytes())}
	tls.Server(conn, server).Handshake() // fails at the latest at the end of the script
	reply, err := hello.Read(&conn.out)
	if err != nil {
		t.Fatal(err)
	}
	if version := h.Versions[0]; !reply.Refused && reply.Version != version {
		t.Fatalf("offered %x, got %x", version, reply.Version)
	}
	return reply
}

// offering returns a ClientHello of one version and everything else that a server may want.
func offering(version uint16) hello.Hello {
	suites := append(forwardSecretSuites(), tls13Suites...)
	return hello.Hello{Versions: []uint16{version}, Suites: suites, Groups: []tls.CurveID{tls.X25519}, Shares: []tls.CurveID{tls.X25519}, Signatures: everySignature, EMS: true}
}

// scan returns which of all 65,536 numbers a server picks: what it picked is left
// out of the next offer, until it refuses.
func scan[T ~uint16](t testing.TB, pick func(offer []T) (T, bool), except ...T) (picked []T) {
	t.Helper()
	const chunk = 4096
	for first := 0; first < 1<<16; first += chunk {
		var offer []T
		for id := first; id < first+chunk; id++ {
			if !slices.Contains(except, T(id)) {
				offer = append(offer, T(id))
			}
		}
		for len(offer) > 0 {
			id, ok := pick(offer)
			if !ok {
				break
			}
			picked = append(picked, id)
			before := len(offer)
			if offer = slices.DeleteFunc(offer, func(o T) bool { return o == id }); len(offer) == before {
				t.Fatalf("server picked %04x, which was not offered", id)
			}
		}
	}
	return picked
}

// suites returns the names of all suites that a server takes.
func suites(t testing.TB, server *tls.Config, version uint16) (names []string) {
	t.Helper()
	for _, id := range scan(t, func(offer []uint16) (uint16, bool) {
		h := offering(version)
		h.Suites = offer
		reply := answer(t, server, h)
		return reply.Suite, !reply.Refused
	}, hello.FallbackSCSV) { // which has the rest refused
		names = append(names, tls.CipherSuiteName(id))
	}
	slices.Sort(names)
	return names
}

// groups returns the names of all groups that a server takes.
func groups(t testing.TB, server *tls.Config, version uint16) (names []string) {
	t.Helper()
	for _, id := range scan(t, func(offer []tls.CurveID) (tls.CurveID, bool) {
		h := offering(version)
		h.Groups, h.Shares = offer, nil
		reply := answer(t, server, h)
		return reply.Group, !reply.Refused
	}) {
		names = append(names, id.String())
	}
	slices.Sort(names)
	return names
}

// signsSHA1 reports whether a server signs a handshake of TLS 1.2 with SHA-1.
func signsSHA1(t testing.TB, server *tls.Config) bool {
	t.Helper()
	h := offering(tls.VersionTLS12)
	h.Signatures = []tls.SignatureScheme{tls.PKCS1WithSHA1, tls.ECDSAWithSHA1}
	return !answer(t, server, h).Refused
}
