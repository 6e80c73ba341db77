package outbound

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
)

// A server that does not promise REQUIRETLS gets no message that requires it (RFC 8689, section 4.2.1).
func TestRequireTLSNotOffered(t *testing.T) {
	pki := newPKI(t)
	good := pki.good.Pair(pki.ca)
	z, w := pki.published(t, "tlsa ee")
	p := &Policies{Resolver: z, HTTP: w}
	d, err := p.Destination(t.Context(), testDomain, RequireTLS)
	if err != nil {
		t.Fatal(err)
	}
	v, got := server{cert: &good}.meet(t, d.Hosts[0])
	if v.Action != Skip || v.Failure.Status != "5.7.30" || !v.Failure.Permanent || got != "" {
		t.Errorf("%+v, arrived %q", v, got)
	}
}

// Which servers, in which order, by which records.
func TestHosts(t *testing.T) {
	hosts := func(z zone, domain string) string {
		t.Helper()
		d, err := (&Policies{Resolver: z}).Destination(t.Context(), domain, AsPublished)
		var f *Failure
		if errors.As(err, &f) {
			return "failure " + f.Status
		}
		var all []string
		for _, h := range d.Hosts {
			all = append(all, fmt.Sprintf("%s %s %v", h.Name, h.Level, h.Addresses))
		}
		return strings.Join(all, "; ")
	}
	z := zone{}
	z.put(t, "a.example", "MX", false, "20 second.example.", "10 First.example.", "30 nowhere.example.")
	z.put(t, "first.example", "A", false, "192.0.2.1")
	z.put(t, "first.example", "AAAA", false, "2001:db8::1")
	z.put(t, "second.example", "A", false, "192.0.2.2")
	z["second.example AAAA"] = Answer{Name: "down"}
	z.put(t, "b.example", "A", false, "192.0.2.3")
	z.put(t, "null.example", "MX", false, "0 .")
	z["none.example MX"] = Answer{NoName: true}
	z["down.example MX"] = Answer{Name: "down"}
	// DNSSEC, an alias, the records under the name that it stands for, or under its own.
	tlsa := fmt.Sprintf("3 1 1 %x", sha256.Sum256(nil))
	for _, domain := range []string{"c.example", "d.example", "e.example", "f.example"} {
		z.put(t, domain, "MX", true, "10 mx."+domain+".")
		for _, kind := range []string{"A", "AAAA"} {
			z.put(t, "mx."+domain, kind, domain != "e.example" && domain != "f.example")
			a := z["mx."+domain+" "+kind]
			a.Name = "real." + domain + "."
			if kind == "A" {
				a.Records = z["first.example A"].Records
			}
			z["mx."+domain+" "+kind] = a
		}
	}
	z.put(t, "_25._tcp.real.c.example", "TLSA", true, tlsa)
	z.put(t, "_25._tcp.mx.d.example", "TLSA", true, tlsa)
	z.put(t, "_25._tcp.mx.e.example", "TLSA", true, tlsa) // the alias is secure, what it stands for is not
	z.put(t, "mx.e.example", "CNAME", true)
	z.put(t, "_25._tcp.mx.f.example", "TLSA", true, tlsa) // neither is
	for domain, want := range map[string]string{
		"a.example":    "first.example opportunistic [2001:db8::1 192.0.2.1]; second.example opportunistic [192.0.2.2]",
		"b.example":    "b.example opportunistic [192.0.2.3]",
		"c.example":    "mx.c.example DANE [192.0.2.1]",
		"d.example":    "mx.d.example DANE [192.0.2.1]",
		"e.example":    "mx.e.example DANE [192.0.2.1]",
		"f.example":    "mx.f.example opportunistic [192.0.2.1]",
		"null.example": "failure 5.1.10",
		"none.example": "failure 5.1.2",
		"down.example": "failure 4.4.3",
		"no_address":   "failure 4.7.5",
		"EXAMPLE.org":  "failure 5.1.2",
		"[192.0.2.1]":  "failure 5.1.2",
		"":             "failure 5.1.2",
	} {
		if got := hosts(z, domain); got != want {
			t.Errorf("%s: %s, not %s", domain, got, want)
		}
	}
	d, err := (&Policies{Resolver: z}).Destination(t.Context(), "c.example", AsPublished)
	if err != nil {
		t.Fatal(err)
	}
	if config, err := d.Hosts[0].TLS(); err != nil || config.ServerName != "real.c.example" || !slices.Equal(d.Hosts[0].names, []string{"real.c.example", "mx.c.example", "c.example"}) {
		t.Error("not the TLSA base domain:", config.ServerName, d.Hosts[0].names, err)
	}
}

// TLSA records of all kinds, against a chain.
func TestTLSA(t *testing.T) {
	pki := newPKI(t)
	chain := []*testca.Issued{pki.good, pki.ca}
	sum512 := sha512.Sum512(pki.good.Cert.Raw)
	caKey := sha256.Sum256(pki.ca.Cert.RawSubjectPublicKeyInfo)
	for record, want := range map[string]string{
		fmt.Sprintf("3 0 2 %x", sum512):             "good",
		fmt.Sprintf("3 0 0 %x", pki.good.Cert.Raw):  "good",
		fmt.Sprintf("2 1 1 %x", caKey):              "good",
		fmt.Sprintf("2 0 0 %x", pki.ca.Cert.Raw):    "good",
		fmt.Sprintf("2 0 0 %x", pki.other.Cert.Raw): "bad",
		fmt.Sprintf("3 1 1 %x", caKey):              "bad", // of the authority, not the server
		fmt.Sprintf("0 1 1 %x", caKey):              "unusable",
		fmt.Sprintf("1 1 1 %x", caKey):              "unusable",
		fmt.Sprintf("3 2 1 %x", caKey):              "unusable",
		fmt.Sprintf("3 1 3 %x", caKey):              "unusable",
		fmt.Sprintf("3 1 2 %x", caKey):              "unusable", // the wrong length
	} {
		z := zone{}
		z.put(t, "x", "TLSA", true, record)
		records, got := usable(z["x TLSA"]), "unusable"
		for _, sent := range []int{1, 2} { // without the authority's certificate, and with it
			if len(records) == 0 {
				break
			}
			certs := certificates(chain[:sent])
			got = "good"
			if err := verifyDANE(records, certs, []string{"mx.example.org"}, time.Now()); err != nil {
				got = "bad"
			}
			if want == "good" && got == "good" {
				break
			}
		}
		if got != want {
			t.Errorf("%.20s...: %s, not %s", record, got, want)
		}
	}
	// An authority that is in DNS only, with a chain that lacks it.
	z := zone{}
	z.put(t, "x", "TLSA", true, fmt.Sprintf("2 0 0 %x", pki.ca.Cert.Raw))
	if err := verifyDANE(usable(z["x TLSA"]), certificates(chain[:1]), []string{"mx.example.org"}, time.Now()); err != nil {
		t.Error(err)
	}
	if err := verifyDANE(usable(z["x TLSA"]), certificates(chain[:1]), nil, time.Now()); err == nil {
		t.Error("verified for no name")
	}
}

func TestSTSPolicy(t *testing.T) {
	good := "version: STSv1\r\nmode: enforce\r\nmx: Mail.example.org\r\nmx: *.example.net\r\nmax_age: 99999999\r\nunknown: x\r\nmode: none\r\n"
	p, err := ParseSTSPolicy(good)
	if err != nil || p.Mode != Enforce || p.MaxAge != longestAge {
		t.Fatalf("%+v, %v", p, err)
	}
	for host, want := range map[string]bool{"mail.example.org": true, "MAIL.example.org.": true, "a.example.net": true, "a.b.example.net": false, "example.net": false, "mail.example.com": false, "x.mail.example.org": false} {
		if p.Matches(host) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
	for want, text := range map[string]string{
		"has no version":    "mode: none\nmax_age: 1\n",
		"has version":       "version: STSv2\nmode: none\nmax_age: 1\n",
		"has no max_age":    "version: STSv1\nmode: none\n",
		"has max_age":       "version: STSv1\nmode: none\nmax_age: -1\n",
		"none of enforce":   "version: STSv1\nmode: strict\nmax_age: 1\n",
		"names no server":   "version: STSv1\nmode: testing\nmax_age: 1\n",
		"is no field":       "version: STSv1\n<html>\n",
		"is no name of a s": "version: STSv1\nmode: enforce\nmx: *.*.org\nmax_age: 1\n",
		"is longer than":    strings.Repeat("x", maxPolicy+1),
	} {
		if _, err := ParseSTSPolicy(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
}

func TestRecords(t *testing.T) {
	for record, want := range map[string]string{
		"v=STSv1; id=20160831085700Z;": "20160831085700Z", "v=STSv1;id=1": "1", "v=STSv1 ; x=y; id=2": "2", "v=STSv1;": "", "v=STSv1; id=a b": "",
		"v=STSv2; id=1": "", "id=1; v=STSv1": "", "v=STSv1; id=" + strings.Repeat("1", 33): "",
	} {
		if got := stsID([]string{"v=spf1 -all", record}); got != want {
			t.Errorf("%s: %q, not %q", record, got, want)
		}
	}
	if got := stsID([]string{"v=STSv1; id=1", "v=STSv1; id=2"}); got != "" {
		t.Error("two records:", got)
	}
	z := zone{}
	z.put(t, "_smtp._tls.example.org", "TXT", false, `"v=TLSRPTv1; rua=mailto:" "reports@example.org,https://r.example.org/v1?x=1, ftp://x ,mailto:"`)
	got, err := ReportAddresses(t.Context(), z, testDomain)
	if err != nil || !slices.Equal(got, []string{"mailto:reports@example.org", "https://r.example.org/v1?x=1"}) {
		t.Error(got, err)
	}
	if got := parseTLSRPT([]string{"v=TLSRPTv1; rua=mailto:a@b", "v=TLSRPTv1; rua=mailto:c@d"}); got != nil {
		t.Error("two records:", got)
	}
}

// The JSON, field by field (RFC 8460, section 4.4). mailhavn's own counts and what a stranger's server says are bounded.
func TestReport(t *testing.T) {
	r := &Reports{}
	policy := STSPolicy{Mode: Enforce, MaxAge: time.Hour, MX: []string{"mx.example.org", "*.example.net"}}
	f := &Failure{Type: CertificateExpired, Host: "mx.example.org"}
	o := Outcome{HELO: "mx\x00\n", Remote: addr("192.0.2.1"), Local: addr("2001:db8::25")}
	r.count(stsKey(testDomain, policy), o, nil)
	r.count(stsKey(testDomain, policy), o, f)
	r.count(stsKey(testDomain, policy), o, f)
	reports, err := r.Take(Sender{"Example Mail", "postmaster@sender.example", "sender.example"}, time.Unix(1800000000, 5), time.Unix(1800086400, 0))
	if err != nil || len(reports) != 1 {
		t.Fatal(reports, err)
	}
	want := `{
  "organization-name": "Example Mail",
  "date-range": {
    "start-datetime": "2027-01-15T08:00:00Z",
    "end-datetime": "2027-01-16T08:00:00Z"
  },
  "contact-info": "postmaster@sender.example",
  "report-id": "example.org_1800000000@sender.example",
  "policies": [
    {
      "policy": {
        "policy-type": "sts",
        "policy-string": [
          "version: STSv1",
          "mode: enforce",
          "mx: mx.example.org",
          "mx: *.example.net",
          "max_age: 3600"
        ],
        "policy-domain": "example.org",
        "mx-host": [
          "mx.example.org",
          "*.example.net"
        ]
      },
      "summary": {
        "total-successful-session-count": 1,
        "total-failure-session-count": 2
      },
      "failure-details": [
        {
          "result-type": "certificate-expired",
          "sending-mta-ip": "2001:db8::25",
          "receiving-mx-hostname": "mx.example.org",
          "receiving-mx-helo": "mx??",
          "receiving-ip": "192.0.2.1",
          "failed-session-count": 2
        }
      ]
    }
  ]
}`
	if got := string(reports[0].JSON); got != want {
		t.Error(got)
	}
	if reports[0].Filename != "sender.example!example.org!1800000000!1800086400.json.gz" || reports[0].Domain != testDomain {
		t.Errorf("%+v", reports[0])
	}
	if again, _ := r.Take(Sender{}, time.Time{}, time.Time{}); len(again) != 0 {
		t.Error("counted twice")
	}
	for i := range 2 * maxDetails {
		r.count(policyKey{Type: policyNone, Domain: testDomain}, Outcome{HELO: fmt.Sprint(i)}, f)
	}
	for _, s := range r.byPolicy {
		if len(s.details) > maxDetails+1 || s.bad != 2*maxDetails {
			t.Errorf("%d kinds of failures are kept, %d counted", len(s.details), s.bad)
		}
	}
}

// The policy is fetched by HTTPS with a good certificate, without redirections, as text.
func TestFetch(t *testing.T) {
	answer := func(w http.ResponseWriter, r *http.Request) {}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r) }))
	defer s.Close()
	get := func(p *Policies) (string, error) {
		return p.get(t.Context(), strings.Replace(s.URL, "127.0.0.1", "localhost", 1))
	}
	if _, err := get(&Policies{}); certificateResult(err) != CertificateNotTrusted && certificateResult(err) != CertificateHostMismatch {
		t.Errorf("%v: %s", err, certificateResult(err))
	}
	p := &Policies{HTTP: s.Client().Transport}
	s.Client().Transport.(*http.Transport).TLSClientConfig.ServerName = "example.com"
	for want, handler := range map[string]http.HandlerFunc{
		"answers 302":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"of type":        func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Type", "text/html") },
		"answers 500":    func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) },
		"is longer than": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, strings.Repeat("x: y\n", maxPolicy)) },
	} {
		answer = handler
		text, err := get(p)
		if err == nil {
			_, err = ParseSTSPolicy(text)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
}

// A memory that is full forgets what expires first.
func TestMemory(t *testing.T) {
	m := NewMemory(2)
	for i, domain := range []string{"b", "a", "c"} {
		m.Store(domain, Remembered{Expires: time.Unix(int64(100-i%2), 0)})
	}
	for domain, want := range map[string]bool{"a": false, "b": true, "c": true} {
		if _, ok := m.Load(domain); ok != want {
			t.Errorf("%s: %v", domain, ok)
		}
	}
}

// Whoever does not do as judged: the handshake itself fails under a policy.
func TestHandshakeFails(t *testing.T) {
	pki := newPKI(t)
	z, w := pki.published(t, "sts enforce")
	d, err := (&Policies{Resolver: z, HTTP: w, Roots: testca.Roots(pki.other)}).Destination(t.Context(), testDomain, AsPublished)
	if err != nil {
		t.Fatal(err)
	}
	config, err := d.Hosts[0].TLS()
	if err != nil || config.MinVersion != tls.VersionTLS12 {
		t.Fatal(err)
	}
	err = config.VerifyConnection(tls.ConnectionState{PeerCertificates: certificates([]*testca.Issued{pki.good})})
	var f *Failure
	if !errors.As(err, &f) || f.Type != CertificateNotTrusted {
		t.Error(err)
	}
}

func FuzzSTSPolicy(f *testing.F) {
	f.Add("version: STSv1\r\nmode: enforce\r\nmx: *.example.org\r\nmax_age: 86400\r\n")
	f.Add("version:STSv1\nmode:none\nmax_age:0")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseSTSPolicy(text)
		if err != nil {
			return
		}
		again, err := ParseSTSPolicy(strings.Join(p.strings(), "\n"))
		if err != nil || again.Mode != p.Mode || again.MaxAge != p.MaxAge || !slices.Equal(again.MX, p.MX) {
			t.Errorf("%+v, %+v, %v", p, again, err)
		}
	})
}

func FuzzRecords(f *testing.F) {
	f.Add("v=STSv1; id=1;")
	f.Add("v=TLSRPTv1; rua=mailto:a@example.org,https://example.org")
	f.Fuzz(func(t *testing.T, text string) {
		if id := stsID([]string{text}); len(id) > maxSTSID {
			t.Error(id)
		}
		for _, a := range parseTLSRPT([]string{text}) {
			if !strings.HasPrefix(a, "mailto:") && !strings.HasPrefix(a, "https://") {
				t.Error(a)
			}
		}
	})
}
