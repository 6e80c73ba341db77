package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/drill"
)

// host is the server as package drill sees it: where certificates lie, who issues them, whose passwords there are.
type host struct{ *server }

// drill returns the drill whose log is in dir.
func (h *host) drill(dir string) *drill.Drill {
	d := &drill.Drill{Dir: dir, Installer: h, Issuer: h.issuer(), Accounts: h, Sessions: h, Logger: h.logger}
	if h.tickets != nil {
		d.Tickets = drill.TicketKeys{h.tickets}
	}
	return d
}

// Certificates implements [drill.Installer].
func (h *host) Certificates(context.Context) (all []drill.Certificate, err error) {
	var services []string
	for _, x := range h.services {
		if slices.Contains([]string{"imaps", "imap", "wkd"}, x.name) {
			services = append(services, x.name)
		}
	}
	for _, s := range h.certs.Status() {
		if s.Chain != nil {
			all = append(all, drill.Certificate{Name: s.Cert, Services: services, Leaf: s.Chain[0]})
		}
	}
	return all, nil
}

// Install implements [drill.Installer].
func (h *host) Install(_ context.Context, name string, pair tls.Certificate) error {
	for _, s := range h.certs.Status() {
		if s.Cert != name {
			continue
		}
		if err := h.certs.Replace(s.Cert, s.Key, pair); err != nil {
			return err
		}
		if s.Cert == selfSignedFile(h.store.dir) {
			return h.settings.signSelf(h.store.dir)
		}
		return nil
	}
	return fmt.Errorf("%s is not served any more", name)
}

// Next implements [drill.Accounts].
func (h *host) Next(_ context.Context, after string, n int) (names []string, err error) {
	users, err := h.store.users.List() // sorted
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		if u.Name > after && len(names) < n {
			names = append(names, u.Name)
		}
	}
	return names, nil
}

// RequireChange implements [drill.Accounts]. There are no web sessions.
func (h *host) RequireChange(ctx context.Context, names []string, since time.Time) error {
	return h.store.users.RequireChange(ctx, names, since)
}

// CloseSessions implements [drill.SessionCloser].
func (h *host) CloseSessions(_ context.Context, before time.Time) (n int, err error) {
	for _, s := range h.imap.Sessions() {
		if s.Since.Before(before) && h.imap.Kick(s.ID) {
			n++
		}
	}
	return n, nil
}

// issuer returns who issues certificates for the drill.
func (h *host) issuer() drill.Issuer {
	switch {
	case h.acme != nil:
		return selfSigner{h.acme}
	case h.settings.Issuer != "":
		return selfSigner{issuerCommand(h.settings.Issuer)}
	}
	return selfSigner{noIssuer{}}
}

// selfSigner signs certificates anew that are signed by themselves, and leaves others to an issuer.
type selfSigner struct{ others drill.Issuer }

func selfSigned(c *x509.Certificate) bool {
	return c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

func (s selfSigner) Issue(ctx context.Context, old *x509.Certificate, key crypto.Signer) ([][]byte, error) {
	if !selfSigned(old) {
		return s.others.Issue(ctx, old, key)
	}
	now := time.Now()
	template := &x509.Certificate{Subject: old.Subject, DNSNames: old.DNSNames, IPAddresses: old.IPAddresses, KeyUsage: old.KeyUsage, ExtKeyUsage: old.ExtKeyUsage,
		BasicConstraintsValid: true, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(old.NotAfter.Sub(old.NotBefore) - time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return [][]byte{der}, err
}

func (s selfSigner) Revoke(ctx context.Context, old *x509.Certificate) error {
	if !selfSigned(old) {
		return s.others.Revoke(ctx, old)
	}
	return fmt.Errorf("%w: whoever trusts a self-signed certificate must be told not to", errors.ErrUnsupported)
}

// noIssuer is there where nobody has said who issues certificates.
type noIssuer struct{}

var errNoIssuer = errors.New("the certificates come from another program: set issuer to a command that has them issued and revoked")

func (noIssuer) Issue(context.Context, *x509.Certificate, crypto.Signer) ([][]byte, error) {
	return nil, errNoIssuer
}

func (noIssuer) Revoke(context.Context, *x509.Certificate) error { return errNoIssuer }
