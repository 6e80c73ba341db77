package imapserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// testServer is a server with a unit in memory, which serves on the loopback.
type testServer struct {
	*Server
	unit      *storage.Unit
	users     *users
	plain     net.Listener
	implicit  net.Listener
	clientTLS *tls.Config
	served    sync.WaitGroup
}

var discardLogger = slog.New(slog.DiscardHandler)

// newTestServer starts a server; configure, if not nil, changes it before. It ends with the test, and so must every goroutine.
func newTestServer(t testing.TB, configure func(*Server)) *testServer {
	t.Helper()
	return newTransformingServer(t, nil, configure)
}

// newTransformingServer is newTestServer with a hook of the storage.
func newTransformingServer(t testing.TB, transform storage.Transform, configure func(*Server)) *testServer {
	t.Helper()
	unit, err := storage.Open(vfs.NewMem(), storage.Options{Transform: transform, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := &testServer{unit: unit, users: &users{passwords: map[string]string{}}}
	certified := httptest.NewTLSServer(nil)
	certified.Close()
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	s.clientTLS = &tls.Config{RootCAs: roots, ServerName: "example.com"}
	s.Server = &Server{
		TLS:    &tls.Config{Certificates: certified.TLS.Certificates},
		Auth:   s.users,
		Open:   unit.OpenAccount,
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if configure != nil {
		configure(s.Server)
	}
	s.plain, s.implicit = listen(t), listen(t)
	s.served.Go(func() { s.Serve(s.plain) })
	s.served.Go(func() { s.ServeTLS(s.implicit) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		s.served.Wait()
		if err := unit.Close(); err != nil {
			t.Errorf("closing the unit: %v", err)
		}
	})
	return s
}

func listen(t testing.TB) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// newAccount makes an account.
func (s *testServer) newAccount(t testing.TB) (user, password string) {
	user, password = s.users.add()
	a, err := s.unit.CreateAccount(context.Background(), user)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, name := range slices.Clone(a.Subscriptions()) {
		if err := a.Subscribe(context.Background(), name, false); err != nil {
			t.Fatal(err)
		}
	}
	return user, password
}

func (s *testServer) dialTLS() (net.Conn, error) {
	return tls.Dial("tcp", s.implicit.Addr().String(), s.clientTLS)
}

func (s *testServer) dialPlain() (net.Conn, error) {
	return net.Dial("tcp", s.plain.Addr().String())
}

// users is an Authenticator with passwords in clear.
type users struct {
	mu        sync.Mutex // guards the following fields
	passwords map[string]string
}

func (u *users) add() (user, password string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	user, password = fmt.Sprintf("user%d@example.com", len(u.passwords)), fmt.Sprintf("secret-%d", len(u.passwords))
	u.passwords[user] = password
	return user, password
}

// last returns the user who was added last.
func (u *users) last() (user, password string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	user = fmt.Sprintf("user%d@example.com", len(u.passwords)-1)
	return user, u.passwords[user]
}

// restrict is a Server.Restrict that makes new sessions read-only while *readOnly.
func restrict(readOnly *bool) func(context.Context, string) (Restrictions, error) {
	return func(context.Context, string) (Restrictions, error) { return Restrictions{ReadOnly: *readOnly}, nil }
}

func (u *users) Mechanisms(net.Addr, *tls.ConnectionState) []string { return []string{"PLAIN"} }

func (u *users) Start(context.Context, string, net.Addr, *tls.ConnectionState) (sasl.Server, func() string, error) {
	var name string
	server := sasl.NewPlainServer(func(identity, user, password string) error {
		u.mu.Lock()
		defer u.mu.Unlock()
		if want, ok := u.passwords[user]; !ok || want != password || identity != "" && identity != user {
			return errors.New("wrong")
		}
		name = user
		return nil
	})
	return server, func() string { return name }, nil
}
