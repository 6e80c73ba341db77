//go:build interop

package audit

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
)

var full = flag.Bool("audit.testssl", false, "have testssl.sh look at all broken servers in full, which takes half an hour")

// ours are the findings that say the same as one of testssl.sh, by its ID.
var ours = map[string][]string{}

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
		if slices.Contains([]string{"LOW", "MEDIUM", "HIGH", "CRITICAL", "WARN", "FATAL"}, f.Severity) {
			found = append(found, f)
		}
	}
	t.Logf("testssl.sh: %d entries", len(all))
	return found
}

func TestAgainstTestssl(t *testing.T) {
	a := newAuthority(t)
	for _, b := range broken {
		t.Run(b.name, func(t *testing.T) {
			compare(t, a, serve(t, b.handle(t, a)), b.protocol)
		})
	}
	t.Run("weak-dh", func(t *testing.T) { compare(t, a, weakDH(t, a), TLS) })
}

func compare(t *testing.T, a authority, address string, p Protocol) {
	begin := time.Now()
	r := audited(t, address, Options{Protocol: p, Name: mailName, Roots: testca.Roots(a.root)})
	took := time.Since(begin)
	begin = time.Now()
	theirs := testssl(t, address, p, a.root)
	t.Logf("ours in %v: %q", took, above(r))
	for _, f := range theirs {
		t.Logf("theirs: %+v", f)
	}
	t.Logf("theirs in %v", time.Since(begin))
}

// weakDH runs OpenSSL's server with parameters of 1024 bits.
func weakDH(t *testing.T, a authority) string {
	t.Helper()
	dir := t.TempDir()
	leaf := a.leaf(t, nil)
	pem, params := filepath.Join(dir, "pair.pem"), filepath.Join(dir, "dh.pem")
	if err := os.WriteFile(pem, slices.Concat(testca.PEM(leaf, a.between), testca.KeyPEM(t, leaf.Key)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("openssl", "dhparam", "-dsaparam", "-out", params, "1024").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	cmd := exec.Command("openssl", "s_server", "-accept", address, "-cert", pem, "-cert_chain", pem, "-key", pem, "-dhparam", params, "-quiet",
		"-cipher", "DHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0", "-no_ticket")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for range 500 {
		if conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}); err == nil {
			conn.Close()
			return address
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("openssl s_server does not listen")
	return ""
}
