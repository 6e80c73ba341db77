package mta

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
)

// Authenticator checks clients; *passwd.Authenticator is one. See imapserver.Authenticator.
type Authenticator interface {
	Mechanisms(remote net.Addr, tlsState *tls.ConnectionState) []string
	Start(ctx context.Context, mech string, remote net.Addr, tlsState *tls.ConnectionState) (server sasl.Server, user func() string, err error)
}

// Auth serves the Dovecot authentication protocol, version 1.2. Mechanisms are offered for clients with TLS only, and without channel bindings:
// the TLS connection is the mail transfer agent's.
type Auth struct {
	Authenticator Authenticator

	// Timeout bounds one exchange, the client's part included. If zero, two minutes.
	Timeout time.Duration

	// Logger, if not nil, is told of connections that break the protocol.
	Logger *slog.Logger

	server
}

// Bounds of what a connection may ask for.
const (
	maxAuthLine  = 32 << 10 // bytes, of which most may be a token in base64
	maxExchanges = 1000     // at a time on a connection
)

// Serve accepts connections until the listener is closed by [Auth.Close]; then it returns nil.
func (a *Auth) Serve(l net.Listener) error { return a.serve(l, a.handle) }

// secured stands for the TLS connection that the mail transfer agent says there is.
var secured = &tls.ConnectionState{}

// authConn is a connection of a process of the mail transfer agent.
type authConn struct {
	*Auth
	conn      net.Conn
	ctx       context.Context
	old       bool       // the client speaks version 1.1 or 1.0, in which an empty response may be none; Exim writes it so
	mu        sync.Mutex // guards the following field, and writing to conn
	exchanges map[string]*authExchange
}

// authExchange is one client's login.
type authExchange struct {
	server sasl.Server
	user   func() string
	cancel func()
	steps  chan []byte
	final  bool // the client can take the server's last message together with OK
}

func (a *Auth) handle(ctx context.Context, conn net.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &authConn{Auth: a, conn: conn, ctx: ctx, exchanges: map[string]*authExchange{}}
	if err := c.greet(); err != nil {
		return err
	}
	s := bufio.NewScanner(conn)
	s.Buffer(nil, maxAuthLine)
	for s.Scan() {
		if err := c.command(strings.Split(s.Text(), "\t")); err != nil {
			return logged(a.Logger, "dovecot auth", err)
		}
	}
	return logged(a.Logger, "dovecot auth", s.Err())
}

// greet tells who we are and what we offer.
func (c *authConn) greet() error {
	var b strings.Builder
	b.WriteString("VERSION\t1\t2\n")
	for _, m := range c.Authenticator.Mechanisms(nil, secured) {
		flags := "active\tdictionary"
		switch {
		case m == sasl.Plain || m == sasl.Login || m == sasl.OAuthBearer || m == "XOAUTH2":
			flags = "plaintext"
		case m == sasl.External || strings.HasSuffix(m, "-PLUS"):
			continue // the client's TLS connection does not end here
		}
		fmt.Fprintf(&b, "MECH\t%s\t%s\n", m, flags)
	}
	cookie := make([]byte, 16)
	rand.Read(cookie) // never fails
	fmt.Fprintf(&b, "SPID\t%d\nCUID\t%d\nCOOKIE\t%s\nDONE\n", os.Getpid(), c.number(), hex.EncodeToString(cookie))
	return c.write(b.String())
}

func (c *authConn) write(text string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := c.conn.Write([]byte(text))
	return err
}

func (c *authConn) command(f []string) error {
	switch f[0] {
	case "VERSION":
		if len(f) < 2 || f[1] != "1" {
			return fmt.Errorf("the client speaks another version: %.40q", f)
		}
		c.old = len(f) < 3 || f[2] == "0" || f[2] == "1"
	case "CPID":
	case "AUTH":
		if len(f) < 3 {
			return errors.New("AUTH without id and mechanism")
		}
		return c.auth(f[1], f[2], f[3:])
	case "CONT":
		if len(f) < 3 {
			return errors.New("CONT without id and response")
		}
		return c.cont(f[1], f[2])
	case "CANCEL":
		if len(f) > 1 {
			c.end(f[1])
		}
	default:
		return fmt.Errorf("unknown command %.40q", f[0])
	}
	return nil
}

// auth begins an exchange.
func (c *authConn) auth(id, mech string, parameters []string) error {
	if _, err := strconv.ParseUint(id, 10, 32); err != nil {
		return errors.New("an id that is no number")
	}
	var remote net.Addr
	var response []byte // nil: none
	encrypted, final := false, false
	for _, p := range parameters {
		key, value, _ := strings.Cut(p, "=")
		switch key {
		case "secured":
			encrypted = true
		case "final-resp-ok":
			final = true
		case "rip":
			if ip, err := netip.ParseAddr(value); err == nil {
				remote = net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0))
			}
		case "resp": // always the last one
			var err error
			if response, err = decode(value); err != nil {
				return c.fail(id, "", errors.New("no base64"))
			}
			if c.old && value == "" {
				response = nil
			}
		}
	}
	if !encrypted {
		return c.fail(id, "", errors.New("only with TLS"))
	}
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = 2 * time.Minute
	}
	ctx, cancel := context.WithTimeout(c.ctx, timeout)
	server, user, err := c.Authenticator.Start(ctx, mech, remote, secured)
	if err != nil {
		cancel()
		return c.fail(id, "", err)
	}
	x := &authExchange{server: server, user: user, cancel: cancel, steps: make(chan []byte, 1), final: final}
	c.mu.Lock()
	_, double := c.exchanges[id]
	full := len(c.exchanges) >= maxExchanges
	if !double && !full {
		c.exchanges[id] = x
	}
	c.mu.Unlock()
	if double || full {
		cancel()
		return fmt.Errorf("id %s is in use, or too many are", id)
	}
	x.steps <- response
	go c.run(ctx, id, x)
	return nil
}

// cont hands a response to its exchange.
func (c *authConn) cont(id, text string) error {
	response, err := decode(text)
	if err != nil {
		c.end(id)
		return c.fail(id, "", errors.New("no base64"))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if x := c.exchanges[id]; x != nil {
		select {
		case x.steps <- response:
		default:
			return errors.New("two responses at a time")
		}
	}
	return nil
}

// end forgets an exchange.
func (c *authConn) end(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x := c.exchanges[id]; x != nil {
		x.cancel()
		delete(c.exchanges, id)
	}
}

// run answers the responses of an exchange.
func (c *authConn) run(ctx context.Context, id string, x *authExchange) {
	defer c.end(id)
	for {
		response, ok := x.next(ctx)
		if !ok {
			return
		}
		challenge, done, err := x.server.Next(response)
		if done && err == nil && len(challenge) > 0 && !x.final { // the server's proof, for a client such as Postfix that expects it earlier
			if c.challenge(id, challenge) != nil {
				return
			}
			if _, ok := x.next(ctx); !ok {
				return
			}
			challenge = nil
		}
		switch {
		case err != nil:
			c.end(id) // before the answer, after which the client may use the id again
			c.fail(id, x.user(), err)
			return
		case done:
			line := "OK\t" + id + "\tuser=" + escape(x.user())
			if len(challenge) > 0 {
				line += "\tresp=" + base64.StdEncoding.EncodeToString(challenge)
			}
			c.end(id)
			c.write(line + "\n")
			return
		}
		if c.challenge(id, challenge) != nil {
			return
		}
	}
}

// next waits for the client's next response.
func (x *authExchange) next(ctx context.Context) (response []byte, ok bool) {
	select {
	case response = <-x.steps:
		return response, true
	case <-ctx.Done():
		return nil, false
	}
}

func (c *authConn) challenge(id string, challenge []byte) error {
	return c.write("CONT\t" + id + "\t" + base64.StdEncoding.EncodeToString(challenge) + "\n")
}

// fail tells no more than whether it makes sense to try again later.
func (c *authConn) fail(id, user string, err error) error {
	line := "FAIL\t" + id
	if user != "" {
		line += "\tuser=" + escape(user)
	}
	var passing interface{ Temporary() bool }
	if errors.As(err, &passing) && passing.Temporary() {
		line += "\ttemp"
	}
	return c.write(line + "\n")
}

// decode reads base64; the result is never nil.
func decode(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return append([]byte{}, b...), err
}

// escape is how the protocol writes characters that it uses itself.
func escape(s string) string {
	return strings.NewReplacer("\x01", "\x011", "\x00", "\x010", "\t", "\x01t", "\n", "\x01n", "\r", "\x01r").Replace(s)
}
