// Package testca makes certificates for tests.
package testca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// ECDSA returns a new key on P-256.
func ECDSA(t testing.TB) crypto.Signer { return Curve(t, elliptic.P256()) }

// Curve returns a new ECDSA key.
func Curve(t testing.TB, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// RSA returns a new RSA key. One of 1024 bits or fewer works in tests only.
func RSA(t testing.TB, bits int) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Ed25519 returns a new key.
func Ed25519(t testing.TB) crypto.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Issued is a certificate with what is needed to issue others from it.
type Issued struct {
	Cert *x509.Certificate
	Key  crypto.Signer
}

// Issue makes a certificate for mail.example.org, good for an hour, changed by
// edit (nil: not changed), signed by parent (nil: by itself).
func Issue(t testing.TB, parent *Issued, key crypto.Signer, edit func(*x509.Certificate)) *Issued {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: "leaf"},
		DNSNames:              []string{"mail.example.org"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		BasicConstraintsValid: true,
	}
	if edit != nil {
		edit(template)
	}
	if parent == nil {
		parent = &Issued{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.Cert, key.Public(), parent.Key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &Issued{cert, key}
}

// Names is an edit that makes the certificate one for these names.
func Names(names ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.DNSNames = names }
}

// Authority is an edit that makes the certificate a CA called name.
func Authority(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject.CommonName, c.DNSNames = name, nil
		c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
	}
}

// Pair returns the certificate as a TLS server uses it, followed by chain.
func (i *Issued) Pair(chain ...*Issued) tls.Certificate {
	pair := tls.Certificate{Certificate: [][]byte{i.Cert.Raw}, PrivateKey: i.Key}
	for _, c := range chain {
		pair.Certificate = append(pair.Certificate, c.Cert.Raw)
	}
	return pair
}

// PEM returns certificates as a file has them.
func PEM(certs ...*Issued) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Cert.Raw})...)
	}
	return out
}

// KeyPEM returns a key as a file has it.
func KeyPEM(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// Roots returns a pool of the given certificates.
func Roots(certs ...*Issued) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c.Cert)
	}
	return pool
}
