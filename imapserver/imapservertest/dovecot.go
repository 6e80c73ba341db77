package imapservertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

const dovecotConfig = `
base_dir = %[1]s/run
log_path = %[1]s/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <%[1]s/cert.pem
ssl_key = <%[1]s/key.pem
disable_plaintext_auth = yes
mail_location = maildir:%[1]s/mail/%%u
mail_uid = 5000
mail_gid = 5000
first_valid_uid = 5000
mail_max_userip_connections = 5000
auth_mechanisms = plain
auth_failure_delay = 0
mail_plugins = zlib
protocol imap {
  mail_plugins = zlib imap_zlib
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    auto = create
    special_use = \Drafts
  }
  mailbox Sent {
    auto = create
    special_use = \Sent
  }
  mailbox Junk {
    auto = create
    special_use = \Junk
  }
  mailbox Trash {
    auto = create
    special_use = \Trash
  }
  mailbox Archive {
    auto = create
    special_use = \Archive
  }
}
passdb {
  driver = static
  args = password=pass
}
userdb {
  driver = static
  args = uid=5000 gid=5000 home=%[1]s/mail/%%u
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  inet_listener imap {
    port = %[2]d
  }
  inet_listener imaps {
    port = %[3]d
    ssl = yes
  }
}
`

// Dovecot runs Debian's Dovecot (2.3) until the test ends. It needs root, as Dovecot changes users.
func Dovecot(t testing.TB) Server {
	binary, err := exec.LookPath("dovecot")
	if err != nil || os.Getuid() != 0 {
		t.Fatal("needs dovecot-imapd and root")
	}
	dir, err := os.MkdirTemp("", "dovecot") // short: Unix sockets live in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, sub := range []string{"", "run", "mail"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(filepath.Join(dir, "mail"), 5000, 5000); err != nil {
		t.Fatal(err)
	}
	pool := writeCertificate(t, dir)
	plain, secure := freePort(t), freePort(t)
	config := filepath.Join(dir, "dovecot.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, dovecotConfig, dir, plain, secure), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-F", "-c", config)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	})
	client := &tls.Config{RootCAs: pool, ServerName: "localhost"}
	var users atomic.Int64
	s := Server{
		Name: "dovecot",
		Dial: func() (net.Conn, error) { return tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", secure), client) },
		DialPlain: func() (net.Conn, error) {
			// From another address: Dovecot takes a connection within one address for a secure one.
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
			return d.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", plain))
		},
		TLS:        client,
		NewAccount: func(testing.TB) (string, string) { return fmt.Sprintf("user%d", users.Add(1)), "pass" },
		Lacks:      []string{"APPENDLIMIT", "IMAP4rev2", "UIDONLY", "UTF8=ACCEPT", "CREATE-SPECIAL-USE", "MULTISEARCH", "OBJECTID", "PARTIAL", "REPLACE", "UNAUTHENTICATE"},
		// FETCH BODY[] that sets \Seen reports FLAGS without MODSEQ, and then MODSEQ without UID.
		Tolerates: []string{"no MODSEQ", "FETCH without UID"},
		Timeout:   5 * time.Second,
	}
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		conn, err := s.Dial()
		if err == nil {
			conn.Close()
			return s
		}
		if time.Since(start) > 10*time.Second {
			log, _ := os.ReadFile(filepath.Join(dir, "dovecot.log"))
			t.Fatalf("Dovecot does not answer: %v\n%s", err, log)
		}
	}
}

func freePort(t testing.TB) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// writeCertificate makes cert.pem and key.pem and returns a pool with the certificate.
func writeCertificate(t testing.TB, dir string) *x509.CertPool {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: der},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return pool
}
