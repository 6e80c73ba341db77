package goimap_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailhavn/mailhavn/imapserver/goimap"
	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// ownSession is a session with a Login of the program's own.
type ownSession struct {
	*goimap.Session
	unit *storage.Unit
}

func (s *ownSession) Login(username, password string) error {
	if username != "anna" || password != "secret" { // as the program knows better
		return imapserver.ErrAuthFailed
	}
	account, err := s.unit.OpenAccount(context.Background(), username)
	if err == nil {
		s.Enter(account)
	}
	return err
}

// A program that has its own way to authenticate puts it around a Session.
func ExampleNewSession() {
	unit, err := storage.Open(vfs.NewMem(), storage.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer unit.Close()
	account, err := unit.CreateAccount(context.Background(), "anna")
	if err != nil {
		log.Fatal(err)
	}
	account.Close()
	server := imapserver.New(&imapserver.Options{
		NewSession: func(conn *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &ownSession{goimap.NewSession(conn), unit}, nil, nil
		},
		Caps: goimap.Caps(), InsecureAuth: true,
	})
	defer server.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(listener)

	client, err := imapclient.DialInsecure(listener.Addr().String(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := client.Login("anna", "secret").Wait(); err != nil {
		log.Fatal(err)
	}
	inbox, err := client.Select("INBOX", nil).Wait()
	fmt.Println(inbox.NumMessages, "messages", err)
	// Output: 0 messages <nil>
}
