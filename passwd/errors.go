package passwd

import (
	"errors"
	"fmt"
)

// Answers to an attempt to log in. ErrBusy and ErrUnavailable say nothing about
// the password: the client should come again. They have a method
// Temporary() bool, so that a server that does not import this package can tell.
var (
	// ErrCredentials says that there is no such user or that the password is
	// wrong; which of them is not told.
	ErrCredentials = errors.New("passwd: wrong user name or password")

	// ErrDisabled says that the password is right but the user is disabled. It
	// is ErrCredentials too, for errors.Is, since clients should get the same answer.
	ErrDisabled = fmt.Errorf("%w (the user is disabled)", ErrCredentials)

	// ErrBusy says that too many passwords are being checked already, or that
	// another process keeps the user file locked.
	ErrBusy error = temporary("passwd: too busy")

	// ErrUnavailable says that the users cannot be read.
	ErrUnavailable error = temporary("passwd: users are not available")

	// ErrAuthorization says that a client wanted to act as another user than the
	// one whose password it has.
	ErrAuthorization = errors.New("passwd: acting for another user is not allowed")

	// ErrMechanism says that a SASL mechanism is not offered on this connection.
	ErrMechanism = errors.New("passwd: this SASL mechanism is not offered here")

	// ErrMessage says that a client's SASL message is malformed.
	ErrMessage = errors.New("passwd: malformed SASL message")
)

// Answers to a change of users.
var (
	ErrExists   = errors.New("passwd: there is a user of this name already")
	ErrNotFound = errors.New("passwd: there is no such user")
	ErrPassword = errors.New("passwd: this cannot be a password")         // the reason is added
	ErrHash     = errors.New("passwd: this password hash cannot be used") // the reason is added
)

// temporary is an error that passes.
type temporary string

func (e temporary) Error() string { return string(e) }

// Temporary reports true: the same attempt may succeed later.
func (e temporary) Temporary() bool { return true }

// NameError tells why a name cannot be the name of a user.
type NameError struct {
	Name   string
	Reason string
}

// Error quotes the name, so that control characters in it do no harm.
func (e *NameError) Error() string {
	return fmt.Sprintf("passwd: %.80q cannot be a user name: %s", e.Name, e.Reason)
}

// LineError tells which line of a user file cannot be used and why. It quotes
// nothing of the line, which may hold a hash, or a password in a wrong place.
type LineError struct {
	File   string
	Line   int // the first is 1
	Reason string
}

// Error returns file, line and reason in the form that editors understand.
func (e *LineError) Error() string {
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
}
