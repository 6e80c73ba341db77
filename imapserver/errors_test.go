package imapserver

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
	"github.com/mailhavn/mailhavn/storage"
)

func TestWireError(t *testing.T) {
	for _, c := range []struct {
		err    error
		want   string
		hidden bool
	}{
		{storage.ErrNoSpace, "NO [OVERQUOTA] No space left", false},
		{storage.ErrNoMailbox, "NO [NONEXISTENT] No such mailbox", false},
		{storage.ErrMailboxExists, "NO [ALREADYEXISTS] Mailbox exists already", false},
		{storage.ErrInvalidName, "NO [CANNOT] Not a possible mailbox name", false},
		{storage.ErrForbidden, "NO [CANNOT] Not permitted for this mailbox", false},
		{storage.ErrLimit, "NO [LIMIT] A limit would be exceeded", false},
		{storage.ErrExpunged, "NO [EXPUNGEISSUED] Some of the messages no longer exist", false},
		{storage.ErrStopped, "BYE [UNAVAILABLE] The storage has stopped; what the last command did is unknown", true},
		{storage.ErrClosed, "BYE [UNAVAILABLE] The storage is closed", true},
		{context.Canceled, "NO [UNAVAILABLE] Temporarily not available", false},
		{errors.New("detail"), "NO [SERVERBUG] Internal error; the log tells more", true},
		{&Error{Status: Bad, Text: "x"}, "BAD x", false},
		{&Error{Code: "ALERT", Text: "x"}, "NO [ALERT] x", false},
		{&wire.SyntaxError{Text: "expected x", Column: 3}, "BAD expected x at column 3", false},
	} {
		e, hidden := wireError(fmt.Errorf("wrapped: %w", c.err))
		if e.Error() != c.want || hidden != c.hidden {
			t.Errorf("%v: %q, %v", c.err, e.Error(), hidden)
		}
	}
	if e, _ := wireError(tryCreate(fmt.Errorf("x: %w", storage.ErrNoMailbox))); e.Code != "TRYCREATE" {
		t.Errorf("%v", e)
	}
}

type codedError string

func (e codedError) Error() string        { return string(e) }
func (e codedError) ResponseCode() string { return string(e) }

type busyError struct{}

func (busyError) Error() string   { return "busy" }
func (busyError) Temporary() bool { return true }

func TestAuthError(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{codedError("EXPIRED"), "NO [EXPIRED] Password or access has expired"},
		{fmt.Errorf("x: %w", codedError("UNAVAILABLE")), "NO [UNAVAILABLE] Temporarily not available"},
		{codedError("X-OTHER"), "NO [X-OTHER] Login failed"},
		{errors.New("x"), "NO [AUTHENTICATIONFAILED] Wrong user name or password"},
		{fmt.Errorf("x: %w", busyError{}), "NO [UNAVAILABLE] Temporarily not available"},
	} {
		if got := authError(c.err, "AUTHENTICATIONFAILED").Error(); got != c.want {
			t.Errorf("%v: %s", c.err, got)
		}
	}
}
