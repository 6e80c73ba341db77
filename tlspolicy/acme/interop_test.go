//go:build interop

package acme

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"github.com/mailhavn/mailhavn/tlspolicy"
	"github.com/mailhavn/mailhavn/tlspolicy/certs"
)

// pebble is Let's Encrypt's test authority in this process, with the DNS that it asks.
type pebble struct {
	*testing.T
	*httptest.Server
	front    wfe.WebFrontEndImpl
	httpPort int // where it connects to instead of 80 and 443
	tlsPort  int
	changed  chan struct{} // for each new certificate

	mu       sync.Mutex // guards the following
	records  map[string][]string
	orders   []map[string]any
	accounts int
}

func newPebble(t *testing.T) *pebble {
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_AUTHZREUSE", "0")
	p := &pebble{T: t, httpPort: freePort(t), tlsPort: freePort(t), records: map[string][]string{}, changed: make(chan struct{}, 10)}
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	authority := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: 90 * 86400}, ShortLived: {ValidityPeriod: 6 * 86400}})
	validation := va.New(quiet, p.httpPort, p.tlsPort, true, p.serveDNS(), store)
	p.front = wfe.New(quiet, store, validation, authority, []string{"pebble.example"}, true, false, 1, 1)
	handler := p.front.Handler()
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		switch {
		case strings.HasPrefix(r.URL.Path, "/order-plz"):
			p.note(body)
		case strings.HasPrefix(r.URL.Path, "/sign-me-up"):
			p.mu.Lock()
			p.accounts++
			p.mu.Unlock()
		case strings.Contains(r.URL.Path, "/renewalInfo/"):
			w = askAgainSoon{w} // not in six hours
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// note keeps what an order says, so that a test can look for what it replaces.
func (p *pebble) note(body []byte) {
	var signed struct{ Payload string }
	var order map[string]any
	if json.Unmarshal(body, &signed) == nil {
		if payload, err := base64.RawURLEncoding.DecodeString(signed.Payload); err == nil && json.Unmarshal(payload, &order) == nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.orders = append(p.orders, order)
		}
	}
}

type askAgainSoon struct{ http.ResponseWriter }

func (w askAgainSoon) WriteHeader(status int) {
	w.Header().Set("Retry-After", "1")
	w.ResponseWriter.WriteHeader(status)
}

// serveDNS answers with 127.0.0.1 for every name, and with the TXT records that were published.
func (p *pebble) serveDNS() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.Fatal(err)
	}
	server := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		header := dns.RR_Header{Name: q.Question[0].Name, Rrtype: q.Question[0].Qtype, Class: dns.ClassINET}
		switch q.Question[0].Qtype {
		case dns.TypeA:
			m.Answer = append(m.Answer, &dns.A{Hdr: header, A: net.IPv4(127, 0, 0, 1)})
		case dns.TypeTXT:
			p.mu.Lock()
			for _, value := range p.records[strings.TrimSuffix(header.Name, ".")] {
				m.Answer = append(m.Answer, &dns.TXT{Hdr: header, Txt: []string{value}})
			}
			p.mu.Unlock()
		}
		w.WriteMsg(m)
	})}
	go server.ActivateAndServe()
	p.Cleanup(func() { server.Shutdown() })
	return l.Addr().String()
}

// Publish implements [DNS].
func (p *pebble) Publish(_ context.Context, name, value string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records[name] = append(p.records[name], value)
	return nil
}

// Withdraw implements [DNS].
func (p *pebble) Withdraw(_ context.Context, name, value string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records[name] = slices.DeleteFunc(p.records[name], func(v string) bool { return v == value })
	return nil
}

// open opens a manager that asks this authority.
func (p *pebble) open(o Options) *Manager {
	p.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(p.Certificate())
	o.Changed = func(string) { p.changed <- struct{}{} }
	o.Agreed, o.Directory, o.Roots, o.Host, o.HTTPPort, o.TLSPort = true, p.URL+wfe.DirectoryPath, roots, "127.0.0.1", p.httpPort, p.tlsPort
	m, err := Open(o)
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(m.Close)
	return m
}

// obtain starts a manager and waits for so many new certificates.
func (p *pebble) obtain(m *Manager, n int) {
	p.Helper()
	if err := m.Start(); err != nil {
		p.Fatal(err)
	}
	for range n {
		select {
		case <-p.changed:
		case <-time.After(time.Minute):
			p.Fatal("there is no certificate")
		}
	}
}

// status is what the authority says of a certificate.
func (p *pebble) status(leaf *x509.Certificate) (status, reason string) {
	p.Helper()
	w := httptest.NewRecorder()
	p.front.ManagementHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, fmt.Sprintf("/cert-status-by-serial/%x", leaf.SerialNumber), nil))
	var answer struct {
		Status string
		Reason uint
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		p.Fatal(err, w.Body)
	}
	return answer.Status, fmt.Sprint(answer.Reason)
}

// renewNow has the authority say that a certificate should have been renewed an hour ago.
func (p *pebble) renewNow(leaf *x509.Certificate) {
	p.Helper()
	at := func(ago time.Duration) string { return time.Now().Add(-ago).UTC().Format(time.RFC3339) }
	body, err := json.Marshal(map[string]string{
		"certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})),
		"ariResponse": fmt.Sprintf(`{"suggestedWindow": {"start": %q, "end": %q}}`, at(2*time.Hour), at(time.Hour)),
	})
	if err != nil {
		p.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/set-renewal-info/", bytes.NewReader(body))
	r.Header.Set("User-Agent", "test")
	w := httptest.NewRecorder()
	p.front.ManagementHandler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		p.Fatal(w.Body)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// served opens the certificates of a manager as a server does, and returns the leaf for a name.
func served(t *testing.T, m *Manager, name string) *x509.Certificate {
	t.Helper()
	store, err := certs.Open(certs.Options{Folders: []string{m.Folder()}, Exact: true})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	c, err := store.GetCertificate(&tls.ClientHelloInfo{ServerName: name})
	if err != nil || c == nil {
		t.Fatal("no certificate for", name, err)
	}
	return c.Leaf
}

// The ports are listened at while the authority looks, nobody else being there. The profile is asked for.
func TestPebbleOwnListeners(t *testing.T) {
	p := newPebble(t)
	m := p.open(Options{Dir: t.TempDir(), Names: []string{"a.example.org", "b.example.org"}, Profile: ShortLived})
	p.obtain(m, 2)
	for _, name := range []string{"a.example.org", "b.example.org"} {
		leaf := served(t, m, name)
		if life := leaf.NotAfter.Sub(leaf.NotBefore).Round(time.Hour); life != 6*24*time.Hour || !slices.Equal(leaf.DNSNames, []string{name}) {
			t.Errorf("%v: %v", leaf.DNSNames, life)
		}
	}
	// All is there after a restart, the account too.
	m.Close()
	before := served(t, m, "a.example.org")
	again := p.open(Options{Dir: m.options.Dir, Names: []string{"a.example.org", "b.example.org", "c.example.org"}, Profile: ShortLived})
	p.obtain(again, 1)
	if !served(t, again, "a.example.org").Equal(before) || p.accounts != 1 || len(p.orders) != 3 {
		t.Errorf("%d accounts, %d orders", p.accounts, len(p.orders))
	}
}

// Servers of the program that have the ports already answer the challenges, and other requests as ever.
func TestPebbleOurServers(t *testing.T) {
	for _, challenge := range []string{"http-01", "tls-alpn-01"} {
		t.Run(challenge, func(t *testing.T) {
			p := newPebble(t)
			m := p.open(Options{Dir: t.TempDir(), Names: []string{testName}, Profile: "default"})
			m.acme.DisableHTTPChallenge, m.acme.DisableTLSALPNChallenge = challenge != "http-01", challenge == "http-01"
			fallback, err := tlspolicy.SelfSigned(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			config, err := tlspolicy.Intermediate.ALPN("http/1.1", Protocol).ServerBy(m.Certificate(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &fallback, nil }))
			if err != nil {
				t.Fatal(err)
			}
			seen := 0
			handler := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen++ }))
			plain, err1 := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p.httpPort))
			secure, err2 := tls.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p.tlsPort), config)
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			for _, l := range []net.Listener{plain, secure} {
				s := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
				go s.Serve(l)
				t.Cleanup(func() { s.Close() })
			}
			p.obtain(m, 1)
			if leaf := served(t, m, testName); leaf.NotAfter.Sub(leaf.NotBefore).Round(time.Hour) != 90*24*time.Hour {
				t.Error(leaf.NotAfter)
			}
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
			for _, url := range []string{"http://" + plain.Addr().String(), "https://" + secure.Addr().String()} {
				if r, err := client.Get(url); err != nil {
					t.Error(err)
				} else {
					r.Body.Close()
				}
			}
			if seen != 2 {
				t.Errorf("%d of 2 other requests were passed on", seen)
			}
		})
	}
}

// A wildcard, by DNS. The records are gone afterwards.
func TestPebbleDNS(t *testing.T) {
	p := newPebble(t)
	m := p.open(Options{Dir: t.TempDir(), Names: []string{"*.example.org", "example.org"}, DNS: p})
	p.obtain(m, 2)
	served(t, m, "anything.example.org")
	served(t, m, "example.org")
	if left := p.records["_acme-challenge.example.org"]; len(left) > 0 {
		t.Error("records are left:", left)
	}
}

// After a leak: a certificate for the drill's key, and the old one is revoked with the right reason. The authority then says that it is to be renewed
// at once, which is done with another key and tells the authority what it replaces (RFC 9773, section 5).
func TestPebbleLeakAndRenewal(t *testing.T) {
	p := newPebble(t)
	m := p.open(Options{Dir: t.TempDir(), Names: []string{testName}})
	p.obtain(m, 1)
	old := served(t, m, testName)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	chain, err := m.Issue(t.Context(), old, key)
	if err != nil {
		t.Fatal(err)
	}
	if leaf, err := x509.ParseCertificate(chain[0]); err != nil || !key.PublicKey.Equal(leaf.PublicKey) || leaf.VerifyHostname(testName) != nil || len(chain) < 2 {
		t.Error("not what was asked for:", err)
	}
	for range 2 {
		if err := m.Revoke(t.Context(), old); err != nil {
			t.Error(err)
		}
	}
	if status, reason := p.status(old); status != "Revoked" || reason != "1" {
		t.Error(status, reason)
	}
	p.renewNow(old)
	giveUp := time.After(time.Minute)
	for renewed := false; !renewed; {
		if err := m.cache.RenewManagedCertificates(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case <-p.changed:
			renewed = true
		case <-time.After(300 * time.Millisecond):
		case <-giveUp:
			t.Fatal("not renewed")
		}
	}
	next := served(t, m, testName)
	if next.Equal(old) || bytes.Equal(next.RawSubjectPublicKeyInfo, old.RawSubjectPublicKeyInfo) {
		t.Error("not a new certificate with a new key")
	}
	if last := p.orders[len(p.orders)-1]; last["replaces"] == nil {
		t.Errorf("the order does not say what it replaces: %v", last)
	}
}
