package tlspolicy

import (
	"crypto/elliptic"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
)

// An offer like that of OpenSSL 1.1.1, and one like that of OpenSSL 1.0.1.
var (
	offer13 = Offer{
		Versions: []uint16{tls.VersionTLS13, tls.VersionTLS12},
		Suites: []uint16{tls.TLS_AES_256_GCM_SHA384, tls.TLS_CHACHA20_POLY1305_SHA256, tls.TLS_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
		Groups: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP521, tls.CurveP384}, Shares: []tls.CurveID{tls.X25519},
		Signatures: everySignature, EMS: true,
	}
	offer12 = Offer{
		Versions: []uint16{tls.VersionTLS12},
		Suites:   []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_128_CBC_SHA},
		Groups:   []tls.CurveID{tls.CurveP256}, Signatures: []tls.SignatureScheme{tls.PKCS1WithSHA256},
	}
)

func with(o Offer, edit func(*Offer)) Offer {
	edit(&o)
	return o
}

func TestPredict(t *testing.T) {
	hybrid := []tls.CurveID{tls.X25519MLKEM768, tls.X25519}
	tests := []struct {
		name    string
		policy  Policy
		offer   Offer
		version uint16 // 0: refused
		group   tls.CurveID
		retry   bool
		says    string // suite or protocol, or part of the error
	}{
		{"1.3", Modern, offer13, tls.VersionTLS13, tls.X25519, false, "TLS_AES_128_GCM_SHA256"},
		{"hybrid", Modern, with(offer13, func(o *Offer) { o.Groups, o.Shares = hybrid, hybrid }), tls.VersionTLS13, tls.X25519MLKEM768, false, ""},
		{"hybrid without share", Modern, with(offer13, func(o *Offer) { o.Groups = hybrid }), tls.VersionTLS13, tls.X25519MLKEM768, true, ""},
		{"P-384 only", Strict, with(offer13, func(o *Offer) { o.Groups, o.Shares = []tls.CurveID{tls.CurveP384}, nil }), tls.VersionTLS13, tls.CurveP384, true, ""},
		{"P-521 only", Strict, with(offer13, func(o *Offer) { o.Groups, o.Shares = []tls.CurveID{tls.CurveP521}, nil }), 0, 0, false, "key exchange"},
		{"1.2, RSA", Intermediate, offer12, tls.VersionTLS12, tls.CurveP256, false, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
		{"1.2, ECDSA", Intermediate, with(offer13, func(o *Offer) { o.Versions = o.Versions[1:] }), tls.VersionTLS12, tls.X25519, false, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
		{"1.2 to modern", Modern, offer12, 0, 0, false, "version"},
		{"1.2 without EMS to strict", Strict, offer12, 0, 0, false, "extended master secret"},
		{"1.2 with EMS to strict", Strict, with(offer12, func(o *Offer) { o.EMS = true }), tls.VersionTLS12, tls.CurveP256, false, ""},
		{"static RSA only", Intermediate, with(offer12, func(o *Offer) { o.Suites = o.Suites[1:] }), 0, 0, false, "cipher suite"},
		{"protocol", Modern.ALPN("pop3", "imap"), with(offer13, func(o *Offer) { o.Protocols = []string{"imap"} }), tls.VersionTLS13, tls.X25519, false, "imap"},
		{"other protocol", Modern, with(offer13, func(o *Offer) { o.Protocols = []string{"http/1.1"} }), 0, 0, false, "protocol"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.policy.Predict(test.offer)
			if (err != nil) != (test.version == 0) || got.Version != test.version || got.Group != test.group || got.Retry != test.retry {
				t.Fatalf("%+v, %v", got, err)
			}
			if all := got.String() + got.Protocol; err == nil && !strings.Contains(all, test.says) || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("%s, %v: does not say %q", all, err, test.says)
			}
		})
	}
}

// A server's own certificates decide.
func TestPredictByCertificate(t *testing.T) {
	server, err := Intermediate.Server(issue(t, nil, ecdsaKey(t, elliptic.P256()), nil).Pair())
	if err != nil {
		t.Fatal(err)
	}
	if o, err := Predict(server, offer12); err == nil {
		t.Errorf("a client of RSA only and a server of ECDSA only agree on %v", o)
	}
}

func TestNamed(t *testing.T) {
	for _, p := range []Policy{Modern, Intermediate, Strict} {
		if got, err := Named(p.String()); err != nil || got.level != p.level {
			t.Errorf("%s: %s, %v", p, got, err)
		}
	}
	if _, err := Named("old"); err == nil || !strings.Contains(err.Error(), "intermediate") {
		t.Errorf("old: %v", err)
	}
}

func TestVerify(t *testing.T) {
	for _, p := range []Policy{Intermediate, Modern, Strict} {
		for _, test := range []struct {
			server *tls.Config
			ok     bool
		}{
			{&tls.Config{MaxVersion: tls.VersionTLS13}, true},
			{&tls.Config{MaxVersion: tls.VersionTLS12}, p.level != modern},
			{&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
			{&tls.Config{MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP521}}, false},
			{&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		} {
			test.server.Certificates = []tls.Certificate{issue(t, nil, ecdsaKey(t, p256), nil).Pair()}
			client := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}
			state, serverErr, clientErr := handshake(t, test.server, client)
			if serverErr != nil || clientErr != nil {
				t.Fatal(serverErr, clientErr)
			}
			if err := p.Verify(state); (err == nil) != test.ok {
				t.Errorf("%s: %s, %s: %v", p, tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), err)
			}
		}
	}
	if Intermediate.Verify(tls.ConnectionState{}) == nil {
		t.Error("a connection without handshake")
	}
	// Connections that were resumed, or (as in this constructed state) have no
	// extended master secret.
	server, client := ticketServer(t, newTickets(t, TicketOptions{})), newResumer(t, tls.VersionTLS13)
	client.resumes(server)
	state, _, err := handshake(t, server, client.client)
	if err != nil || !state.DidResume || !errors.Is(Strict.Verify(state), ErrNoResumption) || Intermediate.Verify(state) != nil {
		t.Errorf("resumed: %v, %v, %v", err, Strict.Verify(state), Intermediate.Verify(state))
	}
}

func TestServerBy(t *testing.T) {
	ec, rsa := issue(t, nil, ecdsaKey(t, elliptic.P256()), nil).Pair(), issue(t, nil, rsaKey(t, 2048), nil).Pair()
	admitted, err := Modern.Admit(ec)
	if err != nil {
		t.Fatal(err)
	}
	unwilling := errors.New("no certificate today")
	for name, test := range map[string]struct {
		cert *tls.Certificate
		err  error
		ok   bool
	}{
		"admitted":     {&admitted, nil, true},
		"raw":          {&ec, nil, true},
		"not allowed":  {&rsa, nil, false},
		"error":        {nil, unwilling, false},
		"nothing":      {nil, nil, false},
		"without keys": {&tls.Certificate{}, nil, false},
	} {
		server, err := Modern.ServerBy(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return test.cert, test.err })
		if err != nil {
			t.Fatal(err)
		}
		_, err = Predict(server, offer13)
		if (err == nil) != test.ok || test.err != nil && !errors.Is(err, test.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAdmittedAllocatesNothing(t *testing.T) {
	cert, err := Intermediate.Admit(issue(t, nil, rsaKey(t, 2048), nil).Pair())
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1000, func() {
		if !Intermediate.admitted(&cert) || Modern.admitted(&cert) {
			t.Error("wrong")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	cert.SupportedSignatureAlgorithms = []tls.SignatureScheme{tls.PKCS1WithSHA1}
	if Intermediate.admitted(&cert) {
		t.Error("SHA-1 is admitted")
	}
}

func BenchmarkAdmitted(b *testing.B) {
	cert, err := Intermediate.Admit(issue(b, nil, ecdsaKey(b, elliptic.P256()), nil).Pair())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		Intermediate.admitted(&cert)
	}
}

// Two servers that differ in nothing but who set their fields.
func BenchmarkHandshake(b *testing.B) {
	policy := serverOf(b, Intermediate)
	bare := &tls.Config{Certificates: policy.Certificates, MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true,
		CipherSuites: forwardSecretSuites(), CurvePreferences: policy.CurvePreferences, NextProtos: policy.NextProtos}
	by, err := Intermediate.ServerBy(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &policy.Certificates[0], nil })
	if err != nil {
		b.Fatal(err)
	}
	for _, x := range []struct {
		name   string
		server *tls.Config
	}{{"bare", bare}, {"policy", policy}, {"by", by}} {
		b.Run(x.name, func(b *testing.B) {
			for b.Loop() {
				Predict(x.server, offer13)
			}
		})
	}
}
