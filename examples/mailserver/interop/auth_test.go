//go:build interop

package interop_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// TestGsasl logs in with GNU SASL by every mechanism with passwords, over STARTTLS.
func TestGsasl(t *testing.T) {
	s := newServer(t)
	host, port, err := net.SplitHostPort(s.imap)
	must(t, err)
	try := func(password string, mechanism ...string) result {
		args := append([]string{"-c", "--imap", "-a", anna, "-p", password, "--x509-ca-file=" + filepath.Join(s.data, "tls", "selfsigned.pem")}, mechanism...)
		return try(t, command("gsasl", append(args, host, port)...))
	}
	for _, mechanism := range [][]string{
		{"--mechanism=PLAIN"}, {"--mechanism=SCRAM-SHA-256", "--no-cb"}, {"--mechanism=SCRAM-SHA-256-PLUS"}, {},
	} {
		if r := try(password, mechanism...); r.err != nil || !strings.Contains(r.stdout+r.stderr, "finished (server trusted)") {
			t.Errorf("%v: %v\n%s%s", mechanism, r.err, r.stdout, r.stderr)
		}
		if r := try("wrong "+password, mechanism...); r.err == nil || !strings.Contains(r.stdout+r.stderr, "[AUTHENTICATIONFAILED]") {
			t.Errorf("%v, wrong password: %v\n%s%s", mechanism, r.err, r.stdout, r.stderr)
		}
	}
}
