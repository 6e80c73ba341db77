package imapserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/storage"
)

// TestShutdown checks that Shutdown lets commands end, says BYE to all, and leaves no goroutine.
func TestShutdown(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("server", func(t *testing.T) {
		s := newTestServer(t, nil)
		waiting, idle, connected := s.session(t, 1), s.session(t, 0), s.connectPlain(t)
		tag := idle.send("IDLE")
		idle.line()
		busy := s.session(t, 0)
		busy.write("x APPEND INBOX {5}\r\n")
		busy.line()
		done := make(chan error)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			done <- s.Shutdown(ctx)
		}()
		for _, c := range []*client{waiting, idle, connected} {
			if got := c.gone(); !strings.HasPrefix(got[0], "* BYE [UNAVAILABLE]") {
				t.Errorf("%q", got)
			}
		}
		_ = tag
		busy.write("hello\r\n") // a command that has begun is finished
		if got := busy.gone(); len(got) != 4 || !strings.HasPrefix(got[2], "x OK") || !strings.HasPrefix(got[3], "* BYE") {
			t.Errorf("%q", got)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, err := s.dialPlain(); err == nil {
			t.Error("accepts connections after Shutdown")
		}
	})
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
}

// TestShutdownCuts checks that Shutdown cuts off what does not end in time.
func TestShutdownCuts(t *testing.T) {
	s := newTestServer(t, nil)
	c := s.session(t, 0)
	c.write("x APPEND INBOX {5}\r\n")
	c.line()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); err != context.DeadlineExceeded {
		t.Errorf("Shutdown: %v", err)
	}
	c.gone()
}

// TestSessions checks the registry: what it shows, and that a session can be kicked.
func TestSessions(t *testing.T) {
	s := newTestServer(t, nil)
	a := s.session(t, 0)
	b := s.connectPlain(t)
	list := s.Sessions()
	if len(list) != 2 || list[0].User == "" || !list[0].TLS || list[0].Mailbox != "INBOX" || list[1].User != "" || list[1].TLS {
		t.Fatalf("%+v", list)
	}
	if a.ok("UNSELECT"); s.Sessions()[0].Mailbox != "" {
		t.Errorf("%+v", s.Sessions()[0])
	}
	if s.Kick(99) || !s.Kick(list[0].ID) {
		t.Error("Kick")
	}
	if got := a.gone(); !strings.HasPrefix(got[0], "* BYE") {
		t.Errorf("%q", got)
	}
	b.want("LOGOUT", "* BYE …", ". OK …")
	b.gone()
	for range 100 {
		if len(s.Sessions()) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%+v", s.Sessions())
}

// TestConnectionLimits checks the limits on connections: of the server, of an address, of an account.
func TestConnectionLimits(t *testing.T) {
	greeting := func(s *testServer) string {
		conn, err := s.dialPlain()
		c := newClient(t, conn, err)
		return c.line()
	}
	s := newTestServer(t, func(s *Server) { s.Limits.Connections = 1 })
	s.connectPlain(t)
	if got := greeting(s); got != "* BYE [UNAVAILABLE] Too many connections" {
		t.Error(got)
	}
	s = newTestServer(t, func(s *Server) { s.Limits.ConnectionsPerAddress = 1 })
	s.connectPlain(t)
	if got := greeting(s); got != "* BYE [LIMIT] Too many connections from this address" {
		t.Error(got)
	}
	s = newTestServer(t, func(s *Server) { s.Limits.ConnectionsPerAccount = 1 })
	s.login(t, 1)
	user, password := s.users.last()
	c := s.connect(t)
	c.want("LOGIN "+user+" "+password, ". NO [LIMIT] …")
	other, secret := s.newAccount(t)
	c.want("LOGIN "+other+" "+secret, ". OK …")
}

func TestNetworkOf(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1:1": "192.0.2.1/32", "[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::/64", "[::ffff:192.0.2.1]:1": "192.0.2.1/32",
	} {
		a, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := networkOf(a).String(); got != want {
			t.Errorf("%s: %s", addr, got)
		}
	}
	if networkOf(&net.UnixAddr{}).IsValid() {
		t.Error("a Unix socket has a network")
	}
}

// TestTimeouts checks that a client that is slow or silent is not waited for.
func TestTimeouts(t *testing.T) {
	const short = 300 * time.Millisecond
	s := newTestServer(t, func(s *Server) { s.Timeouts = Timeouts{Handshake: short, Login: short} })
	s.connectPlain(t).gone() // never logs in
	conn, err := net.Dial("tcp", s.implicit.Addr().String())
	newClient(t, conn, err).gone() // never begins TLS

	s = newTestServer(t, func(s *Server) { s.Timeouts = Timeouts{Idle: short, Command: short} })
	if got := s.login(t, 1)[0].gone(); !strings.HasPrefix(got[0], "* BYE") { // silent
		t.Errorf("%q", got)
	}
	slow := s.login(t, 1)[0]
	for range 20 { // each octet in time, the command never complete
		if _, err := io.WriteString(slow.conn, "x"); err != nil {
			break
		}
		time.Sleep(short / 6)
	}
	slow.gone()
}

// TestWriteTimeout checks that a client that takes nothing is given up.
func TestWriteTimeout(t *testing.T) {
	s := newTestServer(t, func(s *Server) { s.Timeouts.Write = 200 * time.Millisecond })
	c := s.session(t, 0)
	c.append("INBOX", "", strings.Repeat("x", 4<<20))
	for range 20 {
		c.send("FETCH 1 BODY.PEEK[]")
	}
	deadline := time.Now().Add(patience)
	for len(s.Sessions()) > 0 && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	if list := s.Sessions(); len(list) > 0 {
		t.Errorf("still there: %+v", list)
	}
}

// TestFaults checks that what is no mail program is not listened to for long.
func TestFaults(t *testing.T) {
	s := newTestServer(t, func(s *Server) { s.Limits.BadCommands = 10 })
	c := s.connectPlain(t)
	for range preAuthBadCommands {
		c.want("GET / HTTP/1.1", ". BAD …")
	}
	if got := c.gone(); !strings.HasPrefix(got[0], "* BYE") {
		t.Errorf("%q", got)
	}
	c = s.session(t, 0)
	for i := range 20 {
		if i%9 == 8 {
			c.want("NOOP", ". OK …") // the count begins anew
		}
		c.want("NONSENSE", ". BAD …")
	}
}

// TestExpiry checks that a session ends when its identity does.
func TestExpiry(t *testing.T) {
	s := newTestServer(t, func(s *Server) {
		s.Restrict = func(_ context.Context, user string) (Restrictions, error) {
			if strings.HasPrefix(user, "user0@") {
				return Restrictions{Expiry: time.Now().Add(-time.Second)}, nil
			}
			return Restrictions{Expiry: time.Now().Add(300 * time.Millisecond)}, nil
		}
	})
	user, password := s.newAccount(t)
	s.connect(t).want("LOGIN "+user+" "+password, ". NO [EXPIRED] …")
	if got := s.login(t, 1)[0].gone(); !strings.HasPrefix(got[0], "* BYE [EXPIRED]") {
		t.Errorf("%q", got)
	}
}

// TestOpenFails checks what is told when an authenticated user has no account to open.
func TestOpenFails(t *testing.T) {
	var fail error
	s := newTestServer(t, func(s *Server) {
		s.Open = func(context.Context, string) (*storage.Account, error) { return nil, fail }
	})
	user, password := s.newAccount(t)
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("x: %w", storage.ErrNoAccount), ". NO [AUTHORIZATIONFAILED] …"},
		{&Error{Code: "CONTACTADMIN", Text: "Call us"}, ". NO [CONTACTADMIN] Call us"},
		{io.ErrClosedPipe, ". NO [UNAVAILABLE] …"},
	} {
		fail = c.err
		s.connect(t).want("LOGIN "+user+" "+password, c.want)
	}
}
