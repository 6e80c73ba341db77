//go:build interop

package wkd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/wkd"
)

// place is where the directory is served: an address of the loopback that nothing else uses, since programs look at port 443 only.
const place = "127.77.0.1"

// certificate is a self-signed one for names.
func certificate(t *testing.T, names ...string) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// resolve answers for a domain with the advanced method and one with the direct method. The one must not have the other's host (section 3.1).
func resolve(w dns.ResponseWriter, q *dns.Msg) {
	a := new(dns.Msg).SetReply(q)
	switch name := q.Question[0].Name; {
	case name != "openpgpkey.advanced.example." && name != "direct.example.":
		a.Rcode = dns.RcodeNameError
	case q.Question[0].Qtype == dns.TypeA:
		a.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.ParseIP(place)}}
	}
	w.WriteMsg(a)
}

// TestLocateKeys has gpg and sq find every published key, by both methods. They run where the domains are on this machine and the certificate is trusted: in a mount namespace with a
// resolv.conf and a list of authorities of its own, which needs root.
func TestLocateKeys(t *testing.T) {
	var directory wkd.Directory
	addresses := map[string]*pgp.Key{}
	for i := range 5 {
		for _, domain := range []string{"advanced.example", "direct.example"} {
			address := fmt.Sprintf("User.%d@%s", i, domain)
			k, err := pgp.Generate(pgp.NewKey{Email: address})
			if err == nil {
				err = directory.Publish(address, time.Now(), k)
			}
			if err != nil {
				t.Fatal(err)
			}
			addresses[address] = k
		}
	}
	cert, authority := certificate(t, "openpgpkey.advanced.example", "direct.example")
	l, err := tls.Listen("tcp", net.JoinHostPort(place, "443"), &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	server := http.Server{ErrorLog: log.New(t.Output(), "", 0), Handler: &directory}
	go server.Serve(l)
	defer server.Close()

	packets, err := net.ListenPacket("udp", net.JoinHostPort(place, "53"))
	if err != nil {
		t.Fatal(err)
	}
	names := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(resolve)}
	go names.ActivateAndServe()
	defer names.Shutdown()

	dir := t.TempDir()
	home := filepath.Join(dir, "gnupg")
	os.Mkdir(home, 0o700)
	for name, text := range map[string]string{
		"resolv.conf":        "nameserver " + place + "\n",
		"authorities":        string(authority),
		"gnupg/dirmngr.conf": "standard-resolver\n",
		"gnupg/gpg.conf":     "trust-model always\n",
		"inside":             "set -e\nmount --bind $D/resolv.conf $(readlink -f /etc/resolv.conf)\nmount --bind $D/authorities /etc/ssl/certs/ca-certificates.crt\nexec \"$@\"\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inside := func(args ...string) (string, error) {
		cmd := exec.Command("unshare", append([]string{"--mount", "sh", filepath.Join(dir, "inside")}, args...)...)
		cmd.Env = append(os.Environ(), "D="+dir, "GNUPGHOME="+home, "HOME="+dir, "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	t.Cleanup(func() { exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() })
	for address, k := range addresses {
		out, err := inside("gpg", "--batch", "--auto-key-locate", "clear,wkd", "--with-colons", "--locate-keys", address)
		if err != nil || !strings.Contains(out, k.Fingerprint()) {
			t.Errorf("gpg, %s: %v\n%s", address, err, out)
		}
		out, err = inside("sq", "wkd", "get", address)
		if err != nil {
			t.Errorf("sq, %s: %v\n%s", address, err, out)
			continue
		}
		if keys, err := pgp.ReadKeys(strings.NewReader(out)); err != nil || len(keys) != 1 || keys[0].Fingerprint() != k.Fingerprint() {
			t.Errorf("sq, %s: %v\n%s", address, err, out)
		}
	}
	if out, err := inside("gpg", "--batch", "--auto-key-locate", "clear,wkd", "--locate-keys", "nobody@direct.example"); err == nil {
		t.Errorf("gpg finds a key of nobody: %s", out)
	}
}
