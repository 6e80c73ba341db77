package lint_test

import (
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
	"github.com/mailhavn/mailhavn/tlspolicy/lint"
)

func TestCheck(t *testing.T) {
	root := testca.Issue(t, nil, testca.ECDSA(t), testca.Authority("root"))
	middle := testca.Issue(t, root, testca.ECDSA(t), testca.Authority("middle"))
	good := testca.Issue(t, middle, testca.ECDSA(t), nil)
	issue := func(edit func(*x509.Certificate)) *x509.Certificate {
		return testca.Issue(t, middle, testca.ECDSA(t), edit).Cert
	}
	const none lint.Level = -1
	for _, test := range []struct {
		name  string
		chain []*x509.Certificate
		lint  string
		level lint.Level
	}{
		{"complete", []*x509.Certificate{good.Cert, middle.Cert}, "missing-intermediate", none},
		{"in order", []*x509.Certificate{good.Cert, middle.Cert}, "chain-order", none},
		{"incomplete", []*x509.Certificate{good.Cert}, "missing-intermediate", lint.Warning},
		{"a root of its own", []*x509.Certificate{testca.Issue(t, nil, testca.ECDSA(t), nil).Cert}, "untrusted", lint.Warning},
		{"wrong order", []*x509.Certificate{good.Cert, root.Cert, middle.Cert}, "chain-order", lint.Error},
		{"expired", []*x509.Certificate{issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), middle.Cert}, "expiry", lint.Error},
		{"future", []*x509.Certificate{issue(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), middle.Cert}, "expiry", lint.Error},
		{"ends soon", []*x509.Certificate{issue(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(-9 * time.Hour) }), middle.Cert}, "expiry", lint.Warning},
		{"long life", []*x509.Certificate{issue(func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(2, 0, 0) }), middle.Cert}, "life", lint.Warning},
		{"no names", []*x509.Certificate{issue(func(c *x509.Certificate) { c.DNSNames = nil }), middle.Cert}, "names", lint.Error},
		{"small key", []*x509.Certificate{testca.Issue(t, middle, testca.RSA(t, 1024), domainValidated(t)).Cert, middle.Cert}, "e_rsa_mod_less_than_2048_bits", lint.Error},
		{"small key of a private authority", []*x509.Certificate{testca.Issue(t, middle, testca.RSA(t, 1024), nil).Cert, middle.Cert}, "e_rsa_mod_less_than_2048_bits", none},
		{"against an RFC, publicly", []*x509.Certificate{issue(func(c *x509.Certificate) { longName(c); domainValidated(t)(c) }), middle.Cert}, "e_subject_common_name_max_length", lint.Error},
		{"against an RFC, privately", []*x509.Certificate{issue(longName), middle.Cert}, "e_subject_common_name_max_length", lint.Warning},
	} {
		t.Run(test.name, func(t *testing.T) {
			report, err := lint.Check(test.chain, lint.Options{Roots: testca.Roots(root)})
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(report.Findings, func(f lint.Finding) bool { return f.Name == test.lint })
			switch {
			case i < 0 && test.level != none:
				t.Errorf("%s was not found: %+v", test.lint, report.Findings)
			case i >= 0 && report.Findings[i].Level != test.level:
				t.Errorf("got %+v, want level %d", report.Findings[i], test.level)
			case i >= 0 && report.Findings[i].Fix == "":
				t.Errorf("%s tells no fix", test.lint)
			}
		})
	}
}

// domainValidated is an edit that has a certificate say so.
func domainValidated(t testing.TB) func(*x509.Certificate) {
	t.Helper()
	policy, err := x509.ParseOID("2.23.140.1.2.1")
	if err != nil {
		t.Fatal(err)
	}
	return func(c *x509.Certificate) { c.Policies = []x509.OID{policy} }
}

// longName is an edit against RFC 5280, appendix A.1 (ub-common-name).
func longName(c *x509.Certificate) { c.Subject.CommonName = strings.Repeat("a", 65) }

func TestKnown(t *testing.T) {
	if !lint.Known("expiry") || !lint.Known("e_rsa_mod_less_than_2048_bits") || lint.Known("e_nothing") {
		t.Error("wrong names")
	}
}

func TestAllow(t *testing.T) {
	chain := []*x509.Certificate{testca.Issue(t, nil, testca.ECDSA(t), domainValidated(t)).Cert}
	report, err := lint.Check(chain, lint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Err() == nil {
		t.Fatal("a certificate that no public authority may issue was not refused")
	}
	var all []string
	for _, f := range report.Findings {
		all = append(all, f.Name)
		if f.Level == lint.Error && !strings.Contains(report.Err().Error(), f.Name) {
			t.Errorf("the error does not name %s: %v", f.Name, report.Err())
		}
	}
	if report, err = lint.Check(chain, lint.Options{Allow: all}); err != nil || report.Err() != nil {
		t.Errorf("refused though all is allowed: %v %v", err, report.Err())
	}
	if _, err := lint.Check(nil, lint.Options{}); err == nil {
		t.Error("an empty chain was judged")
	}
}

func TestClassOf(t *testing.T) {
	for oid, want := range map[string]lint.Class{
		"2.23.140.1.1": lint.Extended, "2.23.140.1.2.1": lint.Domain, "2.23.140.1.2.2": lint.Organization,
		"2.23.140.1.2.3": lint.Individual, "1.3.6.1.4.1.99999.1": lint.Unclassed,
	} {
		policy, err := x509.ParseOID(oid)
		if err != nil {
			t.Fatal(err)
		}
		cert := testca.Issue(t, nil, testca.ECDSA(t), func(c *x509.Certificate) { c.Policies = []x509.OID{policy} }).Cert
		if got := lint.ClassOf(cert); got != want {
			t.Errorf("%s: got %q, want %q", oid, got, want)
		}
	}
	other := asn1.ObjectIdentifier{1, 2, 3}
	if got := lint.ClassOf(&x509.Certificate{PolicyIdentifiers: []asn1.ObjectIdentifier{other}}); got != lint.Unclassed {
		t.Errorf("got %q", got)
	}
}
