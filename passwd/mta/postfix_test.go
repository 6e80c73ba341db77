//go:build interop

package mta

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestPostfix lets Postfix ask both sockets. It needs root, and the environment variable POSTFIX with the folder in which Debian's package
// lies unpacked, because it cannot be installed together with Exim.
func TestPostfix(t *testing.T) {
	root := os.Getenv("POSTFIX")
	if root == "" {
		t.Fatal("POSTFIX does not say where Postfix is unpacked; see .ci/run")
	}
	s := newSockets(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	addr := free.Addr().String()
	must(t, free.Close())
	folder := func(name string) string {
		path := filepath.Join(s.dir, name)
		must(t, os.MkdirAll(path, 0o777))
		must(t, os.Chmod(path, 0o777))
		return path
	}
	config, queue := folder("etc"), folder("queue")
	for _, name := range []string{"pid", "public", "private", "incoming"} {
		folder(filepath.Join("queue", name))
	}
	libraries := filepath.Join(root, "usr/lib/postfix")
	must(t, os.WriteFile(filepath.Join(config, "main.cf"), fmt.Appendf(nil, `
compatibility_level = 3.6
queue_directory = %[1]s
data_directory = %[2]s
daemon_directory = %[3]s/sbin
shlib_directory = %[3]s
import_environment = LD_LIBRARY_PATH=%[3]s MAIL_CONFIG
mail_owner = news
setgid_group = tape
myhostname = mail.example.org
inet_interfaces = 127.0.0.1
mydestination =
alias_maps =
local_recipient_maps =
notify_classes =
virtual_mailbox_domains = example.org
virtual_mailbox_maps = socketmap:unix:%[4]s:users
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = %[5]s
smtpd_tls_key_file = %[5]s
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = %[6]s
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_peername_lookup = no
maillog_file_prefixes = %[7]s
maillog_file = %[7]s/log
`, queue, folder("data"), libraries, s.users, s.certificate, s.auth, folder("log")), 0o644))
	must(t, os.WriteFile(filepath.Join(config, "master.cf"), fmt.Appendf(nil, `
%s inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
error unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
`, addr), 0o644))
	cmd := exec.Command(filepath.Join(libraries, "sbin/master"), "-d", "-c", config)
	cmd.Env = []string{"LD_LIBRARY_PATH=" + libraries, "PATH=/usr/bin:/bin"}
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) // it ends those that it has started
		cmd.Wait()
	})
	for range 600 { // until it listens; it does not tell
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	defer func() { log, _ := os.ReadFile(filepath.Join(s.dir, "log/log")); fmt.Printf("%s", log) }()
	s.logInAndSend(t, addr)
	if t.Failed() {
		log, err := os.ReadFile(filepath.Join(s.dir, "log/log"))
		t.Logf("%s, %v", log, err)
	}
}
