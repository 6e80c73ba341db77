package imapserver

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/emersion/go-sasl"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
	"github.com/mailhavn/mailhavn/storage"
)

// Authenticator authenticates clients by SASL mechanisms (RFC 4422). Its methods are called from many goroutines.
//
// An error of Start, or of the sasl.Server, that has (or wraps one that has) a method ResponseCode() string says with it what went
// wrong: "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "CONTACTADMIN", "UNAVAILABLE", "LIMIT" or another code of RFC 5530.
// One with a method Temporary() bool that returns true means UNAVAILABLE: nothing was found out about the password. Of other
// errors, those of Start mean UNAVAILABLE, too, and those of the sasl.Server mean AUTHENTICATIONFAILED.
//
// A sasl.Server may have a method Grant() (readOnly bool, expiry time.Time), valid together with user, for passwords that may do less than
// their users: the session can only read mail, and ends at the time.
type Authenticator interface {
	// Mechanisms lists the SASL mechanisms to offer on a connection with these facts (tlsState nil: no TLS).
	Mechanisms(remote net.Addr, tlsState *tls.ConnectionState) []string
	// Start begins one exchange. user() is valid after the sasl.Server has answered done without an error.
	Start(ctx context.Context, mech string, remote net.Addr, tlsState *tls.ConnectionState) (server sasl.Server, user func() string, err error)
}

// identity is who a session acts for, and what it may do.
type identity struct {
	user     string
	account  *storage.Account // nil before login
	readOnly bool
	expiry   time.Time // zero: never
}

func (i *identity) expired() bool { return !i.expiry.IsZero() && !time.Now().Before(i.expiry) }

// restrict takes rights away.
func (i *identity) restrict(readOnly bool, expiry time.Time) {
	i.readOnly = i.readOnly || readOnly
	if i.expiry.IsZero() || !expiry.IsZero() && expiry.Before(i.expiry) {
		i.expiry = expiry
	}
}

// authTexts are the texts for the codes of failed logins (RFC 5530, section 3).
var authTexts = map[string]string{
	"AUTHENTICATIONFAILED": "Wrong user name or password",
	"AUTHORIZATIONFAILED":  "Not authorized",
	"EXPIRED":              "Password or access has expired",
	"CONTACTADMIN":         "Contact the administrator",
	"UNAVAILABLE":          "Temporarily not available",
	"LIMIT":                "Too many attempts; try again later",
	"PRIVACYREQUIRED":      "Not without TLS",
}

// authError turns an error of the authenticator into a response. It is not told more than the code: which part was wrong is
// nobody's business.
func authError(err error, otherwise string) *Error {
	code := otherwise
	var coded interface{ ResponseCode() string }
	var passing interface{ Temporary() bool }
	switch {
	case errors.As(err, &coded):
		code = coded.ResponseCode()
	case errors.As(err, &passing) && passing.Temporary():
		code = "UNAVAILABLE"
	}
	text := authTexts[code]
	if text == "" {
		text = "Login failed"
	}
	return &Error{Status: No, Code: code, Text: text}
}

// mechanisms returns what may be used on this connection now.
func (c *conn) mechanisms() []string {
	if c.state != notAuthenticated || c.tls == nil && !c.server.InsecureAuth {
		return nil
	}
	return c.server.Auth.Mechanisms(c.net.RemoteAddr(), c.tls)
}

func (c *conn) offers(mech string) bool { return slices.Contains(c.mechanisms(), mech) }

// parseLogin reads LOGIN (RFC 9051, section 6.2.3), which is the PLAIN mechanism in other words.
func parseLogin(c *conn) (action, error) {
	var user, password string
	if !c.offers("PLAIN") {
		c.failures++
		return nil, c.limitFailures(no("PRIVACYREQUIRED", "LOGIN is disabled here"))
	}
	if !c.dec.ExpectSP() || !c.dec.ExpectAString(&user) || !c.dec.ExpectSP() || !c.dec.ExpectAString(&password) {
		return nil, nil
	}
	return func(ctx context.Context) (reply, error) {
		response := []byte("\x00" + user + "\x00" + password)
		return c.exchange(ctx, "PLAIN", response, func([]byte) ([]byte, error) {
			return nil, no("AUTHENTICATIONFAILED", authTexts["AUTHENTICATIONFAILED"])
		})
	}, nil
}

// parseAuthenticate reads AUTHENTICATE (RFC 9051, section 6.2.2) with an optional initial response (RFC 4959).
func parseAuthenticate(c *conn) (action, error) {
	var name, initial []byte
	if !c.dec.ExpectSP() || !c.dec.ExpectKeyword(&name, "a mechanism") {
		return nil, nil
	}
	mech := string(name)
	if c.dec.SP() {
		if initial = []byte{}; !c.dec.ExpectBase64(&initial) {
			return nil, nil
		}
		if initial == nil {
			initial = []byte{}
		}
	}
	if !c.offers(mech) {
		c.failures++
		return nil, c.limitFailures(no("CANNOT", "Mechanism is not offered here"))
	}
	return func(ctx context.Context) (reply, error) {
		return c.exchange(ctx, mech, initial, c.challenge)
	}, nil
}

// challenge sends a challenge and reads the response.
func (c *conn) challenge(challenge []byte) ([]byte, error) {
	c.enc.Raw("+ ").Raw(base64.StdEncoding.EncodeToString(challenge)).CRLF()
	c.in.extend(c.server.timeouts.Command)
	if err := c.readLine(); err != nil {
		return nil, err
	}
	if c.dec.Byte('*') && c.dec.ExpectCRLF() { // RFC 9051, section 6.2.2
		return nil, bad("Authentication cancelled")
	}
	var response []byte
	if !c.dec.ExpectBase64(&response) || !c.dec.ExpectCRLF() {
		return nil, c.dec.Err()
	}
	if response == nil {
		response = []byte{}
	}
	return response, nil
}

// maxChallenges bounds the steps of an exchange: no mechanism has as many.
const maxChallenges = 16

// exchange authenticates with a mechanism and opens the account. A nil response is none.
func (c *conn) exchange(ctx context.Context, mech string, response []byte, ask func(challenge []byte) ([]byte, error)) (reply, error) {
	server, user, err := c.server.Auth.Start(ctx, mech, c.net.RemoteAddr(), c.tls)
	if err != nil {
		c.logger().Warn("imap: authentication cannot start", "mechanism", mech, "error", err)
		return c.refused(authError(err, "UNAVAILABLE"))
	}
	for range maxChallenges {
		challenge, done, err := server.Next(response)
		if err != nil {
			e := authError(err, "AUTHENTICATIONFAILED")
			c.logger().Info("imap: authentication failed", "mechanism", mech, "code", e.Code, "error", err)
			return c.refused(e)
		}
		if done {
			if len(challenge) > 0 { // the server's last word has to be acknowledged before OK
				if _, err := ask(challenge); err != nil {
					return c.refused(err)
				}
			}
			return c.login(ctx, mech, user(), server)
		}
		if response, err = ask(challenge); err != nil {
			return c.refused(err)
		}
	}
	return c.refused(no("AUTHENTICATIONFAILED", authTexts["AUTHENTICATIONFAILED"]))
}

// refused counts a failed login, unless the client is not to blame.
func (c *conn) refused(err error) (reply, error) {
	if e, _ := wireError(err); e.Code == "UNAVAILABLE" {
		return reply{}, err
	}
	c.failures++
	return reply{}, c.limitFailures(err)
}

// limitFailures makes the connection end after too many failed logins.
func (c *conn) limitFailures(err error) error {
	if c.failures < c.server.limits.AuthFailures {
		return err
	}
	c.end(&Error{Status: Bye, Text: "Too many failed logins"})
	return err
}

// login opens the account of an authenticated user and begins the session.
func (c *conn) login(ctx context.Context, mech, user string, server sasl.Server) (reply, error) {
	id := identity{user: user}
	if g, ok := server.(interface{ Grant() (bool, time.Time) }); ok {
		id.readOnly, id.expiry = g.Grant()
	}
	if c.server.Restrict != nil {
		r, err := c.server.Restrict(ctx, user)
		if err != nil {
			return reply{}, c.noAccess(user, err)
		}
		id.restrict(r.ReadOnly, r.Expiry)
	}
	if id.expired() {
		return c.refused(no("EXPIRED", authTexts["EXPIRED"]))
	}
	account, err := c.server.Open(ctx, user)
	if err != nil {
		return reply{}, c.noAccess(user, err)
	}
	if err := c.server.login(c, user, account.ID()); err != nil {
		account.Close()
		return reply{}, err
	}
	id.account = account
	c.identity = id
	c.hide()
	c.change(didLogin)
	c.faults = 0
	c.raiseLimits()
	c.trace()
	c.logger().Info("imap: logged in", "mechanism", mech, "tls", c.tls != nil)
	return reply{code: "CAPABILITY " + c.capabilities(), text: "Logged in"}, nil
}

// noAccess says why an authenticated user gets no session.
func (c *conn) noAccess(user string, err error) error {
	c.logger().Error("imap: cannot open the account", "for", user, "error", err)
	if e, hidden := wireError(err); !hidden && e.status() == No {
		return e
	}
	return errUnavailable
}

// raiseLimits gives a client that has logged in what it needs.
func (c *conn) raiseLimits() {
	c.in.bound(time.Time{})
	l := c.server.limits
	c.dec.Limits = wire.Limits{
		Line: l.CommandLine, Literal: l.Literal, NonSync: wire.Unlimited,
		Command: max(l.CommandLine, l.Literal) * 4, Discard: l.MessageSize,
	}
}
