package main

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/mailhavn/mailhavn/tlspolicy"
)

// TestServe logs in to the example and lists the mailboxes of a new account.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve(listener, dir, "correct horse battery staple") }()
	defer func() {
		listener.Close()
		<-ended // the unit is closed, so the folder can go
	}()

	client := dial(t, listener.Addr().String(), dir)
	if err := client.Login("anna", "battery").Wait(); err == nil {
		t.Error("logged in with a wrong password")
	}
	if err := client.Login("anna", "correct horse battery staple").Wait(); err != nil {
		t.Fatal(err)
	}
	boxes, err := client.List("", "*", nil).Collect()
	if err != nil {
		t.Fatal(err)
	}
	if len(boxes) != 6 {
		t.Errorf("%d mailboxes, want 6", len(boxes))
	}
	if err := client.Logout().Wait(); err != nil {
		t.Error(err)
	}
}

// dial waits for the server's certificate, which it makes first, and trusts it.
func dial(t *testing.T, addr, dir string) *imapclient.Client {
	t.Helper()
	conn, err := net.Dial("tcp", addr) // accepted when the server serves
	if err != nil {
		t.Fatal(err)
	}
	verify := func(state tls.ConnectionState) error {
		pem, err := os.ReadFile(filepath.Join(dir, tlspolicy.SelfSignedCert))
		if err != nil {
			return err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		_, err = state.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: "localhost", Roots: roots})
		return err
	}
	// The usual verification would need the certificate before there is one; VerifyConnection takes its place.
	client := imapclient.New(tls.Client(conn, &tls.Config{InsecureSkipVerify: true, VerifyConnection: verify}), nil)
	t.Cleanup(func() { client.Close() })
	return client
}

// TestReadme keeps the README's copy of the example equal to it.
func TestReadme(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "\n```go\n"+string(source)+"```\n") {
		t.Error("README.md does not contain examples/embed/main.go as it is")
	}
}
