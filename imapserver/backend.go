package imapserver

import (
	"context"
	"iter"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/message"
)

// This is all that the package asks of the storage, besides reading views. It uses the types themselves; the interfaces keep in view
// what is used, and the compiler keeps them right. Every method may be called from many goroutines. Those that change
// something return when the change is durable.

var _ accountMethods = (*storage.Account)(nil)

type accountMethods interface {
	ID() storage.ID
	Close()
	Mailbox(name string) (*storage.Mailbox, error)
	Mailboxes() iter.Seq[storage.MailboxInfo]
	CreateMailbox(ctx context.Context, name string, use storage.SpecialUse) (*storage.Mailbox, error)
	DeleteMailbox(ctx context.Context, name string) error
	RenameMailbox(ctx context.Context, from, to string) error
	Subscribe(ctx context.Context, name string, on bool) error
	Subscriptions() []string
	NewBody() *storage.Body
}

var _ mailboxMethods = (*storage.Mailbox)(nil)

type mailboxMethods interface {
	ID() storage.ID
	Info() (storage.MailboxInfo, bool)
	View(ctx context.Context) (*storage.View, error)
	Watch(wake chan<- struct{}) (stop func())
	Recent() storage.UID
	ClaimRecent() storage.UID
	Append(ctx context.Context, msgs ...storage.NewMessage) ([]storage.UID, error)
	Replace(ctx context.Context, uid storage.UID, to *storage.Mailbox, msg storage.NewMessage) (storage.UID, error)
	Store(ctx context.Context, uids storage.UIDSet, c storage.FlagChange) (storage.StoreResult, error)
	Expunge(ctx context.Context, uids storage.UIDSet) (storage.UIDSet, storage.ModSeq, error)
	Copy(ctx context.Context, uids storage.UIDSet, to *storage.Mailbox) (storage.CopyResult, error)
	Move(ctx context.Context, uids storage.UIDSet, to *storage.Mailbox) (storage.CopyResult, error)
	Summary(ctx context.Context, uid storage.UID) (message.Summary, error)
	Open(ctx context.Context, uid storage.UID) (storage.Content, error)
	MayContain(ctx context.Context, text []byte, classes ...message.TextClass) (indexed, found storage.UIDSet, err error)
}
