// Package storage is a mail store: accounts with mailboxes of messages, kept in a maildir tree under a write-ahead log.
// It knows IMAP's model (UIDs, flags, MODSEQ; RFC 9051, section 2.3, and RFC 7162) and nothing of its protocol.
//
//	tree, err := vfs.OS("/var/mail/unit1")
//	unit, err := storage.Open(tree, storage.Options{})
//	account, err := unit.CreateAccount(ctx, "anna@example.org")
//	inbox, err := account.Mailbox("INBOX")
//	body := account.NewBody()
//	io.Copy(body, message)
//	uids, err := inbox.Append(ctx, storage.NewMessage{Body: body})
//
// # Promises
//
// Every method that changes something returns when the change is on disk: a power cut after it loses nothing, a power cut
// during it leaves the whole change or none of it. Many changes share one sync, so this is not slow. What is lost with the
// power is only what has no answer yet, and these, which are persisted lazily: nothing else.
//
//   - flag letters in file names, which follow the flags at checkpoints
//   - summaries (the cache), which are made again
//
// The bytes of a message are never altered. IMAP shows every line end as CRLF; a stored line end that is a bare LF is
// shown so too, in sizes, offsets and contents, and stored as it came.
//
// The format on disk is versioned: a unit written by this version will be read by later ones.
//
// # Concepts
//
// A [Unit] is one folder tree with one writer process and one log. It holds accounts; an [Account] holds mailboxes. Every
// change of an account gets one number, its MODSEQ. A [View] is the state of a mailbox at one moment: immutable, shared, free to
// keep. What happened between two views is their [Diff]; what happened since a MODSEQ that a client kept is in the view.
//
// Writers validate against an account's head; readers see its durable state, which follows when the log is synced.
// [Account.Watch] and [Mailbox.Watch] tell when it has.
//
// # Invariants
//
// [Unit.Verify] checks them:
//
//	I1   mailbox, UIDVALIDITY and UID never name two different messages
//	I2   UIDNEXT and MODSEQ never go down; every visible change has a higher MODSEQ than any acknowledged before
//	I3   an appended message is readable with the same bytes until it is expunged
//	I4   what is expunged stays expunged
//	I5   UIDVALIDITY never repeats within an account
//	I6   counts are those of the messages
//	I7   the cache says what the messages say
//	I8   a record of an earlier owner of the unit is not taken
//	I9   EMAILID is kept by COPY, MOVE and recovery
//	I10  bytes that are not what was written are reported with file and offset, never passed over
//
// # When things go wrong
//
// A failed sync stops the unit ([ErrStopped], [Unit.Stopped]): nobody knows what is on disk, and it must be closed and opened
// again. A full disk answers [ErrNoSpace]; nothing of the operation is done, and mail can still be deleted. Damage in the log
// opens the unit read-only ([Unit.Damage]); damage in the checkpoint of an account or mailbox is answered by a
// [*DamageError] for that one alone.
package storage
