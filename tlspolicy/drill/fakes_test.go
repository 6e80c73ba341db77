package drill

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"time"
)

type dropper func()

func (d dropper) DropTickets(context.Context) error {
	d()
	return nil
}

// issuerFunc answers with a chain made of the old certificate and of one for the new key and no name.
type issuerFunc func(old []byte, nameless [][]byte) [][]byte

func (f issuerFunc) Issue(_ context.Context, old *x509.Certificate, key crypto.Signer) ([][]byte, error) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), own)
	return f(old.Raw, [][]byte{der}), err
}

func (issuerFunc) Revoke(context.Context, *x509.Certificate) error { return nil }

// noRevocation issues as the world does.
type noRevocation struct{ *world }

func (noRevocation) Revoke(context.Context, *x509.Certificate) error {
	return fmt.Errorf("self-signed: %w", errors.ErrUnsupported)
}
