package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// issuerCommand is a program that stands before a certification authority. "COMMAND issue" gets a certificate request (PKCS #10, PEM) on standard
// input and writes the certificate and its chain, PEM, to standard output. "COMMAND revoke keyCompromise" gets the certificate to revoke, PEM.
type issuerCommand string

const (
	issuerTimeout = 5 * time.Minute
	maxAnswer     = 1 << 20
)

// Issue implements [drill.Issuer].
func (c issuerCommand) Issue(ctx context.Context, old *x509.Certificate, key crypto.Signer) (chain [][]byte, err error) {
	request := &x509.CertificateRequest{DNSNames: old.DNSNames, IPAddresses: old.IPAddresses}
	der, err := x509.CreateCertificateRequest(rand.Reader, request, key)
	if err != nil {
		return nil, err
	}
	out, err := c.run(ctx, &pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}, "issue")
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(out); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			chain = append(chain, block.Bytes)
		}
	}
	if chain == nil {
		return nil, fmt.Errorf("%s issue: wrote no CERTIFICATE in PEM", string(c))
	}
	return chain, nil
}

// Revoke implements [drill.Issuer].
func (c issuerCommand) Revoke(ctx context.Context, old *x509.Certificate) error {
	_, err := c.run(ctx, &pem.Block{Type: "CERTIFICATE", Bytes: old.Raw}, "revoke", "keyCompromise")
	return err
}

func (c issuerCommand) run(ctx context.Context, in *pem.Block, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, issuerTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, string(c), args...)
	cmd.WaitDelay = time.Second // for its children
	cmd.Stdin = bytes.NewReader(pem.EncodeToMemory(in))
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	if err == nil && len(out) > maxAnswer {
		err = fmt.Errorf("it wrote more than %d bytes", maxAnswer)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", string(c), strings.Join(args, " "), err)
	}
	return out, nil
}
