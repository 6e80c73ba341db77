package audit

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy"
	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
)

// audited runs an audit that has to succeed.
func audited(t testing.TB, address string, o Options) *Report {
	t.Helper()
	r, err := Run(t.Context(), address, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// above returns the IDs of what is worse than Info, sorted, each once.
func above(r *Report) (ids []string) {
	for _, f := range r.Findings {
		if f.Severity > Info {
			ids = append(ids, f.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Each broken server is told by exactly what is wrong with it.
func TestBrokenServers(t *testing.T) {
	a := newAuthority(t)
	for _, b := range broken {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			r := audited(t, serve(t, b.handle(t, a)), Options{Protocol: b.protocol, Name: mailName, Roots: testca.Roots(a.root)})
			want := slices.Sorted(slices.Values(b.finds))
			if got := above(r); !slices.Equal(got, want) {
				t.Errorf("found %q\nwant  %q", got, want)
			}
			if r.Grade.Letter != b.grade {
				t.Errorf("grade %+v, want %s", r.Grade, b.grade)
			}
			if len(r.Unknown) > 0 {
				t.Errorf("unknown: %q", r.Unknown)
			}
		})
	}
}

// A server of a policy has nothing above Info, and accepts what the policy says, among all numbers; in every protocol.
func TestSoundServers(t *testing.T) {
	a := newAuthority(t)
	o := Options{Name: mailName, Roots: testca.Roots(a.root)}
	for _, p := range []Protocol{TLS, SMTP, LMTP, POP3, IMAP, ManageSieve} {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			config, o := a.policy(t), o
			o.Protocol, o.AllNumbers = p, p == TLS
			config.NextProtos = dialects[p].alpn
			if p == TLS {
				config.NextProtos = []string{"imap"}
			}
			handle := speaksTLS(config)
			if p != TLS {
				handle = startsTLS(p, config, false)
			}
			r := audited(t, serve(t, handle), o)
			if got := above(r); len(got)+len(r.Unknown) > 0 {
				t.Errorf("found %q, unknown %q", got, r.Unknown)
			}
			if r.Grade.Letter != "A" || r.Grade.Score != 93 {
				t.Errorf("grade %+v", r.Grade)
			}
			if strict := len(config.NextProtos) > 0; r.ALPNStrict != strict || p != TLS && strict && r.ALPN != config.NextProtos[0] {
				t.Errorf("ALPN %q, strict %v", r.ALPN, r.ALPNStrict)
			}
			var got []string
			for _, v := range r.Versions {
				var groups []string
				for _, g := range v.Groups {
					groups = append(groups, g.Name)
				}
				if v.ID == tls.VersionTLS13 && groups[0] != "X25519MLKEM768" {
					t.Errorf("groups %q", groups)
				}
				slices.Sort(groups)
				got = append(got, groups...)
				for _, s := range v.Suites {
					got = append(got, s.Name)
				}
			}
			want := []string{"P-256", "P-384", "X25519", "X25519MLKEM768", "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
				"P-256", "P-384", "X25519", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"}
			if !slices.Equal(got, want) {
				t.Errorf("accepts %q\nwant    %q", got, want)
			}
		})
	}
}

// Commands before TLS are noticed in every protocol.
func TestInjection(t *testing.T) {
	a := newAuthority(t)
	config := a.policy(t)
	config.NextProtos = nil
	for p := range talks {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			r := audited(t, serve(t, startsTLS(p, config, true)), Options{Protocol: p, Name: mailName, Roots: testca.Roots(a.root)})
			if got := above(r); !slices.Equal(got, []string{"starttls-injection"}) {
				t.Errorf("found %q", got)
			}
		})
	}
}

// Tickets: their life in both versions, and where else they are taken.
func TestSessions(t *testing.T) {
	a := newAuthority(t)
	config := a.policy(t)
	config.SessionTicketsDisabled = false
	one := serve(t, speaksTLS(config))
	two := serve(t, speaksTLS(config)) // shares the keys
	three := serve(t, speaksTLS(a.policy(t)))
	o := Options{Protocol: TLS, Name: mailName, Names: []string{"other.example.org"}, Others: []string{two, three}, Roots: testca.Roots(a.root)}
	r := audited(t, one, o)
	s := r.Sessions
	if !s.Tickets || !s.Resumes || s.TicketLife != 7*24*time.Hour || !slices.Equal(s.Elsewhere, []string{"other.example.org", two}) {
		t.Errorf("%+v", s)
	}
	if got := above(r); !slices.Equal(got, []string{"ticket-life", "ticket-other-name", "wrong-name"}) {
		t.Errorf("found %q", got)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		tickets, err := tlspolicy.NewTickets(t.Context(), tlspolicy.TicketOptions{})
		if err != nil {
			t.Fatal(err)
		}
		config, err := tlspolicy.Intermediate.Resume(tickets).Server(a.leaf(t, nil).Pair(a.between))
		if err != nil {
			t.Fatal(err)
		}
		config.MinVersion, config.MaxVersion = version, version
		r := audited(t, serve(t, speaksTLS(config)), o)
		life := map[uint16]time.Duration{tls.VersionTLS13: 7 * 24 * time.Hour}[version] // crypto/tls says nothing in TLS 1.2
		if !r.Sessions.Resumes || r.Sessions.TicketLife != life || slices.Contains(r.Sessions.Elsewhere, "other.example.org") {
			t.Errorf("%x: %+v", version, r.Sessions)
		}
	}
}

// A certificate for each name and kind of key.
func TestCertificates(t *testing.T) {
	a := newAuthority(t)
	rsa := a.leaf(t, nil)
	ecdsa := testca.Issue(t, a.between, testca.ECDSA(t), nil)
	other := testca.Issue(t, nil, testca.ECDSA(t), testca.Names("other.example.org"))
	config, err := tlspolicy.Intermediate.Server(ecdsa.Pair(a.between), rsa.Pair(a.between), other.Pair())
	if err != nil {
		t.Fatal(err)
	}
	for _, min := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := config.Clone()
		config.MinVersion = min
		r := audited(t, serve(t, speaksTLS(config)), Options{Protocol: TLS, Name: mailName, Names: []string{"other.example.org"}, Roots: testca.Roots(a.root)})
		want := map[string]string{"ECDSA P-256": mailName + ",", "RSA 2048": mailName + ",", "other": "other.example.org"}
		if min == tls.VersionTLS13 { // where a client cannot ask for a kind of key
			delete(want, "RSA 2048")
		}
		got := map[string]string{}
		for _, c := range r.Certificates {
			key := c.Key
			if c.Chain[0].Equal(other.Cert) {
				key = "other"
			}
			got[key] = strings.Join(c.Names, ",")
		}
		for key, names := range want {
			if got[key] != names {
				t.Errorf("%x, %s: for %q, want %q", min, key, got[key], names)
			}
		}
		if len(got) != len(want) || !r.has("self-signed") {
			t.Errorf("%x: %q, %q", min, got, above(r))
		}
	}
}

func TestOptionsAndAddresses(t *testing.T) {
	for _, test := range []struct {
		address string
		o       Options
		says    string
	}{
		{"mail.example.org", Options{}, "HOST:PORT"},
		{"mail.example.org:1993", Options{}, "name the protocol"},
		{"mail.example.org:993", Options{Protocol: "nntp"}, `no protocol "nntp"`},
		{"mail.example.org:993", Options{Timeout: -1}, "negative"},
	} {
		if _, err := Run(t.Context(), test.address, test.o); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", test.address, err, test.says)
		}
	}
}

// What does not speak TLS, or not to us, is an error and not a good grade.
func TestNotTLS(t *testing.T) {
	silent := serve(t, func(c net.Conn) { c.Read(make([]byte, 1<<16)); c.Read(make([]byte, 1)) })
	closes := serve(t, func(net.Conn) {})
	http := serve(t, func(c net.Conn) { c.Read(make([]byte, 100)); c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) })
	endless := serve(t, func(c net.Conn) {
		for {
			if _, err := c.Write(bytes.Repeat([]byte("*"), 1000)); err != nil {
				return
			}
		}
	})
	many := serve(t, func(c net.Conn) {
		for {
			if _, err := c.Write([]byte("* more\r\n")); err != nil {
				return
			}
		}
	})
	plain := serve(t, func(c net.Conn) {
		c.Write([]byte("220 no TLS here\r\n250 nor here\r\n502 no\r\n"))
		c.Read(make([]byte, 100))
	})
	for _, test := range []struct {
		address  string
		protocol Protocol
		says     string
	}{
		{silent, TLS, "timeout"}, {closes, TLS, "refuses every version"}, {http, TLS, "not TLS"}, {endless, IMAP, "longer than"}, {many, IMAP, "more than 200 lines"},
		{plain, SMTP, `answers "STARTTLS" with "502 no"`}, {closes, IMAP, "before TLS"},
	} {
		o := Options{Protocol: test.protocol, Concurrency: 1000}
		if test.address == silent {
			o.Timeout = 100 * time.Millisecond
		}
		_, err := Run(t.Context(), test.address, o)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v, want %q", err, test.says)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, silent, Options{Protocol: TLS}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

// No more connections at a time than said, and a server that stops to answer is noticed.
func TestLoad(t *testing.T) {
	a := newAuthority(t)
	var open, most, all, limit atomic.Int64
	limit.Store(1 << 60)
	sound := speaksTLS(a.policy(t))
	address := serve(t, func(c net.Conn) {
		if all.Add(1) <= limit.Load() {
			sound(c)
		}
	})
	o := Options{Protocol: TLS, Name: mailName, Roots: testca.Roots(a.root), Concurrency: 3}
	o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		for n := open.Add(1); ; {
			if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		return &counted{c, &open}, err
	}
	audited(t, address, o)
	if open.Load() != 0 || most.Load() != 3 {
		t.Errorf("%d connections left open, %d at a time", open.Load(), most.Load())
	}
	limit.Store(all.Swap(0) - 5)
	o.Dial = nil
	r := audited(t, address, o)
	if !slices.ContainsFunc(r.Unknown, func(s string) bool { return strings.Contains(s, "at the end of the run") }) {
		t.Errorf("a server that has given up: %q", r.Unknown)
	}
}

type counted struct {
	net.Conn
	open *atomic.Int64
}

func (c *counted) Close() error { c.open.Add(-1); return c.Conn.Close() }

// The three forms say the same, and what a server sends does not become markup or control characters.
func TestForms(t *testing.T) {
	a := newAuthority(t)
	config := a.policy(t)
	config.CipherSuites = append(config.CipherSuites, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA)
	r := audited(t, serve(t, speaksTLS(config)), Options{Protocol: TLS, Name: mailName, Roots: testca.Roots(a.root)})
	r.Certificates[0].DNSNames = []string{"<script>\x1b[2J"}
	r.Unknown = append(r.Unknown, "<b>unknown</b>")
	var text, html bytes.Buffer
	if err := errors.Join(r.Text(&text), r.HTML(&html)); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{text.String(), html.String()} {
		for _, f := range r.Findings {
			if !strings.Contains(form, f.ID) {
				t.Errorf("%s is missing", f.ID)
			}
		}
	}
	if strings.ContainsRune(text.String(), 0x1b) || strings.Contains(html.String(), "<script") || strings.Contains(html.String(), "<b>unknown") {
		t.Error("what the server sent is not escaped")
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var again Report
	if err := json.Unmarshal(data, &again); err != nil || again.Grade.Letter != r.Grade.Letter || again.Findings[0] != r.Findings[0] || again.Worst() != r.Worst() {
		t.Errorf("%v: %s", err, data)
	}
	if bytes.Contains(data, []byte("null")) {
		t.Errorf("null in %s", data)
	}
}

func TestCAA(t *testing.T) {
	a := newAuthority(t)
	address := serve(t, speaksTLS(a.policy(t)))
	for _, test := range []struct {
		at    string // has a record
		err   error
		asked string
		finds bool
	}{
		{at: mailName, asked: "mail.example.org"},
		{at: "example.org", asked: "mail.example.org example.org"},
		{at: "org", asked: "mail.example.org example.org", finds: true},
		{err: errors.New("no resolver"), asked: "mail.example.org"},
	} {
		var asked []string
		r := audited(t, address, Options{Protocol: TLS, Name: mailName, Roots: testca.Roots(a.root), CAA: func(_ context.Context, name string) (bool, error) {
			asked = append(asked, name)
			return name == test.at, test.err
		}})
		if r.has("no-caa") != test.finds || (len(r.Unknown) > 0) != (test.err != nil) || strings.Join(asked, " ") != test.asked {
			t.Errorf("%+v: found %q, unknown %q, asked %q", test, above(r), r.Unknown, asked)
		}
	}
}

func TestSeverity(t *testing.T) {
	for want := Info; want <= Critical; want++ {
		text, _ := want.MarshalText()
		var got Severity
		if err := got.UnmarshalText(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if err := new(Severity).UnmarshalText([]byte("awful")); err == nil || !strings.Contains(err.Error(), "info, low") {
		t.Error(err)
	}
}

// Every finding of the catalogue says what to do and who says so.
func TestCatalogue(t *testing.T) {
	for id, row := range catalogue {
		if row.fix == "" || row.source == "" || row.cap != "" && !slices.Contains(letters, row.cap) {
			t.Errorf("%s: %+v", id, row)
		}
	}
}

// What the names of suites are taken to say, against what crypto/tls and a few known ones are.
func TestSuites(t *testing.T) {
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if got := suiteOf(s.ID); got.Name != s.Name || got.Bits == 0 {
			t.Errorf("%s: %+v", s.Name, got)
		}
	}
	for id, want := range map[uint16]Suite{
		0x0000: {Name: "TLS_NULL_WITH_NULL_NULL"},
		0x0003: {Name: "TLS_RSA_EXPORT_WITH_RC4_40_MD5", Bits: 40},
		0x0009: {Name: "TLS_RSA_WITH_DES_CBC_SHA", Bits: 56},
		0x000a: {Name: "TLS_RSA_WITH_3DES_EDE_CBC_SHA", Bits: 112},
		0x0014: {Name: "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA", Bits: 40, ForwardSecret: true},
		0x002f: {Name: "TLS_RSA_WITH_AES_128_CBC_SHA", Bits: 128},
		0x0005: {Name: "TLS_RSA_WITH_RC4_128_SHA", Bits: 128},
		0x00c6: {Name: "TLS_SM4_GCM_SM3", Bits: 128, AEAD: true},
		0x009e: {Name: "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", Bits: 128, ForwardSecret: true, AEAD: true},
		0x1301: {Name: "TLS_AES_128_GCM_SHA256", Bits: 128, ForwardSecret: true, AEAD: true},
		0x1307: {Name: "TLS_AEGIS_128L_SHA256", Bits: 128, ForwardSecret: true, AEAD: true},
		0xc02b: {Name: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Bits: 128, ForwardSecret: true, AEAD: true},
		0xc032: {Name: "TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384", Bits: 256, AEAD: true},
		0xc0b4: {Name: "TLS_SHA256_SHA256", ForwardSecret: true},
		0xcca8: {Name: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", Bits: 256, ForwardSecret: true, AEAD: true},
		0xfeff: {Name: "unregistered 0xFEFF"},
	} {
		want.ID = id
		if got := suiteOf(id); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	for id := range registry() {
		if s := suiteOf(id); s.Bits == 0 && !s.has("NULL", "TLS_SHA") {
			t.Errorf("%s: no strength", s.Name)
		}
	}
}
