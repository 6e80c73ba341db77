package main

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

// TestServe logs in to the example in both ways, and lists the mailboxes of a new account.
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
	dial := func() *imapclient.Client {
		conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{InsecureSkipVerify: true}) // the certificate is made for this
		if err != nil {
			t.Fatal(err)
		}
		client := imapclient.New(conn, nil)
		t.Cleanup(func() { client.Close() })
		return client
	}
	client := dial()
	if err := client.Login("anna", "battery").Wait(); err == nil {
		t.Error("logged in with a wrong password")
	}
	if err := client.Login("anna", "correct horse battery staple").Wait(); err != nil {
		t.Fatal(err)
	}
	if boxes, err := client.List("", "*", nil).Collect(); err != nil || len(boxes) != 6 {
		t.Errorf("%d mailboxes, want 6; %v", len(boxes), err)
	}
	if err := client.Logout().Wait(); err != nil {
		t.Error(err)
	}
	client = dial()
	if err := client.Authenticate(sasl.NewPlainClient("", "anna", "correct horse battery staple")); err != nil {
		t.Error(err)
	}
}
