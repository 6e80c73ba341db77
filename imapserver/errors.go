package imapserver

import (
	"context"
	"errors"
	"strings"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
	"github.com/mailhavn/mailhavn/storage"
)

// A Status is the condition that a response states (RFC 9051, section 7.1).
type Status string

// The conditions that can end a command or a connection.
const (
	OK  Status = "OK"
	No  Status = "NO"
	Bad Status = "BAD"
	Bye Status = "BYE"
)

// Error is an error that is its own wire form: a status, a response code and a text, as in
// "NO [TRYCREATE] No such mailbox". An embedder's functions may return one (wrapped or not) in order to choose what the client is
// told. Any other error becomes NO [SERVERBUG] to the client and its detail goes to the log.
type Error struct {
	// Status is the condition. If empty, No.
	Status Status
	// Code is the response code with its arguments and without brackets, for instance "TRYCREATE" (RFC 9051,
	// section 7.1, and RFC 5530). If empty, none.
	Code string
	// Text is for people: one line of printable ASCII.
	Text string
}

func (e *Error) Error() string {
	parts := []string{string(e.status())}
	if e.Code != "" {
		parts = append(parts, "["+e.Code+"]")
	}
	return strings.Join(append(parts, e.Text), " ")
}

func (e *Error) status() Status {
	if e.Status == "" {
		return No
	}
	return e.Status
}

// ResponseCode returns Code, so that an Error also serves where an [Authenticator] fails.
func (e *Error) ResponseCode() string { return e.Code }

func no(code, text string) error { return &Error{Status: No, Code: code, Text: text} }
func bad(text string) error      { return &Error{Status: Bad, Text: text} }

// The errors that several commands share.
var (
	errExpungeIssued = &Error{Status: No, Code: "EXPUNGEISSUED", Text: "Some of the messages no longer exist"}
	errReadOnly      = &Error{Status: No, Code: "NOPERM", Text: "This session may only read"}
	errMailboxGone   = &Error{Status: No, Code: "NONEXISTENT", Text: "The selected mailbox was deleted"}
	errBug           = &Error{Status: No, Code: "SERVERBUG", Text: "Internal error; the log tells more"}
	errUnavailable   = &Error{Status: No, Code: "UNAVAILABLE", Text: "Temporarily not available"}
	// errUnknownOutcome: whether the command was done cannot be known, so no tagged answer may be given.
	errUnknownOutcome = &Error{Status: Bye, Code: "UNAVAILABLE", Text: "The storage has stopped; what the last command did is unknown"}
)

// storageErrors says how the errors of the storage look on the wire (RFC 5530, section 3; RFC 9051, section 7.1).
// The first that matches counts.
var storageErrors = []struct {
	err  error
	wire *Error
}{
	{storage.ErrNoSpace, &Error{Code: "OVERQUOTA", Text: "No space left"}},
	{storage.ErrStopped, errUnknownOutcome},
	{storage.ErrClosed, &Error{Status: Bye, Code: "UNAVAILABLE", Text: "The storage is closed"}},
	{storage.ErrReadOnly, &Error{Code: "CONTACTADMIN", Text: "The storage is read-only because of damage"}},
	{storage.ErrLimit, &Error{Code: "LIMIT", Text: "A limit would be exceeded"}},
	{storage.ErrNoMailbox, &Error{Code: "NONEXISTENT", Text: "No such mailbox"}},
	{storage.ErrMailboxExists, &Error{Code: "ALREADYEXISTS", Text: "Mailbox exists already"}},
	{storage.ErrInvalidName, &Error{Code: "CANNOT", Text: "Not a possible mailbox name"}},
	{storage.ErrForbidden, &Error{Code: "CANNOT", Text: "Not permitted for this mailbox"}},
	{storage.ErrExpunged, errExpungeIssued},
	{storage.ErrNoAccount, &Error{Code: "AUTHORIZATIONFAILED", Text: "No such account"}},
	{context.Canceled, errUnavailable},
	{context.DeadlineExceeded, errUnavailable},
	{storage.ErrTransform, &Error{Code: "CANNOT", Text: "The message cannot be made ready for storing; it was not stored"}},
}

// wireError returns what the client is told about err, and whether that hides something which the log should have.
func wireError(err error) (e *Error, hidden bool) {
	var syntax *wire.SyntaxError
	switch {
	case errors.As(err, &e):
		return e, false
	case errors.As(err, &syntax):
		return &Error{Status: Bad, Text: syntax.Error()}, false
	}
	for _, m := range storageErrors {
		if errors.Is(err, m.err) {
			return m.wire, m.wire.status() == Bye || m.err == storage.ErrReadOnly || m.err == storage.ErrTransform
		}
	}
	return errBug, true
}

// tryCreate is err, with TRYCREATE where a missing mailbox is the target of APPEND, COPY or MOVE and could be made
// (RFC 9051, section 7.1).
func tryCreate(err error) error {
	if errors.Is(err, storage.ErrNoMailbox) {
		return no("TRYCREATE", "No such mailbox")
	}
	return err
}
