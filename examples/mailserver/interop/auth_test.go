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

// TestAppPasswordsByGsasl uses app passwords by the mechanism that GNU SASL likes best, and after they were revoked.
func TestAppPasswordsByGsasl(t *testing.T) {
	s := newServer(t)
	host, port, err := net.SplitHostPort(s.imap)
	must(t, err)
	account := func(args ...string) string {
		return run(t, command(mailserver, append([]string{"account"}, append(args, "--data", s.data)...)...)).stdout
	}
	login := func(password string) string {
		r := try(t, command("gsasl", "-c", "--imap", "-a", anna, "-p", password, "--x509-ca-file="+filepath.Join(s.data, "tls", "selfsigned.pem"), host, port))
		return r.stdout + r.stderr
	}
	made := strings.Fields(account("app", "add", anna, "--for", "phone", "--protocol", "imap"))
	secret, id := made[len(made)-1], made[2]
	sending := strings.Fields(account("app", "add", anna, "--for", "printer", "--protocol", "smtp"))
	account("app", "only", anna, "on")
	for _, test := range []struct{ password, want string }{
		{secret, "finished (server trusted)"}, {sending[len(sending)-1], "[AUTHENTICATIONFAILED]"}, {password, "[AUTHENTICATIONFAILED]"},
	} {
		if got := login(test.password); !strings.Contains(got, test.want) || !strings.Contains(got, "SCRAM-SHA-256-PLUS") {
			t.Errorf("want %s:\n%s", test.want, got)
		}
	}
	account("app", "remove", anna, id)
	if got := login(secret); !strings.Contains(got, "[AUTHENTICATIONFAILED]") {
		t.Errorf("revoked: %s", got)
	}
}
