// Command embed is an IMAP server inside a program of one's own: one account, anna, on port 1993 of the loopback interface.
package main

import (
	"context"
	"errors"
	"log"
	"net"
	"os"

	"github.com/mailhavn/mailhavn/imapserver"
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
	log.Fatal(serve(listener, "embed-data", os.Getenv("PASSWORD")))
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
	if err := users.Add(context.Background(), "anna", password); err != nil && !errors.Is(err, passwd.ErrExists) {
		return err
	}
	open := func(ctx context.Context, user string) (*storage.Account, error) {
		account, err := unit.OpenAccount(ctx, user)
		if errors.Is(err, storage.ErrNoAccount) { // the first login makes it
			return unit.CreateAccount(ctx, user)
		}
		return account, err
	}
	server := &imapserver.Server{TLS: config, Auth: passwd.NewAuthenticator(users), Open: open}
	return server.ServeTLS(listener)
}
