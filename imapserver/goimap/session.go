package goimap

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailhavn/mailhavn/imapserver/internal/names"
	"github.com/mailhavn/mailhavn/storage"
)

// Session is a session of one connection. The library calls its methods one after the other, except Idle, which it lets run on
// for a moment; a Session allows any of them at any time.
type Session struct {
	conn       *imapserver.Conn // constant
	maxMessage uint32           // constant

	mu       sync.Mutex // guards the following fields
	account  *storage.Account
	readOnly bool
	expiry   time.Time // zero: never
	box      *selected // nil: none
}

var (
	_ imapserver.SessionIMAP4rev2      = (*Session)(nil)
	_ imapserver.SessionUnauthenticate = (*Session)(nil)
	_ imapserver.SessionAppendLimit    = (*Session)(nil)
)

// NewSession makes a session that no client can log in to, for embedding in a type that has a Login of its own, or for a connection that is
// authenticated from the start. [Backend.NewSession] makes complete ones.
func NewSession(conn *imapserver.Conn) *Session {
	return &Session{conn: conn, maxMessage: defaultMaxMessage}
}

// Enter gives the session its account, which it closes at its end.
func (s *Session) Enter(account *storage.Account) { s.enter(account, false, time.Time{}) }

func (s *Session) enter(account *storage.Account, readOnly bool, expiry time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave()
	s.account, s.readOnly, s.expiry = account, readOnly, expiry
}

// leave gives up account and mailbox; s.mu is held.
func (s *Session) leave() {
	if s.account != nil {
		s.account.Close()
	}
	s.account, s.box = nil, nil
}

// Login refuses.
func (s *Session) Login(username, password string) error { return imapserver.ErrAuthFailed }

// Close ends the session.
func (s *Session) Close() error { return s.Unauthenticate() }

// Unauthenticate gives up the account (RFC 8437).
func (s *Session) Unauthenticate() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave()
	return nil
}

// AppendLimit returns the size of the largest message that is taken (RFC 7889).
func (s *Session) AppendLimit() uint32 { return s.maxMessage }

// access is what a command needs.
type access uint8

const (
	reads  access = iota
	adds          // changes something, but nothing in the selected mailbox
	writes        // changes the selected mailbox
)

// do runs a command, if the session permits it.
func (s *Session) do(a access, command func(ctx context.Context) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.account == nil:
		return errNotLoggedIn
	case expired(s.expiry):
		return s.answer(errExpired)
	case a != reads && s.readOnly:
		return errReadOnly
	}
	return s.answer(command(context.Background()))
}

func expired(expiry time.Time) bool { return !expiry.IsZero() && !time.Now().Before(expiry) }

// inMailbox runs a command about the selected mailbox.
func (s *Session) inMailbox(a access, command func(ctx context.Context, b *selected) error) error {
	return s.do(a, func(ctx context.Context) error {
		switch {
		case s.box == nil: // it was deleted by this session; the library does not know
			return errNoneSelected
		case a == writes && s.box.readOnly:
			return errExamined
		}
		s.box.rev2 = s.rev2()
		return command(ctx, s.box)
	})
}

func (s *Session) rev2() bool { return s.conn.EnabledCaps().Has(imap.CapIMAP4rev2) }

// answer returns an error as the library wants it. One that ends the connection does so here: the library would send a tagged
// response.
func (s *Session) answer(err error) error {
	err = wireError(err)
	var wire *imap.Error
	if errors.As(err, &wire) && wire.Type == imap.StatusResponseTypeBye {
		s.conn.Bye(wire.Text)
	}
	return err
}

// Create is CREATE (RFC 9051, section 6.3.4), with special uses (RFC 6154, section 3).
func (s *Session) Create(name string, options *imap.CreateOptions) error {
	return s.do(adds, func(ctx context.Context) error {
		use, err := s.possibleUse(options.SpecialUse)
		if err != nil {
			return err
		}
		if name, err = creatable(name); err != nil {
			return err
		}
		_, err = s.account.CreateMailbox(ctx, name, use)
		return err
	})
}

// possibleUse returns what a new mailbox is for. A use that is unknown, cannot be given, or has its mailbox already, is refused.
func (s *Session) possibleUse(attrs []imap.MailboxAttr) (use storage.SpecialUse, err error) {
	for _, attr := range attrs {
		one := names.PossibleUse(string(attr))
		if one == 0 {
			return 0, no(codeUseAttr, "Special use is not possible here")
		}
		use |= one
	}
	for info := range s.account.Mailboxes() {
		if info.SpecialUse&use != 0 {
			return 0, no(codeUseAttr, "Another mailbox has that special use")
		}
	}
	return use, nil
}

// creatable returns the name for a new mailbox. It refuses those that LIST would take for patterns.
func creatable(name string) (string, error) {
	if strings.ContainsAny(name, "*%") {
		return "", no(imap.ResponseCodeCannot, "A mailbox name cannot contain * or %")
	}
	return names.TrimSeparator(name), nil
}

// Delete is DELETE. Where the mailbox is selected, it is closed.
func (s *Session) Delete(name string) error {
	return s.do(adds, func(ctx context.Context) error {
		mbox, err := s.account.Mailbox(name)
		if err != nil {
			return err
		}
		if err := s.account.DeleteMailbox(ctx, name); err != nil {
			return err
		}
		if s.box != nil && s.box.mbox.ID() == mbox.ID() {
			s.box = nil
		}
		return nil
	})
}

// Rename is RENAME.
func (s *Session) Rename(from, to string, _ *imap.RenameOptions) error {
	return s.do(adds, func(ctx context.Context) (err error) {
		if to, err = creatable(to); err != nil {
			return err
		}
		return s.account.RenameMailbox(ctx, from, to)
	})
}

// Subscribe is SUBSCRIBE. The mailbox need not exist.
func (s *Session) Subscribe(name string) error { return s.subscribe(name, true) }

// Unsubscribe is UNSUBSCRIBE.
func (s *Session) Unsubscribe(name string) error { return s.subscribe(name, false) }

func (s *Session) subscribe(name string, on bool) error {
	return s.do(adds, func(ctx context.Context) error {
		return s.account.Subscribe(ctx, names.TrimSeparator(name), on)
	})
}

// Append is APPEND.
func (s *Session) Append(name string, r imap.LiteralReader, options *imap.AppendOptions) (data *imap.AppendData, err error) {
	err = s.do(adds, func(ctx context.Context) error {
		mbox, err := s.account.Mailbox(name)
		if err != nil {
			return tryCreate(err)
		}
		flags, keywords, err := parseFlags(options.Flags)
		if err != nil {
			return err
		}
		body := s.account.NewBody()
		defer body.Close()
		if err := read(body, r); err != nil {
			return err
		}
		uids, err := mbox.Append(ctx, storage.NewMessage{Body: body, Flags: flags, Keywords: keywords, InternalDate: options.Time})
		if err != nil {
			return tryCreate(err)
		}
		info, _ := mbox.Info()
		data = &imap.AppendData{UID: imap.UID(uids[0]), UIDValidity: info.UIDValidity}
		return nil
	})
	return data, err
}

// read takes in a message. The library ends a literal without an error when the client is gone in the middle.
func read(body *storage.Body, r imap.LiteralReader) error {
	n, err := io.Copy(body, r)
	switch {
	case err != nil:
		return err
	case n < r.Size():
		return io.ErrUnexpectedEOF
	case n == 0:
		return no("", "An empty message cannot be stored")
	}
	return nil
}

// maxKeyword bounds the length of a keyword, in octets.
const maxKeyword = 255

// parseFlags turns the names of flags into system flags and keywords. \Recent cannot be set, and other names with a backslash are
// reserved (RFC 9051, section 2.3.2).
func parseFlags(given []imap.Flag) (flags storage.Flags, keywords []string, err error) {
	for _, name := range given {
		flag := systemFlag(name)
		switch {
		case flag != 0:
			flags |= flag
		case strings.HasPrefix(string(name), `\`):
			return 0, nil, bad("Unknown system flag, or one that cannot be changed")
		case len(name) > maxKeyword:
			return 0, nil, no(imap.ResponseCodeLimit, "Keyword is too long")
		default:
			keywords = append(keywords, string(name))
		}
	}
	return flags, keywords, nil
}

// systemFlag returns the flag with a name; 0 if there is none.
func systemFlag(name imap.Flag) storage.Flags {
	for _, f := range names.SystemFlags {
		if strings.EqualFold(f.Name, string(name)) {
			return f.Flag
		}
	}
	return 0
}
