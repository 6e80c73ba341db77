package imapserver

import (
	"context"
	"errors"
	"time"
)

// extUnauthenticate is UNAUTHENTICATE, after which another user can log in (RFC 8437). It is announced when there is something to
// leave, as RFC 8437, section 3, allows.
func extUnauthenticate() extension {
	const rfc = "RFC 8437, section 3"
	return extension{
		file: "unauthenticate",
		capabilities: []capability{{name: "UNAUTHENTICATE", rfc: rfc,
			when: func(c *conn) bool { return c.state != notAuthenticated }}},
		commands: []command{{"UNAUTHENTICATE", rfc, loggedIn, 0, parseUnauthenticate}},
	}
}

// parseUnauthenticate makes the connection as it was before the login, but for TLS and for what is counted against the client.
func parseUnauthenticate(c *conn) (action, error) {
	return func(context.Context) (reply, error) {
		c.change(didUnauthenticate)
		c.server.logout(c)
		c.identity.account.Close()
		c.identity = identity{}
		clear(c.enabled)
		c.hide()
		c.early = 0
		c.lowerLimits()
		c.in.bound(time.Now().Add(c.server.timeouts.Login))
		return reply{after: c.leave}, nil
	}, nil
}

// leave ends, after the answer, what was about the user's octets.
func (c *conn) leave() error { return errors.Join(c.endTrace(), c.uncompress()) }
