package goimap

import (
	"context"
	"errors"

	"github.com/emersion/go-imap/v2"

	"github.com/mailhavn/mailhavn/storage"
)

func no(code imap.ResponseCode, text string) *imap.Error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: text}
}

func bad(text string) *imap.Error {
	return &imap.Error{Type: imap.StatusResponseTypeBad, Text: text}
}

func bye(code imap.ResponseCode, text string) *imap.Error {
	return &imap.Error{Type: imap.StatusResponseTypeBye, Code: code, Text: text}
}

// Codes that go-imap has no names for (RFC 9051, section 7.1; RFC 6154, section 3).
const (
	codeExpungeIssued = imap.ResponseCode("EXPUNGEISSUED")
	codeUseAttr       = imap.ResponseCode("USEATTR")
)

var (
	errNotLoggedIn   = bad("Not logged in")
	errNoneSelected  = bad("No mailbox is selected")
	errNoSuchNumber  = bad("No message with such a number")
	errReadOnly      = no(imap.ResponseCodeNoPerm, "This session may only read")
	errExamined      = no(imap.ResponseCodeNoPerm, "The mailbox is open for reading only")
	errExpungeIssued = no(codeExpungeIssued, "Some of the messages no longer exist")
	errUnavailable   = no(imap.ResponseCodeUnavailable, "Temporarily not available")
	errExpired       = bye(imap.ResponseCodeExpired, "Access has expired")
	errMailboxGone   = bye(imap.ResponseCodeNonExistent, "The selected mailbox was deleted")
)

// storageErrors says how the errors of the storage look on the wire (RFC 5530, section 3). The first that matches counts. Others the
// library logs, and answers with SERVERBUG.
var storageErrors = []struct {
	err  error
	wire *imap.Error
}{
	{storage.ErrNoSpace, no(imap.ResponseCodeOverQuota, "No space left")},
	// Whether the command was done is unknown, so it must get no answer.
	{storage.ErrStopped, bye(imap.ResponseCodeUnavailable, "The storage has stopped; what the last command did is unknown")},
	{storage.ErrClosed, bye(imap.ResponseCodeUnavailable, "The storage is closed")},
	{storage.ErrReadOnly, no(imap.ResponseCodeContactAdmin, "The storage is read-only because of damage")},
	{storage.ErrLimit, no(imap.ResponseCodeLimit, "A limit would be exceeded")},
	{storage.ErrNoMailbox, no(imap.ResponseCodeNonExistent, "No such mailbox")},
	{storage.ErrMailboxExists, no(imap.ResponseCodeAlreadyExists, "Mailbox exists already")},
	{storage.ErrInvalidName, no(imap.ResponseCodeCannot, "Not a possible mailbox name")},
	{storage.ErrForbidden, no(imap.ResponseCodeCannot, "Not permitted for this mailbox")},
	{storage.ErrExpunged, errExpungeIssued},
	{storage.ErrNoAccount, no(imap.ResponseCodeAuthorizationFailed, "No such account")},
	{context.Canceled, errUnavailable},
	{context.DeadlineExceeded, errUnavailable},
	{storage.ErrTransform, no(imap.ResponseCodeCannot, "The message cannot be made ready for storing; it was not stored")},
}

// wireError returns err as go-imap sends it, where there is a form for it.
func wireError(err error) error {
	var wire *imap.Error
	if err == nil || errors.As(err, &wire) {
		return err
	}
	for _, m := range storageErrors {
		if errors.Is(err, m.err) {
			return m.wire
		}
	}
	return err
}

// tryCreate is err, with TRYCREATE where a missing mailbox is the target of APPEND, COPY or MOVE (RFC 9051, section 7.1).
func tryCreate(err error) error {
	if errors.Is(err, storage.ErrNoMailbox) {
		return no(imap.ResponseCodeTryCreate, "No such mailbox")
	}
	return err
}
