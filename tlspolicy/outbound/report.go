package outbound

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Reports counts what happened at servers, for the owners of their domains (RFC 8460). The zero value is ready. All methods may be called by many goroutines.
type Reports struct {
	mu       sync.Mutex // guards the following
	byPolicy map[policyKey]*summary
}

// Bounds of what is kept between two reports.
const (
	maxPolicies = 100_000 // what is met after those is not counted
	maxDetails  = 100     // kinds of failures of one policy
)

// The kinds of policies (RFC 8460, section 4.4).
const (
	policyTLSA = "tlsa"
	policySTS  = "sts"
	policyNone = "no-policy-found"
)

// policyKey tells policies apart.
type policyKey struct {
	Type   string
	Domain string // against which it is defined: that of the recipient, or for DANE the TLSA base domain (RFC 8460, section 1.1)
	Text   string // its lines
	MX     string // the names of servers in it
}

func stsKey(domain string, p STSPolicy) policyKey {
	return policyKey{policySTS, domain, strings.Join(p.strings(), "\n"), strings.Join(p.MX, "\n")}
}

func tlsaKey(base string, a Answer) policyKey {
	var lines []string
	for _, r := range a.Records[:min(len(a.Records), maxTLSA)] {
		if t, ok := r.(*dns.TLSA); ok {
			lines = append(lines, fmt.Sprintf("%d %d %d %s", t.Usage, t.Selector, t.MatchingType, t.Certificate))
		}
	}
	slices.Sort(lines)
	return policyKey{policyTLSA, base, strings.Join(lines, "\n"), ""}
}

type summary struct {
	good, bad int
	details   map[detail]int
}

// detail is a kind of failure; the fields are those of RFC 8460, section 4.4.
type detail struct {
	Type       Result     `json:"result-type"`
	Local      netip.Addr `json:"sending-mta-ip,omitzero"`
	Host       string     `json:"receiving-mx-hostname,omitempty"`
	HELO       string     `json:"receiving-mx-helo,omitempty"`
	Remote     netip.Addr `json:"receiving-ip,omitzero"`
	ReasonCode string     `json:"failure-reason-code,omitempty"`
}

// count counts a session, or with an empty outcome a failure before there was one.
func (p *Policies) count(key policyKey, o Outcome, f *Failure) {
	if p.Reports != nil {
		p.Reports.count(key, o, f)
	}
}

func (r *Reports) count(key policyKey, o Outcome, f *Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.byPolicy[key]
	if s == nil {
		if len(r.byPolicy) >= maxPolicies {
			return
		}
		if r.byPolicy == nil {
			r.byPolicy = map[policyKey]*summary{}
		}
		s = &summary{details: map[detail]int{}}
		r.byPolicy[key] = s
	}
	if f == nil {
		s.good++
		return
	}
	s.bad++
	d := detail{Type: f.Type, Local: o.Local, Host: f.Host, HELO: printable(o.HELO), Remote: o.Remote, ReasonCode: f.Reason}
	if _, known := s.details[d]; !known && len(s.details) >= maxDetails {
		d = detail{Type: f.Type, ReasonCode: "more"} // of this kind, at other servers
	}
	s.details[d]++
}

// printable is what a stranger's server said, bounded and without what could be misread.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' {
			return '?'
		}
		return c
	}, s[:min(len(s), 255)])
}

// Sender is who reports.
type Sender struct {
	Organization string // its name
	Contact      string // address for questions
	Domain       string // of the sending system, for the name of the file
}

// Report is what one domain is told.
type Report struct {
	Domain   string // whose policies these are: see [ReportAddresses]
	Filename string // of the JSON, compressed by gzip (RFC 8460, section 5.1)
	JSON     []byte // of media type application/tlsrpt+json
}

// Take returns a report for each domain that had mail, of the time from begin to end, sorted, and begins to count anew.
func (r *Reports) Take(from Sender, begin, end time.Time) (reports []Report, err error) {
	r.mu.Lock()
	counted := r.byPolicy
	r.byPolicy = nil
	r.mu.Unlock()
	byDomain := map[string][]policyReport{}
	keys := slices.SortedFunc(maps.Keys(counted), func(a, b policyKey) int {
		return cmp.Or(cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Text, b.Text))
	})
	for _, key := range keys {
		byDomain[key.Domain] = append(byDomain[key.Domain], counted[key].report(key))
	}
	for _, domain := range slices.Sorted(maps.Keys(byDomain)) {
		// Unique for the sender: a period is reported once (RFC 8460, section 4.4).
		id := fmt.Sprintf("%s_%d@%s", domain, begin.Unix(), from.Domain)
		text, err := json.MarshalIndent(document{
			Organization: from.Organization, Contact: from.Contact, ID: id, Policies: byDomain[domain],
			Range: dateRange{begin.UTC().Truncate(time.Second), end.UTC().Truncate(time.Second)},
		}, "", "  ")
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("%s!%s!%d!%d.json.gz", from.Domain, domain, begin.Unix(), end.Unix())
		reports = append(reports, Report{domain, name, text})
	}
	return reports, nil
}

// document is the JSON of RFC 8460, section 4.4.
type document struct {
	Organization string         `json:"organization-name"`
	Range        dateRange      `json:"date-range"`
	Contact      string         `json:"contact-info"`
	ID           string         `json:"report-id"`
	Policies     []policyReport `json:"policies"`
}

type dateRange struct {
	Begin time.Time `json:"start-datetime"`
	End   time.Time `json:"end-datetime"`
}

type policyReport struct {
	Policy struct {
		Type    string   `json:"policy-type"`
		Strings []string `json:"policy-string,omitempty"`
		Domain  string   `json:"policy-domain"`
		MX      []string `json:"mx-host,omitempty"`
	} `json:"policy"`
	Summary struct {
		Good int `json:"total-successful-session-count"`
		Bad  int `json:"total-failure-session-count"`
	} `json:"summary"`
	Details []countedDetail `json:"failure-details,omitempty"`
}

type countedDetail struct {
	detail
	Count int `json:"failed-session-count"`
}

func (s *summary) report(key policyKey) (p policyReport) {
	p.Policy.Type, p.Policy.Domain = key.Type, key.Domain
	p.Policy.Strings, p.Policy.MX = lines(key.Text), lines(key.MX)
	p.Summary.Good, p.Summary.Bad = s.good, s.bad
	for d, n := range s.details {
		p.Details = append(p.Details, countedDetail{d, n})
	}
	slices.SortFunc(p.Details, func(a, b countedDetail) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Host, b.Host), a.Remote.Compare(b.Remote), cmp.Compare(a.ReasonCode, b.ReasonCode), cmp.Compare(a.HELO, b.HELO))
	})
	return p
}

func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

const maxAddresses = 10

// ReportAddresses returns where a domain wants reports to be sent, as URIs of the schemes mailto and https; none if it wants none (RFC 8460, section 3).
func ReportAddresses(ctx context.Context, r Resolver, domain string) ([]string, error) {
	a, err := r.Lookup(ctx, "_smtp._tls."+domain, dns.TypeTXT)
	if err != nil {
		return nil, fmt.Errorf("where to report to about %s: %w", domain, err)
	}
	return parseTLSRPT(texts(a)), nil
}

// parseTLSRPT reads the records; more than one that looks like it counts as none.
func parseTLSRPT(records []string) (addresses []string) {
	records = slices.DeleteFunc(records, func(r string) bool {
		first, _, _ := strings.Cut(r, ";")
		return strings.TrimSpace(first) != "v=TLSRPTv1"
	})
	if len(records) != 1 {
		return nil
	}
	for field := range strings.SplitSeq(records[0], ";") {
		list, ok := strings.CutPrefix(strings.TrimSpace(field), "rua=")
		if !ok {
			continue
		}
		for uri := range strings.SplitSeq(list, ",") {
			u, err := url.Parse(strings.TrimSpace(uri))
			if err == nil && (u.Scheme == "mailto" && u.Opaque != "" || u.Scheme == "https" && u.Host != "") && len(addresses) < maxAddresses {
				addresses = append(addresses, u.String())
			}
		}
		break
	}
	return addresses
}
