package certs

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy"
	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
	"golang.org/x/crypto/ocsp"
)

var swaps = flag.Int("certs.swaps", 20, "how often TestSwapsUnderLoad replaces certificates")

// put writes files below dir: name, content, name, content...
func put(t testing.TB, dir string, parts ...any) {
	t.Helper()
	for i := 0; i < len(parts); i += 2 {
		path := filepath.Join(dir, parts[i].(string))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, parts[i+1].([]byte), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// leaf returns a self-signed certificate and its two files.
func leaf(t testing.TB, names ...string) (*testca.Issued, []byte, []byte) {
	i := testca.Issue(t, nil, testca.ECDSA(t), testca.Names(names...))
	return i, testca.PEM(i), testca.KeyPEM(t, i.Key)
}

func mustOpen(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := open(o, 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// modern is what a client of today says about certificates.
func modern(name string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		ServerName: name, SupportedVersions: []uint16{tls.VersionTLS13, tls.VersionTLS12}, SupportedCurves: []tls.CurveID{tls.X25519, tls.CurveP256},
		SupportedPoints: []uint8{0}, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256, tls.PSSWithSHA256, tls.PKCS1WithSHA256},
		CipherSuites: []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
	}
}

// rsaOnly is a client that knows no ECDSA.
func rsaOnly(name string) *tls.ClientHelloInfo {
	c := modern(name)
	c.SupportedVersions, c.SignatureSchemes, c.CipherSuites = c.SupportedVersions[1:], c.SignatureSchemes[1:], c.CipherSuites[2:]
	return c
}

func served(t testing.TB, s *Store, client *tls.ClientHelloInfo) *x509.Certificate {
	t.Helper()
	c, err := s.GetCertificate(client)
	if err != nil {
		t.Fatal(err)
	}
	if c == nil {
		return nil
	}
	return c.Leaf
}

// The trees are those that the programs leave, without what they keep elsewhere.
func TestLayouts(t *testing.T) {
	dir := t.TempDir()
	ca := testca.Issue(t, nil, testca.ECDSA(t), testca.Authority("ca"))
	issue := func(name string) (cert, key []byte) {
		i := testca.Issue(t, ca, testca.ECDSA(t), testca.Names(name))
		return testca.PEM(i, ca), testca.KeyPEM(t, i.Key)
	}
	// certbot: links from live to archive
	cert, key := issue("certbot.example")
	put(t, dir, "letsencrypt/archive/certbot.example/fullchain1.pem", cert, "letsencrypt/archive/certbot.example/privkey1.pem", key,
		"letsencrypt/archive/certbot.example/cert1.pem", cert, "letsencrypt/live/README", []byte("This directory"), "letsencrypt/live/certbot.example/README", []byte("This directory"))
	for _, name := range []string{"fullchain", "privkey", "cert"} {
		if err := os.Symlink("../../archive/certbot.example/"+name+"1.pem", filepath.Join(dir, "letsencrypt/live/certbot.example", name+".pem")); err != nil {
			t.Fatal(err)
		}
	}
	// lego
	cert, key = issue("lego.example")
	put(t, dir, "lego/certificates/lego.example.crt", cert, "lego/certificates/lego.example.key", key,
		"lego/certificates/lego.example.issuer.crt", testca.PEM(ca), "lego/certificates/lego.example.json", []byte("{}"))
	cert, key = issue("*.lego.example")
	put(t, dir, "lego/certificates/_.lego.example.crt", cert, "lego/certificates/_.lego.example.key", key)
	// acme.sh
	cert, key = issue("acmesh.example")
	put(t, dir, "acme.sh/acmesh.example_ecc/fullchain.cer", cert, "acme.sh/acmesh.example_ecc/acmesh.example.key", key,
		"acme.sh/acmesh.example_ecc/acmesh.example.cer", cert, "acme.sh/acmesh.example_ecc/ca.cer", testca.PEM(ca), "acme.sh/acmesh.example_ecc/acmesh.example.conf", []byte("Le_Domain"))
	// Caddy
	cert, key = issue("caddy.example")
	put(t, dir, "caddy/certificates/acme-v02.api.letsencrypt.org-directory/caddy.example/caddy.example.crt", cert,
		"caddy/certificates/acme-v02.api.letsencrypt.org-directory/caddy.example/caddy.example.key", key)
	// mkcert
	cert, key = issue("mkcert.example")
	put(t, dir, "mkcert/mkcert.example.pem", cert, "mkcert/mkcert.example-key.pem", key)

	s := mustOpen(t, Options{Folders: []string{filepath.Join(dir, "letsencrypt/live"), filepath.Join(dir, "lego"), filepath.Join(dir, "acme.sh"),
		filepath.Join(dir, "caddy"), filepath.Join(dir, "mkcert")}, Exact: true})
	for _, name := range []string{"certbot.example", "lego.example", "any.lego.example", "acmesh.example", "caddy.example", "mkcert.example"} {
		if c := served(t, s, modern(name)); c == nil || c.VerifyHostname(name) != nil {
			t.Errorf("%s: got %v", name, c)
		}
	}
	if c := served(t, s, modern("archive.example")); c != nil {
		t.Errorf("an unknown name gets %q", c.DNSNames)
	}
	if all := s.Status(); len(all) != 6 {
		t.Errorf("%d pairs: %v", len(all), all)
	}
	// certbot renews: new files in archive, links replaced by rename.
	cert, key = issue("certbot.example")
	put(t, dir, "letsencrypt/archive/certbot.example/fullchain2.pem", cert, "letsencrypt/archive/certbot.example/privkey2.pem", key)
	live := filepath.Join(dir, "letsencrypt/live/certbot.example")
	for _, name := range []string{"privkey", "fullchain"} {
		if err := errors.Join(os.Symlink("../../archive/certbot.example/"+name+"2.pem", filepath.Join(live, name+".new")),
			os.Rename(filepath.Join(live, name+".new"), filepath.Join(live, name+".pem"))); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Reload(); err != nil {
		t.Error(err)
	}
	if c := served(t, s, modern("certbot.example")); !strings.Contains(string(cert), base(c)) {
		t.Error("the renewed certificate is not served")
	}
}

// base returns a part of the PEM form of c that no other has.
func base(c *x509.Certificate) string {
	text := string(testca.PEM(&testca.Issued{Cert: c}))
	return strings.Split(text, "\n")[3]
}

func TestNames(t *testing.T) {
	dir := t.TempDir()
	pair := func(file string, key crypto.Signer, names ...string) Pair {
		i := testca.Issue(t, nil, key, func(c *x509.Certificate) { c.DNSNames = names; c.Subject.CommonName = file })
		put(t, dir, file+".crt", testca.PEM(i), file+".key", testca.KeyPEM(t, i.Key))
		return Pair{Cert: filepath.Join(dir, file+".crt"), Key: filepath.Join(dir, file+".key")}
	}
	wild := pair("wild", testca.ECDSA(t), "*.Example.org", "example.org")
	exact := pair("exact", testca.ECDSA(t), "mail.example.org")
	exactRSA := pair("exact-rsa", testca.RSA(t, 2048), "mail.example.org")
	ev := pair("ev", testca.ECDSA(t), "shop.example.org", "mail.example.org", "example.org")
	ev.Names = []string{"Shop.example.org", "*.shop.example.org"}
	o := Options{Pairs: []Pair{wild, exact, exactRSA, ev}, Default: "example.org"}
	s := mustOpen(t, o)
	o.Exact = true
	strict := mustOpen(t, o)
	for _, test := range []struct {
		client       *tls.ClientHelloInfo
		want, strict string
	}{
		{modern("mail.example.org"), "exact", "exact"},
		{modern("MAIL.example.ORG"), "exact", "exact"},
		{rsaOnly("mail.example.org"), "exact-rsa", "exact-rsa"},
		{modern("imap.example.org"), "wild", "wild"},
		{rsaOnly("imap.example.org"), "wild", "wild"}, // there is no better one
		{modern("example.org"), "wild", "wild"},
		{modern("shop.example.org"), "ev", "ev"},
		{modern("a.shop.example.org"), "ev", "ev"},
		{modern("a.imap.example.org"), "wild", ""}, // the default
		{modern("other.example"), "wild", ""},
		{modern(""), "wild", "wild"},
		{modern("org"), "wild", ""},
		{modern(strings.Repeat(".", 255)), "wild", ""},
	} {
		for s, want := range map[*Store]string{s: test.want, strict: test.strict} {
			got := ""
			if c := served(t, s, test.client); c != nil {
				got = c.Subject.CommonName
			}
			if got != want {
				t.Errorf("%s: got %q, want %q", test.client.ServerName, got, want)
			}
		}
	}
	// Without a default it is the first pair, its RSA certificate beside it.
	s = mustOpen(t, Options{Pairs: []Pair{exactRSA, exact, wild}})
	if c := served(t, s, modern("x.example")); c.Subject.CommonName != "exact" {
		t.Errorf("default %q", c.Subject.CommonName)
	}
	if c := served(t, s, rsaOnly("x.example")); c.Subject.CommonName != "exact-rsa" {
		t.Errorf("default for RSA %q", c.Subject.CommonName)
	}
	defaults := 0
	for _, status := range s.Status() {
		if status.Default {
			defaults++
		}
	}
	if defaults != 2 {
		t.Errorf("%d defaults", defaults)
	}
	// Of two alike the one that begins last.
	later := testca.Issue(t, nil, testca.ECDSA(t), func(c *x509.Certificate) {
		c.DNSNames, c.NotBefore, c.Subject.CommonName = []string{"mail.example.org"}, time.Now().Add(-time.Minute), "later"
	})
	put(t, dir, "later.crt", testca.PEM(later), "later.key", testca.KeyPEM(t, later.Key))
	s = mustOpen(t, Options{Folders: []string{dir}})
	if c := served(t, s, modern("mail.example.org")); c.Subject.CommonName != "later" {
		t.Errorf("got %q", c.Subject.CommonName)
	}
}

// An alert for unknown names, over a real handshake.
func TestExactHandshake(t *testing.T) {
	dir := t.TempDir()
	_, cert, key := leaf(t, "mail.example.org")
	put(t, dir, "a.crt", cert, "a.key", key)
	s := mustOpen(t, Options{Folders: []string{dir}, Exact: true})
	config, err := tlspolicy.Modern.ServerBy(s.GetCertificate)
	if err != nil {
		t.Fatal(err)
	}
	for name, ok := range map[string]bool{"mail.example.org": true, "other.example.org": false, "": true} {
		_, err := dial(t, serve(t, config), name)
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), "unrecognized name") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// serve answers handshakes until the test ends.
func serve(t testing.TB, config *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	t.Cleanup(wait.Wait)
	t.Cleanup(func() { l.Close() })
	wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(10 * time.Second))
				if conn := tls.Server(c, config); conn.Handshake() == nil {
					conn.Write([]byte{'+'})
				}
			})
		}
	})
	return l.Addr().String()
}

func dial(t testing.TB, addr, name string) (*x509.Certificate, error) {
	t.Helper()
	raw, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(10 * time.Second))
	conn := tls.Client(raw, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return nil, err
	}
	return conn.ConnectionState().PeerCertificates[0], nil
}

// replace puts a file in place as careful programs do.
func replace(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path+".new", data, 0o600), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 seconds", what)
		}
	}
}

func TestBadPairsAreRefused(t *testing.T) {
	first, cert, key := leaf(t, "mail.example.org")
	next, nextCert, nextKey := leaf(t, "mail.example.org")
	expired := testca.Issue(t, nil, first.Key, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	})
	weak := testca.Issue(t, nil, testca.RSA(t, 1024), nil)
	for _, test := range []struct {
		name      string
		cert, key []byte
		mode      fs.FileMode
		want      tlspolicy.Problem
	}{
		{"mismatch", nextCert, key, 0o600, tlspolicy.Mismatch},
		{"half written", nextCert[:len(nextCert)/2], nextKey, 0o600, tlspolicy.NoCertificate},
		{"empty", nil, nextKey, 0o600, tlspolicy.NoCertificate},
		{"half a key", nextCert, nextKey[:60], 0o600, tlspolicy.NoKey},
		{"expired", testca.PEM(expired), key, 0o600, tlspolicy.Expired},
		{"exposed", nextCert, nextKey, 0o644, tlspolicy.Exposed},
		{"weak", testca.PEM(weak), testca.KeyPEM(t, weak.Key), 0o600, tlspolicy.WeakKey},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, "a.crt", cert, "a.key", key)
			certFile, keyFile := filepath.Join(dir, "a.crt"), filepath.Join(dir, "a.key")
			s := mustOpen(t, Options{Pairs: []Pair{{Cert: certFile, Key: keyFile}}})
			replace(t, keyFile, test.key)
			if err := os.Chmod(keyFile, test.mode); err != nil {
				t.Fatal(err)
			}
			replace(t, certFile, test.cert)
			problem := func() tlspolicy.Problem {
				var e *tlspolicy.CertificateError
				if errors.As(s.Status()[0].Problem, &e) {
					return e.Problem
				}
				return ""
			}
			eventually(t, "the problem is told", func() bool { return problem() == test.want })
			if c := served(t, s, modern("mail.example.org")); !c.Equal(first.Cert) {
				t.Error("the one before is no longer served")
			}
			if err := s.Reload(); err == nil {
				t.Error("Reload tells nothing")
			}
			// Putting it right is enough.
			replace(t, keyFile, nextKey)
			replace(t, certFile, nextCert)
			eventually(t, "the good pair is served", func() bool {
				return served(t, s, modern("")).Equal(next.Cert) && s.Status()[0].Problem == nil
			})
		})
	}
}

// Files that are written in place, without rename, are followed too, and so are
// changes that leave size and time as they were for the second look.
func TestInPlace(t *testing.T) {
	dir := t.TempDir()
	_, cert, key := leaf(t, "mail.example.org")
	put(t, dir, "a.crt", cert, "a.key", key)
	s := mustOpen(t, Options{Folders: []string{dir}})
	for range 5 {
		next, cert, key := leaf(t, "mail.example.org")
		put(t, dir, "a.crt", cert, "a.key", key)
		eventually(t, "the new one is served", func() bool { return served(t, s, modern("")).Equal(next.Cert) })
	}
}

func TestFoldersChange(t *testing.T) {
	dir := t.TempDir()
	_, cert, key := leaf(t, "a.example.org")
	put(t, dir, "a/fullchain.pem", cert, "a/privkey.pem", key)
	s := mustOpen(t, Options{Folders: []string{dir}, Default: "a.example.org", Exact: true})
	next, cert, key := leaf(t, "b.example.org")
	put(t, dir, "b/fullchain.pem", cert, "b/privkey.pem", key)
	eventually(t, "the new folder is found", func() bool { c := served(t, s, modern("b.example.org")); return c != nil && c.Equal(next.Cert) })
	// What is gone is served for a minute more.
	if err := os.RemoveAll(filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	s.Reload()
	if served(t, s, modern("b.example.org")) == nil {
		t.Error("gone at once")
	}
	s.Close()
	s.look(time.Now().Add(2*goneAfter), false)
	if served(t, s, modern("b.example.org")) != nil || len(s.Status()) != 1 {
		t.Error("still served")
	}
	// The default stays, whatever happens.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.look(time.Now().Add(4*goneAfter), false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is gone: %v", err)
	}
	s.look(time.Now().Add(8*goneAfter), false)
	if served(t, s, modern("a.example.org")) == nil {
		t.Error("the last certificate is gone")
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	_, cert, key := leaf(t, "mail.example.org")
	put(t, dir, "good/a.crt", cert, "good/a.key", key, "bad/a.crt", cert, "bad/a.key", cert, "empty/x", key)
	good := Pair{Cert: filepath.Join(dir, "good/a.crt"), Key: filepath.Join(dir, "good/a.key")}
	bad := Pair{Cert: filepath.Join(dir, "bad/a.crt"), Key: filepath.Join(dir, "bad/a.key")}
	refused := errors.New("lint")
	for name, test := range map[string]struct {
		o    Options
		says string
	}{
		"nothing":         {Options{}, "folder"},
		"bad pair":        {Options{Pairs: []Pair{good, bad}}, "PRIVATE KEY"},
		"bad folder":      {Options{Folders: []string{filepath.Join(dir, "bad")}}, "PRIVATE KEY"},
		"empty folder":    {Options{Folders: []string{filepath.Join(dir, "empty")}}, "empty"},
		"no folder":       {Options{Folders: []string{filepath.Join(dir, "none")}}, "no such file"},
		"unknown default": {Options{Pairs: []Pair{good}, Default: "x.example"}, "x.example"},
		"twice":           {Options{Pairs: []Pair{good, good}}, "twice"},
		"check":           {Options{Pairs: []Pair{good}, Check: func(string, []*x509.Certificate) error { return refused }}, "lint"},
	} {
		s, err := Open(test.o)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			s.Close()
		}
	}
	if s, err := Open(Options{Folders: []string{dir}}); err != nil {
		t.Errorf("a folder with good and bad: %v", err)
	} else {
		s.Close()
		s.Close() // twice is once
	}
}

func TestStaples(t *testing.T) {
	dir := t.TempDir()
	ca := testca.Issue(t, nil, testca.ECDSA(t), testca.Authority("ca"))
	server := testca.Issue(t, ca, testca.ECDSA(t), nil)
	answer := func(signer *testca.Issued, status int, end time.Duration) []byte {
		der, err := ocsp.CreateResponse(signer.Cert, signer.Cert, ocsp.Response{Status: status, SerialNumber: server.Cert.SerialNumber,
			ThisUpdate: time.Now().Add(-2 * time.Hour), NextUpdate: time.Now().Add(end), RevokedAt: time.Now().Add(-time.Hour)}, signer.Key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	other := testca.Issue(t, nil, testca.ECDSA(t), testca.Authority("other"))
	good := answer(ca, ocsp.Good, time.Hour)
	list := binary.BigEndian.AppendUint16(nil, 7)
	list = append(list, 0, 5, 's', 'c', 't', '-', '1')
	put(t, dir, "a.crt", testca.PEM(server, ca), "a.key", testca.KeyPEM(t, server.Key), "a.crt.ocsp", good, "a.crt.sctl", list)
	s := mustOpen(t, Options{Folders: []string{dir}})
	s.Close() // this test looks by itself
	config, err := tlspolicy.Intermediate.ServerBy(s.GetCertificate)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", serve(t, config), &tls.Config{ServerName: "mail.example.org", RootCAs: testca.Roots(ca)})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if state := conn.ConnectionState(); !slices.Equal(state.OCSPResponse, good) || len(state.SignedCertificateTimestamps) != 1 || string(state.SignedCertificateTimestamps[0]) != "sct-1" {
		t.Errorf("client got %d bytes of OCSP, timestamps %q", len(state.OCSPResponse), state.SignedCertificateTimestamps)
	}
	if err := s.look(time.Now().Add(2*time.Hour), true); err != nil {
		t.Fatal(err)
	}
	if c, _ := s.GetCertificate(modern("")); c.OCSPStaple != nil {
		t.Error("an OCSP response past its end is served")
	}
	for name, test := range map[string]struct {
		file string
		data []byte
		says string
	}{
		"revoked":     {"a.crt.ocsp", answer(ca, ocsp.Revoked, time.Hour), "new key"},
		"unknown":     {"a.crt.ocsp", answer(ca, ocsp.Unknown, time.Hour), "does not know"},
		"old":         {"a.crt.ocsp", answer(ca, ocsp.Good, -time.Hour), "fetch a new one"},
		"of another":  {"a.crt.ocsp", answer(other, ocsp.Good, time.Hour), "issuer"},
		"garbage":     {"a.crt.ocsp", []byte("good"), "OCSP response"},
		"large":       {"a.crt.ocsp", make([]byte, maxStaple+1), "at most"},
		"short list":  {"a.crt.sctl", list[:5], "RFC 6962"},
		"empty list":  {"a.crt.sctl", []byte{0, 0}, "RFC 6962"},
		"longer list": {"a.crt.sctl", append(slices.Clone(list), 0), "RFC 6962"},
	} {
		put(t, dir, "a.crt.ocsp", good, "a.crt.sctl", list, test.file, test.data)
		err := s.Reload()
		if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), test.file) {
			t.Errorf("%s: %v", name, err)
		}
		if c, _ := s.GetCertificate(modern("")); c == nil || (test.file == "a.crt.ocsp") != (c.OCSPStaple == nil) {
			t.Errorf("%s: wrong staple, or the certificate is not served", name)
		}
	}
}

// Clients that ask for random names cost nothing that stays (Dovecot's
// CVE-2017-15130), and a lookup allocates nothing.
func TestRandomNames(t *testing.T) {
	dir := t.TempDir()
	_, cert, key := leaf(t, "mail.example.org", "*.example.org")
	put(t, dir, "a.crt", cert, "a.key", key)
	s := mustOpen(t, Options{Folders: []string{dir}})
	client := modern("mail.example.org")
	if n := testing.AllocsPerRun(1000, func() { s.GetCertificate(client) }); n != 0 {
		t.Errorf("%v allocations a lookup", n)
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	names := 1_000_000
	if testing.Short() {
		names = 100_000
	}
	for i := range names {
		client.ServerName = fmt.Sprintf("n%d.x%d.example", i, i)
		if c, _ := s.GetCertificate(client); c == nil {
			t.Fatal("no default")
		}
	}
	if after := heap(); after > before+1<<20 {
		t.Errorf("the heap grew from %d to %d", before, after)
	}
}

func TestTenThousandNames(t *testing.T) {
	dir := t.TempDir()
	key := testca.ECDSA(t)
	keyFile := testca.KeyPEM(t, key)
	const files, each = 200, 50
	for i := range files {
		var names []string
		for j := range each {
			names = append(names, fmt.Sprintf("n%d.d%d.example.org", j, i))
		}
		put(t, dir, names[0]+".crt", testca.PEM(testca.Issue(t, nil, key, testca.Names(names...))), names[0]+".key", keyFile)
	}
	s := mustOpen(t, Options{Folders: []string{dir}, Exact: true})
	for i := range files {
		for j := range each {
			name := fmt.Sprintf("n%d.d%d.example.org", j, i)
			if c := served(t, s, modern(name)); c == nil || c.VerifyHostname(name) != nil {
				t.Fatalf("%s: %v", name, c)
			}
		}
	}
}

// Certificates are replaced, well and badly, while clients connect.
func TestSwapsUnderLoad(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "a.crt"), filepath.Join(dir, "a.key")
	_, cert, key := leaf(t, "mail.example.org")
	put(t, dir, "a.crt", cert, "a.key", key)
	s := mustOpen(t, Options{Folders: []string{dir}})
	config, err := tlspolicy.Intermediate.ServerBy(s.GetCertificate)
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, config)
	dial(t, addr, "mail.example.org")
	files, routines := openFiles(), runtime.NumGoroutine()

	var handshakes, failed atomic.Int64
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			for tick := time.NewTicker(12 * time.Millisecond); ; { // 2 clients, 10,000 a minute together
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				handshakes.Add(1)
				if _, err := dial(t, addr, "mail.example.org"); err != nil {
					failed.Add(1)
					t.Error(err)
				}
			}
		})
	}
	n := *swaps
	if testing.Short() {
		n = min(n, 10)
	}
	begin, slowest := time.Now(), time.Duration(0)
	for i := range n {
		next, cert, key := leaf(t, "mail.example.org")
		switch i % 4 {
		case 1: // a partial write first
			put(t, dir, "a.crt", cert[:len(cert)/3])
			time.Sleep(15 * time.Millisecond)
		case 2: // the wrong mode first
			if err := os.Chmod(keyFile, 0o644); err != nil {
				t.Fatal(err)
			}
			time.Sleep(15 * time.Millisecond)
		case 3: // an expired one first
			bad := testca.Issue(t, nil, next.Key, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Unix(0, 0), time.Unix(1, 0) })
			replace(t, certFile, testca.PEM(bad))
			time.Sleep(15 * time.Millisecond)
		}
		replace(t, keyFile, key) // between the two renames they do not fit
		if i%2 == 0 {
			time.Sleep(15 * time.Millisecond)
		}
		replace(t, certFile, cert)
		changed := time.Now()
		eventually(t, "the next one is served", func() bool {
			c, err := dial(t, addr, "mail.example.org")
			return err == nil && c.Equal(next.Cert)
		})
		slowest = max(slowest, time.Since(changed))
	}
	took := time.Since(begin)
	close(stop)
	wait.Wait()
	t.Logf("%d swaps, %d handshakes (%.0f a minute), %d failed, slowest swap %v", n, handshakes.Load(), float64(handshakes.Load())/took.Minutes(), failed.Load(), slowest)
	eventually(t, "no goroutines and files are left", func() bool { return runtime.NumGoroutine() <= routines && openFiles() <= files })
}

// openFiles counts open descriptors, where the system tells.
func openFiles() int {
	list, _ := os.ReadDir("/dev/fd")
	return len(list)
}

// The true interval: a new certificate is served within a second.
func TestWithinASecond(t *testing.T) {
	dir := t.TempDir()
	_, cert, key := leaf(t, "mail.example.org")
	put(t, dir, "a.crt", cert, "a.key", key)
	s, err := Open(Options{Folders: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	next, cert, key := leaf(t, "mail.example.org")
	replace(t, filepath.Join(dir, "a.key"), key)
	replace(t, filepath.Join(dir, "a.crt"), cert)
	begin := time.Now()
	eventually(t, "the new one is served", func() bool { return served(t, s, modern("")).Equal(next.Cert) })
	if took := time.Since(begin); took > time.Second {
		t.Errorf("took %v", took)
	}
}

func FuzzTimestamps(f *testing.F) {
	f.Add([]byte{0, 7, 0, 5, 's', 'c', 't', '-', '1'})
	f.Add([]byte{0, 0})
	path := filepath.Join(f.TempDir(), "x.sctl")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var l loaded
		if l.timestamps(path) != nil {
			return
		}
		var list []byte
		for _, sct := range l.cert.SignedCertificateTimestamps {
			list = append(binary.BigEndian.AppendUint16(list, uint16(len(sct))), sct...)
		}
		if again := append(binary.BigEndian.AppendUint16(nil, uint16(len(list))), list...); len(data) > 0 && !slices.Equal(again, data) {
			t.Errorf("%x was read as %x", data, again)
		}
	})
}

func BenchmarkGetCertificate(b *testing.B) {
	dir := b.TempDir()
	_, cert, key := leaf(b, "mail.example.org")
	rsa := testca.Issue(b, nil, testca.RSA(b, 2048), nil)
	put(b, dir, "one/a.crt", cert, "one/a.key", key, "two/a.crt", cert, "two/a.key", key, "two/b.crt", testca.PEM(rsa), "two/b.key", testca.KeyPEM(b, rsa.Key))
	for _, kinds := range []string{"one", "two"} {
		s := mustOpen(b, Options{Folders: []string{filepath.Join(dir, kinds)}})
		client := modern("mail.example.org")
		b.Run(kinds, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.GetCertificate(client)
			}
		})
	}
}

// What following many files costs: one look at 1,000 pairs in which nothing has changed.
func BenchmarkLook(b *testing.B) {
	dir := b.TempDir()
	_, cert, key := leaf(b, "mail.example.org")
	for i := range 1000 {
		put(b, dir, fmt.Sprintf("%d.crt", i), cert, fmt.Sprintf("%d.key", i), key)
	}
	s := mustOpen(b, Options{Folders: []string{dir}})
	s.Close()
	later := time.Now().Add(racy)
	s.look(later, true)
	for b.Loop() {
		s.look(later, false)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	_, cert, key := leaf(t, "mail.example.org")
	put(t, dir, "b/fullchain.pem", cert, "b/privkey.pem", key, "a.crt", []byte("damaged"), "a.key", key, "alone.crt", cert)
	got, err := Find(dir)
	want := []Pair{{Cert: filepath.Join(dir, "a.crt"), Key: filepath.Join(dir, "a.key")}, {Cert: filepath.Join(dir, "b/fullchain.pem"), Key: filepath.Join(dir, "b/privkey.pem")}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if _, err := Find(filepath.Join(dir, "none")); err == nil {
		t.Error("a folder that is not there")
	}
}
