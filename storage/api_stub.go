package storage

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/mailhavn/mailhavn/storage/vfs"
	"log/slog"
)

// Options for Open and Create. The zero value is right for most.
type Options struct {
	Logger *slog.Logger     // nil: slog.Default()
	Now    func() time.Time // nil: time.Now
}

// Unit is a folder tree of accounts with one writer process and one log. Its methods may be called from many goroutines.
type Unit struct{}

// Open opens the unit in the tree, or makes one where the tree is empty.
func Open(tree vfs.FS, o Options) (*Unit, error) { panic("stub") }

// Close ends all work, writes a checkpoint and releases the lock.
func (u *Unit) Close() error { panic("stub") }

// CreateAccount makes an account with INBOX and the usual special-use mailboxes (Drafts, Sent, Junk, Trash, Archive).
func (u *Unit) CreateAccount(ctx context.Context, name string) (*Account, error) { panic("stub") }

// OpenAccount returns the account of a name or alias; the caller closes it. ErrNoAccount.
func (u *Unit) OpenAccount(ctx context.Context, name string) (*Account, error) { panic("stub") }

// Account is an open account; safe for many goroutines.
type Account struct{}

func (a *Account) ID() ID       { panic("stub") }
func (a *Account) Name() string { panic("stub") }

// Close tells that the caller needs the account no more.
func (a *Account) Close() { panic("stub") }

// Mailboxes yields all mailboxes as they durably are, by name (INBOX first).
func (a *Account) Mailboxes() iter.Seq[MailboxInfo] { panic("stub") }

// Mailbox finds a mailbox by name (UTF-8, "/" separates levels; INBOX in any case). ErrNoMailbox.
func (a *Account) Mailbox(name string) (*Mailbox, error) { panic("stub") }

// CreateMailbox makes a mailbox, and its superiors where missing (RFC 9051, section 6.3.4). ErrMailboxExists, ErrInvalidName, ErrLimit.
func (a *Account) CreateMailbox(ctx context.Context, name string, use SpecialUse) (*Mailbox, error) { panic("stub") }

// DeleteMailbox removes a mailbox and its messages; its inferiors stay. ErrNoMailbox, ErrForbidden (INBOX).
func (a *Account) DeleteMailbox(ctx context.Context, name string) error { panic("stub") }

// RenameMailbox renames a mailbox and its inferiors; renaming INBOX moves its messages to a new mailbox (RFC 9051, section 6.3.6).
func (a *Account) RenameMailbox(ctx context.Context, from, to string) error { panic("stub") }

// Subscribe adds a name to the subscriptions or removes it; the mailbox need not exist.
func (a *Account) Subscribe(ctx context.Context, name string, on bool) error { panic("stub") }

// Subscriptions returns the subscribed names, sorted. Not to be modified.
func (a *Account) Subscriptions() []string { panic("stub") }

// Watch sends to wake, without blocking, after any durable change of the account, until stop is called.
func (a *Account) Watch(wake chan<- struct{}) (stop func()) { panic("stub") }

// NewBody begins to take in a message for this account.
func (a *Account) NewBody() *Body { panic("stub") }

// Body takes in the bytes of one message. Up to 64 KiB stay in memory, more go to a spool file. Use by one goroutine.
type Body struct{}

func (b *Body) Write(p []byte) (int, error) { panic("stub") }

// Size returns the bytes written so far.
func (b *Body) Size() int64 { panic("stub") }

// Close discards a body that was not appended; after Append it does nothing.
func (b *Body) Close() error { panic("stub") }

// Mailbox is a mailbox of an open account; it stays valid when renamed. After deletion its methods answer ErrNoMailbox.
type Mailbox struct{}

func (m *Mailbox) ID() ID { panic("stub") }

// Info returns the name and status as they durably are; false when the mailbox was deleted.
func (m *Mailbox) Info() (MailboxInfo, bool) { panic("stub") }

// View returns the mailbox as it durably is.
func (m *Mailbox) View(ctx context.Context) (*View, error) { panic("stub") }

// Watch sends to wake, without blocking, after any durable change of this mailbox (also its deletion), until stop is called.
func (m *Mailbox) Watch(wake chan<- struct{}) (stop func()) { panic("stub") }

// ClaimRecent returns the lowest UID that is \Recent, and makes none recent for later callers (RFC 3501, section 2.3.2);
// Recent returns it without claiming. Messages with this UID and above are recent to the session that claimed them.
func (m *Mailbox) ClaimRecent() UID { panic("stub") }
func (m *Mailbox) Recent() UID      { panic("stub") }

// NewMessage is one message to append.
type NewMessage struct {
	Body         *Body
	Flags        Flags
	Keywords     []string
	InternalDate time.Time // zero: now
}

// Append adds messages, all or none, and returns their UIDs in order (ascending) when they are durable.
func (m *Mailbox) Append(ctx context.Context, msgs ...NewMessage) ([]UID, error) { panic("stub") }

// StoreOp says what a Store does to flags.
type StoreOp uint8

const (
	SetFlags StoreOp = iota
	AddFlags
	RemoveFlags
)

// FlagChange is what Store is to do.
type FlagChange struct {
	Op       StoreOp
	Flags    Flags
	Keywords []string
	// UnchangedSince, if not nil: messages with a higher MODSEQ are left alone (RFC 7162, section 3.1.3).
	UnchangedSince *ModSeq
}

// StoreResult tells what Store did.
type StoreResult struct {
	ModSeq   ModSeq // of the change; 0 if nothing changed
	Changed  UIDSet // messages that now differ from before
	Modified UIDSet // left alone because of UnchangedSince
}

// Store changes flags. UIDs that do not exist (any more) are passed over.
func (m *Mailbox) Store(ctx context.Context, uids UIDSet, c FlagChange) (StoreResult, error) { panic("stub") }

// Expunge removes the messages among uids that have \Deleted and returns their UIDs and the MODSEQ of the removal (0: nothing removed).
func (m *Mailbox) Expunge(ctx context.Context, uids UIDSet) (UIDSet, ModSeq, error) { panic("stub") }

// CopyResult maps: the n-th of From became the n-th of To.
type CopyResult struct {
	From, To    UIDSet
	UIDValidity uint32 // of the target
	ModSeq      ModSeq // Move: of the removal from the source
}

// Copy copies messages, all or none, into a mailbox of the same account; with flags, keywords and INTERNALDATE.
func (m *Mailbox) Copy(ctx context.Context, uids UIDSet, to *Mailbox) (CopyResult, error) { panic("stub") }

// Move copies and expunges in one atomic step (RFC 6851). A message moved to its own mailbox gets a new UID.
func (m *Mailbox) Move(ctx context.Context, uids UIDSet, to *Mailbox) (CopyResult, error) { panic("stub") }

// Content is the bytes of a message in wire form (every line end CRLF); offsets count those.
type Content interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Open opens a message's bytes. ErrExpunged when it is gone.
func (m *Mailbox) Open(ctx context.Context, uid UID) (Content, error) { panic("stub") }
