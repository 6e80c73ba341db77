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
	leaf := testca.Issue(t, nil, testca.ECDSA(t), nil)
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
	report, err := lint.Check([]*x509.Certificate{leaf.Cert}, lint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var allow []string
	for _, f := range report.Findings {
		allow = append(allow, f.Name)
	}
	if err := open(lint.Options{Allow: allow}); err != nil {
		t.Error(err)
	}
}
