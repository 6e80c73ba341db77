package main

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/emersion/go-smtp"
)

// FuzzDataReader: any bytes, stuffed and ended, come out as they went in, and what follows them is left.
func FuzzDataReader(f *testing.F) {
	for _, s := range []string{"", ".", "\r\n.", "a\r\r\n..", "\n.\r\n", "x\r\n.\r", strings.Repeat("y", 16<<10)} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, message []byte, step int) {
		if !bytes.HasSuffix(message, []byte("\r\n")) {
			message = append(message, "\r\n"...) // a client cannot send any other
		}
		wire := stuff(string(message)) + ".\r\nNOOP\r\n"
		c := newLMTPConn(&readConn{r: iotest.OneByteReader(strings.NewReader(wire))}, "")
		if step%2 == 0 {
			c = newLMTPConn(&readConn{r: strings.NewReader(wire)}, "")
		}
		r := c.data(int64(len(message)))
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, message) {
			t.Fatalf("got %.100q, %v, want %.100q", got, err, message)
		}
		if rest, _ := io.ReadAll(c); string(rest) != ".\r\nNOOP\r\n" {
			t.Fatalf("left %q", rest)
		}
		// The same with a limit that is one too low.
		c = newLMTPConn(&readConn{r: strings.NewReader(wire)}, "")
		got, err = io.ReadAll(c.data(int64(len(message)) - 1))
		if err != errTooLarge || !bytes.HasPrefix(message, got) {
			t.Fatalf("above the limit: %.100q, %v", got, err)
		}
	})
}

// FuzzLMTPLines: what is not a message passes unchanged, line by line.
func FuzzLMTPLines(f *testing.F) {
	f.Add([]byte("LHLO x\r\nNOOP\r\n.\nQUIT"))
	f.Add([]byte("BDAT 5\r\nabcde"))
	f.Add([]byte("RCPT TO:<Postmaster>\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		c := newLMTPConn(&readConn{r: bytes.NewReader(in)}, "mx")
		out, err := io.ReadAll(c)
		if err == smtp.ErrTooLongLine || err == errChunk {
			in = in[:len(out)]
		} else if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(bytes.ToLower(in), []byte("<postmaster>")) && !bytes.Equal(in, out) {
			t.Errorf("in %q, out %q", in, out)
		}
	})
}

// After a message that stalled, its rest is not taken for commands.
func TestBrokenMessage(t *testing.T) {
	rest := strings.NewReader("MAIL FROM:<>\r\n")
	c := newLMTPConn(&readConn{r: io.MultiReader(iotest.TimeoutReader(strings.NewReader("one line\r\n")), rest)}, "")
	got, err := io.ReadAll(c.data(100))
	if string(got) != "one line\r\n" || err != iotest.ErrTimeout {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := io.ReadAll(c); len(got) != 0 || err != iotest.ErrTimeout {
		t.Errorf("then got %q, %v", got, err)
	}
}

// readConn is a connection of which only the reads are used.
type readConn struct {
	net.Conn
	r io.Reader
}

func (c *readConn) Read(p []byte) (int, error)      { return c.r.Read(p) }
func (c *readConn) SetReadDeadline(time.Time) error { return nil }
