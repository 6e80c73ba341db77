//go:build interop

package audit

import (
	"context"
	"encoding/asn1"
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

	"github.com/mailhavn/mailhavn/tlspolicy"
	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
)

var full = flag.Bool("audit.testssl", false, "have testssl.sh look at all broken servers, and at SMTP and POP3 under each policy, in full: an hour")

// ours are the findings that say the same as one of testssl.sh, by its ID; one of them is to be there.
var ours = map[string][]string{
	"SSLv2": {"ssl2"}, "SSLv3": {"ssl3"}, "TLS1": {"tls10"}, "TLS1_1": {"tls11"}, "TLS1_2": {"no-tls12"}, "TLS1_3": {"no-tls13"},
	"cipherlist_LOW": {"rc4", "weak-cipher"}, "cipherlist_3DES_IDEA": {"block64"}, "cipherlist_AVERAGE": {"cbc"}, "cipherlist_STRONG": {"no-aead"},
	"BEAST": {"cbc-tls10"}, "BEAST_CBC_TLS1": {"cbc-tls10"}, "LUCKY13": {"cbc"}, "SWEET32": {"block64"}, "RC4": {"rc4"},
	"PFS": {"no-forward-secrecy"}, "cipher_order": {"client-order", "static-key", "cbc"}, "cipher_negotiated": {"static-key", "cbc"},
	"LOGJAM": {"weak-dh", "broken-dh"}, "LOGJAM-common_primes": {"weak-dh", "broken-dh"}, "DH_groups": {"weak-dh", "broken-dh"},
	"cert_chain_of_trust": {"expired", "incomplete-chain", "untrusted", "self-signed"}, "cert_expirationStatus": {"expired", "expires-soon"},
	"cert_notAfter": {"expired", "expires-soon"}, "cert_trust": {"wrong-name"}, "DNS_CAArecord": {"no-caa"}, "TLS_session_ticket": {"ticket-life"},
}

// notServers are what testssl.sh says of itself.
var notServers = []string{"engine_problem"}

// quick are the broken servers for which testssl.sh looks at a part only, in little time.
var quick = map[string]string{"tls10": "-p", "weak-dh": "-J"}

// testsslFinding is an entry of testssl.sh's JSON.
type testsslFinding struct{ ID, Severity, Finding string }

// testssl runs testssl.sh and returns what it finds above INFO.
func testssl(t testing.TB, address string, p Protocol, root *testca.Issued, args ...string) (found []testsslFinding) {
	t.Helper()
	dir := t.TempDir()
	ca, out := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "out.json")
	if err := os.WriteFile(ca, testca.PEM(root), 0o600); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(address)
	args = append(args, "--quiet", "--color", "0", "--warnings", "off", "--add-ca", ca, "--ip", "127.0.0.1", "--jsonfile", out)
	if len(dialects[p].steps) > 0 {
		args = append(args, "-t", string(p))
	}
	text, err := exec.Command("testssl", append(args, mailName+":"+port)...).CombinedOutput()
	data, readErr := os.ReadFile(out)
	if readErr != nil {
		t.Fatalf("testssl: %v\n%s", err, text)
	}
	var all []testsslFinding
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, f := range all {
		if slices.Contains([]string{"LOW", "MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL"}, f.Severity) && !slices.Contains(notServers, f.ID) {
			found = append(found, f)
		}
	}
	return found
}

// What testssl.sh finds, the auditor finds.
func TestAgainstTestssl(t *testing.T) {
	a := newAuthority(t)
	for _, b := range broken {
		t.Run(b.name, func(t *testing.T) {
			compare(t, a, b.name, func() string { return serve(t, b.handle(t, a)) }, b.protocol)
		})
	}
	t.Run("weak-dh", func(t *testing.T) { compare(t, a, "weak-dh", func() string { return weakDH(t, a) }, TLS) })
}

func compare(t *testing.T, a authority, name string, serve func() string, p Protocol) {
	args := []string{}
	if !*full {
		if quick[name] == "" {
			t.Skip("with -audit.testssl only")
		}
		args = append(args, quick[name])
	}
	address := serve()
	none := func(context.Context, string) (bool, error) { return false, nil }
	r := audited(t, address, Options{Protocol: p, Name: mailName, Roots: testca.Roots(a.root), CAA: none})
	begin := time.Now()
	theirs := testssl(t, address, p, a.root, args...)
	for _, f := range theirs {
		if !slices.ContainsFunc(ours[f.ID], r.has) {
			t.Errorf("testssl.sh finds %+v, of which nothing is in %q", f, above(r))
		}
	}
	if len(theirs) == 0 && !*full {
		t.Error("testssl.sh finds nothing: was it able to look?")
	}
	t.Logf("ours, in %.1f s: %q; theirs, in %v: %v", r.Seconds, above(r), time.Since(begin), theirs)
}

// testssl.sh has nothing above INFO to say about SMTP and POP3 with STARTTLS under our policies, but that there is no CAA record.
func TestPoliciesByTestssl(t *testing.T) {
	if !*full {
		t.Skip("with -audit.testssl only; the listeners of examples/mailserver are looked at there")
	}
	a := newAuthority(t)
	for _, policy := range []tlspolicy.Policy{tlspolicy.Intermediate, tlspolicy.Modern} {
		leaf := a.leaf(t, nil).Pair(a.between)
		if policy.String() == "modern" {
			leaf = a.issue(t, testca.ECDSA(t), nil).Pair(a.between)
		}
		config, err := policy.ALPN("pop3", "smtp").Server(leaf)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []Protocol{SMTP, POP3} {
			t.Run(policy.String()+"/"+string(p), func(t *testing.T) {
				t.Parallel()
				begin := time.Now()
				for _, f := range testssl(t, serve(t, startsTLS(p, config, false)), p, a.root) {
					if f.ID != "DNS_CAArecord" { // example.org is not ours
						t.Errorf("%+v", f)
					}
				}
				t.Logf("in %v", time.Since(begin))
			})
		}
	}
}

// oakley2 is a prime of 1024 bits that many servers had in common (RFC 2409, section 6.2).
const oakley2 = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437" +
	"4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"

// weakDH runs OpenSSL's server with these parameters.
func weakDH(t *testing.T, a authority) string {
	t.Helper()
	prime, _ := new(big.Int).SetString(oakley2, 16)
	params, err := asn1.Marshal([]*big.Int{prime, big.NewInt(2)})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dh")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "DH PARAMETERS", Bytes: params}), 0o600); err != nil {
		t.Fatal(err)
	}
	return openssl(t, a, "-dhparam", file, "-cipher", "DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256", "-no_ticket")
}

// openssl runs OpenSSL's server without its own limits.
func openssl(t *testing.T, a authority, args ...string) (address string) {
	t.Helper()
	leaf, dir := a.leaf(t, nil), t.TempDir()
	at := map[string]string{}
	for name, text := range map[string][]byte{"pair": slices.Concat(testca.PEM(leaf), testca.KeyPEM(t, leaf.Key)), "chain": testca.PEM(a.between),
		// s_server looks at parameters before it looks at -cipher.
		"config": []byte("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nCipherString = DEFAULT@SECLEVEL=0\n")} {
		at[name] = filepath.Join(dir, name)
		if err := os.WriteFile(at[name], text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	cmd := exec.Command("openssl", append([]string{"s_server", "-accept", address, "-cert", at["pair"], "-cert_chain", at["chain"], "-key", at["pair"], "-quiet"}, args...)...)
	cmd.Env = append(os.Environ(), "OPENSSL_CONF="+at["config"])
	in, err := cmd.StdinPipe() // at its end it would close each connection
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); cmd.Process.Kill(); cmd.Wait() })
	for range 3000 {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return address
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("openssl s_server does not listen")
	return ""
}

// What only another's server shows: it renegotiates, its tickets say how long they live in both versions, it knows
// old suites and curves, and one version of TLS alone.
func TestOpenSSL(t *testing.T) {
	a := newAuthority(t)
	for _, test := range []struct {
		name  string
		args  []string
		finds []string // among others
		not   []string
		life  time.Duration
	}{
		{"renegotiates", []string{"-client_renegotiation", "-tls1_2"}, []string{"client-renegotiation", "static-key", "cbc", "no-tls13", "client-order"}, nil, 2 * time.Hour},
		{"does not", []string{"-tls1_2", "-serverpref"}, nil, []string{"client-renegotiation", "client-order"}, 2 * time.Hour},
		{"TLS 1.3", []string{"-tls1_3"}, nil, []string{"no-tls13", "cbc", "client-renegotiation"}, 2 * time.Hour},
		{"old", []string{"-tls1", "-cipher", "ALL:eNULL:aNULL:@SECLEVEL=0", "-no_ticket"}, []string{"tls10", "no-tls12", "null-cipher", "anonymous", "cbc-tls10", "no-aead"}, nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := audited(t, openssl(t, a, test.args...), Options{Protocol: TLS, Name: mailName, Roots: testca.Roots(a.root), Concurrency: 1})
			for _, id := range test.finds {
				if !r.has(id) {
					t.Errorf("%s is not found, but %q", id, above(r))
				}
			}
			for _, id := range test.not {
				if r.has(id) {
					t.Errorf("%s is found", id)
				}
			}
			if r.Sessions.TicketLife != test.life || len(r.Unknown) > 0 {
				t.Errorf("%+v, unknown %q", r.Sessions, r.Unknown)
			}
			t.Logf("%q, grade %s", above(r), r.Grade.Letter)
		})
	}
}
