package audit

import (
	"context"
	"crypto/tls"
	"slices"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/hello"
)

// alertInappropriateFallback is what a server should refuse a needless lower version with (RFC 7507, section 3).
const alertInappropriateFallback = 86

// behaviour asks what a server does with offers that clients should not make, and with those they should.
func (a *auditor) behaviour(ctx context.Context) {
	i := slices.IndexFunc(a.report.Versions, func(v Version) bool { return v.ID < tls.VersionTLS13 })
	if i < 0 {
		return // TLS 1.3 has none of these
	}
	v := a.report.Versions[i] // the highest before TLS 1.3
	reply, err := a.ask(ctx, a.offer(v.ID, v.numbers()))
	if err != nil {
		a.unknown("extensions of "+v.Name, err)
		return
	}
	if !slices.Contains(reply.Extensions, hello.ExtRenegotiation) {
		a.find("no-secure-renegotiation", "the ServerHello of %s has no renegotiation_info", v.Name)
	}
	if v.ID > versionSSL30 && !slices.Contains(reply.Extensions, hello.ExtEMS) {
		a.find("no-extended-master-secret", "the ServerHello of %s does not have it", v.Name)
	}
	for _, probe := range []struct {
		what   string
		change func(*hello.Hello)
		bad    func(hello.Reply) bool
		id     string
		detail string
		when   bool
	}{
		{"compression", func(h *hello.Hello) { h.Compressions = []byte{1, 0} }, func(r hello.Reply) bool { return !r.Refused && r.Compression != 0 },
			"compression", "offered DEFLATE, the server takes it", true},
		{"signatures with SHA-1", func(h *hello.Hello) { h.Signatures = []tls.SignatureScheme{tls.PKCS1WithSHA1, tls.ECDSAWithSHA1} },
			func(r hello.Reply) bool {
				return !r.Refused && (r.Signature == tls.PKCS1WithSHA1 || r.Signature == tls.ECDSAWithSHA1)
			}, "sha1-handshake", "offered nothing better, the server signs its key exchange with SHA-1", v.ID == tls.VersionTLS12},
	} {
		if !probe.when {
			continue
		}
		h := a.offer(v.ID, v.numbers())
		probe.change(&h)
		r, err := a.ask(ctx, h)
		if err != nil {
			a.unknown(probe.what, err)
		} else if probe.bad(r) {
			a.find(probe.id, "%s (%s)", probe.detail, v.Name)
		}
	}
	a.fallback(ctx)
}

// fallback offers the second best version with the signal that the client knows a better one.
func (a *auditor) fallback(ctx context.Context) {
	if len(a.report.Versions) < 2 {
		return
	}
	best, second := a.report.Versions[0], a.report.Versions[1]
	h := a.offer(second.ID, append(second.numbers(), hello.FallbackSCSV))
	r, err := a.ask(ctx, h)
	if err != nil {
		a.unknown("protection against downgrades", err)
	} else if !r.Refused || r.Alert != alertInappropriateFallback && r.Alert != 0 {
		a.find("no-fallback-protection", "a client that knows %s and falls back to %s is served", best.Name, second.Name)
	}
}
