package passwd

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"

	"github.com/mailhavn/mailhavn/passwd/hash"
	"github.com/mailhavn/mailhavn/passwd/mech"
)

// Authenticator checks who a client is, by SASL mechanism. Its fields are set before first use; only
// Users and Hasher have to be, which NewAuthenticator does. It may be used by many goroutines.
type Authenticator struct {
	Users  Users
	Hasher *Hasher // its SCRAM says which of these mechanisms are offered

	// Protocol is what app passwords are allowed or not allowed for, such as "imap".
	Protocol string

	// KeepsToMailboxes says that the server asks what Start returns for the mailboxes that a password is limited to, by a method
	// Mailboxes() []string (none: all), and keeps its session to them. Otherwise such passwords are refused. (imapserver does not do that yet.)
	KeepsToMailboxes bool

	// Login says to offer LOGIN too, which some old programs need for submission.
	Login bool

	// Guard slows down those who guess; see package throttle. If nil, nobody is slowed down.
	Guard Guard

	// Tokens checks the tokens of OAUTHBEARER and XOAUTH2, and TokenFailure tells clients how to get good ones. If Tokens is nil,
	// these mechanisms are not offered.
	Tokens       TokenVerifier
	TokenFailure mech.Failure

	// Certificate returns the name of the user whom a client's certificate, which TLS has verified, belongs to. If nil, EXTERNAL is not offered.
	Certificate func(*x509.Certificate) (user string, err error)

	// ServerCertificate returns the certificate that a client was shown, for the channel binding tls-server-end-point.
	// If nil, only tls-exporter is offered.
	ServerCertificate func(*tls.ConnectionState) *x509.Certificate

	// Secret makes the salts that SCRAM shows for users that do not exist, so that they stay when the server restarts; see [File.Secret].
	// If empty, it is random, and a stranger who sees a restart can tell which names exist.
	Secret []byte

	// Events, if not nil, is told of each attempt when it has ended.
	Events func(Event)

	once   sync.Once
	secret []byte
}

// TokenVerifier checks bearer tokens; package oauth has implementations.
type TokenVerifier interface {
	// VerifyToken returns whom a token was given to. An error that is ErrUnavailable says that nothing was found out.
	VerifyToken(ctx context.Context, token string) (user string, err error)
}

// Guard limits attempts to log in.
type Guard interface {
	// Begin returns ErrThrottled if the attempt must not be made now. Otherwise end is called with the outcome, unless the client gave up.
	// known says that the user has logged in from there before: such attempts need not wait behind those of strangers.
	Begin(a Attempt) (known bool, end func(err error), err error)
}

// Attempt is an attempt to log in.
type Attempt struct {
	Time     time.Time
	Remote   net.Addr // of the client
	User     string   // canonical if it can be a name at all
	Password string   // or token; empty where the mechanism does not show it
}

// Event tells how an attempt has ended.
type Event struct {
	Time      time.Time
	Protocol  string
	Mechanism string
	Remote    net.Addr
	User      string // as the client named it, of at most MaxName bytes
	Err       error  // nil: logged in
	App       string // id of the app password that was used, if one was
}

// NewAuthenticator returns an Authenticator for the users of a file.
func NewAuthenticator(users *File) *Authenticator {
	return &Authenticator{Users: users, Hasher: &users.Hasher}
}

// Mechanisms returns the SASL mechanisms to offer on a connection from remote, the best first,
// with TLS in the given state (nil: without TLS). Without TLS there are none:
// PLAIN would send the password in clear (RFC 8314, section 3).
func (a *Authenticator) Mechanisms(remote net.Addr, tlsState *tls.ConnectionState) []string {
	if tlsState == nil {
		return nil
	}
	var list []string
	if a.Certificate != nil && len(tlsState.VerifiedChains) > 0 {
		list = append(list, sasl.External)
	}
	hashes := slices.Clone(a.Hasher.SCRAM)
	slices.SortFunc(hashes, func(x, y string) int { return len(y)*10 - len(x)*10 + strings.Compare(y, x) })
	if len(hashes) > 0 && len(a.bindings(tlsState)) > 0 {
		for _, h := range hashes {
			list = append(list, "SCRAM-"+h+"-PLUS")
		}
	}
	for _, h := range hashes {
		list = append(list, "SCRAM-"+h)
	}
	if a.Tokens != nil {
		list = append(list, sasl.OAuthBearer, "XOAUTH2")
	}
	list = append(list, sasl.Plain)
	if a.Login {
		list = append(list, sasl.Login)
	}
	return list
}

func (a *Authenticator) bindings(state *tls.ConnectionState) map[string][]byte {
	var certificate *x509.Certificate
	if a.ServerCertificate != nil {
		certificate = a.ServerCertificate(state)
	}
	return mech.Bindings(state, certificate)
}

// Start begins one exchange by mechanism mech on a connection for which
// Mechanisms offers it; otherwise the error is ErrMechanism. ctx bounds the whole
// exchange. After server.Next has answered done without an error, user returns
// the canonical name of the user; before, it returns "".
//
// Errors of server.Next are those under "Answers to an attempt to log in". The server has a method
//
//	Grant() (readOnly bool, expiry time.Time)
//
// which tells, at the same time as user, what the password was restricted to.
func (a *Authenticator) Start(ctx context.Context, mechanism string, remote net.Addr, tlsState *tls.ConnectionState) (server sasl.Server, user func() string, err error) {
	if !slices.Contains(a.Mechanisms(remote, tlsState), mechanism) {
		return nil, nil, fmt.Errorf("%w: %.20q", ErrMechanism, mechanism)
	}
	x := &exchange{ctx: ctx, a: a, tls: tlsState, event: Event{Protocol: a.Protocol, Mechanism: mechanism, Remote: remote}}
	x.server = x.start(mechanism)
	return x, func() string { return x.grant.user }, nil
}

// exchange is one exchange.
type exchange struct {
	ctx    context.Context // of the exchange: sasl.Server has no place for one
	a      *Authenticator
	tls    *tls.ConnectionState
	server sasl.Server
	event  Event
	end    func(error) // of the guard
	ended  bool
	grant  grant
	proofs []string // of SCRAM: for each verifier, the id of the app password it is of; "" is the main password
}

// grant is what a client may do.
type grant struct {
	user      string
	readOnly  bool
	mailboxes []string
	expiry    time.Time
	app       string // id of an app password
}

// Grant tells what the login is restricted to.
func (x *exchange) Grant() (readOnly bool, expiry time.Time) { return x.grant.readOnly, x.grant.expiry }

// Mailboxes tells to which mailboxes the login is restricted; none: all may be used.
func (x *exchange) Mailboxes() []string { return x.grant.mailboxes }

func (x *exchange) start(mechanism string) sasl.Server {
	switch mechanism {
	case sasl.Plain:
		return mech.NewPlain(x.password)
	case sasl.Login:
		return mech.NewLogin(x.password)
	case sasl.External:
		return mech.NewExternal(x.external)
	case sasl.OAuthBearer:
		return mech.NewOAuthBearer(x.token, x.a.TokenFailure)
	case "XOAUTH2":
		return mech.NewXOAuth2(x.token, x.a.TokenFailure)
	}
	name, plus := strings.CutSuffix(strings.TrimPrefix(mechanism, "SCRAM-"), "-PLUS")
	bindings := x.a.bindings(x.tls)
	return mech.NewSCRAM(mech.SCRAM{
		Lookup:     func(user string) ([]hash.SCRAM, error) { return x.verifiers(name, user) },
		Done:       x.proved,
		Plus:       plus,
		OffersPlus: len(bindings) > 0,
		Bindings:   bindings,
	})
}

// Next implements sasl.Server.
func (x *exchange) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, done, err = x.server.Next(response)
	if errors.Is(err, mech.ErrProof) {
		err = ErrCredentials
	}
	if (done || err != nil) && !x.ended {
		x.ended = true
		if err != nil {
			x.grant = grant{}
		}
		x.finish(err)
	}
	return challenge, done, err
}

// finish tells the guard and the host.
func (x *exchange) finish(err error) {
	if x.end != nil {
		x.end(err)
	}
	if x.a.Events != nil {
		x.event.Time, x.event.Err, x.event.App = time.Now(), err, x.grant.app
		x.a.Events(x.event)
	}
}

// begin asks the guard before anything is looked up.
func (x *exchange) begin(user, secret string) error {
	x.event.User = user[:min(len(user), MaxName)]
	if canonical, err := CanonicalName(user); err == nil {
		user = canonical
	}
	if x.a.Guard == nil {
		return nil
	}
	known, end, err := x.a.Guard.Begin(Attempt{Time: time.Now(), Remote: x.event.Remote, User: user, Password: secret})
	if x.end = end; known {
		x.ctx = asKnown(x.ctx)
	}
	return err
}

// password serves PLAIN and LOGIN.
func (x *exchange) password(authzid, user, password string) (err error) {
	if authzid != "" && !sameName(authzid, user) {
		x.event.User = user[:min(len(user), MaxName)]
		return ErrAuthorization
	}
	if err := x.begin(user, password); err != nil {
		return err
	}
	x.grant, err = x.a.checkPassword(x.ctx, user, password, x.event.Remote)
	return err
}

// checkPassword accepts app passwords and, where it is allowed, the main password.
func (a *Authenticator) checkPassword(ctx context.Context, user, password string, remote net.Addr) (grant, error) {
	r, err := a.Users.Get(ctx, user)
	if err != nil && isTemporary(err) {
		return grant{}, err
	}
	if app, ok := r.findApp(password); ok && err == nil {
		g, err := a.grantApp(r, app.AppPassword, remote)
		if err == nil {
			a.upgradeApp(ctx, r, app, password)
		}
		return g, err
	}
	u, err := (&checker{users: a.Users, hasher: a.Hasher}).check(ctx, user, password)
	if err != nil {
		return grant{}, err
	}
	if u.appOnly(a.Protocol) {
		return grant{}, ErrRestricted
	}
	return grant{user: u.Name, expiry: u.Expiry()}, nil
}

// grantApp says what an app password that is right lets its owner do.
func (a *Authenticator) grantApp(r Record, app AppPassword, remote net.Addr) (grant, error) {
	if err := r.MayLogIn(time.Now()); err != nil {
		return grant{}, err
	}
	if !app.allows(a.Protocol, remote, time.Now()) || len(app.Mailboxes) > 0 && !a.KeepsToMailboxes {
		return grant{}, ErrRestricted
	}
	return grant{r.Name, app.ReadOnly, app.Mailboxes, earlier(r.Expiry(), app.Expires), app.ID}, nil
}

func (a *Authenticator) fakeSecret() []byte {
	a.once.Do(func() {
		if a.secret = a.Secret; len(a.secret) == 0 {
			a.secret = []byte(rand.Text())
		}
	})
	return a.secret
}

// admit lets in whom other proof than a password has named.
func (x *exchange) admit(user string, missing error) error {
	r, err := x.a.Users.Get(x.ctx, user)
	switch {
	case err != nil && isTemporary(err):
		return err
	case err != nil:
		return missing
	}
	if err := r.MayLogIn(time.Now()); err != nil {
		if missing == ErrNoUser && errors.Is(err, ErrDisabled) {
			return missing
		}
		return err
	}
	x.grant = grant{user: r.Name, expiry: r.Expiry()}
	return nil
}

// token serves OAUTHBEARER and XOAUTH2.
func (x *exchange) token(user, token string) error {
	if err := x.begin(user, token); err != nil {
		return err
	}
	owner, err := x.a.Tokens.VerifyToken(x.ctx, token)
	if err != nil {
		if isTemporary(err) {
			return err
		}
		return fmt.Errorf("%w: %w", ErrCredentials, err)
	}
	if user != "" && !sameName(user, owner) {
		return ErrAuthorization
	}
	x.event.User = owner[:min(len(owner), MaxName)]
	return x.admit(owner, ErrNoUser)
}

// external serves EXTERNAL.
func (x *exchange) external(authzid string) error {
	owner, err := x.a.Certificate(x.tls.VerifiedChains[0][0])
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoUser, err)
	}
	if authzid != "" && !sameName(authzid, owner) {
		return ErrAuthorization
	}
	x.event.User = owner[:min(len(owner), MaxName)]
	return x.admit(owner, ErrNoUser)
}

func sameName(a, b string) bool {
	x, err1 := CanonicalName(a)
	y, err2 := CanonicalName(b)
	return err1 == nil && err2 == nil && x == y
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
