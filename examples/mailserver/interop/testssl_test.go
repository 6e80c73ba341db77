//go:build interop

package interop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"flag"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

var fullTestssl = flag.Bool("testssl", false, "have testssl.sh look at every listener with both policies, in full: half an hour")

// quickTestssl has testssl.sh look at versions and the certificate only.
var quickTestssl = []string{"-p", "-S"}

// testsslMisses are findings that say something about the machine or the test, not about the server.
var testsslMisses = map[string]string{
	"engine_problem": "about testssl.sh's own OpenSSL",
	"DNS_CAArecord":  "example.org is not ours",
}

// testssl.sh has nothing above INFO to say about any listener.
func TestTestssl(t *testing.T) {
	if !*fullTestssl {
		s, ca := servedUnder(t, "intermediate")
		passes(t, s.imap, "imap", ca, quickTestssl)
		return
	}
	t.Run("tickets", func(t *testing.T) { // of which crypto/tls always says that they live for seven days
		t.Parallel()
		s, ca := servedUnder(t, "intermediate", "--session-tickets")
		passes(t, s.imaps, "", ca, []string{"-S"}, "TLS_session_ticket")
	})
	for _, policy := range []string{"intermediate", "modern"} {
		s, ca := servedUnder(t, policy)
		for _, listener := range []struct{ name, address, starttls string }{{"imap", s.imap, "imap"}, {"imaps", s.imaps, ""}, {"https", s.wkd, ""}} {
			t.Run(policy+"/"+listener.name, func(t *testing.T) {
				t.Parallel()
				passes(t, listener.address, listener.starttls, ca, nil)
			})
		}
	}
}

func servedUnder(t *testing.T, policy string, options ...string) (s *server, ca string) {
	t.Helper()
	ca, pair := authorityFiles(t)
	return newServer(t, append(options, "--cert", pair, "--key", pair, "--tls-policy", policy, "--wkd", "127.0.0.1:0")...), ca
}

// passes has testssl.sh look at an address and find nothing above INFO but what is expected.
func passes(t *testing.T, address, starttls, ca string, args []string, expected ...string) {
	t.Helper()
	begin := time.Now()
	all := testssl(t, address, starttls, ca, args)
	var found []string
	for _, f := range all {
		_, misses := testsslMisses[f.ID]
		if !misses && slices.Contains([]string{"LOW", "MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL"}, f.Severity) {
			found = append(found, f.ID)
		}
	}
	if !slices.Equal(found, expected) || len(all) < 20 {
		t.Errorf("found %q, want %q, in %+v", found, expected, all)
	}
	t.Logf("%d entries in %v", len(all), time.Since(begin))
}

type testsslFinding struct{ ID, Severity, Finding string }

func testssl(t *testing.T, address, starttls, ca string, args []string) (all []testsslFinding) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.json")
	_, port, _ := net.SplitHostPort(address)
	args = append(slices.Clone(args), "--quiet", "--color", "0", "--warnings", "off", "--add-ca", ca, "--ip", "127.0.0.1", "--jsonfile", out)
	if starttls != "" {
		args = append(args, "-t", starttls)
	}
	text, err := exec.Command("testssl", append(args, "mail.example.org:"+port)...).CombinedOutput()
	data, readErr := os.ReadFile(out)
	if readErr != nil {
		t.Fatalf("testssl: %v\n%s", err, text)
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return all
}

// authorityFiles makes an authority and a certificate by it as public ones are, and returns the files of the one and of the other with its key.
func authorityFiles(t *testing.T) (ca, pair string) {
	t.Helper()
	issue := func(c, parent *x509.Certificate, signer *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if parent == nil {
			parent, signer = c, key
		}
		c.SerialNumber, c.NotBefore, c.NotAfter, c.BasicConstraintsValid = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().AddDate(0, 0, 90), true
		der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key
	}
	root := &x509.Certificate{Subject: pkix.Name{CommonName: "Test Root"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	rootPEM, rootKey := issue(root, nil, nil)
	leafPEM, leafKey := issue(&x509.Certificate{Subject: pkix.Name{CommonName: "mail.example.org"}, DNSNames: []string{"mail.example.org"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, CRLDistributionPoints: []string{"http://crl.example.org/1"}}, root, rootKey)
	der, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ca, pair = filepath.Join(dir, "ca.pem"), filepath.Join(dir, "pair.pem")
	for file, text := range map[string][]byte{ca: rootPEM, pair: append(leafPEM, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return ca, pair
}
