package imapserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/mailhavn/mailhavn/storage"
)

// Server is an IMAP server. Auth and Open are needed; the zero value of every other field is a safe choice. The fields are not
// to be changed after the first call of Serve or ServeTLS. The methods may be called from many goroutines.
type Server struct {
	// TLS is used for STARTTLS and ServeTLS. If nil, there is no TLS, and so nobody can log in unless InsecureAuth says otherwise.
	TLS *tls.Config
	// Auth authenticates clients.
	Auth Authenticator
	// Open opens the account of a user whom Auth has authenticated; [storage.Unit.OpenAccount] fits. The server closes the
	// account when the session ends.
	Open func(ctx context.Context, user string) (*storage.Account, error)
	// Restrict says what a session of the user may not do. If nil, there are no restrictions.
	Restrict func(ctx context.Context, user string) (Restrictions, error)
	// Hide names capabilities that are kept from a client, as if they were not built in: with them go their commands, options and items, and
	// extensions that build on them. It is asked after login and after the ID command, with the user ("" before login) and the
	// fields of ID, their names in lower case (nil before ID). What is unknown is passed over; IMAP4rev1 and mechanisms cannot be hidden. If
	// nil, nothing is hidden.
	Hide func(user string, client map[string]string) []string
	// Strict names accommodations that are switched off: see [Accommodations]. If nil, all are on.
	Strict []string
	// Trace returns where to log, at level Info, what is said in the sessions of a user, or nil for nothing. It is asked at each login. The trace
	// begins after it, and has no contents of literals (messages), but all else: names of mailboxes, what is searched for, subjects of
	// messages. Lines are cut at 2,000 octets. If nil, nothing is traced.
	Trace func(user string) *slog.Logger
	// InsecureAuth allows to log in without TLS, on the loopback or behind a proxy that ends TLS. If false, only
	// with TLS.
	InsecureAuth bool
	// ServerID is what the ID command answers (RFC 2971): field names and values in turn. If nil, the name "mailhavn".
	ServerID []string
	// Limits and Timeouts bound what clients may use. If zero, their defaults.
	Limits   Limits
	Timeouts Timeouts
	// Logger is told of logins, failures and errors. If nil, slog.Default().
	Logger *slog.Logger

	once     sync.Once // sets the following fields, constant then
	registry *registry
	visible  registries
	limits   Limits
	timeouts Timeouts
	logger   *slog.Logger
	ctx      context.Context // ends when connections are cut
	cut      context.CancelFunc

	mu        sync.Mutex // guards the following fields
	closed    bool
	listeners map[net.Listener]struct{}
	sessions  sessions
	wait      sync.WaitGroup // counts connections; Add only while not closed
}

// Restrictions is what an authenticated session may not do.
type Restrictions struct {
	// ReadOnly forbids every change, as for a password that may only read.
	ReadOnly bool
	// Expiry is when the session has to end. If zero, never.
	Expiry time.Time
}

// ErrServerClosed is what Serve and ServeTLS return after Shutdown or Close.
var ErrServerClosed = errors.New("imapserver: server closed")

// Serve accepts connections from l, without TLS until the client asks for it by STARTTLS, until the server is shut down. It
// closes l. It always returns an error: ErrServerClosed, or what Accept failed with.
func (s *Server) Serve(l net.Listener) error { return s.serve(l, false) }

// ServeTLS is Serve with TLS from the first octet (RFC 8314, section 3.2). It fails where TLS is nil.
func (s *Server) ServeTLS(l net.Listener) error {
	if s.TLS == nil {
		l.Close()
		return errors.New("imapserver: ServeTLS needs Server.TLS")
	}
	return s.serve(l, true)
}

// init sets what follows from the configuration.
func (s *Server) init() {
	s.once.Do(func() {
		s.registry = newRegistry(baseCommands(), extensions())
		s.limits = s.Limits.withDefaults()
		s.timeouts = s.Timeouts.withDefaults()
		if s.logger = s.Logger; s.logger == nil {
			s.logger = slog.Default()
		}
		s.ctx, s.cut = context.WithCancel(context.Background())
		s.listeners = map[net.Listener]struct{}{}
		s.sessions = newSessions(s.limits)
	})
}

func (s *Server) serve(l net.Listener, implicitTLS bool) error {
	defer l.Close()
	if s.Auth == nil || s.Open == nil {
		return errors.New("imapserver: Server needs Auth and Open")
	}
	if name, ok := s.unknownStrict(); ok {
		return fmt.Errorf("imapserver: Server.Strict: there is no accommodation %q", name)
	}
	s.init()
	if !s.track(l, true) {
		return ErrServerClosed
	}
	defer s.track(l, false)
	for failures := 0; ; {
		nc, err := l.Accept()
		switch {
		case err == nil:
			failures = 0
			s.start(nc, implicitTLS)
		case s.isClosed():
			return ErrServerClosed
		case errors.Is(err, net.ErrClosed):
			return err
		default: // out of file descriptors, or a client that was gone before it was accepted
			failures++
			s.logger.Warn("imap: cannot accept a connection", "error", err)
			select {
			case <-time.After(min(time.Duration(failures)*5*time.Millisecond, time.Second)):
			case <-s.ctx.Done():
			}
		}
	}
}

// start serves an accepted connection in a goroutine of its own, unless there are too many.
func (s *Server) start(nc net.Conn, implicitTLS bool) {
	c := newConn(s, nc)
	s.mu.Lock()
	refusal := errShuttingDown
	if !s.closed {
		refusal = s.sessions.add(c)
	}
	if refusal == nil {
		s.wait.Add(1)
	}
	s.mu.Unlock()
	if refusal != nil {
		c.refuse(refusal, implicitTLS)
		return
	}
	go func() {
		defer s.wait.Done()
		defer s.remove(c)
		c.serve(implicitTLS)
	}()
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions.remove(c)
}

// track adds or removes a listener; false when the server is closed already.
func (s *Server) track(l net.Listener, on bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !on {
		delete(s.listeners, l)
		return true
	}
	if !s.closed {
		s.listeners[l] = struct{}{}
	}
	return !s.closed
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// errShuttingDown is what clients are told at Shutdown.
var errShuttingDown = &Error{Status: Bye, Code: "UNAVAILABLE", Text: "Server is shutting down"}

// Shutdown stops accepting connections, lets running commands end, says BYE to every client and waits until all connections are
// closed. If ctx ends before, the rest is cut off and ctx's error is returned. No goroutine is left in either case.
func (s *Server) Shutdown(ctx context.Context) error {
	s.init()
	s.mu.Lock()
	s.closed = true
	for l := range s.listeners {
		l.Close()
	}
	conns := s.sessions.all()
	s.mu.Unlock()
	for _, c := range conns {
		c.end(errShuttingDown)
	}
	done := make(chan struct{})
	go func() {
		s.wait.Wait()
		close(done)
	}()
	select {
	case <-done:
		s.cut()
		return nil
	case <-ctx.Done():
	}
	s.cut()
	for _, c := range conns {
		c.net.Close()
	}
	<-done
	return ctx.Err()
}

// Close cuts all connections off at once and returns when their goroutines have ended.
func (s *Server) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
