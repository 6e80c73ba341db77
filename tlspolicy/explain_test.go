package tlspolicy

import (
	"strings"
	"testing"
)

// mozillaSays is 6.0.json of Mozilla's Server Side TLS guidelines
// (mozilla/ssl-config-generator, 8debe30faad8a27a3ba95954035c5d9cdd7a5066), by
// the topics of Explain, in their words.
var mozillaSays = map[string]map[string]string{
	"modern": {
		"versions":                    "TLS 1.3",
		"suites of TLS 1.2":           "none",
		"suites of TLS 1.3":           "TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256",
		"groups":                      "X25519MLKEM768, X25519, CurveP256, CurveP384",
		"finite field Diffie-Hellman": "none",
		"keys of certificates":        "ECDSA P-256, ECDSA P-384",
		"signatures on certificates":  "ecdsa-with-SHA256, ecdsa-with-SHA384, ecdsa-with-SHA512",
		"life of certificates":        "at most 90 days, 90 recommended",
		"order of suites":             "the client's hardware decides",
		"OCSP staples":                "served where there is one",
	},
	"intermediate": {
		"versions": "TLS 1.2, TLS 1.3",
		"suites of TLS 1.2": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, " +
			"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
		"suites of TLS 1.3":           "TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256",
		"groups":                      "X25519MLKEM768, X25519, CurveP256, CurveP384",
		"finite field Diffie-Hellman": "2048 bits",
		"keys of certificates":        "ECDSA P-256, ECDSA P-384, RSA from 2048 bits",
		"signatures on certificates":  "sha256WithRSAEncryption, ecdsa-with-SHA256, ecdsa-with-SHA384, ecdsa-with-SHA512",
		"life of certificates":        "at most 366 days, 90 recommended",
		"order of suites":             "the client's hardware decides",
		"OCSP staples":                "served where there is one",
	},
}

func TestExplainAgainstMozilla(t *testing.T) {
	for _, p := range []Policy{Modern, Intermediate} {
		seen := 0
		for _, d := range p.Explain() {
			want, ok := mozillaSays[p.String()][d.Topic]
			if !ok {
				if d.Differs != "" && d.Topic != "signatures on certificates" {
					t.Errorf("%s, %s: differs from what Mozilla does not say", p, d.Topic)
				}
				continue
			}
			seen++
			if (d.Value != want) != (d.Differs != "") && d.Topic != "signatures on certificates" {
				t.Errorf("%s, %s: %q, Mozilla %q, differs: %q", p, d.Topic, d.Value, want, d.Differs)
			}
			if !strings.Contains(d.Source, "Mozilla") {
				t.Errorf("%s, %s: source %q", p, d.Topic, d.Source)
			}
		}
		if seen != len(mozillaSays[p.String()]) {
			t.Errorf("%s: %d of %d topics are explained", p, seen, len(mozillaSays[p.String()]))
		}
	}
}

func TestExplainIsWhole(t *testing.T) {
	for _, p := range []Policy{Modern, Intermediate, Strict} {
		topics := map[string]bool{}
		for _, d := range p.Explain() {
			if d.Topic == "" || d.Value == "" || !strings.HasSuffix(d.Why, ".") || d.Source == "" || topics[d.Topic] {
				t.Errorf("%s: %+v", p, d)
			}
			topics[d.Topic] = true
		}
	}
	value := func(p Policy, topic string) string {
		for _, d := range p.Explain() {
			if d.Topic == topic {
				return d.Value
			}
		}
		return ""
	}
	if got := value(Modern.ALPN("pop3"), "application protocols"); got != "pop3" {
		t.Errorf("protocols %q", got)
	}
	if a, b := value(Intermediate, "extended master secret"), value(Strict, "extended master secret"); a == b {
		t.Errorf("strict explains nothing of its own: %q", a)
	}
	if got := value(Intermediate.Resume(newTickets(t, TicketOptions{})), "session tickets"); !strings.Contains(got, "24h") {
		t.Errorf("tickets %q", got)
	}
}
