package passwd

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"github.com/emersion/go-sasl"
)

// Authenticator checks who a client is, by SASL mechanism. It may be used by many
// goroutines.
type Authenticator struct {
	users *File
}

// NewAuthenticator returns an Authenticator for the users of a file.
func NewAuthenticator(users *File) *Authenticator {
	return &Authenticator{users: users}
}

// Mechanisms returns the SASL mechanisms to offer on a connection from remote,
// with TLS in the given state (nil: without TLS). Without TLS there are none:
// PLAIN would send the password in clear (RFC 8314, section 3).
func (a *Authenticator) Mechanisms(remote net.Addr, tlsState *tls.ConnectionState) []string {
	if tlsState == nil {
		return nil
	}
	return []string{sasl.Plain}
}

// Start begins one exchange by mechanism mech on a connection for which
// Mechanisms offers it; otherwise the error is ErrMechanism. ctx bounds the whole
// exchange. After server.Next has answered done without an error, user returns
// the canonical name of the user; before, it returns "".
//
// Errors of server.Next are ErrCredentials, ErrDisabled, ErrAuthorization,
// ErrMessage, ErrBusy and ErrUnavailable.
func (a *Authenticator) Start(ctx context.Context, mech string, remote net.Addr, tlsState *tls.ConnectionState) (server sasl.Server, user func() string, err error) {
	if tlsState == nil || mech != sasl.Plain {
		return nil, nil, fmt.Errorf("%w: %.20q", ErrMechanism, mech)
	}
	p := &plain{ctx: ctx, users: a.users}
	return p, func() string { return p.user }, nil
}

// plain is the server side of PLAIN (RFC 4616), for one exchange.
type plain struct {
	ctx   context.Context // of the exchange: sasl.Server has no place for one
	users *File
	asked bool
	ended bool
	user  string
}

// maxPlain is the longest message that can be right.
const maxPlain = 2*(MaxName+1) + MaxPassword

// Next implements sasl.Server. A nil response asks for the (empty) challenge.
func (p *plain) Next(response []byte) (challenge []byte, done bool, err error) {
	if p.ended {
		return nil, false, sasl.ErrUnexpectedClientResponse
	}
	if response == nil && !p.asked {
		p.asked = true
		return []byte{}, false, nil
	}
	p.ended = true
	p.user, err = p.check(response)
	return nil, err == nil, err
}

// check reads authzid NUL authcid NUL password.
func (p *plain) check(message []byte) (user string, err error) {
	if len(message) > maxPlain {
		return "", fmt.Errorf("%w: longer than %d bytes", ErrMessage, maxPlain)
	}
	parts := bytes.Split(message, []byte{0})
	if len(parts) != 3 || len(parts[1]) == 0 || len(parts[2]) == 0 {
		return "", fmt.Errorf("%w: PLAIN is [authzid] NUL authcid NUL password", ErrMessage)
	}
	authzid, authcid, password := string(parts[0]), string(parts[1]), string(parts[2])
	if authzid != "" && !sameName(authzid, authcid) {
		return "", ErrAuthorization
	}
	u, err := p.users.Authenticate(p.ctx, authcid, password)
	return u.Name, err
}

func sameName(a, b string) bool {
	x, err1 := CanonicalName(a)
	y, err2 := CanonicalName(b)
	return err1 == nil && err2 == nil && x == y
}
