package mech

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/emersion/go-sasl"
)

// ErrMessage says that a client's message is malformed; the reason is added.
var ErrMessage = errors.New("malformed SASL message")

func malformed(reason string) error { return fmt.Errorf("%w: %s", ErrMessage, reason) }

// MaxMessage bounds a client's message in bytes, but for tokens.
const MaxMessage = 8 << 10

// Password checks a name and a password. authzid is who the client wants to act as, or "" for the user himself.
type Password func(authzid, user, password string) error

// steps is a mechanism: a function for each response of the client. It returns the next challenge, and done.
type steps struct {
	next  func(response []byte) (challenge []byte, done bool, err error)
	first bool // the client begins: without an initial response it is asked for one
	ended bool
	limit int
}

func clientFirst(next func([]byte) ([]byte, bool, error)) *steps {
	return &steps{next: next, first: true, limit: MaxMessage}
}

// Next implements [sasl.Server]. A nil response is none.
func (s *steps) Next(response []byte) (challenge []byte, done bool, err error) {
	if s.ended {
		return nil, false, sasl.ErrUnexpectedClientResponse
	}
	if s.first && response == nil {
		s.first = false
		return []byte{}, false, nil
	}
	s.first = false
	if len(response) > s.limit {
		s.ended = true
		return nil, false, malformed(fmt.Sprintf("longer than %d bytes", s.limit))
	}
	challenge, done, err = s.next(response)
	s.ended = done || err != nil
	return challenge, done, err
}

// NewPlain returns the server of PLAIN (RFC 4616).
func NewPlain(check Password) sasl.Server {
	return clientFirst(func(message []byte) ([]byte, bool, error) {
		parts := bytes.Split(message, []byte{0})
		if len(parts) != 3 || len(parts[1]) == 0 || len(parts[2]) == 0 {
			return nil, false, malformed("PLAIN is [authzid] NUL authcid NUL password")
		}
		err := check(string(parts[0]), string(parts[1]), string(parts[2]))
		return nil, err == nil, err
	})
}

// NewLogin returns the server of LOGIN (draft-murchison-sasl-login), which old mail programs use for submission.
func NewLogin(check Password) sasl.Server {
	var user []byte
	s := &steps{limit: MaxMessage}
	s.next = func(response []byte) ([]byte, bool, error) {
		switch {
		case response == nil:
			return []byte("Username:"), false, nil
		case len(response) == 0:
			return nil, false, malformed("an empty name or password")
		case user == nil:
			user = bytes.Clone(response)
			return []byte("Password:"), false, nil
		}
		err := check("", string(user), string(response))
		return nil, err == nil, err
	}
	return s
}

// NewExternal returns the server of EXTERNAL (RFC 4422, appendix A): who the client is, TLS has told already.
func NewExternal(check func(authzid string) error) sasl.Server {
	return clientFirst(func(authzid []byte) ([]byte, bool, error) {
		if bytes.IndexByte(authzid, 0) >= 0 {
			return nil, false, malformed("NUL in the authzid")
		}
		err := check(string(authzid))
		return nil, err == nil, err
	})
}
