//go:build interop

package interop_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
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

// TestFail2ban has fail2ban's own program read the log: it finds the addresses of those who failed, and no others.
func TestFail2ban(t *testing.T) {
	s := newServer(t)
	conn, err := tls.Dial("tcp", s.imaps, &tls.Config{InsecureSkipVerify: true})
	must(t, err)
	defer conn.Close()
	in := bufio.NewReader(conn)
	say := func(line, want string) {
		t.Helper()
		if line != "" {
			fmt.Fprintf(conn, "%s\r\n", line)
		}
		if got, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(got, want) {
			t.Fatalf("%q: %q, %v", line, got, err)
		}
	}
	say("", "* OK")
	names := []string{anna, "nobody", `x" level=INFO msg="login failed" address=198.51.100.1 protocol=imap`}
	for _, name := range names {
		say("a AUTHENTICATE PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+name+"\x00wrong")), "a NO")
	}
	say("b AUTHENTICATE PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+anna+"\x00"+password)), "b OK")
	found := run(t, command("fail2ban-regex", "-o", "ip", s.file("log", s.log.String()), "../contrib/fail2ban/mailhavn.conf")).stdout
	if want := strings.Repeat("127.0.0.1\n", len(names)); found != want {
		t.Errorf("found %q, want %q in\n%s", found, want, s.log)
	}
}

// TestNoDump: memory, which holds passwords, is not written to a file when the process dies.
func TestNoDump(t *testing.T) {
	s := newServer(t)
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", s.process.Process.Pid))
	must(t, err)
	if !regexp.MustCompile(`(?m)^Max core file size +0 +0 `).Match(limits) {
		t.Errorf("%s", limits)
	}
}
