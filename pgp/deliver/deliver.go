// Package deliver encrypts mail to its owner before it is stored: what arrives, what is appended, what was sent. A server that stores it can then not read it, and
// neither can who takes the server; it can be opened with any mail program that knows PGP/MIME.
//
// # What stays visible
//
// Servers and mail programs list, thread, sort and search by the header. How much of it stays is a choice:
//
//	policy               visible                                                       what works without the key
//	[Minimal] (default)  From, To, Cc, Date, Message-ID, In-Reply-To, References,      lists of messages, threads, sorting by date and people,
//	                     List-Id, Return-Path, Delivered-To; the Subject is "[...]"    search for people, filters for lists
//	pgpmime.Baseline     all but Subject, Keywords and Comments                        the same; Received, DKIM-Signature and the like can be looked at
//	pgpmime.ShowAll      the whole header                                              all but search in texts, previews and structures
//	[Hidden]             Date; From and Subject are "[...]"                            sorting by date
//
// The size of a message, and when it came, stay visible always. The whole header is inside too, protected against changes.
package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/internal/spool"
	"github.com/mailhavn/mailhavn/pgp/pgpmime"
)

// Failure says what happens to a message that cannot be encrypted, because there is no usable key. None of them loses it.
type Failure int

// The failures. Nothing is stored in clear unless a host says so.
const (
	Retry  Failure = iota // the error is Temporary: whoever delivers keeps the message and comes again
	Reject                // the error is not: whoever delivers gives the message back to its sender
	Clear                 // the message is stored as it is, and the Outcome tells about it
)

// Policy says how the mail of one account is encrypted. It may be used by several goroutines.
type Policy struct {
	To        []*pgp.Key     // the owner's keys: each opens the mail
	Visible   pgpmime.Policy // nil is Minimal
	OnFailure Failure
	TempDir   string    // for encrypted temporary files; "" is the system's
	Time      time.Time // at which keys are judged; zero is now
}

// Action is what was done with a message.
type Action int

// The actions. The zero value is that nothing was written.
const (
	Nothing   Action = iota
	Encrypted        // it was encrypted
	Passed           // it was encrypted to the owner already and was left as it is
	InClear          // it could not be encrypted and was left as it is, as Policy.OnFailure says
)

// Outcome is what happened to a message.
type Outcome struct {
	Action Action
	Reason error // why it is InClear: something for an alarm
}

// Error says that a message was not encrypted and was not stored. Reason says why.
type Error struct {
	Reason    error
	permanent bool
}

// Error implements error.
func (e *Error) Error() string {
	return "deliver: the message cannot be encrypted: " + e.Reason.Error()
}

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.Reason }

// Temporary reports whether to try again later: SMTP and LMTP answer 451 then, and 550 otherwise.
func (e *Error) Temporary() bool { return !e.permanent }

// ErrNoKeys says that the owner has no key.
var ErrNoKeys = errors.New("deliver: there is no key to encrypt to")

// Deliver reads a message to its end and writes it to dst as it is to be stored. With an error what was written must not be stored: it is an [*Error] if
// there is no usable key, in which case nothing was written, or one of reading or writing. Memory does not grow with the message.
//
// Only a message whose whole body is encrypted to one of the owner's keys passes as it is. What is called encrypted, or is encrypted to others, or has
// anything else beside it, is encrypted like any other: senders cannot switch this off.
func (p Policy) Deliver(ctx context.Context, dst io.Writer, message io.Reader) (outcome Outcome, err error) {
	defer func() { // a defect in what reads foreign keys must not end the server
		if r := recover(); r != nil {
			outcome, err = Outcome{}, &Error{Reason: fmt.Errorf("deliver: %v", r)}
		}
	}()
	if err := p.check(); err != nil {
		switch p.OnFailure {
		case Clear:
			_, copyErr := io.Copy(dst, reader{ctx, message})
			return Outcome{InClear, err}, copyErr
		default:
			return Outcome{}, &Error{err, p.OnFailure == Reject}
		}
	}
	kept := spool.New(p.TempDir, 1<<62)
	defer kept.Close()
	claims, message, err := claimsEncryption(reader{ctx, message})
	if err != nil {
		return Outcome{}, err
	}
	if claims { // it has to be read to its end before it is known what to do
		if _, err := io.Copy(kept, message); err != nil {
			return Outcome{}, err
		}
		if p.isOurs(ctx, kept.Reader()) {
			_, err := io.Copy(dst, kept.Reader())
			return Outcome{Action: Passed}, err
		}
		message = kept.Reader()
	}
	visible := p.Visible
	if visible == nil {
		visible = Minimal
	}
	err = pgpmime.Encrypt(dst, message, pgp.Encrypter{To: p.To, Time: p.Time}, visible)
	return Outcome{Action: Encrypted}, err
}

// check makes sure that all keys can be used, before anything is read.
func (p Policy) check() error {
	if len(p.To) == 0 {
		return ErrNoKeys
	}
	for _, k := range p.To {
		if err := k.CanEncrypt(p.Time); err != nil {
			return err
		}
	}
	return nil
}

func (p Policy) isOurs(ctx context.Context, message io.Reader) bool {
	inspection, err := pgpmime.Inspect(ctx, message)
	if err != nil {
		return false
	}
	for _, k := range p.To {
		if inspection.For(k) {
			return true
		}
	}
	return false
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	in  io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(p)
}
