package imapserver

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// nowhere is a connection that takes all and gives nothing.
type nowhere struct{ net.Conn }

func (nowhere) Write(p []byte) (int, error)      { return len(p), nil }
func (nowhere) Read([]byte) (int, error)         { return 0, io.EOF }
func (nowhere) SetReadDeadline(time.Time) error  { return nil }
func (nowhere) SetWriteDeadline(time.Time) error { return nil }
func (nowhere) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (nowhere) Close() error                     { return nil }

// selectedConn returns a connection to nowhere that has selected an INBOX of n messages.
func selectedConn(t testing.TB, n int) *conn {
	unit := newUnit(t)
	account := newAccount(t, unit, "user")
	mbox := inbox(t, account)
	deliver(t, account, mbox, n, "Subject: x\r\n\r\ntext\r\n")
	s := &Server{InsecureAuth: true}
	s.init()
	c := newConn(s, nowhere{})
	t.Cleanup(c.cancel)
	c.identity.account = account
	c.state = authenticated
	c.begin()
	if _, err := c.selectMailbox(context.Background(), &selection{name: "INBOX"}); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFetchAllocations checks that FETCH of what the view knows costs no memory per message.
func TestFetchAllocations(t *testing.T) {
	const n = 2000
	c := selectedConn(t, n)
	for _, items := range []string{"FLAGS", "(UID FLAGS)", "(UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE)"} {
		act := parsed(t, c, "FETCH 1:* "+items)
		least := float64(n)
		for try := 0; least > n/20 && try < 100; try++ { // the storage still works on files in the background, at first
			least = min(least, testing.AllocsPerRun(1, func() {
				if _, err := act(context.Background()); err != nil {
					t.Fatal(err)
				}
			}))
			time.Sleep(10 * time.Millisecond)
		}
		if least > n/20 {
			t.Errorf("%s: %v allocations for %d messages", items, least, n)
		}
	}
}

// parsed reads a command and returns what it does.
func parsed(t testing.TB, c *conn, command string) action {
	t.Helper()
	c.dec.SetSource(bufio.NewReader(strings.NewReader("a " + command + "\r\n")))
	if err := c.dec.Next(); err != nil {
		t.Fatal(err)
	}
	act, err := c.parse()
	if err != nil {
		t.Fatal(err)
	}
	return act
}

func BenchmarkFetchFlags(b *testing.B) {
	c := selectedConn(b, 10000)
	act := parsed(b, c, "FETCH 1:* (UID FLAGS)")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := act(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10000, "ns/message")
}

func BenchmarkFetchColumns(b *testing.B) {
	c := selectedConn(b, 10000)
	act := parsed(b, c, "FETCH 1:* (UID FLAGS MODSEQ INTERNALDATE RFC822.SIZE)")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := act(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
