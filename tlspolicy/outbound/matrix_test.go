package outbound

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
)

const (
	testDomain = "example.org"
	testSTS    = "version: STSv1\r\nmode: %s\r\nmx: %s\r\nmax_age: 86400\r\n"
)

// published is what a domain has published, by name.
func (p *pki) published(t testing.TB, what string) (zone, *web) {
	z, w := zone{"secure": {Secure: true}}, &web{err: errors.New("nobody is there")}
	dnssec := strings.HasPrefix(what, "tlsa") || what == "dnssec"
	z["secure"] = Answer{Secure: dnssec}
	z.put(t, testDomain, "MX", dnssec, "10 mx.example.org.")
	z.put(t, "mx.example.org", "A", dnssec, "192.0.2.1")
	switch what {
	case "sts enforce", "sts testing", "sts enforce, other mx":
		mx := "*.example.org"
		if strings.HasSuffix(what, "other mx") {
			mx = "mail.example.org"
		}
		w.policy, w.err = fmt.Sprintf(testSTS, strings.TrimSuffix(strings.Fields(what)[1], ","), mx), nil
		z.put(t, "_mta-sts."+testDomain, "TXT", false, `"v=STSv1; id=1;"`)
	case "tlsa ee":
		z.put(t, "_25._tcp.mx.example.org", "TLSA", true, fmt.Sprintf("3 1 1 %x", sha256.Sum256(p.good.Cert.RawSubjectPublicKeyInfo)))
	case "tlsa ta":
		z.put(t, "_25._tcp.mx.example.org", "TLSA", true, fmt.Sprintf("2 0 1 %x", sha256.Sum256(p.ca.Cert.Raw)))
	case "tlsa unusable":
		z.put(t, "_25._tcp.mx.example.org", "TLSA", true, fmt.Sprintf("1 1 1 %x", sha256.Sum256(p.good.Cert.RawSubjectPublicKeyInfo)))
	case "tlsa bogus":
		z["_25._tcp.mx.example.org TLSA"] = Answer{Name: "bogus"}
	case "tlsa down":
		z["_25._tcp.mx.example.org TLSA"] = Answer{Name: "down"}
	case "mx bogus":
		z[testDomain+" MX"] = Answer{Name: "bogus"}
	}
	return z, w
}

// The downgrade matrix: what a domain has published, against what an attacker or a mistake does to its server. A message never goes below what is published, and
// each failure is in the report.
func TestDowngrades(t *testing.T) {
	pki := newPKI(t)
	good, wrong, expired, stranger := pki.good.Pair(pki.ca), pki.wrong.Pair(pki.ca), pki.expired.Pair(pki.ca), pki.stranger.Pair(pki.other)
	attacks := []struct {
		name string
		server
	}{
		{"none", server{cert: &good}},
		{"STARTTLS stripped", server{}},
		{"wrong name", server{cert: &wrong}},
		{"expired", server{cert: &expired}},
		{"stranger", server{cert: &stranger}},
		{"no TLS after STARTTLS", server{broken: true}},
	}
	const (
		ok    = "send"
		plain = "send plain"
		skip  = "skip"
	)
	for _, row := range []struct {
		published string
		wish      Wish
		want      [6]string // by attack: the action, and what the report says
	}{
		{"nothing", AsPublished, [6]string{ok, plain + " starttls-not-supported", ok, ok, ok, plain + " validation-failure"}},
		{"sts enforce", AsPublished, [6]string{ok, skip + " starttls-not-supported", skip + " certificate-host-mismatch", skip + " certificate-expired",
			skip + " certificate-not-trusted", skip + " validation-failure"}},
		{"sts testing", AsPublished, [6]string{ok, plain + " starttls-not-supported", ok + " certificate-host-mismatch", ok + " certificate-expired",
			ok + " certificate-not-trusted", plain + " validation-failure"}},
		{"tlsa ee", AsPublished, [6]string{ok, skip + " starttls-not-supported", ok, ok, skip + " validation-failure", skip + " validation-failure"}},
		{"tlsa ta", AsPublished, [6]string{ok, skip + " starttls-not-supported", skip + " certificate-host-mismatch", skip + " certificate-expired",
			skip + " validation-failure", skip + " validation-failure"}},
		{"tlsa unusable", AsPublished, [6]string{ok + " tlsa-invalid", skip + " starttls-not-supported tlsa-invalid", ok + " tlsa-invalid", ok + " tlsa-invalid",
			ok + " tlsa-invalid", skip + " tlsa-invalid validation-failure"}},
		// The sender wants TLS: whatever the domain has published, if only its servers' names can be known.
		{"dnssec", RequireTLS, [6]string{ok, skip + " starttls-not-supported", skip + " certificate-host-mismatch", skip + " certificate-expired",
			skip + " certificate-not-trusted", skip + " validation-failure"}},
		{"sts testing", RequireTLS, [6]string{ok, skip + " starttls-not-supported", skip + " certificate-host-mismatch", skip + " certificate-expired",
			skip + " certificate-not-trusted", skip + " validation-failure"}},
		{"tlsa ee", RequireTLS, [6]string{ok, skip + " starttls-not-supported", ok, ok, skip + " validation-failure", skip + " validation-failure"}},
		// The sender wants it to arrive.
		{"sts enforce", Optional, [6]string{ok, plain + " starttls-not-supported", ok + " certificate-host-mismatch", ok + " certificate-expired",
			ok + " certificate-not-trusted", plain + " validation-failure"}},
		{"tlsa ta", Optional, [6]string{ok, plain + " starttls-not-supported", ok + " certificate-host-mismatch", ok + " certificate-expired",
			ok + " validation-failure", plain + " validation-failure"}},
		{"tlsa bogus", Optional, [6]string{ok + " dnssec-invalid", plain + " dnssec-invalid starttls-not-supported", ok + " dnssec-invalid", ok + " dnssec-invalid",
			ok + " dnssec-invalid", plain + " dnssec-invalid validation-failure"}},
	} {
		for i, attack := range attacks {
			z, w := pki.published(t, row.published)
			p := &Policies{Resolver: z, HTTP: w, Roots: testca.Roots(pki.ca), Reports: &Reports{}}
			d, err := p.Destination(t.Context(), testDomain, row.wish)
			if err != nil {
				t.Fatalf("%s, %s: %v", row.published, attack.name, err)
			}
			attack.requireTLS = true
			verdict, arrived := attack.meet(t, d.Hosts[0])
			got := strings.Join(append([]string{verdict.Action.String()}, results(t, p.Reports)...), " ")
			if got != row.want[i] {
				t.Errorf("%s (wish %d), %s: %s, not %s (%v)", row.published, row.wish, attack.name, got, row.want[i], verdict.Failure)
			}
			if want := map[Action]string{Send: "by TLS"}[verdict.Action]; arrived != want {
				t.Errorf("%s, %s: the server got the message %q, not %q", row.published, attack.name, arrived, want)
			}
			if verdict.Action == Skip && verdict.Failure.Permanent != (row.wish == RequireTLS) {
				t.Errorf("%s, %s: permanent %v", row.published, attack.name, verdict.Failure.Permanent)
			}
			if verdict.RequireTLS != (row.wish == RequireTLS && verdict.Action == Send) {
				t.Errorf("%s, %s: REQUIRETLS %v", row.published, attack.name, verdict.RequireTLS)
			}
		}
	}
}

// Where not even a server may be chosen.
func TestNoServer(t *testing.T) {
	pki := newPKI(t)
	for _, row := range []struct {
		published string
		wish      Wish
		status    string
		permanent bool
		reported  string
	}{
		{"sts enforce, other mx", AsPublished, statusPolicy, false, "validation-failure"},
		{"sts enforce, other mx", RequireTLS, statusNoTLS, true, "validation-failure"},
		{"tlsa bogus", AsPublished, statusUnreachable, false, "dnssec-invalid"},
		{"tlsa down", AsPublished, statusUnreachable, false, ""},
		{"mx bogus", AsPublished, statusUnreachable, false, "dnssec-invalid"},
		{"nothing", RequireTLS, statusNoTLS, true, ""},
	} {
		z, w := pki.published(t, row.published)
		p := &Policies{Resolver: z, HTTP: w, Reports: &Reports{}}
		_, err := p.Destination(t.Context(), testDomain, row.wish)
		var f *Failure
		if !errors.As(err, &f) || f.Status != row.status || f.Permanent != row.permanent {
			t.Errorf("%s (wish %d): %+v", row.published, row.wish, err)
		}
		if got := strings.Join(results(t, p.Reports), " "); got != row.reported {
			t.Errorf("%s (wish %d): reported %q, not %q", row.published, row.wish, got, row.reported)
		}
	}
}

// An attacker who keeps the policy from being fetched gains nothing while one is remembered, with the TXT record or without.
func TestPolicyHostDown(t *testing.T) {
	pki := newPKI(t)
	good := pki.good.Pair(pki.ca)
	z, w := pki.published(t, "sts enforce")
	now := time.Now()
	p := &Policies{Resolver: z, HTTP: w, Roots: testca.Roots(pki.ca), Reports: &Reports{}, now: func() time.Time { return now }}
	step := func(what string, s server, action Action, reported string) {
		t.Helper()
		d, err := p.Destination(t.Context(), testDomain, AsPublished)
		if err != nil {
			t.Fatal(err)
		}
		v, _ := s.meet(t, d.Hosts[0])
		if got := strings.Join(results(t, p.Reports), " "); v.Action != action || got != reported {
			t.Errorf("%s: %v, reported %q; not %v, %q", what, v.Action, got, action, reported)
		}
	}
	step("the first time", server{cert: &good}, Send, "")
	step("again", server{cert: &good}, Send, "")
	if len(w.asked) != 1 || w.asked[0] != "https://mta-sts.example.org/.well-known/mta-sts.txt" {
		t.Errorf("asked: %q", w.asked)
	}
	w.err = errors.New("connection refused")
	z.put(t, "_mta-sts."+testDomain, "TXT", false, `"v=STSv1; id=2;"`)
	step("the host is down and STARTTLS stripped", server{}, Skip, "starttls-not-supported sts-policy-fetch-error")
	step("not asked again at once", server{}, Skip, "starttls-not-supported")
	delete(z, "_mta-sts."+testDomain+" TXT")
	step("the record is gone", server{}, Skip, "starttls-not-supported")
	z["_mta-sts."+testDomain+" TXT"] = Answer{Name: "down"}
	step("the record cannot be seen", server{}, Skip, "starttls-not-supported")
	z.put(t, "_mta-sts."+testDomain, "TXT", false, `"v=STSv1; id=3;"`)
	now = now.Add(fetchPause)
	w.err, w.policy = nil, "version: STSv1\nmode: enforce\n"
	step("the policy is damaged", server{}, Skip, "starttls-not-supported sts-policy-invalid")
	now = now.Add(fetchPause)
	w.policy = "version: STSv1\nmode: none\nmax_age: 86400\n"
	step("withdrawn by the domain", server{}, SendPlain, "starttls-not-supported")
	// What expires counts no more, and without a policy nobody knows of one.
	z.put(t, "_mta-sts."+testDomain, "TXT", false, `"v=STSv1; id=4;"`)
	w.policy = fmt.Sprintf(testSTS, "enforce", "mx.example.org")
	step("a new policy", server{}, Skip, "starttls-not-supported")
	now, w.err = now.Add(25*time.Hour), errors.New("connection refused")
	step("expired", server{}, SendPlain, "starttls-not-supported sts-policy-fetch-error")
}

// results are the kinds of failures in the JSON of the reports, which are taken.
func results(t testing.TB, r *Reports) (all []string) {
	t.Helper()
	reports, err := r.Take(Sender{Domain: "sender.example"}, time.Unix(0, 0), time.Unix(86400, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, report := range reports {
		var d struct {
			Policies []struct {
				FailureDetails []struct {
					ResultType string `json:"result-type"`
				} `json:"failure-details"`
			}
		}
		if err := json.Unmarshal(report.JSON, &d); err != nil {
			t.Fatal(err)
		}
		for _, p := range d.Policies {
			for _, f := range p.FailureDetails {
				all = append(all, f.ResultType)
			}
		}
	}
	slices.Sort(all)
	return all
}
