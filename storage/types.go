package storage

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// UID is the unique identifier of a message in its mailbox (RFC 9051, section 2.3.1.1); never 0.
type UID uint32

// ModSeq is a modification sequence number (RFC 7162, section 3.1.1), counted per account; at most 2^63-1.
type ModSeq uint64

// LSN is a log sequence number: the place of a record among all records of a unit. The first is 1.
type LSN uint64

// ID names an account, a mailbox (RFC 8474 MAILBOXID) or a message's content (EMAILID): 16 random bytes, never all zero.
type ID [16]byte

// NewID makes a random ID.
func NewID() ID {
	var id ID
	rand.Read(id[:]) // never fails since Go 1.24
	return id
}

// String returns the ID as 32 hexadecimal digits, which is also a legal objectid (RFC 8474, section 7).
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero tells whether the ID is missing.
func (id ID) IsZero() bool { return id == ID{} }

// ParseID reads what String writes.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != 2*len(id) {
		return ID{}, fmt.Errorf("id %q: want 32 hexadecimal digits", s)
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, fmt.Errorf("id %q: %w", s, err)
	}
	return id, nil
}

// Flags is the set of system flags of a message (RFC 9051, section 2.3.2). \Recent is not among them: it belongs to
// a session, see [Mailbox.ClaimRecent].
type Flags uint16

// The system flags. Their values are part of the on-disk format.
const (
	Seen Flags = 1 << iota
	Answered
	Flagged
	Deleted
	Draft

	allFlags = Seen | Answered | Flagged | Deleted | Draft
)

// SpecialUse is the set of special-use attributes of a mailbox (RFC 6154, section 2).
type SpecialUse uint16

// The special uses. Their values are part of the on-disk format.
const (
	UseAll SpecialUse = 1 << iota
	UseArchive
	UseDrafts
	UseFlagged
	UseJunk
	UseSent
	UseTrash
)

// Message is what a view knows of one message: 80 bytes.
type Message struct {
	UID          UID
	Flags        Flags
	_            uint16
	Keywords     KeywordSet
	Size         uint32 // octets as IMAP shows it: RFC822.SIZE, every line end CRLF
	StoredSize   uint32 // octets of the file
	_            uint32
	ModSeq       ModSeq
	InternalDate int64 // Unix seconds
	SaveDate     int64 // Unix seconds: when it came into this mailbox (RFC 8514)
	EmailID      ID    // kept by COPY and MOVE (RFC 8474, section 5.1)
	Digest       Digest
}

// Digest is the first half of the SHA-256 of a message's file: enough to tell that bytes are those that came in.
type Digest [16]byte

// KeywordSet stands for a set of keywords within one mailbox; 0 is the empty set. [View.Keywords] resolves it.
type KeywordSet uint32

// Status is the summary of a mailbox, known without reading its messages.
type Status struct {
	UIDValidity   uint32
	UIDNext       UID
	HighestModSeq ModSeq
	Messages      uint32
	Unseen        uint32 // without \Seen
	Deleted       uint32 // with \Deleted
	Size          int64  // sum of Message.Size
}

// MailboxInfo describes a mailbox.
type MailboxInfo struct {
	ID         ID
	Name       string // UTF-8, levels separated by "/"; the inbox is "INBOX"
	SpecialUse SpecialUse
	Status
}
