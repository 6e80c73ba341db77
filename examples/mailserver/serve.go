package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mailhavn/mailhavn/imapserver"
	"github.com/mailhavn/mailhavn/passwd/mta"
	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/tlspolicy"
	"github.com/mailhavn/mailhavn/tlspolicy/acme"
	"github.com/mailhavn/mailhavn/tlspolicy/certs"
)

// drainTimeout is how long clients have to end what they do after SIGTERM.
const drainTimeout = 30 * time.Second

type serveCommand struct {
	Config string `name:"config" placeholder:"FILE" help:"TOML file with the same names as the options; options win."`
	settings
}

// Run serves until a signal or a failure.
func (x *serveCommand) Run(c *console) error {
	s, err := x.settings.resolve(x.Config)
	if err != nil {
		return err
	}
	return serve(c, s, nil)
}

// serve runs the server. first, if not nil, is called before it accepts connections and returns what to print when it does.
func serve(c *console, s settings, first func(*server) (string, error)) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	logger, err := newLogger(c.err, s.LogLevel)
	if err != nil {
		return err
	}
	srv, err := newServer(s, c.storage, logger)
	if err != nil {
		return err
	}
	text := ""
	if first != nil {
		text, err = first(srv)
	}
	if err == nil {
		srv.start()
		fmt.Fprintf(c.out, "%s\n%s", srv.ready(), text)
		err = srv.wait(signals)
	}
	closed := make(chan struct{})
	defer close(closed)
	go func() {
		select {
		case <-signals:
			logger.Warn("second signal: ending at once; the next start recovers what was acknowledged")
			os.Exit(1)
		case <-closed:
		}
	}()
	return errors.Join(err, srv.close())
}

// server is everything that serve runs.
type server struct {
	settings settings
	store    *store
	auth     *auth
	mtaAuth  *mta.Auth
	mtaUsers *mta.Recipients
	imap     *imapserver.Server
	lmtp     *lmtpServer
	wkd      *keyDirectory
	certs    *certs.Store
	acme     *acme.Manager      // nil: certificates come from elsewhere
	tickets  *tlspolicy.Tickets // nil: sessions are not resumed
	watches  watches
	control  *controlServer
	logger   *slog.Logger
	services []service
	failure  chan error // the first thing that makes going on impossible
}

// service is one listener with what serves it.
type service struct {
	name     string
	listener net.Listener
	serve    func(net.Listener) error
}

// newServer opens the data folder and all listeners. Nothing is accepted before start.
func newServer(s settings, o storage.Options, logger *slog.Logger) (*server, error) {
	o.Logger = logger
	st, err := openStore(s.Data, true, o)
	if err != nil {
		return nil, err
	}
	srv := &server{settings: s, store: st, logger: logger, failure: make(chan error, 1)}
	if err := srv.prepare(); err != nil {
		for _, l := range srv.services {
			l.listener.Close()
		}
		if srv.auth != nil {
			srv.auth.close()
		}
		if srv.acme != nil {
			srv.acme.Close()
		}
		if srv.certs != nil {
			srv.certs.Close()
		}
		return nil, errors.Join(err, st.close())
	}
	return srv, nil
}

func (s *server) prepare() error {
	if damage := s.store.unit.Damage(); damage != nil {
		s.logger.Error("the mail is served read-only because its log is damaged; restore it from a backup, or ask for help", "error", damage)
	}
	var err error
	if s.auth, err = newAuth(s.store, s.logger); err != nil {
		return err
	}
	s.imap = &imapserver.Server{
		Auth:     s.auth,
		Open:     s.store.unit.OpenAccount,
		Hide:     s.settings.hidden,
		Strict:   s.settings.Strict,
		Trace:    s.watches.logger,
		ServerID: []string{"name", "mailhavn", "version", version()},
		Limits:   imapserver.Limits{MessageSize: s.settings.MaxMessageSize},
		Logger:   s.logger,
	}
	s.lmtp = &lmtpServer{unit: s.store.unit, hostname: s.settings.Hostname, postmaster: s.settings.Postmaster,
		maxSize: s.settings.MaxMessageSize, logger: s.logger}
	s.lmtp.start()
	s.mtaAuth = s.auth.forMTA()
	s.mtaUsers = &mta.Recipients{Lookup: s.lmtp.hasRecipient, Logger: s.logger}
	if err := s.prepareTLS(); err != nil {
		return err
	}
	for _, x := range []struct {
		name, addr string
		serve      func(net.Listener) error
	}{
		{"imaps", s.settings.IMAPS, s.imap.ServeTLS},
		{"imap", s.settings.IMAP, s.imap.Serve},
		{"lmtp", s.settings.LMTP, s.lmtp.serve},
		{"auth", s.settings.AuthSocket, s.mtaAuth.Serve},
		{"users", s.settings.UsersSocket, s.mtaUsers.Serve},
		{"wkd", s.settings.WKD, s.wkd.serve},
	} {
		if x.addr == "" {
			continue
		}
		l, err := listen(x.name, x.addr)
		if err != nil {
			return err
		}
		s.services = append(s.services, service{x.name, l, x.serve})
		if a, ok := l.Addr().(*net.TCPAddr); ok && x.name == "lmtp" && !a.IP.IsLoopback() {
			s.logger.Warn("lmtp: everybody who reaches this address can deliver mail; loopback or unix:PATH is safer", "address", a.String())
		}
	}
	a := &admin{store: s.store, kick: s.kick, logins: s.auth.logins, watches: &s.watches, host: &host{s}}
	problems, err := a.mismatches()
	if err != nil {
		return err
	}
	for _, p := range append(problems, s.store.keyWarnings(time.Now())...) {
		s.logger.Warn(p)
	}
	s.control, err = listenControl(a, s.logger)
	return err
}

// start begins to accept connections, and to get certificates: a listener of ours has the port before the challenges need it.
func (s *server) start() {
	if s.acme != nil {
		if err := s.acme.Start(); err != nil {
			s.logger.Error("no certificates will be got or renewed", "error", err)
		}
	}
	for _, x := range s.services {
		go func() {
			if err := x.serve(x.listener); err != nil && !errors.Is(err, imapserver.ErrServerClosed) {
				s.fail(fmt.Errorf("%s: %w", x.name, err))
			}
		}()
	}
}

// ready is the line that tells other programs that connections are accepted, and where.
func (s *server) ready() string {
	line := "ready"
	for _, x := range s.services {
		line += " " + x.name + "=" + addressOf(x.listener)
	}
	return line
}

// fail ends the server: the first error is what it ends with.
func (s *server) fail(err error) {
	select {
	case s.failure <- err:
	default:
	}
}

// wait returns nil at a signal, else the error that makes going on impossible. A unit that has stopped is one: a supervisor
// starts the process anew, which recovers the unit.
func (s *server) wait(signals <-chan os.Signal) error {
	select {
	case sig := <-signals:
		s.logger.Info("shutting down", "signal", sig.String())
		return nil
	case <-s.store.unit.Stopped():
		return fmt.Errorf("%w; ending, so that a restart recovers the mail", s.store.unit.Err())
	case err := <-s.failure:
		return err
	}
}

// close lets running commands and deliveries end, and gives the data folder back.
func (s *server) close() error {
	s.control.close()
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	lmtpDone := make(chan error, 1)
	go func() { lmtpDone <- s.lmtp.shutdown(ctx) }()
	for _, err := range []error{s.imap.Shutdown(ctx), <-lmtpDone} {
		if err != nil {
			s.logger.Warn("some clients were cut off", "error", err)
		}
	}
	for _, x := range s.services {
		x.listener.Close()
	}
	if err := errors.Join(s.mtaAuth.Close(), s.mtaUsers.Close(), s.wkd.close()); err != nil {
		s.logger.Warn("the sockets for the mail transfer agent and keys", "error", err)
	}
	if s.acme != nil {
		s.acme.Close()
	}
	s.certs.Close()
	s.auth.close()
	return s.store.close()
}

// kick ends the IMAP sessions of a user.
func (s *server) kick(user string) {
	for _, session := range s.imap.Sessions() {
		if session.User == user {
			s.imap.Kick(session.ID)
		}
	}
}
