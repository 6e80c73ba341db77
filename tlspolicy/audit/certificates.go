package audit

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/hello"
)

// Certificate is a chain that the server shows.
type Certificate struct {
	Names     []string            `json:"for"` // of servers, that a client asked for; "" is no name
	Subject   string              `json:"subject"`
	DNSNames  []string            `json:"dns_names"`
	Issuer    string              `json:"issuer"`
	Key       string              `json:"key"` // such as "ECDSA P-256"
	Signature string              `json:"signature"`
	NotBefore time.Time           `json:"not_before"`
	NotAfter  time.Time           `json:"not_after"`
	Chain     []*x509.Certificate `json:"-"`       // as it was sent, leaf first
	Stapled   bool                `json:"stapled"` // with an OCSP response

	bits int // strength of the key, as bits of RSA
}

// sni returns a name as a client asks for it, "" for an address.
func sni(name string) string {
	if net.ParseIP(name) != nil {
		return ""
	}
	return name
}

// kinds of keys, for which a server may have a certificate each.
var kinds = []struct {
	of         func(Suite) bool
	signatures []tls.SignatureScheme
}{
	{func(s Suite) bool { return s.has("_ECDSA_") }, []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256, tls.ECDSAWithP384AndSHA384, tls.ECDSAWithP521AndSHA512, tls.Ed25519, tls.ECDSAWithSHA1}},
	{func(s Suite) bool { return s.has("_RSA_") }, []tls.SignatureScheme{tls.PKCS1WithSHA256, tls.PSSWithSHA256, tls.PKCS1WithSHA384, tls.PKCS1WithSHA512, tls.PKCS1WithSHA1}},
	{func(s Suite) bool { return s.has("_DSS_") }, []tls.SignatureScheme{0x0402, 0x0202}},
}

// certificates gets the chain for each name and kind of key, up to TLS 1.2 in
// clear, of TLS 1.3 through crypto/tls.
func (a *auditor) certificates(ctx context.Context) {
	ask := append([]string{a.Name}, a.Names...)
	if sni(a.Name) != "" {
		ask = append(ask, "")
	}
	for _, name := range ask {
		found := false
		var last error
		for _, v := range a.report.Versions {
			if v.ID == tls.VersionTLS13 || found {
				continue
			}
			for _, kind := range kinds {
				suites := v.which(kind.of)
				if len(suites) == 0 {
					continue
				}
				h := a.offer(v.ID, suites)
				h.Name = sni(name)
				if h.Signatures != nil {
					h.Signatures = kind.signatures
				}
				r, err := a.ask(ctx, h)
				if last = err; err == nil && !r.Refused && len(r.Certificates) > 0 {
					found = true
					a.keep(name, r)
				}
			}
		}
		if !found && a.accepts(tls.VersionTLS13) {
			config := a.lax()
			config.ServerName = name
			o, err := a.run(ctx, exchange{config: config})
			if last = err; err == nil {
				found = true
				r := hello.Reply{Stapled: len(o.state.OCSPResponse) > 0}
				for _, c := range o.state.PeerCertificates {
					r.Certificates = append(r.Certificates, c.Raw)
				}
				a.keep(name, r)
			}
		}
		switch {
		case found:
		case last != nil && name == a.Name:
			a.unknown("certificates", last)
		case name != a.Name:
			a.note("no certificate for %s", orNobody(name))
		}
	}
}

func orNobody(name string) string {
	if name == "" {
		return "clients that ask for no name"
	}
	return name
}

// note adds a remark to the report.
func (a *auditor) note(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.report.Notes = append(a.report.Notes, fmt.Sprintf(format, args...))
}

// keep adds a chain to the report, once.
func (a *auditor) keep(name string, r hello.Reply) {
	var chain []*x509.Certificate
	for _, der := range r.Certificates {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			a.unknown("a certificate for "+orNobody(name), err)
			return
		}
		chain = append(chain, c)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, known := range a.report.Certificates {
		if slices.EqualFunc(known.Chain, chain, (*x509.Certificate).Equal) {
			if !slices.Contains(known.Names, name) {
				a.report.Certificates[i].Names = append(known.Names, name)
			}
			return
		}
	}
	leaf := chain[0]
	key, bits := keyOf(leaf)
	a.report.Certificates = append(a.report.Certificates, Certificate{Names: []string{name}, Subject: leaf.Subject.String(), DNSNames: leaf.DNSNames, Issuer: leaf.Issuer.String(),
		Key: key, bits: bits, Signature: leaf.SignatureAlgorithm.String(), NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, Chain: chain, Stapled: r.Stapled})
}

// rsaBits are the bits of RSA or of finite fields that a curve of so many bits is worth (NIST SP 800-57, part 1, table 2).
func rsaBits(curve int) int {
	for _, x := range []struct{ curve, rsa int }{{512, 15360}, {384, 7680}, {256, 3072}, {224, 2048}, {160, 1024}} {
		if curve >= x.curve {
			return x.rsa
		}
	}
	return 512
}

func keyOf(c *x509.Certificate) (name string, bits int) {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen()), key.N.BitLen()
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Params().Name, rsaBits(key.Params().BitSize)
	case ed25519.PublicKey:
		return "Ed25519", rsaBits(256)
	}
	return c.PublicKeyAlgorithm.String(), 0
}

const (
	maxLife   = 398 * 24 * time.Hour // CA/Browser Forum, Baseline Requirements, section 6.3.2
	shortLife = 10 * 24 * time.Hour  // such need not be revocable (section 4.9.10 and appendix B there)
)

var mustStaple = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24} // RFC 7633, section 4

// judgeCertificate adds what is wrong with a chain.
func (a *auditor) judgeCertificate(c Certificate) {
	leaf, now := c.Chain[0], a.now()
	subject := subjectOf(leaf)
	switch {
	case now.After(leaf.NotAfter):
		a.report.add("expired", fmt.Sprintf("the certificate of %s ended on %s", subject, leaf.NotAfter.UTC().Format(time.DateOnly)))
	case now.Before(leaf.NotBefore):
		a.report.add("not-yet-valid", fmt.Sprintf("the certificate of %s begins on %s", subject, leaf.NotBefore.UTC().Format(time.DateOnly)))
	case leaf.NotAfter.Sub(now) < leaf.NotAfter.Sub(leaf.NotBefore)/5:
		a.report.add("expires-soon", fmt.Sprintf("the certificate of %s ends on %s", subject, leaf.NotAfter.UTC().Format(time.DateOnly)))
	}
	if life := leaf.NotAfter.Sub(leaf.NotBefore); life > maxLife {
		a.report.add("long-life", fmt.Sprintf("the certificate of %s is valid for %d days", subject, int(life.Hours()/24)))
	}
	for _, name := range c.Names {
		if name != "" && leaf.VerifyHostname(name) != nil {
			a.report.add("wrong-name", fmt.Sprintf("asked for %s, the server shows a certificate for %s", name, subject))
		}
	}
	if c.bits > 0 && c.bits < 2048 {
		id := "weak-key"
		if c.bits < 1024 {
			id = "broken-key"
		}
		a.report.add(id, fmt.Sprintf("the certificate of %s has a key %s", subject, c.Key))
	}
	for _, x := range c.Chain {
		if selfIssued(x) { // nobody checks the signature of a root
			continue
		}
		switch x.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			a.report.add("weak-signature", fmt.Sprintf("the certificate of %s is signed with %s", subjectOf(x), x.SignatureAlgorithm))
		}
	}
	revocable := len(leaf.CRLDistributionPoints)+len(leaf.OCSPServer) > 0
	if !revocable && !selfIssued(leaf) && leaf.NotAfter.Sub(leaf.NotBefore) > shortLife {
		a.report.add("no-revocation", fmt.Sprintf("the certificate of %s names neither a list of revoked certificates nor an OCSP responder", subject))
	}
	if must := slices.ContainsFunc(leaf.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(mustStaple) }); !c.Stapled && (must || len(leaf.OCSPServer) > 0) {
		id := "no-staple"
		if must {
			id = "must-staple"
		}
		a.report.add(id, fmt.Sprintf("the certificate of %s comes without an OCSP response", subject))
	}
	a.judgeChain(c)
}

func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

// subjectOf is how a certificate is called in a finding.
func subjectOf(c *x509.Certificate) string {
	switch {
	case len(c.DNSNames) > 3:
		return fmt.Sprintf("%s and %d more", strings.Join(c.DNSNames[:2], ", "), len(c.DNSNames)-2)
	case len(c.DNSNames) > 0:
		return strings.Join(c.DNSNames, ", ")
	case len(c.IPAddresses) > 0:
		return c.IPAddresses[0].String()
	}
	return fmt.Sprintf("%q", c.Subject)
}

// judgeChain looks at what was sent with the certificate, and whether clients trust it.
func (a *auditor) judgeChain(c Certificate) {
	leaf := c.Chain[0]
	for i, x := range c.Chain[1:] {
		if c.Chain[i].CheckSignatureFrom(x) != nil {
			a.report.add("chain-order", fmt.Sprintf("certificate %d (%s) did not issue the one before it", i+2, subjectOf(x)))
			break
		}
	}
	between := x509.NewCertPool()
	for _, x := range c.Chain[1:] {
		between.AddCert(x)
	}
	// The time of the leaf is judged by itself.
	at := a.now()
	if at.After(leaf.NotAfter) {
		at = leaf.NotAfter
	} else if at.Before(leaf.NotBefore) {
		at = leaf.NotBefore
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: a.Roots, Intermediates: between, CurrentTime: at})
	last := c.Chain[len(c.Chain)-1]
	switch {
	case err == nil:
	case !errors.As(err, new(x509.UnknownAuthorityError)):
		a.report.add("untrusted", fmt.Sprintf("the certificate of %s: %v", subjectOf(leaf), err))
	case len(c.Chain) == 1 && selfIssued(leaf):
		a.report.add("self-signed", fmt.Sprintf("the certificate of %s is signed by itself", subjectOf(leaf)))
	case selfIssued(last):
		a.report.add("untrusted", fmt.Sprintf("the chain of %s ends at %q, which is no root that clients trust", subjectOf(leaf), last.Subject))
	default:
		a.report.add("incomplete-chain", fmt.Sprintf("the chain of %s ends at a certificate by %q, which is no root that clients trust and was not sent", subjectOf(leaf), last.Issuer))
	}
}
