// Package imapmemserver has the names of go-imap's server in memory, with mailhavn's storage behind them.
package imapmemserver

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-sasl"

	"github.com/mailhavn/mailhavn/imapserver/goimap"
	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// User is one user.
type User struct{ name, password string }

// NewUser returns a user.
func NewUser(name, password string) *User { return &User{name, password} }

// Create does nothing: the storage makes INBOX.
func (*User) Create(string, *imap.CreateOptions) error { return nil }

// Server has one unit in memory.
type Server struct {
	unit  *storage.Unit
	users []*User
}

// New returns a server without users.
func New() *Server {
	unit, err := storage.Open(vfs.NewMem(), storage.Options{})
	if err != nil {
		panic(err)
	}
	return &Server{unit: unit}
}

// AddUser adds a user, with an account that has INBOX only.
func (s *Server) AddUser(u *User) {
	ctx := context.Background()
	a, err := s.unit.CreateAccount(ctx, u.name)
	if err != nil {
		panic(err)
	}
	defer a.Close()
	for box := range a.Mailboxes() {
		if box.Name == "INBOX" {
			continue
		}
		if err := a.DeleteMailbox(ctx, box.Name); err != nil {
			panic(err)
		}
	}
	s.users = append(s.users, u)
}

// NewSession makes a session of a connection.
func (s *Server) NewSession(conn *imapserver.Conn) imapserver.Session {
	session, _, err := (&goimap.Backend{Auth: s, Open: s.unit.OpenAccount}).NewSession(conn)
	if err != nil {
		panic(err)
	}
	return session
}

// Mechanisms offers PLAIN on any connection: the library decides whether it has to be encrypted.
func (s *Server) Mechanisms(net.Addr, *tls.ConnectionState) []string { return []string{sasl.Plain} }

// Start begins an exchange.
func (s *Server) Start(context.Context, string, net.Addr, *tls.ConnectionState) (sasl.Server, func() string, error) {
	var user string
	return sasl.NewPlainServer(func(_, name, password string) error {
		for _, u := range s.users {
			if u.name == name && u.password == password {
				user = name
				return nil
			}
		}
		return errors.New("wrong name or password")
	}), func() string { return user }, nil
}
