package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/passwd/logins"
	"github.com/mailhavn/mailhavn/storage"
)

// The filter for fail2ban finds the address in the lines that we write, and in no others.
func TestFail2ban(t *testing.T) {
	filter, err := os.ReadFile("contrib/fail2ban/mailhavn.conf")
	if err != nil {
		t.Fatal(err)
	}
	_, expression, ok := strings.Cut(string(filter), "\nfailregex = ")
	if !ok {
		t.Fatal("no failregex")
	}
	expression, _, _ = strings.Cut(expression, "\n")
	find := regexp.MustCompile(strings.ReplaceAll(expression, "<ADDR>", `([0-9a-fA-F.:]+)`))
	for _, test := range []struct {
		user, ip string
		err      error
		want     string
	}{
		{"anna", "192.0.2.1", passwd.ErrCredentials, "192.0.2.1"},
		{"anna", "2001:db8::1", passwd.ErrThrottled, "2001:db8::1"},
		{"anna", "192.0.2.1", nil, ""},
		{"anna", "192.0.2.1", passwd.ErrBusy, ""},
		{"x\nlevel=INFO msg=\"login failed\" address=198.51.100.1 protocol=imap", "192.0.2.1", passwd.ErrCredentials, "192.0.2.1"},
		{`x" level=INFO msg="login failed" address=198.51.100.1 protocol=imap`, "192.0.2.1", passwd.ErrBusy, ""},
	} {
		var log bytes.Buffer
		a := &auth{logins: logins.New(), logger: slog.New(slog.NewTextHandler(&log, nil))}
		a.log(passwd.Event{Protocol: "imap", Mechanism: "PLAIN", Remote: &net.TCPAddr{IP: net.ParseIP(test.ip), Port: 1}, User: test.user, Err: test.err})
		got := ""
		for line := range strings.Lines(log.String()) {
			if m := find.FindStringSubmatch(line); m != nil {
				got += m[1]
			}
		}
		if got != test.want {
			t.Errorf("%+v: %q in %q", test, got, log.String())
		}
	}
}

// A client with a certificate of the authority logs in without a password, and one whom nobody knows is sent to the administrator.
func TestClientCertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour)}
	issue := func(template *x509.Certificate) tls.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	}
	client := func(address string) *tls.Certificate {
		c := issue(&x509.Certificate{SerialNumber: big.NewInt(2), EmailAddresses: []string{address}, NotAfter: time.Now().Add(time.Hour),
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		return &c
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issue(authority).Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	srv, err := newServer(settings{Data: filepath.Join(dir, "d"), IMAPS: "127.0.0.1:0", ClientCA: file, MaxMessageSize: 1 << 20,
		OAuthIssuer: "https://id.example", OAuthKeys: "https://id.example/keys", OAuthAudience: "mail"}, storage.Options{}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	srv.start()
	defer srv.close()
	if err := srv.control.admin.do(t.Context(), request{Command: "add", Name: "anna@example.org", Password: "quiet lanterns"}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{"anna@example.org": "a OK ", "nobody@example.org": "a NO [CONTACTADMIN]"} {
		conn, err := tls.Dial("tcp", addressOf(srv.services[0].listener), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"imap"},
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return client(address), nil }})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(time.Minute))
		in := bufio.NewReader(conn)
		greeting, err := in.ReadString('\n')
		if err != nil || !strings.Contains(greeting, " AUTH=EXTERNAL") || !strings.Contains(greeting, " AUTH=OAUTHBEARER") || !strings.Contains(greeting, " AUTH=SCRAM-SHA-256-PLUS") {
			t.Errorf("%q, %v", greeting, err)
		}
		fmt.Fprint(conn, "a AUTHENTICATE EXTERNAL =\r\n")
		if got, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, %v", address, got, err)
		}
	}
}
