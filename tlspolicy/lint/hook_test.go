package lint_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/tlspolicy/certs"
	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
	"github.com/mailhavn/mailhavn/tlspolicy/lint"
)

func TestRefuse(t *testing.T) {
	leaf := testca.Issue(t, nil, testca.ECDSA(t), domainValidated(t))
	file := filepath.Join(t.TempDir(), "mail.pem")
	if err := os.WriteFile(file, slices.Concat(testca.PEM(leaf), testca.KeyPEM(t, leaf.Key)), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(o lint.Options) error {
		store, err := certs.Open(certs.Options{Pairs: []certs.Pair{{Cert: file, Key: file}}, Check: o.Refuse})
		if err == nil {
			store.Close()
		}
		return err
	}
	err := open(lint.Options{})
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Fatalf("got %v, want a refusal that names the file", err)
	}
	report, err := lint.File(file, lint.Options{})
	if err != nil || report.File != file || !report.Leaf.Equal(leaf.Cert) || !report.Public {
		t.Fatalf("%+v, %v", report, err)
	}
	var allow []string
	for _, f := range report.Findings {
		allow = append(allow, f.Name)
	}
	if err := open(lint.Options{Allow: allow}); err != nil {
		t.Error(err)
	}
}

func TestFileRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"nothing": "", "key": "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", "damaged": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := lint.File(file, lint.Options{}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	if _, err := lint.File(filepath.Join(dir, "none"), lint.Options{}); err == nil {
		t.Error("a missing file was read")
	}
}

// Certificates of one's own authority, and self-signed ones, are served without any name being allowed.
func TestPrivateTrust(t *testing.T) {
	root := testca.Issue(t, nil, testca.ECDSA(t), testca.Authority("root"))
	for _, leaf := range []*testca.Issued{testca.Issue(t, nil, testca.ECDSA(t), nil), testca.Issue(t, root, testca.RSA(t, 2048), nil)} {
		if err := (lint.Options{}).Refuse("file", []*x509.Certificate{leaf.Cert}); err != nil {
			t.Error(err)
		}
	}
}
