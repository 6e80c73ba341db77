package tlspolicy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
)

// Policy is a complete set of decisions on TLS, for servers and for clients.
// The zero value is [Intermediate]. A Policy is immutable and may be used by
// many goroutines.
type Policy struct {
	level     level
	protocols []string // nil: see ALPN
}

// The policies of Mozilla's Server Side TLS guidelines 6.0.
var (
	// Intermediate allows TLS 1.3, and TLS 1.2 with ephemeral key exchange and
	// authenticated encryption. Certificates are ECDSA with P-256 or P-384, or
	// RSA with at least 2048 bits.
	Intermediate = Policy{level: intermediate}

	// Modern allows TLS 1.3 only, and ECDSA certificates with P-256 or P-384.
	Modern = Policy{level: modern}
)

// ErrNoHybrid says that this process cannot offer X25519MLKEM768, the key
// exchange that keeps today's recordings secret from a later quantum computer.
// The environment variable GODEBUG=tlsmlkem=0, or a //go:debug line of the
// program, has taken it away.
var ErrNoHybrid = errors.New("tlspolicy: X25519MLKEM768 is switched off; remove tlsmlkem=0 from GODEBUG")

// String returns the name of the policy, "intermediate" or "modern".
func (p Policy) String() string { return p.rules().name }

// ALPN returns p for a service of the given application protocols, by their
// names in the IANA registry ("imap", "pop3", "managesieve", "h2", "http/1.1").
//
// A server accepts clients that offer one of them or do not use ALPN at all,
// and refuses those that offer others only. A client offers them. Without ALPN
// (or with no name) a server accepts "imap" and a client offers nothing.
func (p Policy) ALPN(protocols ...string) Policy {
	p.protocols = slices.Clone(protocols)
	return p
}

// Server returns a configuration for a server that owns the given certificates.
// A client gets the first one that fits the name it asks for and the algorithms
// it knows; if none does, the first of all. So an ECDSA and an RSA certificate
// for the same names may stand side by side.
//
// A certificate that the policy does not allow, or a missing one, is an error
// ([*CertificateError]), and so is [ErrNoHybrid].
// Fields of the result may be changed before it is first used.
func (p Policy) Server(certs ...tls.Certificate) (*tls.Config, error) {
	if len(certs) == 0 {
		return nil, &CertificateError{Problem: NoCertificate, Detail: "a TLS server needs at least one certificate"}
	}
	own := make([]tls.Certificate, 0, len(certs))
	for i, cert := range certs {
		c, err := p.admit(cert)
		if err != nil {
			return nil, fmt.Errorf("tlspolicy: certificate %d: %w", i+1, err)
		}
		own = append(own, c)
	}
	config, err := p.config()
	if err != nil {
		return nil, err
	}
	config.Certificates = own
	config.NextProtos = slices.Clone(p.protocols)
	if len(p.protocols) == 0 {
		config.NextProtos = []string{defaultProtocol}
	}
	return config, nil
}

// Client returns a configuration for a client of the server called name: a DNS
// name or an IP address, without a port. The server's certificate is checked
// against the roots of the system and against name, and its key must be strong
// enough for the policy. Sessions are not resumed.
// Fields of the result may be changed before it is first used.
func (p Policy) Client(name string) (*tls.Config, error) {
	if host, _, err := net.SplitHostPort(name); err == nil {
		return nil, fmt.Errorf("tlspolicy: server name %q has a port; use %q", name, host)
	}
	if name == "" {
		return nil, errors.New("tlspolicy: a client needs the name of its server")
	}
	config, err := p.config()
	if err != nil {
		return nil, err
	}
	config.ServerName = name
	config.NextProtos = slices.Clone(p.protocols)
	config.VerifyConnection = func(state tls.ConnectionState) error {
		return checkPeer(state.PeerCertificates[0])
	}
	return config, nil
}

// config sets every field of tls.Config that both sides share. A field is left
// zero only where zero is the decision; TestEveryFieldIsDecided lists those.
func (p Policy) config() (*tls.Config, error) {
	if !hybridAvailable() {
		return nil, ErrNoHybrid
	}
	r := p.rules()
	return &tls.Config{
		MinVersion:             r.minVersion,
		MaxVersion:             tls.VersionTLS13,
		CipherSuites:           slices.Clone(r.cipherSuites),
		CurvePreferences:       slices.Clone(r.curves),
		SessionTicketsDisabled: true,
		Renegotiation:          tls.RenegotiateNever,
		ClientAuth:             tls.NoClientCert,
	}, nil
}

// admit checks cert against the policy and returns it with its leaf parsed and
// its signature algorithms limited to those of the policy.
func (p Policy) admit(cert tls.Certificate) (tls.Certificate, error) {
	if len(cert.Certificate) == 0 {
		return cert, &CertificateError{Problem: NoCertificate, Detail: "the tls.Certificate is empty"}
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return cert, &CertificateError{Problem: Malformed, Detail: "cannot be parsed", Err: err}
	}
	cert.Leaf = leaf
	if !matches(leaf, cert.PrivateKey) {
		return cert, mismatch("", []*x509.Certificate{leaf}, "", cert.PrivateKey)
	}
	if err := p.checkKey(leaf); err != nil {
		return cert, err
	}
	allowed := slices.Clone(signatureAlgorithms)
	if own := cert.SupportedSignatureAlgorithms; own != nil {
		allowed = slices.DeleteFunc(allowed, func(a tls.SignatureScheme) bool { return !slices.Contains(own, a) })
	}
	cert.SupportedSignatureAlgorithms = allowed
	return cert, nil
}
