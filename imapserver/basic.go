package imapserver

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
)

// badAt is a BAD that says where in the command the mistake is.
func badAt(text string, column int) error { return &wire.SyntaxError{Text: text, Column: column} }

// capabilities returns what is announced now, with spaces between.
func (c *conn) capabilities() string {
	names := []string{"IMAP4rev1"}
	for _, e := range c.registry.extensions {
		for _, cap := range e.capabilities {
			switch {
			case cap.when != nil && !cap.when(c):
			case cap.value != nil:
				names = append(names, cap.name+cap.value(c))
			default:
				names = append(names, cap.name)
			}
		}
	}
	for _, m := range c.mechanisms() {
		names = append(names, "AUTH="+m)
	}
	return strings.Join(names, " ")
}

func parseCapability(c *conn) (action, error) {
	return func(context.Context) (reply, error) {
		c.enc.Raw("* CAPABILITY ").Raw(c.capabilities()).CRLF()
		return reply{}, nil
	}, nil
}

// parseNoop is NOOP and CHECK: nothing is to be done, since every change is durable when it is answered, and news come
// before the answer of any command.
func parseNoop(*conn) (action, error) {
	return func(context.Context) (reply, error) { return reply{}, nil }, nil
}

func parseLogout(c *conn) (action, error) {
	return func(context.Context) (reply, error) {
		c.bye(&Error{Text: "Logging out"})
		return reply{}, nil
	}, nil
}

var errInjected = errors.New("something was sent after STARTTLS and before TLS")

// parseStartTLS is STARTTLS (RFC 9051, section 6.2.1). What the client, or somebody between, sent after it in clear is never
// looked at: it ends the connection (invariant 6). What comes from now on goes to TLS.
func parseStartTLS(c *conn) (action, error) {
	switch {
	case c.tls != nil:
		return nil, bad("TLS is active already")
	case c.server.TLS == nil:
		return nil, bad("TLS is not available")
	}
	return func(context.Context) (reply, error) {
		return reply{text: "Begin TLS", after: func() error {
			if err := c.flush(); err != nil {
				return err
			}
			if c.in.Buffered() > 0 {
				return errInjected
			}
			return c.handshake()
		}}, nil
	}, nil
}

// codeNumber returns "code n", a response code with a number.
func codeNumber[T ~uint32 | ~uint64 | ~int](code string, n T) string {
	return code + " " + strconv.FormatUint(uint64(n), 10)
}
