package imapserver

import (
	"bytes"
	"fmt"
	"log/slog"
	"strconv"
)

// tracer logs what a client and the server say to each other, without the contents of literals. It begins after the login and ends with the
// session, so that it never meets a password.
type tracer struct {
	log  *slog.Logger
	line []byte // the server's line as far as it is written, cut at traceLine
	over int    // octets of the line that were cut off
	skip int64  // octets of a literal that are still to come
}

// traceLine is how many octets of a line are logged.
const traceLine = 2000

// trace begins to trace a session that Server.Trace wants to see.
func (c *conn) trace() {
	if c.server.Trace == nil {
		return
	}
	log := c.server.Trace(c.identity.user)
	if log == nil {
		return
	}
	t := &tracer{log: log.With("session", c.id, "remote", c.net.RemoteAddr(), "user", c.identity.user)}
	c.out.trace = t
	c.dec.OnLine = func(line []byte) { t.say("client", line, 0) }
}

// endTrace ends it, when all of it is written.
func (c *conn) endTrace() error {
	if c.out.trace == nil {
		return nil
	}
	err := c.flush()
	c.out.trace, c.dec.OnLine = nil, nil
	return err
}

func (t *tracer) say(from string, line []byte, over int) {
	if n := len(line) - traceLine; n > 0 {
		line, over = line[:traceLine], over+n
	}
	text := string(line)
	if over > 0 {
		text += fmt.Sprintf("... (%d octets)", over)
	}
	t.log.Info("imap: trace", "from", from, "line", text)
}

// wrote takes what the server wrote, in whatever pieces.
func (t *tracer) wrote(p []byte) {
	for len(p) > 0 {
		if t.skip > 0 {
			n := min(t.skip, int64(len(p)))
			t.skip -= n
			p = p[n:]
			continue
		}
		piece, rest, ended := bytes.Cut(p, []byte("\n"))
		p = rest
		t.add(piece)
		if ended {
			t.end()
		}
	}
}

// add keeps the beginning of a line, and its end where it may announce a literal.
func (t *tracer) add(piece []byte) {
	t.line = append(t.line, piece...)
	if n := len(t.line) - traceLine - traceTail; n > 0 {
		t.over += n
		t.line = append(t.line[:traceLine], t.line[traceLine+n:]...)
	}
}

// traceTail is the longest end of a line that announces a literal.
const traceTail = len("{9223372036854775807}\r")

func (t *tracer) end() {
	line := bytes.TrimSuffix(t.line, []byte("\r"))
	t.skip = literalAtEnd(line)
	t.say("server", line, t.over)
	t.line, t.over = t.line[:0], 0
}

// literalAtEnd returns the size of the literal that a line announces; 0 for none.
func literalAtEnd(line []byte) int64 {
	open := bytes.LastIndexByte(line, '{')
	if open < 0 || line[len(line)-1] != '}' {
		return 0
	}
	size, err := strconv.ParseInt(string(line[open+1:len(line)-1]), 10, 64)
	if err != nil {
		return 0
	}
	return size
}
