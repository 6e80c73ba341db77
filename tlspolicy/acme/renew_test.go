package acme

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"

	"github.com/mailhavn/mailhavn/tlspolicy/certs"
	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
)

const (
	testName = "mail.example.org"
	life     = 6 * 24 * time.Hour
)

// authority issues certificates for six days and says when to renew them: a window of an hour, which begins at half of their life unless moved.
type authority struct {
	t  testing.TB
	ca *testca.Issued

	mu     sync.Mutex // guards the following
	issued []issued
	out    time.Time     // until when nothing is issued
	moved  time.Duration // what the last certificate's window is moved by
}

type issued struct {
	leaf     *x509.Certificate
	at       time.Time
	deadline time.Time // the end of the window as it was told last
	told     time.Time // the beginning of the window as it was told last
}

func newAuthority(t testing.TB) *authority {
	return &authority{t: t, ca: testca.Issue(t, nil, testca.ECDSA(t), func(c *x509.Certificate) {
		testca.Authority("CA")(c)
		c.NotAfter = time.Now().AddDate(1, 0, 0)
	})}
}

func (a *authority) IssuerKey() string { return "test" }

func (a *authority) Issue(_ context.Context, request *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if now.Before(a.out) {
		return nil, errors.New("out of order")
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(int64(len(a.issued)) + 1), DNSNames: request.DNSNames, NotBefore: now, NotAfter: now.Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.ca.Cert, request.PublicKey, a.ca.Key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	for _, before := range a.issued {
		if before.leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool }).Equal(leaf.PublicKey) {
			a.t.Error("a key was used again")
		}
	}
	a.issued = append(a.issued, issued{leaf: leaf, at: now})
	a.moved = 0
	info := a.info()
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	chain = append(chain, testca.PEM(a.ca)...)
	return &certmagic.IssuedCertificate{Certificate: chain, Metadata: acme.Certificate{ChainPEM: chain, RenewalInfo: &info}}, nil
}

func (a *authority) GetRenewalInfo(context.Context, certmagic.Certificate) (acme.RenewalInfo, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.info(), nil
}

// info says when the last certificate is to be renewed, and to ask again in three hours (RFC 9773, section 4). a.mu is held.
func (a *authority) info() (info acme.RenewalInfo) {
	last := &a.issued[len(a.issued)-1]
	start := last.at.Add(life/2 + a.moved)
	info.SuggestedWindow.Start, info.SuggestedWindow.End = start, start.Add(time.Hour)
	info.SelectedTime = start.Add(time.Duration(mathrand.Int64N(int64(time.Hour))))
	again := time.Now().Add(3 * time.Hour)
	info.RetryAfter = &again
	info.UniqueIdentifier = last.leaf.SerialNumber.String()
	last.told, last.deadline = info.SuggestedWindow.Start, info.SuggestedWindow.End
	return info
}

// scenario has things happen after some renewals, of which seen are known, and tells how many there were.
func (a *authority) scenario(seen int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	renewals := len(a.issued) - 1
	switch {
	case renewals == seen:
	case renewals == 7: // the authority will revoke it
		a.moved = -life / 4
	case renewals == 13: // an outage that begins before the window
		a.out = time.Now().Add(life/2 + 36*time.Hour)
	}
	return renewals
}

// A certificate of six days is renewed twenty times: when the authority says, with a new key each time; also when that is moved forward, and when
// nothing is issued for a day and a half. What is served is never expired.
func TestRenewedTwentyTimes(t *testing.T) {
	dir := t.TempDir() // out of the bubble
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t)
		var store atomic.Pointer[certs.Store]
		m, err := open(Options{Dir: dir, Names: []string{testName}, Agreed: true, Profile: ShortLived, Changed: func(string) {
			if s := store.Load(); s != nil {
				if err := s.Reload(); err != nil {
					t.Error(err)
				}
			}
		}}, func(*certmagic.Config, *certmagic.ACMEIssuer) certmagic.Issuer { return a })
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := m.Start(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s, err := certs.Open(certs.Options{Folders: []string{m.Folder()}})
		if err != nil {
			t.Fatal(err)
		}
		s.Close() // Changed tells it; looking twice a second for two months takes too long
		store.Store(s)
		began := time.Now()
		const renewals = 20
		for seen := 0; seen < renewals; time.Sleep(10 * time.Minute) {
			synctest.Wait()
			served, err := s.GetCertificate(&tls.ClientHelloInfo{ServerName: testName})
			if err != nil || !time.Now().Before(served.Leaf.NotAfter) {
				t.Fatalf("%s after %d renewals: an expired certificate is served (%v)", time.Since(began), seen, err)
			}
			if time.Since(began) > renewals*life {
				t.Fatalf("%d renewals in %s", seen, time.Since(began))
			}
			seen = a.scenario(seen)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		for i := range renewals {
			begin, end := a.issued[i].told, a.issued[i].deadline
			if i == 13 {
				end = a.out.Add(3 * time.Hour) // the pause between tries grows
			}
			const check = certmagic.DefaultRenewCheckInterval // before a time that would be missed by the next check
			if at := a.issued[i+1].at; at.Before(begin.Add(-check)) || at.After(end) {
				t.Errorf("renewal %d: after %v, the window is from %v to %v", i+1, at.Sub(a.issued[i].at), begin.Sub(a.issued[i].at), end.Sub(a.issued[i].at))
			}
		}
		if moved := a.issued[8].at.Sub(a.issued[7].at); moved > life/4+3*time.Hour {
			t.Errorf("the window was moved to %v, the renewal came after %v", life/4, moved)
		}
		t.Logf("%d certificates in %v", len(a.issued), time.Since(began))
	})
	keys, err := filepath.Glob(filepath.Join(dir, "certificates", "test", testName, testName+".key"))
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	if info, err := os.Stat(keys[0]); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Error("others can read the key:", info.Mode(), err)
	}
}

// What is wrong with the options is told before anything is done.
func TestOptions(t *testing.T) {
	good := Options{Dir: t.TempDir(), Names: []string{testName}, Agreed: true}
	for want, change := range map[string]func(*Options){
		"Dir is not set":           func(o *Options) { o.Dir = "" },
		"there is no name":         func(o *Options) { o.Names = nil },
		"read them and set Agreed": func(o *Options) { o.Agreed = false },
		`"a b" is no name`:         func(o *Options) { o.Names = []string{testName, "a b"} },
		`"" is no name`:            func(o *Options) { o.Names = []string{""} },
		"by DNS only; set DNS":     func(o *Options) { o.Names = []string{"*.example.org"} },
	} {
		o := good
		change(&o)
		if _, err := Open(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v instead of %q", err, want)
		}
	}
	o := good
	o.Names = []string{"MAIL.Example.org"}
	m, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if !slices.Equal(m.options.Names, []string{testName}) || o.Names[0] != "MAIL.Example.org" {
		t.Error(m.options.Names, o.Names)
	}
}
