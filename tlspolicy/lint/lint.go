package lint

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	zx509 "github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	zlints "github.com/zmap/zlint/v3/lint"
)

// Level is how much a finding matters.
type Level int

// The levels, in rising order.
const (
	Notice  Level = iota // worth knowing
	Warning              // will or may trouble some clients
	Error                // the certificate should not be served
)

// String returns "notice", "warning" or "error".
func (l Level) String() string { return [...]string{"notice", "warning", "error"}[l] }

// Finding is one thing that is not as it should be.
type Finding struct {
	Name    string // of the lint: one of ours (expiry, chain-order, missing-intermediate, untrusted, life, names) or of zlint
	Level   Level
	Detail  string // what is wrong
	Fix     string // what to do
	Allowed bool   // Options.Allow names it: it does not refuse the certificate
}

// Options changes how certificates are judged. The zero value is ready to use.
type Options struct {
	Allow []string       // names of lints whose errors do not refuse a certificate
	Roots *x509.CertPool // what clients trust; nil: the roots of this system
	Now   time.Time      // when to judge; zero: now
}

// Report is what is known of one chain of certificates.
type Report struct {
	File     string // where it lies; "" from Check
	Leaf     *x509.Certificate
	Class    Class
	Public   bool      // by an authority that everybody trusts, see the package's documentation
	Findings []Finding // the worst first
}

// Err returns an error that names each lint which refuses the certificate, with
// the fix, or nil if it may be served.
func (r *Report) Err() error {
	var errs []error
	for _, f := range r.Findings {
		if f.Level == Error && !f.Allowed {
			errs = append(errs, fmt.Errorf("%s: %s: %s; %s", subject(r.Leaf), f.Name, f.Detail, f.Fix))
		}
	}
	return errors.Join(errs...)
}

// Check judges a chain, the server's own certificate first. It returns an error
// only if the chain is empty or zlint cannot read the certificate.
func Check(chain []*x509.Certificate, o Options) (*Report, error) {
	if len(chain) == 0 {
		return nil, errors.New("lint: there is no certificate to judge")
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	r := &Report{Leaf: chain[0], Class: ClassOf(chain[0])}
	r.Public = r.Class != Unclassed || o.Roots == nil && verify(chain, o) == nil
	r.Findings = slices.Concat(calendar(chain, o.Now), names(chain[0]), links(chain, o))
	found, err := zlinted(chain[0], r.Public)
	if err != nil {
		return nil, err
	}
	r.Findings = append(r.Findings, found...)
	for i := range r.Findings {
		r.Findings[i].Allowed = slices.Contains(o.Allow, r.Findings[i].Name)
	}
	slices.SortFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Level, a.Level), strings.Compare(a.Name, b.Name))
	})
	return r, nil
}

// maxLife is the longest life that Mozilla's guidelines 6.0 allow (intermediate).
const maxLife = 366 * 24 * time.Hour

func calendar(chain []*x509.Certificate, now time.Time) []Finding {
	var found []Finding
	for _, c := range chain {
		left, life := c.NotAfter.Sub(now), c.NotAfter.Sub(c.NotBefore)
		switch end := c.NotAfter.UTC().Format(time.DateOnly); {
		case left < 0:
			found = append(found, Finding{Name: "expiry", Level: Error, Detail: fmt.Sprintf("the certificate of %s has expired on %s", subject(c), end), Fix: "renew it"})
		case now.Before(c.NotBefore):
			found = append(found, Finding{Name: "expiry", Level: Error, Detail: fmt.Sprintf("the certificate of %s is not valid yet", subject(c)), Fix: "set the clock right, or wait"})
		case left < life/4:
			found = append(found, Finding{Name: "expiry", Level: Warning, Detail: fmt.Sprintf("the certificate of %s expires on %s, less than a quarter of its life is left", subject(c), end), Fix: "renew it; see why the ACME client has not"})
		}
	}
	if leaf := chain[0]; leaf.NotAfter.Sub(leaf.NotBefore) > maxLife {
		found = append(found, Finding{Name: "life", Level: Warning, Detail: "it is valid for more than 366 days", Fix: "have it issued for 90 days and renewed by itself"})
	}
	return found
}

func names(leaf *x509.Certificate) []Finding {
	if len(leaf.DNSNames)+len(leaf.IPAddresses) > 0 {
		return nil
	}
	return []Finding{{Name: "names", Level: Error, Detail: "it has no subject alternative name", Fix: "have it issued for the names that clients connect to; the common name is ignored"}}
}

// links looks at how the certificates hang together, and from what.
func links(chain []*x509.Certificate, o Options) []Finding {
	for i, c := range chain[1:] {
		if chain[i].CheckSignatureFrom(c) != nil {
			return []Finding{{Name: "chain-order", Level: Error,
				Detail: fmt.Sprintf("certificate %d (%s) did not issue certificate %d (%s)", i+2, subject(c), i+1, subject(chain[i])),
				Fix:    "put the server's own certificate first, then the one that issued it, and so on"}}
		}
	}
	if !errors.As(verify(chain, o), new(x509.UnknownAuthorityError)) {
		return nil
	}
	last := chain[len(chain)-1]
	if bytes.Equal(last.RawIssuer, last.RawSubject) {
		return []Finding{{Name: "untrusted", Level: Warning,
			Detail: fmt.Sprintf("the chain ends at %s, which is signed by itself and is no root that clients trust", subject(last)),
			Fix:    "have the certificate issued by an authority that clients trust, or install that one in all clients"}}
	}
	return []Finding{{Name: "missing-intermediate", Level: Warning,
		Detail: fmt.Sprintf("the chain ends at %s, issued by %q, which is no root that clients trust", subject(last), last.Issuer),
		Fix:    "append the certificate of that issuer to the file; if it is an authority of your own, install it in all clients"}}
}

// verify reports why clients do not trust a chain.
func verify(chain []*x509.Certificate, o Options) error {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: o.Roots, Intermediates: between, CurrentTime: o.Now})
	return err
}

// rfcLints are the lints of zlint that hold for every authority, not only for those that everybody trusts.
var rfcLints = sync.OnceValues(func() (zlints.Registry, error) {
	return zlints.GlobalRegistry().Filter(zlints.FilterOptions{
		IncludeSources: zlints.SourceList{zlints.RFC3279, zlints.RFC5280, zlints.RFC5480, zlints.RFC5891, zlints.RFC8813}})
})

// zlinted runs zlint. What an authority of one's own does against an RFC is a
// warning: clients have taken its certificates so far.
func zlinted(leaf *x509.Certificate, public bool) ([]Finding, error) {
	c, err := zx509.ParseCertificate(leaf.Raw)
	if err != nil {
		return nil, fmt.Errorf("lint: %s: zlint cannot read the certificate: %w", subject(leaf), err)
	}
	lints, worst := zlints.GlobalRegistry(), Error
	if !public {
		worst = Warning
		if lints, err = rfcLints(); err != nil {
			return nil, fmt.Errorf("lint: %w", err)
		}
	}
	levels := map[zlints.LintStatus]Level{zlints.Notice: Notice, zlints.Warn: Warning, zlints.Error: Error, zlints.Fatal: Error}
	var found []Finding
	for name, result := range zlint.LintCertificateEx(c, lints).Results {
		level, bad := levels[result.Status]
		if !bad {
			continue
		}
		f := Finding{Name: name, Level: min(level, worst), Detail: result.Details, Fix: "have it issued again without that"}
		if l := lints.CertificateLints().ByName(name); l != nil {
			f.Detail = strings.TrimSpace(l.Description + " " + result.Details)
			f.Fix += " (" + l.Citation + ")"
		}
		found = append(found, f)
	}
	return found, nil
}

// own are the names of the lints that are not zlint's.
var own = []string{"expiry", "life", "names", "chain-order", "missing-intermediate", "untrusted"}

// Known reports whether there is a lint of this name, as Options.Allow takes it.
func Known(name string) bool {
	return slices.Contains(own, name) || zlints.GlobalRegistry().CertificateLints().ByName(name) != nil
}

func subject(c *x509.Certificate) string {
	if len(c.DNSNames) > 0 {
		return c.DNSNames[0]
	}
	return fmt.Sprintf("%q", c.Subject)
}
