package tlspolicy

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// checkChain reports the first thing that would make clients refuse chain at
// the time now. file names it in the error.
func checkChain(file string, chain []*x509.Certificate, now time.Time) error {
	leaf := chain[0]
	fail := func(p Problem, format string, args ...any) error {
		return &CertificateError{File: file, Problem: p, Detail: fmt.Sprintf(format, args...)}
	}
	if len(leaf.DNSNames) == 0 && len(leaf.IPAddresses) == 0 {
		return fail(NoNames, "the certificate of %s has no DNS name or IP address as subject alternative name; mail programs ignore the common name", names(leaf))
	}
	if uses := leaf.ExtKeyUsage; len(uses)+len(leaf.UnknownExtKeyUsage) > 0 &&
		!slices.Contains(uses, x509.ExtKeyUsageServerAuth) && !slices.Contains(uses, x509.ExtKeyUsageAny) {
		return fail(WrongUse, "the certificate of %s is not for TLS servers: its extended key usage lacks serverAuth", names(leaf))
	}
	for i, c := range chain {
		if now.Before(c.NotBefore) {
			return fail(NotYetValid, "the certificate of %s is valid from %s on; is the clock right?", names(c), date(c.NotBefore))
		}
		if now.After(c.NotAfter) {
			return fail(Expired, "the certificate of %s has expired on %s; renew it", names(c), date(c.NotAfter))
		}
		if selfIssued := slices.Equal(c.RawIssuer, c.RawSubject); !selfIssued && brokenHash(c) {
			return fail(WeakKey, "the certificate of %s is signed with %s, which clients refuse; have it issued again", names(c), c.SignatureAlgorithm)
		}
		if i == 0 {
			continue
		}
		if err := chain[i-1].CheckSignatureFrom(c); err != nil {
			return fail(ChainOrder, "certificate %d (%s) did not issue certificate %d (%s); the order is: the server's own certificate, the one that issued it, and so on",
				i+1, names(c), i, names(chain[i-1]))
		}
	}
	return nil
}

func brokenHash(c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	}
	return false
}

// matches reports whether key is the private key of c.
func matches(c *x509.Certificate, key crypto.PrivateKey) bool {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return false
	}
	public, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(signer.Public())
}

// mismatch is the error for a key that is not that of chain[0]. If it is that of
// a later certificate, only the order is wrong. keyFile may be empty.
func mismatch(file string, chain []*x509.Certificate, keyFile string, key crypto.PrivateKey) error {
	for i, c := range chain[1:] {
		if matches(c, key) {
			return &CertificateError{File: file, Problem: ChainOrder, Detail: fmt.Sprintf(
				"the key belongs to certificate %d (%s); put that one first", i+2, names(c))}
		}
	}
	if key == nil {
		return &CertificateError{File: file, Problem: NoKey, Detail: fmt.Sprintf("the certificate of %s has no private key with it", names(chain[0]))}
	}
	if keyFile != "" {
		keyFile = " in " + keyFile
	}
	owner := "of an unknown kind"
	if signer, ok := key.(crypto.Signer); ok {
		owner = "of another certificate, whose public key has SHA-256 " + fingerprint(signer.Public())
	}
	return &CertificateError{File: file, Problem: Mismatch, Detail: fmt.Sprintf(
		"the certificate of %s has a public key with SHA-256 %s, but the private key%s is %s; use the pair that was issued together",
		names(chain[0]), fingerprint(chain[0].PublicKey), keyFile, owner)}
}

// fingerprint is the SHA-256 of the public key in its PKIX form, as
// "openssl pkey -pubin -outform DER | sha256sum" prints it.
func fingerprint(public crypto.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "(unknown)"
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// names describes a certificate by its first names, else by its subject.
func names(c *x509.Certificate) string {
	const most = 3
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	switch {
	case len(all) > most:
		return fmt.Sprintf("%s and %d more names", strings.Join(all[:most], ", "), len(all)-most)
	case len(all) > 0:
		return strings.Join(all, ", ")
	case c.Subject.String() != "":
		return fmt.Sprintf("%q", c.Subject.String())
	}
	return "serial number " + c.SerialNumber.Text(16)
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
