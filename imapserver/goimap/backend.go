package goimap

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-sasl"

	"github.com/mailhavn/mailhavn/storage"
)

// Authenticator authenticates clients by SASL mechanisms. It is that of mailhavn's imapserver, whose documentation tells the details:
// passwd.NewAuthenticator makes one.
type Authenticator interface {
	// Mechanisms lists the SASL mechanisms to offer on a connection with these facts (tlsState nil: no TLS).
	Mechanisms(remote net.Addr, tlsState *tls.ConnectionState) []string
	// Start begins one exchange. user() is valid after the sasl.Server has answered done without an error.
	Start(ctx context.Context, mech string, remote net.Addr, tlsState *tls.ConnectionState) (server sasl.Server, user func() string, err error)
}

// Backend makes sessions of accounts. Its fields are not changed once it is in use; its methods may then be called from many goroutines.
type Backend struct {
	// Auth authenticates. Required.
	Auth Authenticator
	// Open opens the account of an authenticated user, for instance by [storage.Unit.OpenAccount]; the session closes it. An *imap.Error that it
	// returns is told to the client. Required.
	Open func(ctx context.Context, user string) (*storage.Account, error)
	// MaxMessage is the largest message that APPEND takes, in octets. If zero, 64 MiB.
	MaxMessage uint32
}

const defaultMaxMessage = 64 << 20

// Caps returns the capabilities to put into [imapserver.Options]: all that the library and the storage can do together.
func Caps() imap.CapSet {
	caps := imap.CapSet{}
	for _, c := range []imap.Cap{
		imap.CapIMAP4rev1, imap.CapIMAP4rev2, imap.CapNamespace, imap.CapUIDPlus, imap.CapESearch, imap.CapSearchRes, imap.CapListExtended,
		imap.CapListStatus, imap.CapMove, imap.CapStatusSize, imap.CapBinary, imap.CapChildren, imap.CapSpecialUse, imap.CapCreateSpecialUse,
		imap.CapUnauthenticate,
	} {
		caps[c] = struct{}{}
	}
	return caps
}

// NewSession begins the session of a connection; it is for [imapserver.Options].
func (b *Backend) NewSession(conn *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
	s := NewSession(conn)
	if b.MaxMessage != 0 {
		s.maxMessage = b.MaxMessage
	}
	return &login{Session: s, backend: b}, nil, nil
}

// login is a session that clients can log in to.
type login struct {
	*Session
	backend  *Backend
	failures int
}

var _ imapserver.SessionSASL = (*login)(nil)

// maxFailures is how many logins may fail on a connection.
const maxFailures = 4

// facts are what an Authenticator wants to know of the connection.
func (l *login) facts() (net.Addr, *tls.ConnectionState) {
	conn := l.conn.NetConn()
	secure, ok := conn.(*tls.Conn)
	if !ok || secure.Handshake() != nil {
		return conn.RemoteAddr(), nil
	}
	state := secure.ConnectionState()
	return conn.RemoteAddr(), &state
}

// AuthenticateMechanisms lists the mechanisms that are offered now.
func (l *login) AuthenticateMechanisms() []string { return l.backend.Auth.Mechanisms(l.facts()) }

// Login is LOGIN, which is the PLAIN mechanism in other words.
func (l *login) Login(username, password string) error {
	server, err := l.Authenticate("PLAIN")
	if err != nil {
		return err
	}
	_, done, err := server.Next([]byte("\x00" + username + "\x00" + password))
	if err == nil && !done {
		return imapserver.ErrAuthFailed
	}
	return err
}

// Authenticate begins an exchange.
func (l *login) Authenticate(mech string) (sasl.Server, error) {
	if l.failures >= maxFailures {
		return nil, no(imap.ResponseCodeLimit, "Too many failed logins")
	}
	if !slices.Contains(l.AuthenticateMechanisms(), mech) {
		return nil, no(imap.ResponseCodeCannot, "Mechanism is not offered here")
	}
	remote, state := l.facts()
	server, user, err := l.backend.Auth.Start(context.Background(), mech, remote, state)
	if err != nil {
		return nil, l.failed(authError(err, imap.ResponseCodeUnavailable))
	}
	return &exchange{login: l, server: server, user: user}, nil
}

// failed counts a failed login, unless the client is not to blame.
func (l *login) failed(err *imap.Error) *imap.Error {
	if err.Code != imap.ResponseCodeUnavailable {
		l.failures++
	}
	return err
}

// exchange is a sasl.Server that opens the account at its end.
type exchange struct {
	*login
	server sasl.Server
	user   func() string
	done   bool // but for the client's answer to the server's last word
}

// Next goes on with the exchange. The library drops what a mechanism says together with done, as SCRAM does; so that is said first.
func (e *exchange) Next(response []byte) ([]byte, bool, error) {
	if !e.done {
		challenge, done, err := e.server.Next(response)
		if err != nil {
			return nil, false, e.failed(authError(err, imap.ResponseCodeAuthenticationFailed))
		}
		if e.done = done; !done || len(challenge) > 0 {
			return challenge, false, nil
		}
	}
	return nil, true, e.open()
}

// open opens the account of the user who has authenticated.
func (e *exchange) open() error {
	var readOnly bool
	var expiry time.Time
	if g, ok := e.server.(interface{ Grant() (bool, time.Time) }); ok {
		readOnly, expiry = g.Grant()
	}
	if expired(expiry) {
		return e.failed(authError(nil, imap.ResponseCodeExpired))
	}
	account, err := e.backend.Open(context.Background(), e.user())
	var wire *imap.Error
	switch err = wireError(err); {
	case errors.As(err, &wire) && wire.Type == imap.StatusResponseTypeBye:
		return errUnavailable // there is no way to end the connection from here
	case err != nil:
		return err
	}
	e.enter(account, readOnly, expiry)
	return nil
}

// authTexts are the texts for the codes of failed logins (RFC 5530, section 3).
var authTexts = map[imap.ResponseCode]string{
	imap.ResponseCodeAuthenticationFailed: "Wrong user name or password",
	imap.ResponseCodeAuthorizationFailed:  "Not authorized",
	imap.ResponseCodeExpired:              "Password or access has expired",
	imap.ResponseCodeContactAdmin:         "Contact the administrator",
	imap.ResponseCodeUnavailable:          "Temporarily not available",
	imap.ResponseCodeLimit:                "Too many attempts; try again later",
	imap.ResponseCodePrivacyRequired:      "Not without TLS",
}

// authError turns an error of the authenticator into a response, which tells no more than the code.
func authError(err error, otherwise imap.ResponseCode) *imap.Error {
	code := otherwise
	var coded interface{ ResponseCode() string }
	var passing interface{ Temporary() bool }
	switch {
	case errors.As(err, &coded):
		code = imap.ResponseCode(coded.ResponseCode())
	case errors.As(err, &passing) && passing.Temporary():
		code = imap.ResponseCodeUnavailable
	}
	text := authTexts[code]
	if text == "" {
		text = "Login failed"
	}
	return no(code, text)
}
