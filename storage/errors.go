package storage

import (
	"errors"
	"fmt"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

// Errors that a caller decides on; they come wrapped with what was asked.
var (
	ErrNoAccount     = errors.New("no such account")
	ErrAccountExists = errors.New("account exists already")
	ErrNoMailbox     = errors.New("no such mailbox")
	ErrMailboxExists = errors.New("mailbox exists already")
	ErrInvalidName   = errors.New("invalid name")
	ErrForbidden     = errors.New("not permitted for this mailbox") // delete INBOX, rename into itself
	ErrExpunged      = errors.New("message is expunged")
	ErrLimit         = errors.New("limit exceeded") // too many mailboxes, too large a message
	// ErrNoSpace: the disk or a quota is full. Nothing of the operation was done.
	ErrNoSpace = vfs.ErrNoSpace
	// ErrStopped: the unit met an error after which it cannot tell what is on disk; it must be closed and opened again.
	// Whether an operation that ends so was done is unknown.
	ErrStopped = errors.New("storage unit has stopped")
	// ErrReadOnly: the unit was opened with damage in its log and accepts no change.
	ErrReadOnly = errors.New("storage unit is read-only because of damage")
	ErrClosed   = errors.New("storage unit is closed")
	// ErrNewerFormat: the unit was written by a later version with an incompatible format.
	ErrNewerFormat = errors.New("storage unit has a newer format than this program knows")
)

// DamageError reports bytes that are not what was written (invariant I10): never skipped in silence.
type DamageError struct {
	File   string // relative to the unit
	Offset int64
	What   string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s: damaged at byte %d: %s", e.File, e.Offset, e.What)
}
