//go:build interop

package mta

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/tlspolicy"
)

// sockets are those of a server with the user anna@example.org, in a folder that other system users may enter.
type sockets struct{ dir, auth, users, certificate string }

func newSockets(t *testing.T) sockets {
	t.Helper()
	dir, err := os.MkdirTemp("", "mta") // a short name, for the sockets
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	users, err := passwd.OpenFile(filepath.Join(dir, "users"))
	must(t, err)
	users.Hasher.Params = passwd.Params{Memory: 8, Time: 1}
	users.Hasher.SCRAM, users.Hasher.Iterations = []string{"SHA-256"}, 4096
	must(t, users.Add(context.Background(), anna, right))
	_, err = tlspolicy.SelfSigned(dir)
	must(t, err)
	must(t, os.Chmod(filepath.Join(dir, "selfsigned.pem"), 0o644))
	authenticator := passwd.NewAuthenticator(users)
	authenticator.Login = true
	a := &Auth{Authenticator: authenticator}
	r := &Recipients{Lookup: func(_ context.Context, address string) (bool, error) { return address == anna, nil }}
	s := sockets{dir, filepath.Join(dir, "auth"), filepath.Join(dir, "recipients"), filepath.Join(dir, "selfsigned.pem")}
	for path, serve := range map[string]func(net.Listener) error{s.auth: a.Serve, s.users: r.Serve} {
		l, err := net.Listen("unix", path)
		must(t, err)
		must(t, os.Chmod(path, 0o666))
		go serve(l)
	}
	t.Cleanup(func() { a.Close(); r.Close() })
	return s
}

const (
	anna  = "anna@example.org"
	right = "quiet lanterns"
)

// logInAndSend logs in at a mail transfer agent by every mechanism, and sends to recipients that there are and are not.
func (s sockets) logInAndSend(t *testing.T, addr string) {
	t.Helper()
	dial := func() *smtp.Client {
		t.Helper()
		c, err := smtp.DialStartTLS(addr, &tls.Config{InsecureSkipVerify: true})
		must(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	code := func(err error) int {
		var refused *smtp.SMTPError
		switch {
		case err == nil:
			return 250
		case errors.As(err, &refused):
			return refused.Code
		}
		t.Errorf("not refused, but: %v", err)
		return 0
	}
	for name, mechanism := range map[string]func(password string) sasl.Client{
		"PLAIN": func(password string) sasl.Client { return sasl.NewPlainClient("", anna, password) },
		"LOGIN": func(password string) sasl.Client { return sasl.NewLoginClient(anna, password) },
	} {
		if got := code(dial().Auth(mechanism("noisy lanterns"))); got != 535 {
			t.Errorf("%s, wrong password: %d", name, got)
		}
		c := dial()
		if got := code(c.Auth(mechanism(right))); got != 250 {
			t.Errorf("%s: %d", name, got)
		}
		must(t, c.Mail(anna, nil))
		for recipient, want := range map[string]int{anna: 250, "nobody@example.org": 550} {
			if got := code(c.Rcpt(recipient, nil)); got != want {
				t.Errorf("%s to %s: %d", name, recipient, got)
			}
		}
	}
	host, port, err := net.SplitHostPort(addr)
	must(t, err)
	for password, want := range map[string]string{right: "235 ", "noisy lanterns": "535 "} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		out, _ := exec.CommandContext(ctx, "gsasl", "-c", "--smtp", "--no-cb", "-m", "SCRAM-SHA-256", "-a", anna, "-p", password, "--x509-ca-file="+s.certificate, host, port).CombinedOutput()
		if !strings.Contains(string(out), want) {
			t.Errorf("SCRAM-SHA-256, %q: no %q in\n%s", password, want, out)
		}
	}
	c, err := smtp.Dial(addr)
	must(t, err)
	defer c.Close()
	if offered, _ := c.Extension("AUTH"); offered {
		t.Error("AUTH without TLS")
	}
}

// TestExim lets Exim, started for each connection as inetd does, ask both sockets.
func TestExim(t *testing.T) {
	s := newSockets(t)
	spool := filepath.Join(s.dir, "spool")
	must(t, os.Mkdir(spool, 0o777))
	must(t, os.Chmod(spool, 0o777))
	config := filepath.Join(s.dir, "exim.conf")
	text := fmt.Sprintf(`
primary_hostname = mail.example.org
domainlist local_domains = example.org
spool_directory = %[1]s
log_file_path = %[1]s/%%slog
host_lookup =
tls_advertise_hosts = *
tls_certificate = %[2]s
tls_privatekey = %[2]s
auth_advertise_hosts = ${if def:tls_in_cipher {*}}
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  deny !authenticated = *
  require verify = recipient
  accept
begin routers
users:
  driver = accept
  domains = +local_domains
  condition = ${if match {${readsocket{%[3]s}{${strlen:users $local_part@$domain}:users $local_part@$domain,}{5s}}}{:OK }}
  transport = none
begin transports
none:
  driver = appendfile
  file = /dev/null
begin authenticators
`, spool, s.certificate, s.users)
	for _, m := range []string{"PLAIN", "LOGIN", "SCRAM-SHA-256"} {
		text += fmt.Sprintf("d%s:\n  driver = dovecot\n  public_name = %s\n  server_socket = %s\n  server_set_id = $auth1\n", strings.ReplaceAll(m, "-", ""), m, s.auth)
	}
	must(t, os.WriteFile(config, []byte(text), 0o644))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			running.Go(func() {
				file, err := conn.(*net.TCPConn).File()
				conn.Close()
				if err != nil {
					t.Error(err)
					return
				}
				defer file.Close()
				cmd := exec.Command("/usr/sbin/exim4", "-C", config, "-bs")
				cmd.Stdin, cmd.Stdout, cmd.Stderr = file, file, os.Stderr
				if err := cmd.Start(); err != nil {
					t.Error(err)
					return
				}
				cmd.Wait() // how it ends depends on how the client does
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	s.logInAndSend(t, l.Addr().String())
}
