package acme

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
)

// Issue gets a certificate for the names of old and another key, and returns it with its chain, in DER. It is for package drill.
func (m *Manager) Issue(ctx context.Context, old *x509.Certificate, key crypto.Signer) (chain [][]byte, err error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: old.DNSNames, IPAddresses: old.IPAddresses}, key)
	if err != nil {
		return nil, fmt.Errorf("acme: %w", err)
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("acme: %w", err)
	}
	issued, err := m.acme.Issue(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("acme: %w", err)
	}
	for block, rest := pem.Decode(issued.Certificate); block != nil; block, rest = pem.Decode(rest) {
		chain = append(chain, block.Bytes)
	}
	return chain, nil
}

// Revoke revokes a certificate of this account for the reason keyCompromise. One that is revoked already is no error.
func (m *Manager) Revoke(ctx context.Context, old *x509.Certificate) error {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: old.Raw})
	err := m.acme.Revoke(ctx, certmagic.CertificateResource{CertificatePEM: text}, acme.ReasonKeyCompromise)
	var problem acme.Problem
	if errors.As(err, &problem) && problem.Type == acme.ProblemTypeAlreadyRevoked {
		return nil
	}
	if err != nil {
		return fmt.Errorf("acme: %w", err)
	}
	return nil
}
