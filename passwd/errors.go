package passwd

import (
	"errors"
	"fmt"

	"github.com/mailhavn/mailhavn/passwd/mech"
)

// Answers to an attempt to log in. They have a method ResponseCode() string, the
// code of RFC 5530 that tells a mail client the same, or a method Temporary() bool
// that returns true: nothing was found out about the password, and the client
// should come again. So a server that does not import this package can tell.
var (
	// ErrCredentials says that there is no such user or that the password is
	// wrong; which of them is not told.
	ErrCredentials error = &coded{"AUTHENTICATIONFAILED", "passwd: wrong user name or password", nil}

	// ErrDisabled says that the password is right but the user is disabled. It
	// is ErrCredentials too, for errors.Is, and has its code: clients get the same answer.
	ErrDisabled error = &coded{"AUTHENTICATIONFAILED", "passwd: the user is disabled", ErrCredentials}

	// ErrRestricted says that the password is right but not for this use: an app
	// password of another protocol or network, or the main password where only
	// app passwords are allowed. It is ErrCredentials too, so that nobody can try
	// out main passwords there.
	ErrRestricted error = &coded{"AUTHENTICATIONFAILED", "passwd: this password is not allowed here", ErrCredentials}

	// ErrExpired says that the password is right, but the account has expired or
	// the password must be changed first.
	ErrExpired error = &coded{"EXPIRED", "passwd: the account has expired, or its password must be changed", nil}

	// ErrNoUser says that a certificate or token is right but belongs to nobody who may log in here.
	ErrNoUser error = &coded{"CONTACTADMIN", "passwd: there is no active user for these credentials", nil}

	// ErrThrottled says that there were too many attempts; the credentials were not looked at.
	ErrThrottled error = &coded{"LIMIT", "passwd: too many attempts", nil}

	// ErrBusy says that too many passwords are being checked already, or that
	// another process keeps the user file locked.
	ErrBusy error = temporary("passwd: too busy")

	// ErrUnavailable says that the users cannot be read.
	ErrUnavailable error = temporary("passwd: users are not available")

	// ErrAuthorization says that a client wanted to act as another user than the
	// one whose password it has.
	ErrAuthorization error = &coded{"AUTHORIZATIONFAILED", "passwd: acting for another user is not allowed", nil}

	// ErrMechanism says that a SASL mechanism is not offered on this connection.
	ErrMechanism = errors.New("passwd: this SASL mechanism is not offered here")

	// ErrMessage says that a client's SASL message is malformed.
	ErrMessage = mech.ErrMessage
)

// Answers to a change of users.
var (
	ErrExists   = errors.New("passwd: there is a user of this name already")
	ErrNotFound = errors.New("passwd: there is no such user")
	ErrPassword = errors.New("passwd: this cannot be a password")         // the reason is added
	ErrHash     = errors.New("passwd: this password hash cannot be used") // the reason is added
)

// coded is an error with a code of RFC 5530, section 3.
type coded struct {
	code, text string
	is         error // what it is too
}

func (e *coded) Error() string        { return e.text }
func (e *coded) ResponseCode() string { return e.code }
func (e *coded) Unwrap() error        { return e.is }

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
