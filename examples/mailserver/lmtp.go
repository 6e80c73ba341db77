package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/storage"
)

const (
	lmtpMaxConns      = 500
	lmtpMaxRecipients = 1000
)

// lmtpServer takes deliveries by LMTP (RFC 2033) into the INBOX of their recipients.
type lmtpServer struct {
	unit       *storage.Unit
	hostname   string
	postmaster string // account for recipients called postmaster; "" for none
	maxSize    int64  // of a message, as the client sends it
	logger     *slog.Logger

	smtp   *smtp.Server
	ctx    context.Context // ends with close
	cancel context.CancelFunc

	mu      sync.Mutex // guards the following fields
	conns   map[*lmtpConn]struct{}
	closing bool
}

// start prepares the server; its exported-by-name fields are set.
func (s *lmtpServer) start() {
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.conns = map[*lmtpConn]struct{}{}
	s.smtp = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &lmtpSession{server: s, conn: c}, nil
	}))
	s.smtp.LMTP = true
	s.smtp.Domain = s.hostname
	s.smtp.MaxRecipients = lmtpMaxRecipients
	s.smtp.MaxMessageBytes = s.maxSize
	s.smtp.MaxLineLength = 0 // lmtpConn bounds lines
	s.smtp.ReadTimeout = lmtpCommandTimeout
	s.smtp.WriteTimeout = lmtpWriteTimeout
	s.smtp.EnableSMTPUTF8 = true
	s.smtp.ErrorLog = slog.NewLogLogger(s.logger.With("service", "lmtp").Handler(), slog.LevelWarn)
}

// serve accepts connections until shutdown.
func (s *lmtpServer) serve(l net.Listener) error { return s.smtp.Serve(&lmtpListener{l, s}) }

// shutdown takes no more connections and commands, waits for messages that are coming in, and cuts off what is left when ctx ends.
func (s *lmtpServer) shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	for c := range s.conns {
		c.drain()
	}
	s.mu.Unlock()
	err := s.smtp.Shutdown(ctx)
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Conn.Close()
	}
	return err
}

// lmtpListener hands out connections that the server keeps account of.
type lmtpListener struct {
	net.Listener
	server *lmtpServer
}

func (l *lmtpListener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.server.admit(nc); c != nil {
			return c, nil
		}
		nc.SetWriteDeadline(time.Now().Add(time.Second))
		io.WriteString(nc, "421 4.3.2 Too many connections, try again later\r\n")
		nc.Close()
	}
}

// admit adds a connection, nil where there are too many.
func (s *lmtpServer) admit(nc net.Conn) *lmtpTracked {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || len(s.conns) >= lmtpMaxConns {
		return nil
	}
	c := newLMTPConn(nc, s.hostname)
	s.conns[c] = struct{}{}
	return &lmtpTracked{c, s}
}

// lmtpTracked is a connection that leaves the server's account when it is closed.
type lmtpTracked struct {
	*lmtpConn
	server *lmtpServer
}

func (c *lmtpTracked) Close() error {
	c.server.mu.Lock()
	delete(c.server.conns, c.lmtpConn)
	c.server.mu.Unlock()
	return c.lmtpConn.Close()
}

// lmtpSession is one connection after LHLO.
type lmtpSession struct {
	server *lmtpServer
	conn   *smtp.Conn
	tx     *transaction // nil before MAIL
}

// transaction is what MAIL and RCPT have said.
type transaction struct {
	from string
	utf8 bool
	to   []recipient
}

// recipient is an address and the account that it leads to.
type recipient struct{ address, account string }

func (s *lmtpSession) Reset() {
	s.tx = nil
}

func (s *lmtpSession) Logout() error { return nil }

func (s *lmtpSession) Mail(from string, o *smtp.MailOptions) error {
	switch {
	case s.tx != nil:
		return &smtp.SMTPError{Code: 503, EnhancedCode: smtp.EnhancedCode{5, 5, 1}, Message: "Nested MAIL command"}
	case !o.UTF8 && !isASCII(from):
		return errNeedsUTF8
	}
	s.tx = &transaction{from: from, utf8: o.UTF8}
	return nil
}

func (s *lmtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !s.tx.utf8 && !isASCII(to) {
		return errNeedsUTF8
	}
	account, err := s.server.resolve(to)
	if err != nil {
		return reply(err)
	}
	s.tx.to = append(s.tx.to, recipient{to, account})
	return nil
}

// Data is not called by a server of LMTP.
func (s *lmtpSession) Data(io.Reader) error { return errLMTPTemporary }

// LMTPData takes in the message and sets a status for each recipient.
func (s *lmtpSession) LMTPData(_ io.Reader, status smtp.StatusCollector) error {
	tx := s.tx
	r := s.conn.Conn().(*lmtpTracked).data(s.server.maxSize) // past the library, see lmtpConn
	results := s.server.deliver(s.server.ctx, tx, s.trace(tx), r)
	io.Copy(io.Discard, r) // what a failure has left
	for _, to := range tx.to {
		status.SetStatus(to.address, reply(results[to.account]))
	}
	return nil
}

// trace returns the fields to put before a message.
func (s *lmtpSession) trace(tx *transaction) string {
	e := envelope{from: tx.from, helo: s.conn.Hostname(), peer: s.conn.Conn().RemoteAddr(), host: s.server.hostname,
		utf8: tx.utf8, id: storage.NewID().String()[:16], when: time.Now()}
	if len(tx.to) == 1 {
		e.to = tx.to[0].address
	}
	return e.trace()
}

// resolve finds the account of a recipient: by its whole address, then without the detail after "+", then as postmaster.
func (s *lmtpServer) resolve(address string) (account string, err error) {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "", storage.ErrNoAccount
	}
	local, domain := address[:at], address[at:]
	base, _, detailed := strings.Cut(local, "+")
	names := []string{address}
	if detailed {
		names = append(names, base+domain)
	}
	if strings.EqualFold(base, "postmaster") && s.postmaster != "" {
		names = append(names, s.postmaster)
	}
	for _, name := range names {
		if name, err = passwd.CanonicalName(name); err != nil {
			continue
		}
		a, err := s.unit.OpenAccount(s.ctx, name)
		if err == nil {
			a.Close()
			return name, nil
		}
		if !errors.Is(err, storage.ErrNoAccount) {
			return "", err
		}
	}
	return "", storage.ErrNoAccount
}

// hasRecipient tells a mail transfer agent whether an address can be delivered to.
func (s *lmtpServer) hasRecipient(_ context.Context, address string) (bool, error) {
	_, err := s.resolve(address)
	if errors.Is(err, storage.ErrNoAccount) {
		return false, nil
	}
	return err == nil, err
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}
