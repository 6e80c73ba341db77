// Command goimap is a server built on go-imap v2 that keeps its mail in mailhavn's storage: one account, anna, on port 1993 of the loopback
// interface.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"os"

	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailhavn/mailhavn/imapserver/goimap"
	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
	"github.com/mailhavn/mailhavn/tlspolicy"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:1993")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(serve(listener, "goimap-data", os.Getenv("PASSWORD")))
}

func serve(listener net.Listener, dir, password string) error {
	if err := os.MkdirAll(dir+"/mail", 0o700); err != nil {
		return err
	}
	tree, err1 := vfs.OS(dir + "/mail")
	users, err2 := passwd.OpenFile(dir + "/users")
	cert, err3 := tlspolicy.SelfSigned(dir)
	config, err4 := tlspolicy.Intermediate.ALPN("imap").Server(cert)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	unit, err := storage.Open(tree, storage.Options{})
	if err != nil {
		return err
	}
	defer unit.Close()
	ctx := context.Background()
	if err := users.Add(ctx, "anna", password); err != nil && !errors.Is(err, passwd.ErrExists) {
		return err
	}
	if account, err := unit.CreateAccount(ctx, "anna"); err == nil {
		account.Close()
	} else if !errors.Is(err, storage.ErrAccountExists) {
		return err
	}
	backend := &goimap.Backend{Auth: passwd.NewAuthenticator(users), Open: unit.OpenAccount}
	server := imapserver.New(&imapserver.Options{NewSession: backend.NewSession, Caps: goimap.Caps(), TLSConfig: config})
	defer server.Close()
	return server.Serve(tls.NewListener(listener, config))
}
