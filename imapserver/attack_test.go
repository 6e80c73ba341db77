package imapserver

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/storage"
)

// TestSmuggling checks that no refused literal becomes a command: the body announced with "+" is skipped whole, whatever
// command and whatever reason it is refused for, or the connection ends.
func TestSmuggling(t *testing.T) {
	s := newTestServer(t, nil)
	c := s.session(t, 1)
	const inner = "x1 CREATE smuggled\r\n"
	for name := range newRegistry(baseCommands(), extensions()).commands {
		if name == "LOGOUT" {
			continue
		}
		for _, arguments := range []string{" ", " INBOX ", " 1 ", ` "a" "b" `, ""} {
			c.tags++
			tag := fmt.Sprintf("t%d", c.tags)
			c.write(fmt.Sprintf("%s %s%s{%d+}\r\n%s nonsense)\r\nafter NOOP\r\n", tag, name, arguments, len(inner), inner))
			for _, line := range c.answer("after") {
				if strings.HasPrefix(line, "x1 ") {
					t.Fatalf("%s%s: the literal was taken for a command: %q", name, arguments, line)
				}
			}
			if name == "CLOSE" || name == "UNSELECT" || name == "SELECT" || name == "EXAMINE" {
				c.ok("SELECT INBOX")
			}
		}
	}
	c.want(`LIST "" smuggled`, ". OK …")
}

// TestLiteralSizes checks that a size that is no size is never taken for one.
func TestLiteralSizes(t *testing.T) {
	s := newTestServer(t, nil)
	for _, size := range []string{"-1", "00000000005", "4294967296", "18446744073709551616", "99999999999999999999999", "+", "5++", "x"} {
		c := s.session(t, 0)
		c.write("a CREATE {" + size + "+}\r\n")
		c.write("b NOOP\r\n")
		c.conn.SetReadDeadline(time.Now().Add(patience))
		for { // it may answer BAD and go on, or end the connection; it may not wait for octets
			line, err := c.r.ReadString('\n')
			if err == io.EOF || strings.HasPrefix(line, "b OK") || strings.HasPrefix(line, "* BYE") {
				break
			}
			if err != nil || strings.HasPrefix(line, "a OK") {
				t.Fatalf("{%s+}: %q %v", size, line, err)
			}
		}
	}
}

// memoryOf returns what a connection costs on which a client has written something, in octets of the heap, the client's side included.
func memoryOf(t *testing.T, write func(i int, c *client)) int64 {
	// Without a unit, whose memory would be counted too.
	s := &testServer{plain: listen(t), Server: &Server{
		Auth: &users{}, InsecureAuth: true, Limits: Limits{ConnectionsPerAddress: Unlimited},
		Open: func(context.Context, string) (*storage.Account, error) { return nil, storage.ErrNoAccount },
	}}
	go s.Serve(s.plain)
	defer s.Close()
	const n = 300
	heap := func() int64 {
		runtime.GC()
		runtime.GC() // twice, for what pools keep
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	s.connectPlain(t)
	before := heap()
	for i := range n {
		write(i, s.connectPlain(t))
	}
	time.Sleep(200 * time.Millisecond)
	return (heap() - before) / n
}

// TestMemoryBeforeLogin checks what clients can make the server keep without logging in.
func TestMemoryBeforeLogin(t *testing.T) {
	each := memoryOf(t, func(i int, c *client) {
		switch i % 3 {
		case 0:
			c.write("a LOGIN {2147483647}\r\n")
		case 1:
			c.write("a LOGIN {4096+}\r\n" + strings.Repeat("x", 4096) + " {4096+}\r\n" + strings.Repeat("x", 4000))
		default:
			c.write("a NOOP " + strings.Repeat("(", 16000))
		}
	})
	if each > 64<<10 {
		t.Errorf("%d octets for each connection", each)
	}
}

// TestMemoryIdle checks that a connection that waits has no buffers.
func TestMemoryIdle(t *testing.T) {
	each := memoryOf(t, func(_ int, c *client) { c.want("CAPABILITY", "* CAPABILITY …", ". OK …") })
	if each > 12<<10 { // of which the client has more than 4
		t.Errorf("%d octets for each connection", each)
	}
	t.Logf("%d octets for each connection", each)
}

// TestDisconnectCancels checks that a command ends when its client has gone.
func TestDisconnectCancels(t *testing.T) {
	started, cancelled := make(chan struct{}), make(chan struct{})
	s := newTestServer(t, func(s *Server) {
		s.Open = func(ctx context.Context, _ string) (*storage.Account, error) {
			close(started)
			<-ctx.Done()
			close(cancelled)
			return nil, ctx.Err()
		}
	})
	user, password := s.newAccount(t)
	c := s.connect(t)
	c.send("LOGIN " + user + " " + password)
	<-started
	c.conn.Close()
	select {
	case <-cancelled:
	case <-time.After(patience):
		t.Error("the command goes on")
	}
}

// TestPanic checks that a mistake ends its connection and nothing else.
func TestPanic(t *testing.T) {
	s := newTestServer(t, func(s *Server) {
		s.Logger = discardLogger
		s.Open = func(context.Context, string) (*storage.Account, error) { panic("mistake") }
	})
	user, password := s.newAccount(t)
	c := s.connect(t)
	c.send("LOGIN " + user + " " + password)
	if got := c.gone(); !strings.HasPrefix(got[0], "* BYE [SERVERBUG]") {
		t.Errorf("%q", got)
	}
	s.connect(t).want("NOOP", ". OK …")
}
