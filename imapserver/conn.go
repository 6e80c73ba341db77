package imapserver

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
	"github.com/mailhavn/mailhavn/storage"
)

// conn is one connection. Its goroutine is the only one that uses it, where nothing else is said; it alone writes
// responses.
type conn struct {
	server   *Server
	registry *registry // what the client may use
	net      net.Conn  // as accepted
	id       uint64
	since    time.Time
	info     connInfo              // the server's lock guards it
	ending   atomic.Pointer[Error] // why the connection has to end; set by any goroutine
	shown    shown                 // may be read by any goroutine

	ctx     context.Context // ends when the client is gone or the server stops
	cancel  context.CancelFunc
	tls     *tls.ConnectionState // nil without TLS; of the moment after the handshake
	in      input
	out     output
	dec     *wire.Decoder
	enc     *wire.Encoder // only between begin and release
	tag     []byte        // of the running command
	name    []byte        // of the running command
	running *command      // nil if there is no such command
	told    time.Time     // when the running command began, or the client was last told how far it is

	state       state
	identity    identity
	client      map[string]string // what it says of itself by ID
	enabled     map[string]bool   // what ENABLE switched on, in upper case
	selected    *selected
	notify      *notification   // nil before NOTIFY is given
	failures    int             // failed logins
	faults      int             // faulty commands in a row; before login, in all
	early       int             // commands before login
	bodies      []*storage.Body // taken in by the running command
	holdExpunge bool            // the running command may not be answered with EXPUNGE
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{server: s, registry: s.registry, net: nc, since: time.Now(), state: initialState, enabled: map[string]bool{}}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	c.in.conn, c.in.beforeRead = nc, c.beforeRead
	c.in.bound(c.since.Add(s.timeouts.Login))
	c.out = output{conn: nc, timeout: s.timeouts.Write, cancel: c.cancel}
	c.newDecoder()
	return c
}

// newDecoder forgets what was read before, and sets the limits of a client that has not logged in.
func (c *conn) newDecoder() {
	c.dec = wire.NewDecoder(&c.in)
	c.dec.OnLiteral = c.onLiteral
	c.dec.StraySpaces = c.server.accommodates(straySpaces)
	c.dec.ShortDates = c.server.accommodates(shortDates)
	c.lowerLimits()
}

// lowerLimits gives a client that has not logged in what it needs.
func (c *conn) lowerLimits() {
	l := c.server.limits
	c.dec.Limits = wire.Limits{Line: min(l.CommandLine, preAuthLine), Literal: min(l.Literal, preAuthLine)}
}

// refuse answers a connection that is not served. It does not wait for the client.
func (c *conn) refuse(e *Error, implicitTLS bool) {
	defer c.cancel()
	defer c.net.Close()
	if !implicitTLS {
		c.out.timeout = time.Second
		c.begin()
		c.status(nil, e)
		c.release()
	}
}

// serve runs the connection from the greeting to the end.
func (c *conn) serve(implicitTLS bool) {
	defer c.close()
	defer c.recover()
	c.in.wait(c.deadline(), c.server.timeouts.Command)
	if implicitTLS {
		if err := c.handshake(); err != nil {
			c.logger().Debug("imap: TLS handshake failed", "error", err)
			return
		}
	}
	c.greet()
	for c.state != logout && c.ctx.Err() == nil {
		c.next()
	}
}

// recover keeps a mistake in this package from ending the embedder's process (invariant 9).
func (c *conn) recover() {
	if r := recover(); r != nil {
		c.logger().Error("imap: panic", "panic", r, "stack", string(debug.Stack()))
		c.bye(&Error{Status: Bye, Code: "SERVERBUG", Text: "Internal error"})
	}
}

// closeBodies discards what the command that ends has taken in and not stored.
func (c *conn) closeBodies() {
	for _, b := range c.bodies {
		if err := b.Close(); err != nil {
			c.logger().Warn("imap: cannot discard a message", "error", err)
		}
	}
	c.bodies = c.bodies[:0]
}

func (c *conn) close() {
	c.change(didLogout)
	if c.enc != nil {
		c.release()
	}
	c.cancel()
	c.in.unwatch()
	c.out.conn.Close()
	c.in.release()
	if c.identity.account != nil {
		c.identity.account.Close()
	}
}

// logger returns the server's logger with what is known of the connection.
func (c *conn) logger() *slog.Logger {
	l := c.server.logger.With("session", c.id, "remote", c.net.RemoteAddr())
	if c.identity.user != "" {
		l = l.With("user", c.identity.user)
	}
	return l
}

// handshake goes over to TLS. Whatever the client sent before is gone.
func (c *conn) handshake() error {
	conn := tls.Server(c.net, c.server.TLS)
	ctx, cancel := context.WithTimeout(c.ctx, c.server.timeouts.Handshake)
	defer cancel()
	c.net.SetDeadline(time.Now().Add(c.server.timeouts.Handshake))
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	c.net.SetDeadline(time.Time{})
	state := conn.ConnectionState()
	c.tls = &state
	c.in.reset(conn)
	c.out.conn = conn
	c.newDecoder()
	c.server.describe(c, func(i *connInfo) { i.tls = true })
	return nil
}

// begin takes a response buffer. It is given back by release.
func (c *conn) begin() {
	if c.enc == nil {
		c.enc = encoders.Get().(*wire.Encoder)
		c.enc.SetWriter(&c.out)
	}
	c.enc.UTF8 = c.utf8()
	c.dec.UTF8 = c.utf8()
}

// flush sends what is buffered. After an error, also one in the middle of a literal, the client cannot know any more what is what:
// the connection ends.
func (c *conn) flush() error {
	err := c.enc.Flush()
	if err != nil {
		c.cancel()
	}
	return err
}

// release sends what is buffered and gives the response buffer back.
func (c *conn) release() error {
	err := c.flush()
	if err == nil { // an encoder that met an error keeps it, so it is not used again
		c.enc.SetWriter(nil)
		encoders.Put(c.enc)
	}
	c.enc = nil
	return err
}

// beforeRead sends what the client waits for before the server waits for the client. Responses are
// therefore sent together when the commands that came together are done (invariant 5).
func (c *conn) beforeRead() error {
	switch {
	case c.enc == nil:
		return nil
	case c.in.between():
		return c.release()
	}
	return c.flush()
}

// end makes the connection end: between two commands, at once in IDLE. Any goroutine may call it.
func (c *conn) end(why *Error) {
	if c.ending.CompareAndSwap(nil, why) {
		c.in.interrupt()
	}
}

// bye tells the client that the connection ends.
func (c *conn) bye(e *Error) {
	c.begin()
	c.status(nil, &Error{Status: Bye, Code: e.Code, Text: e.Text})
	c.change(didLogout)
}

// status writes a status response, untagged for a nil tag.
func (c *conn) status(tag []byte, e *Error) { c.enc.Status(tag, string(e.status()), e.Code, e.Text) }

// untaggedOK writes an untagged OK response with a code.
func (c *conn) untaggedOK(code, text string) {
	c.status(nil, &Error{Status: OK, Code: code, Text: text})
}

func (c *conn) greet() {
	c.begin()
	c.untaggedOK("CAPABILITY "+c.capabilities(), "IMAP server ready")
}

// next reads and runs one command.
func (c *conn) next() {
	c.in.wait(c.deadline(), c.server.timeouts.Command)
	if c.notify != nil {
		c.running = nil
		if err := c.attend(c.ctx, c.notify.wake, false); err != nil {
			c.lost(err)
			return
		}
	}
	if err := c.readLine(); err != nil {
		return
	}
	c.begin()
	if !c.server.accommodates(emptyLines) || !c.dec.CRLF() {
		c.run()
	}
	if c.enc.Err() != nil {
		c.cancel()
	}
	switch why := c.ending.Load(); {
	case c.state == logout:
	case why != nil:
		c.bye(why)
	case c.tooManyFaults():
		c.bye(&Error{Text: "Too many faulty commands"})
	case c.state == notAuthenticated:
		if c.early++; c.early >= preAuthCommands {
			c.bye(&Error{Text: "Too many commands without a login"})
		}
	}
}

// deadline returns until when the next command has to begin.
func (c *conn) deadline() time.Time {
	at := time.Now().Add(c.server.timeouts.Idle)
	if e := c.identity.expiry; !e.IsZero() && e.Before(at) {
		at = e
	}
	return at
}

// readLine reads the first line of a command, or a line that answers the server. Where there is none any more, it ends the
// connection.
func (c *conn) readLine() error {
	err := c.dec.Next()
	if err != nil {
		c.lost(err)
	}
	return err
}

// lost ends the connection after an error of reading, with a BYE where the client is still there.
func (c *conn) lost(err error) {
	why := c.ending.Load()
	switch {
	case why != nil:
	case errors.Is(err, os.ErrDeadlineExceeded) && c.identity.expired():
		why = errExpired
	case errors.Is(err, os.ErrDeadlineExceeded):
		why = &Error{Text: "Autologout; idle for too long"}
	case errors.Is(err, wire.ErrLostSync):
		why = &Error{Text: "Cannot tell where the next command begins"}
	default: // the client is gone
		if !errors.Is(err, io.EOF) {
			c.logger().Debug("imap: connection lost", "error", err)
		}
		c.change(didLogout)
		return
	}
	c.bye(why)
}

// onLiteral judges a literal before it is read and asks the client for its octets. Handlers that stream a literal look at it
// first.
func (c *conn) onLiteral(lit wire.Literal) error {
	c.in.extend(c.server.timeouts.Command + time.Duration(lit.Size/1024)*time.Second)
	if !lit.NonSync {
		c.enc.Continue("Ready")
	}
	return c.flush()
}

// tooManyFaults tells whether the client sends what no mail program would.
func (c *conn) tooManyFaults() bool {
	limit := c.server.limits.BadCommands
	if c.state == notAuthenticated {
		limit = min(limit, preAuthBadCommands)
	}
	return c.faults >= limit
}
