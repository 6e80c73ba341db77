package audit

import (
	"cmp"
	"crypto/tls"
	"encoding"
	"fmt"
	"slices"
	"strings"
)

// Severity is how bad a finding is.
type Severity int

// The severities, in rising order.
const (
	Info     Severity = iota // worth knowing
	Low                      // weakens, or will one day
	Medium                   // breaks some clients, or some connections under effort
	High                     // breaks trust or secrecy for many
	Critical                 // breaks them for all
)

var severities = []string{"info", "low", "medium", "high", "critical"}

// String returns "info", "low", "medium", "high" or "critical".
func (s Severity) String() string { return severities[s] }

// MarshalText writes the name of the severity.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name of a severity.
func (s *Severity) UnmarshalText(text []byte) error {
	i := slices.Index(severities, string(text))
	if i < 0 {
		return fmt.Errorf("audit: there is no severity %q; there are %s", text, strings.Join(severities, ", "))
	}
	*s = Severity(i)
	return nil
}

var _ encoding.TextUnmarshaler = new(Severity)

// Finding is something that is not as it should be.
type Finding struct {
	ID       string   `json:"id"` // stays the same from version to version
	Severity Severity `json:"severity"`
	Detail   string   `json:"detail"` // what was seen
	Fix      string   `json:"fix"`    // what to do
	Source   string   `json:"source"` // who says that it is bad
	Cap      string   `json:"cap"`    // the best grade with this finding, "" if it does not lower the grade
}

// rule is a row of the catalogue.
type rule struct {
	severity         Severity
	cap, fix, source string
}

const (
	newest  = "allow TLS 1.2 and 1.3 only"
	suites  = "allow suites with ephemeral key exchange and authenticated encryption only"
	reissue = "have the certificate issued again"
	labs    = "SSL Labs rating guide"
)

// catalogue has every finding that there is. Caps are those of the SSL Labs rating guide, where it has the rule.
var catalogue = map[string]rule{
	"ssl2":               {Critical, "F", newest, "RFC 6176"},
	"ssl3":               {High, "C", newest, "RFC 7568"},
	"tls10":              {Low, "B", newest, "RFC 8996"},
	"tls11":              {Low, "B", newest, "RFC 8996"},
	"no-tls12":           {Medium, "C", "allow TLS 1.2, or 1.3 alone", "RFC 9325, section 3.1.1"},
	"no-tls13":           {Low, "A-", "allow TLS 1.3", "RFC 9325, section 3.1.1"},
	"null-cipher":        {Critical, "F", suites, "RFC 9325, section 4.1"},
	"anonymous":          {Critical, "F", suites, "RFC 9325, section 4.1"},
	"export":             {Critical, "F", suites, "RFC 9325, section 4.1 (FREAK, Logjam)"},
	"weak-cipher":        {High, "F", suites, "RFC 9325, section 4.1"},
	"rc4":                {High, "B", suites, "RFC 7465"},
	"rc4-modern":         {High, "C", suites, "RFC 7465; " + labs + ": with TLS 1.1 or later nobody needs it"},
	"block64":            {Medium, "C", suites, "SWEET32, CVE-2016-2183"},
	"cbc":                {Low, "", suites, "Lucky Thirteen, CVE-2013-0169; RFC 9325, section 4.2"},
	"cbc-tls10":          {Low, "", newest, "BEAST, CVE-2011-3389"},
	"cbc-ssl3":           {High, "C", newest, "POODLE, CVE-2014-3566"},
	"static-key":         {Medium, "", suites, "RFC 9325, section 4.1: who has the server's key later reads what was recorded"},
	"no-forward-secrecy": {Medium, "B", suites, "RFC 9325, section 4.1"},
	"no-aead":            {Medium, "B", suites, "RFC 9325, section 4.2; " + labs},
	"unregistered":       {Medium, "", "find out what these are", "IANA, TLS Cipher Suites"},
	"client-order":       {Low, "", "let the server choose, or allow good suites only", "RFC 9325, section 4.2.1"},
	"broken-dh":          {Critical, "F", "use groups of 2048 bits or more, or elliptic curves only", "Logjam, CVE-2015-4000"},
	"weak-dh":            {High, "B", "use groups of 2048 bits or more, or elliptic curves only", "Logjam, CVE-2015-4000; RFC 9325, section 4.5"},
	"weak-curve":         {Medium, "", "allow X25519, P-256 and P-384", "RFC 9325, section 4.5"},
	"no-hybrid":          {Info, "", "allow X25519MLKEM768, so that what is recorded today stays secret from later quantum computers", "Mozilla Server Side TLS 6.0"},

	"expired":          {Critical, "T", "renew it; see why it was not renewed by itself", "RFC 5280, section 6.1.3"},
	"not-yet-valid":    {High, "T", "set the clock right, or wait", "RFC 5280, section 6.1.3"},
	"expires-soon":     {Medium, "", "renew it: less than a fifth of its life is left", "practice of ACME clients"},
	"wrong-name":       {High, "M", "have one issued for that name, or use another name", "RFC 9525, section 6"},
	"self-signed":      {High, "T", "have one issued by an authority that clients trust", "RFC 5280, section 6.1"},
	"untrusted":        {High, "T", "have one issued by an authority that clients trust", "RFC 5280, section 6.1"},
	"incomplete-chain": {High, "T", "append the certificate of that issuer to the file of the certificate; if it is an authority of your own, install it in all clients and name it here as a root", "RFC 8446, section 4.4.2"},
	"chain-order":      {Low, "", "send the server's own certificate first, then the one that issued it, and so on", "RFC 5246, section 7.4.2"},
	"weak-key":         {High, "B", reissue + " for an ECDSA key or one of RSA with 2048 bits", "RFC 9325, section 4.5"},
	"broken-key":       {Critical, "F", reissue + " for an ECDSA key or one of RSA with 2048 bits", "RFC 9325, section 4.5"},
	"weak-signature":   {High, "T", reissue, "RFC 9155; clients refuse MD5 and SHA-1"},
	"long-life":        {Medium, "", reissue + " for 90 days and renewed by itself", "CA/Browser Forum, Baseline Requirements, section 6.3.2"},
	"no-revocation":    {Low, "", "none of your doing: ask the authority, or take certificates that live a few days", "CA/Browser Forum, Baseline Requirements, section 7.1.2.11"},
	"no-caa":           {Low, "", "name the authorities that you use in a CAA record", "RFC 8659"},
	"no-staple":        {Low, "", "let the server staple OCSP responses", "RFC 9325, section 7.5"},
	"must-staple":      {High, "", "let the server staple OCSP responses: the certificate asks clients to insist", "RFC 7633"},

	"ticket-life":               {Low, "", "let tickets and their keys live for a day at most, or switch them off", "RFC 9325, section 3.4: a stolen ticket key opens recorded TLS 1.2 sessions"},
	"ticket-other-name":         {Low, "", "bind tickets to the name of the server", "RFC 9325, section 3.4; cross-host resumption"},
	"ticket-other-host":         {Info, "", "intended in a cluster; else give each its own ticket keys", "RFC 9325, section 3.4"},
	"no-secure-renegotiation":   {High, "A-", "update the TLS library, which should know RFC 5746", "RFC 5746, CVE-2009-3555"},
	"client-renegotiation":      {Medium, "", "switch renegotiation by clients off", "CVE-2011-1473: one client can keep a processor busy"},
	"no-extended-master-secret": {Low, "", "update the TLS library, which should know RFC 7627", "RFC 7627"},
	"compression":               {High, "C", "switch compression off", "CRIME, CVE-2012-4929"},
	"sha1-handshake":            {Low, "", "switch SHA-1 off in signature algorithms", "RFC 9155"},
	"no-fallback-protection":    {Low, "", "update the TLS library, which should know TLS_FALLBACK_SCSV, or allow one version only", "RFC 7507"},
	"starttls-injection":        {Critical, "F", "update the server: it must forget what came in clear after STARTTLS", "CVE-2011-0411; RFC 3207, section 4.2 (no rule of " + labs + ")"},
	"alpn-lax":                  {Info, "", "refuse clients that offer other protocols only", "ALPACA; RFC 9325, section 3.8"},
}

// add adds a finding of the catalogue.
func (r *Report) add(id, detail string) {
	row := catalogue[id]
	r.Findings = append(r.Findings, Finding{ID: id, Severity: row.severity, Detail: detail, Fix: row.fix, Source: row.source, Cap: row.cap})
}

// judge derives findings from what was found, and the grade from all findings.
func (a *auditor) judge() {
	r := a.report
	r.DHBits = a.smallestPrime()
	a.judgeVersions()
	a.judgeSuites()
	a.judgeGroups()
	for _, c := range r.Certificates {
		a.judgeCertificate(c)
	}
	if day := int64(24 * 60 * 60); r.Sessions.Seconds > day {
		r.add("ticket-life", fmt.Sprintf("tickets may be used for %d seconds (%.1f days)", r.Sessions.Seconds, float64(r.Sessions.Seconds)/float64(day)))
	}
	for _, place := range r.Sessions.Elsewhere {
		id := "ticket-other-name"
		if slices.Contains(a.Others, place) {
			id = "ticket-other-host"
		}
		r.add(id, fmt.Sprintf("a session begun here is resumed at %s", place))
	}
	slices.SortStableFunc(r.Findings, func(x, y Finding) int { return cmp.Compare(y.Severity, x.Severity) })
	slices.Sort(r.Unknown)
	r.Grade = grade(r)
}

func (a *auditor) judgeVersions() {
	for version, id := range map[uint16]string{versionSSL30: "ssl3", 0x0301: "tls10", 0x0302: "tls11"} {
		if a.accepts(version) {
			a.report.add(id, versionName(version)+" is offered")
		}
	}
	if !a.accepts(0x0304) {
		a.report.add("no-tls13", "TLS 1.3 is not offered")
		if !a.accepts(0x0303) {
			a.report.add("no-tls12", "neither TLS 1.2 nor 1.3 is offered")
		}
	}
}

// judgeSuites looks at the suites of all versions.
func (a *auditor) judgeSuites() {
	r := a.report
	all := map[uint16]Suite{}
	forward, aead := false, false
	for _, v := range r.Versions {
		for _, s := range v.Suites {
			all[s.ID] = s
			forward, aead = forward || s.ForwardSecret, aead || s.AEAD
		}
		cbc := v.list(func(s Suite) bool { return s.has("_CBC_") })
		weak := v.list(func(s Suite) bool { return !s.AEAD || !s.ForwardSecret })
		for _, x := range []struct {
			id   string
			when bool
			list string
		}{
			{"cbc-ssl3", v.ID == versionSSL30, cbc},
			{"cbc-tls10", v.ID == 0x0301, cbc},
			{"rc4-modern", v.ID >= 0x0302, v.list(func(s Suite) bool { return s.has("_RC4_") })},
			{"client-order", !v.ServerOrder && len(v.Suites) > 1, weak},
		} {
			if x.when && x.list != "" {
				r.add(x.id, v.Name+": "+x.list)
			}
		}
	}
	together := Version{}
	for _, s := range all {
		together.Suites = append(together.Suites, s)
	}
	slices.SortFunc(together.Suites, func(x, y Suite) int { return int(x.ID) - int(y.ID) })
	for _, x := range []struct {
		id string
		of func(Suite) bool
	}{
		{"null-cipher", func(s Suite) bool { return s.has("_NULL", "TLS_SHA") }},
		{"anonymous", func(s Suite) bool { return s.has("_anon_", "TLS_NULL_WITH_NULL") }},
		{"export", func(s Suite) bool { return s.has("EXPORT") }},
		{"weak-cipher", func(s Suite) bool { return s.has("_DES_", "_RC2_") && !s.has("EXPORT") }},
		{"rc4", func(s Suite) bool { return s.has("_RC4_") }},
		{"block64", func(s Suite) bool { return s.has("DES", "IDEA", "RC2", "MAGMA", "28147") }},
		{"cbc", func(s Suite) bool { return s.has("_CBC_") }},
		{"static-key", func(s Suite) bool { return !s.ForwardSecret && !s.has("unregistered") }},
		{"unregistered", func(s Suite) bool { return s.has("unregistered") }},
	} {
		if list := together.list(x.of); list != "" {
			r.add(x.id, list)
		}
	}
	if !forward {
		r.add("no-forward-secrecy", "no suite has an ephemeral key exchange")
	}
	if !aead {
		r.add("no-aead", "no suite has authenticated encryption")
	}
}

// weakGroups are curves of less than 224 bits (RFC 8422, section 5.1.1; RFC 4492 for the old ones).
var weakGroups = append(span(1, 5, 15, 19), 0)

func (a *auditor) judgeGroups() {
	r := a.report
	if bits := r.DHBits; bits > 0 && bits < 2048 {
		id := "weak-dh"
		if bits < 1024 {
			id = "broken-dh"
		}
		r.add(id, fmt.Sprintf("finite field Diffie-Hellman with %d bits", bits))
	}
	anyHybrid := false
	for _, v := range r.Versions {
		var weak []string
		for _, g := range v.Groups {
			anyHybrid = anyHybrid || g.Hybrid
			if slices.Contains(weakGroups, tls.CurveID(g.ID)) {
				weak = append(weak, g.Name)
			}
		}
		if len(weak) > 0 {
			r.add("weak-curve", v.Name+": "+strings.Join(weak, ", "))
		}
	}
	if !anyHybrid {
		r.add("no-hybrid", "no group combines an elliptic curve with ML-KEM")
	}
}

// smallestPrime returns the bits of the smallest prime that a suite used; 0 if none does.
func (a *auditor) smallestPrime() (bits int) {
	for _, bySuite := range a.replies {
		for _, reply := range bySuite {
			if reply.DHBits > 0 && (bits == 0 || reply.DHBits < bits) {
				bits = reply.DHBits
			}
		}
	}
	return bits
}
