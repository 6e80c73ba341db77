package tlspolicy

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/atomicfile"
)

// The files that [SelfSigned] keeps in its folder.
const (
	SelfSignedFile = "selfsigned.pem" // key and certificate, mode 0600
	SelfSignedCert = "selfsigned.crt" // the certificate alone, mode 0644, for clients to trust
)

const (
	selfSignedLife  = 365 * 24 * time.Hour // Mozilla 6.0 intermediate: 366 days at most
	selfSignedRenew = 30 * 24 * time.Hour  // renewed when less than this is left
	selfSignedSkew  = time.Hour            // begins earlier by this, for clients with a slow clock
)

// SelfSigned returns the certificate for demonstrations and tests that is kept
// in the folder dir, and makes it if there is none: an ECDSA key on P-256, valid
// for a year, for localhost, 127.0.0.1, ::1, the name of this machine and the
// given names (DNS names or IP addresses). Made anew is also one with less than
// 30 days left, or without one of the names; so call it at every start.
//
// Clients must be told to trust dir/selfsigned.crt. Files are replaced
// atomically. A file that cannot be used for any other reason is an error and
// stays as it is.
func SelfSigned(dir string, names ...string) (tls.Certificate, error) {
	return selfSigned(dir, names, time.Now())
}

func selfSigned(dir string, extra []string, now time.Time) (tls.Certificate, error) {
	want, err := selfSignedNames(extra)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return tls.Certificate{}, fmt.Errorf("tlspolicy: folder for the self-signed certificate: %w", err)
	}
	path := filepath.Join(dir, SelfSignedFile)
	cert, err := load(path, path, now)
	var problem *CertificateError
	switch {
	case err == nil && cert.Leaf.NotAfter.Sub(now) > selfSignedRenew && covers(cert.Leaf, want):
		return cert, publish(dir, cert.Leaf)
	case errors.As(err, &problem) && problem.Problem != NoFile && problem.Problem != Expired:
		return tls.Certificate{}, fmt.Errorf("%w (remove the file to have a new one made)", err)
	}
	pair, err := newSelfSigned(want, now)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := atomicfile.Write(path, pair, 0o600); err != nil {
		return tls.Certificate{}, fmt.Errorf("tlspolicy: %w", err)
	}
	if cert, err = load(path, path, now); err != nil {
		return tls.Certificate{}, err
	}
	return cert, publish(dir, cert.Leaf)
}

// selfSignedNames returns the names of this machine and the given ones, without
// doubles.
func selfSignedNames(extra []string) ([]string, error) {
	all := []string{"localhost", "127.0.0.1", "::1"}
	// The machine's name is a convenience: without one, or with one that no
	// certificate can carry, the rest still works.
	if host, err := os.Hostname(); err == nil && certifiable(host) {
		all = append(all, strings.ToLower(host))
	}
	for _, name := range extra {
		if !certifiable(name) {
			return nil, fmt.Errorf("tlspolicy: %q is neither a DNS name in ASCII nor an IP address", name)
		}
		if ip := net.ParseIP(name); ip != nil {
			name = ip.String()
		}
		all = append(all, strings.ToLower(name))
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// certifiable reports whether name is an IP address, or a DNS name of letters,
// digits and hyphens, perhaps with "*" as its first label.
func certifiable(name string) bool {
	if net.ParseIP(name) != nil {
		return true
	}
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimPrefix(name, "*."), ".") {
		ok := len(label) > 0 && len(label) <= 63 && label[0] != '-' && label[len(label)-1] != '-'
		for _, c := range []byte(label) {
			ok = ok && (c == '-' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z')
		}
		if !ok {
			return false
		}
	}
	return true
}

// covers reports whether c carries every name literally (a wildcard covers only
// itself here: this is about what was asked for, not about what would match).
func covers(c *x509.Certificate, names []string) bool {
	have := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		have = append(have, ip.String())
	}
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(have, name) })
}

// newSelfSigned makes a key and a certificate and returns them as PEM, the
// certificate first.
func newSelfSigned(names []string, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	begin := now.Add(-selfSignedSkew)
	template := &x509.Certificate{
		// The serial number is left to x509: random, 20 bytes at most.
		Subject:               pkix.Name{CommonName: "self-signed certificate of a mail server"},
		NotBefore:             begin,
		NotAfter:              begin.Add(selfSignedLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, // not a CA: trusting it trusts nothing else
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("tlspolicy: self-signed certificate: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: cert}) // a Buffer does not fail
	pem.Encode(&out, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return out.Bytes(), nil
}

// publish keeps the public half beside the pair.
func publish(dir string, leaf *x509.Certificate) error {
	path := filepath.Join(dir, SelfSignedCert)
	want := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
	have, err := os.ReadFile(path)
	if err == nil && bytes.Equal(have, want) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("tlspolicy: %w", err)
	}
	if err := atomicfile.Write(path, want, 0o644); err != nil {
		return fmt.Errorf("tlspolicy: %w", err)
	}
	return nil
}
