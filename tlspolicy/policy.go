package tlspolicy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/hello"
)

// Policy is a complete set of decisions on TLS, for servers and for clients.
// The zero value is [Intermediate]. A Policy is immutable and may be used by
// many goroutines.
type Policy struct {
	level     level
	protocols []string // nil: see ALPN
	tickets   *Tickets // nil: sessions are not resumed
	ech       *ECH     // nil: names are not hidden
}

// The policies. Intermediate and Modern are those of Mozilla's Server Side TLS
// guidelines 6.0. There is no way to make one that is not forward secret.
var (
	// Intermediate allows TLS 1.3, and TLS 1.2 with ephemeral key exchange and
	// authenticated encryption. Certificates are ECDSA with P-256 or P-384, or
	// RSA with at least 2048 bits.
	Intermediate = Policy{level: intermediate}

	// Modern allows TLS 1.3 only, and ECDSA certificates with P-256 or P-384.
	Modern = Policy{level: modern}

	// Strict is Intermediate without anything by which two connections share
	// keys: sessions are never resumed, and clients of TLS 1.2 must use the
	// extended master secret (RFC 7627), which those of the last ten years do.
	Strict = Policy{level: strict}
)

// Named returns the policy of the given name: "modern", "intermediate" or "strict".
func Named(name string) (Policy, error) {
	for _, p := range []Policy{Modern, Intermediate, Strict} {
		if p.String() == name {
			return p, nil
		}
	}
	return Policy{}, fmt.Errorf("tlspolicy: there is no policy %q; there are modern, intermediate and strict", name)
}

// ErrNoHybrid says that this process cannot offer X25519MLKEM768, the key
// exchange that keeps today's recordings secret from a later quantum computer.
// The environment variable GODEBUG=tlsmlkem=0, or a //go:debug line of the
// program, has taken it away.
var ErrNoHybrid = errors.New("tlspolicy: X25519MLKEM768 is switched off; remove tlsmlkem=0 from GODEBUG")

// ErrNoResumption says that sessions were to be resumed under [Strict].
var ErrNoResumption = errors.New("tlspolicy: policy strict never resumes sessions; leave session tickets out, or take policy intermediate")

// ErrNoEMS says that a peer of TLS 1.2 does not know the extended master secret,
// which [Strict] asks for.
var ErrNoEMS = errors.New("tlspolicy: the peer has TLS 1.2 without extended master secret (RFC 7627), which policy strict asks for")

// String returns the name of the policy, as [Named] takes it.
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

// Resume returns p for a server that lets clients resume sessions by tickets
// under the keys of t. Without it they cannot. nil takes tickets away again.
func (p Policy) Resume(t *Tickets) Policy {
	p.tickets = t
	return p
}

// Hide returns p for a server that lets clients hide the name they ask for, by the keys of e. Clients of TLS 1.2 are served as without. nil takes it away again.
// The configuration of such a server must not be copied and changed after its first handshake.
func (p Policy) Hide(e *ECH) Policy {
	p.ech = e
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
		c, err := p.Admit(cert)
		if err != nil {
			return nil, fmt.Errorf("tlspolicy: certificate %d: %w", i+1, err)
		}
		own = append(own, c)
	}
	config, err := p.server()
	if err != nil {
		return nil, err
	}
	config.Certificates = own
	return config, nil
}

// ServerBy returns a configuration for a server whose certificate is chosen by
// get for each connection, such as by the store of package certs. get may be
// called by many goroutines. What it returns should have passed [Policy.Admit]
// of the same policy; a certificate that the policy does not allow is refused,
// and the handshake fails.
func (p Policy) ServerBy(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) (*tls.Config, error) {
	config, err := p.server()
	if err != nil {
		return nil, err
	}
	config.GetCertificate = func(client *tls.ClientHelloInfo) (*tls.Certificate, error) {
		cert, err := get(client)
		if err != nil || cert == nil || p.admitted(cert) {
			return cert, err
		}
		own, err := p.Admit(*cert)
		return &own, err
	}
	return config, nil
}

func (p Policy) server() (*tls.Config, error) {
	config, err := p.config()
	if err != nil {
		return nil, err
	}
	config.NextProtos = slices.Clone(p.protocols)
	if len(p.protocols) == 0 {
		config.NextProtos = []string{defaultProtocol}
	}
	if p.rules().needEMS {
		config.GetConfigForClient = needEMS
	}
	if p.tickets != nil {
		if p.rules().neverResume {
			return nil, ErrNoResumption
		}
		p.tickets.enable(config)
	}
	if p.ech != nil {
		p.ech.enable(config, p.rules().minVersion)
	}
	return config, nil
}

// needEMS refuses a client that would end up in TLS 1.2 without extended master secret.
func needEMS(client *tls.ClientHelloInfo) (*tls.Config, error) {
	if !slices.Contains(client.SupportedVersions, tls.VersionTLS13) && !slices.Contains(client.Extensions, hello.ExtEMS) {
		return nil, ErrNoEMS
	}
	return nil, nil
}

// Client returns a configuration for a client of the server called name: a DNS
// name or an IP address, without a port. The server's certificate is checked
// against the roots of the system and against name, and its key must be strong
// enough for the policy. Sessions are not resumed. crypto/tls cannot make a client
// insist on the extended master secret; call [Policy.Verify] after the handshake.
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

// Verify tells whether a connection whose handshake is complete, of a server or a
// client, is as p wants it: version, cipher suite, group, and for [Strict] no
// resumption and the extended master secret. (Under GODEBUG=tlsunsafeekm=1
// crypto/tls does not tell about the last.)
func (p Policy) Verify(state tls.ConnectionState) error {
	r := p.rules()
	switch {
	case !state.HandshakeComplete:
		return errors.New("tlspolicy: the handshake is not complete")
	case state.Version < r.minVersion:
		return fmt.Errorf("tlspolicy: the connection has %s; policy %s wants %s or later", tls.VersionName(state.Version), r.name, tls.VersionName(r.minVersion))
	case !slices.Contains(r.cipherSuites, state.CipherSuite) && !slices.Contains(tls13Suites, state.CipherSuite):
		return fmt.Errorf("tlspolicy: the connection has cipher suite %s, which policy %s does not have", tls.CipherSuiteName(state.CipherSuite), r.name)
	case !slices.Contains(r.curves, state.CurveID):
		return fmt.Errorf("tlspolicy: the connection has key exchange %s, which policy %s does not have", state.CurveID, r.name)
	case r.neverResume && state.DidResume:
		return ErrNoResumption
	}
	if r.needEMS && state.Version < tls.VersionTLS13 {
		// crypto/tls exports keys of TLS 1.2 only with extended master secret.
		if _, err := state.ExportKeyingMaterial("EXPERIMENTAL mailhavn", nil, 1); err != nil {
			return ErrNoEMS
		}
	}
	return nil
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

// Admit checks cert against the policy, as Server does, and returns it with its
// leaf parsed and its signature algorithms limited to those of the policy. The
// error is a [*CertificateError].
func (p Policy) Admit(cert tls.Certificate) (tls.Certificate, error) {
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

// admitted reports whether cert is as Admit returns it. It is called for each
// handshake and allocates nothing.
func (p Policy) admitted(cert *tls.Certificate) bool {
	return cert.Leaf != nil && p.keyAllowed(cert.Leaf.PublicKey) && len(cert.SupportedSignatureAlgorithms) > 0 &&
		!slices.ContainsFunc(cert.SupportedSignatureAlgorithms, func(a tls.SignatureScheme) bool { return !slices.Contains(signatureAlgorithms, a) })
}
