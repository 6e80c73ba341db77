package tlspolicy

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
)

// level is the row of a policy in the table of rules.
type level uint8

const (
	intermediate level = iota // the zero Policy
	modern
	strict
)

// rules is what a policy says, by the words of Mozilla's Server Side TLS
// guidelines 6.0 (6.0.json). The order of suites and curves is Mozilla's; crypto/tls takes them
// as sets and has an order of its own, which leads with X25519MLKEM768 too.
type rules struct {
	name         string
	minVersion   uint16
	cipherSuites []uint16 // of TLS 1.2; those of TLS 1.3 are fixed in crypto/tls and equal Mozilla's
	curves       []tls.CurveID
	rsaBits      int // see rsaBits
	maxLife      int // of a certificate, in days
	needEMS      bool
	neverResume  bool
}

// rules returns the row of p. It is a function, not a variable, so that nobody
// can change what a policy means.
func (p Policy) rules() rules {
	r := rules{
		name:         "intermediate",
		minVersion:   tls.VersionTLS12,
		cipherSuites: forwardSecretSuites(),
		curves:       []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384},
		rsaBits:      p.rsaBits(),
		maxLife:      366,
	}
	switch p.level {
	case modern:
		// TLS 1.3 alone never looks at cipherSuites. They are set all the same, so
		// that whoever lowers MinVersion of the result does not get the defaults.
		r.name, r.minVersion, r.maxLife = "modern", tls.VersionTLS13, 90
	case strict:
		r.name, r.needEMS, r.neverResume = "strict", true, true
	}
	return r
}

// forwardSecretSuites are the suites of TLS 1.2 that have an ephemeral key
// exchange and authenticated encryption (RFC 9325, section 4.2).
func forwardSecretSuites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// signatureAlgorithms are what our certificates may sign a handshake with. They
// are set on each certificate because GODEBUG=tlssha1=1 adds SHA-1 otherwise.
var signatureAlgorithms = []tls.SignatureScheme{
	tls.ECDSAWithP256AndSHA256,
	tls.ECDSAWithP384AndSHA384,
	tls.PSSWithSHA256,
	tls.PSSWithSHA384,
	tls.PSSWithSHA512,
	tls.PKCS1WithSHA256,
	tls.PKCS1WithSHA384,
	tls.PKCS1WithSHA512,
}

// defaultProtocol is what a server speaks if nobody said otherwise: this is a
// library for mail hosts.
const defaultProtocol = "imap"

// rsaBits is the size of the smallest RSA key of a certificate; 0: no RSA certificates.
func (p Policy) rsaBits() int {
	if p.level == modern {
		return 0
	}
	return 2048
}

// keyAllowed reports whether p allows a server's certificate with this key.
func (p Policy) keyAllowed(public crypto.PublicKey) bool {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		return key.Curve == elliptic.P256() || key.Curve == elliptic.P384()
	case *rsa.PublicKey:
		return p.rsaBits() > 0 && key.N.BitLen() >= p.rsaBits()
	}
	return false
}

// checkKey reports a kind or a size of key that p does not allow in a server's
// certificate.
func (p Policy) checkKey(leaf *x509.Certificate) error {
	if p.keyAllowed(leaf.PublicKey) {
		return nil
	}
	r := p.rules()
	switch key := leaf.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return weakKey(leaf, "its ECDSA key is on %s; policy %s wants P-256 or P-384", key.Curve.Params().Name, r.name)
	case *rsa.PublicKey:
		if r.rsaBits == 0 {
			return weakKey(leaf, "its key is RSA; policy %s wants ECDSA with P-256 or P-384", r.name)
		}
		return weakKey(leaf, "its RSA key has %d bits; policy %s wants %d or more", key.N.BitLen(), r.name, r.rsaBits)
	default:
		return weakKey(leaf, "its key is %s, which few mail programs know; policy %s wants ECDSA with P-256 or P-384",
			leaf.PublicKeyAlgorithm, r.name)
	}
}

// checkPeer refuses a server whose key is too weak for any policy. crypto/rsa
// draws its own line at 1024 bits, and GODEBUG=rsa1024min=0 removes it.
// What a foreign server may have beyond that is wider than what ours should.
func checkPeer(leaf *x509.Certificate) error {
	const minRSA = 2048
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSA {
			return weakKey(leaf, "the server's RSA key has %d bits, the least allowed is %d", key.N.BitLen(), minRSA)
		}
	case *ecdsa.PublicKey:
		if bits := key.Curve.Params().BitSize; bits < 256 {
			return weakKey(leaf, "the server's ECDSA key has %d bits, the least allowed is 256", bits)
		}
	case ed25519.PublicKey:
	default:
		return weakKey(leaf, "the server's key is of an unknown kind")
	}
	return nil
}

func weakKey(leaf *x509.Certificate, format string, args ...any) error {
	return &CertificateError{Problem: WeakKey, Detail: fmt.Sprintf("certificate of %s: ", names(leaf)) + fmt.Sprintf(format, args...)}
}

// hybridAvailable reports whether crypto/tls would offer X25519MLKEM768 if told
// to. Nothing in its API says so: a client that may use no other group fails
// before it writes a byte when the group is switched off.
func hybridAvailable() bool {
	reached := errors.New("the client hello is ready")
	client := tls.Client(unwritable{err: reached}, &tls.Config{
		ServerName:       "probe.invalid",
		MinVersion:       tls.VersionTLS13,
		CurvePreferences: []tls.CurveID{tls.X25519MLKEM768},
	})
	return errors.Is(client.Handshake(), reached)
}

// unwritable is a connection whose first write fails.
type unwritable struct {
	net.Conn // nil: the handshake writes before it does anything else
	err      error
}

func (u unwritable) Write([]byte) (int, error) { return 0, u.err }
