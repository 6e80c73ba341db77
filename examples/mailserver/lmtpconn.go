package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// The library speaks the protocol; it is given one line of commands at a time, and messages are read past it. For its own
// reader of messages does not see the end of one whose last line ends with CR CR LF, bounds the length of lines, and has no
// time-out while a message comes in. BDAT is not offered: after RSET the library may take the outcome of one message for that
// of the next, and a chunk for complete when the connection ends inside it.

const (
	lmtpCommandTimeout = 5 * time.Minute  // between commands
	lmtpBlockTimeout   = 3 * time.Minute  // between two reads of a message (RFC 5321, section 4.5.3.2.5)
	lmtpMessageTimeout = 30 * time.Minute // for a whole message
	lmtpWriteTimeout   = 2 * time.Minute
	lmtpMaxLine        = 4096 // of a command
)

// errTooLarge ends the reading of a message above the limit; what was left of it has been passed over.
var errTooLarge = errors.New("message is too large")

// errChunk ends a connection whose client sends BDAT though it is not offered.
var errChunk = errors.New("BDAT is not offered")

// lmtpConn is the server's side of a connection. Reads come from one goroutine at a time.
type lmtpConn struct {
	net.Conn
	in       *bufio.Reader
	hostname string    // completes the address of <postmaster>
	rest     []byte    // of a line, not yet read
	until    time.Time // end of the time for the present message
	broken   error     // a message broke off with this: what comes later is no command

	mu      sync.Mutex // guards the following fields
	message bool       // one is coming in
	closing bool       // the server shuts down: no more commands
}

func newLMTPConn(c net.Conn, hostname string) *lmtpConn {
	return &lmtpConn{Conn: c, in: bufio.NewReaderSize(c, 16<<10), hostname: hostname}
}

// Read gives the library at most one line of commands.
func (c *lmtpConn) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if err := c.readLine(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// readLine reads a line of commands into rest.
func (c *lmtpConn) readLine() error {
	c.mu.Lock()
	c.message = false
	closing := c.closing
	c.mu.Unlock()
	switch {
	case c.broken != nil:
		return c.broken
	case closing:
		return os.ErrDeadlineExceeded
	}
	line, err := c.in.ReadSlice('\n')
	switch {
	case len(line) > lmtpMaxLine:
		return smtp.ErrTooLongLine
	case len(line) == 0:
		return err
	case len(line) >= 4 && bytes.EqualFold(line[:4], []byte("BDAT")):
		return errChunk // what follows is no command
	}
	c.rest = line
	// RFC 5321, section 4.5.1: an address without a domain, which the library does not know.
	const postmaster = "RCPT TO:<postmaster>"
	if len(line) > len(postmaster) && strings.EqualFold(string(line[:len(postmaster)]), postmaster) {
		c.rest = append([]byte("RCPT TO:<postmaster@"+c.hostname+">"), line[len(postmaster):]...)
	}
	return nil
}

// Write passes the library's answers on, but for the announcement of BDAT.
func (c *lmtpConn) Write(p []byte) (int, error) {
	if string(p) == "250-CHUNKING\r\n" {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// begin starts the time for a message.
func (c *lmtpConn) begin() {
	c.mu.Lock()
	c.message = true
	c.mu.Unlock()
	c.until = time.Now().Add(lmtpMessageTimeout)
}

// extend sets the deadline for the next read of a message.
func (c *lmtpConn) extend() {
	if next := time.Now().Add(lmtpBlockTimeout); next.Before(c.until) {
		c.Conn.SetReadDeadline(next)
	} else {
		c.Conn.SetReadDeadline(c.until)
	}
}

// SetReadDeadline is the library's: before each command, and not after drain.
func (c *lmtpConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing && !c.message {
		t = time.Unix(1, 0)
	}
	return c.Conn.SetReadDeadline(t)
}

// drain ends the connection before the next command.
func (c *lmtpConn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing = true
	if !c.message {
		c.Conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// data begins to read the message after DATA.
func (c *lmtpConn) data(limit int64) *dataReader {
	c.begin()
	return &dataReader{conn: c, left: limit, lineStart: true}
}

// dataReader reads a message up to the line with a single dot, without the dots put before others (RFC 5321, section 4.5.2).
// Lines end with CR LF only; all other bytes are the message's. Above its limit it reads to the end and answers errTooLarge.
type dataReader struct {
	conn      *lmtpConn
	left      int64
	rest      []byte // of a line
	lineStart bool
	cr        bool // the last byte was CR
	err       error
}

func (r *dataReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(r.rest) == 0 {
			if r.err == nil {
				r.err = r.next()
			}
			if r.err != nil {
				break
			}
		}
		m := copy(p[n:], r.rest)
		r.rest = r.rest[m:]
		n += m
	}
	if n > 0 {
		return n, nil
	}
	return 0, r.err
}

// next reads another line, or a part of a long one, into rest. At the end of the message it leaves an empty one for the library.
func (r *dataReader) next() error {
	for {
		if r.conn.in.Buffered() < lmtpMaxLine {
			r.conn.extend()
		}
		line, err := r.conn.in.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			r.conn.broken = err
			return err
		}
		start := r.lineStart
		if start && string(line) == ".\r\n" {
			r.conn.rest = []byte(".\r\n")
			if r.left < 0 {
				return errTooLarge
			}
			return io.EOF
		}
		r.lineStart = bytes.HasSuffix(line, []byte("\r\n")) || r.cr && len(line) == 1 && line[0] == '\n'
		r.cr = line[len(line)-1] == '\r'
		if start && line[0] == '.' {
			line = line[1:]
		}
		if r.left -= int64(len(line)); r.left >= 0 && len(line) > 0 {
			r.rest = line
			return nil
		}
	}
}
