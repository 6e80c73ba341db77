package lint_test

import (
	"crypto/x509"
	"os"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/lint"
)

func ExampleText() {
	day := func(month time.Month) *x509.Certificate {
		return &x509.Certificate{DNSNames: []string{month.String() + ".example\n"}, NotAfter: time.Date(2030, month, 1, 0, 0, 0, 0, time.UTC)}
	}
	lint.Text(os.Stdout, []*lint.Report{
		{Leaf: day(time.May), Class: lint.Extended},
		{Leaf: day(time.March), Findings: []lint.Finding{
			{Name: "names", Level: lint.Error, Detail: "it has none", Fix: "have it issued for some"},
			{Name: "life", Level: lint.Warning, Detail: "too long", Fix: "shorten it", Allowed: true},
		}},
	})
	// Output:
	// March.example\n  until 2030-03-01, no class
	//   error: names: it has none; have it issued for some
	//   warning (allowed): life: too long; shorten it
	// May.example\n  until 2030-05-01, EV
}
