package storagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mailhavn/mailhavn/storage"
)

// defaultAccount is the one that a mailbox's name alone belongs to.
const defaultAccount = "anna"

// session runs the steps of a program on a unit, on behalf of one goroutine.
type session struct {
	unit     *storage.Unit
	accounts map[string]*storage.Account // open, by name
	prefix   string                      // of the mailboxes and further accounts of this session
	serial   *atomic.Int64               // numbers the messages of all sessions
	sent     map[storage.Digest][8]byte  // the digest of the wire form of each message sent

	everything bool // it is the only one, whatever is there from others
}

func newSession(u *storage.Unit, prefix string, serial *atomic.Int64) *session {
	return &session{unit: u, accounts: map[string]*storage.Account{}, prefix: prefix, serial: serial, sent: map[storage.Digest][8]byte{}}
}

// close gives back the accounts.
func (s *session) close() {
	for _, a := range s.accounts {
		a.Close()
	}
	clear(s.accounts)
}

// owns tells whether an item belongs to the session: its prefix marks it.
func (s *session) owns(i item) bool {
	if s.everything {
		return true
	}
	if i.kind == itemAccount || i.account != defaultAccount {
		return prefixOf(i.account) == s.prefix
	}
	return prefixOf(i.name) == s.prefix
}

// prefixOf returns the session's mark in a name: "2~" of "2~A/B".
func prefixOf(name string) string {
	if i := strings.IndexByte(name, '~'); i >= 0 {
		return name[:i+1]
	}
	return ""
}

// commands says what the first word of a step does; args is the least number of further words.
var commands = map[string]struct {
	args int
	run  func(*session, context.Context, []string) error
}{
	"append":         {2, (*session).doAppend},
	"forward":        {2, (*session).doForward},
	"store":          {3, (*session).doStore},
	"expunge":        {2, (*session).doExpunge},
	"copy":           {3, (*session).doCopy},
	"move":           {3, (*session).doMove},
	"replace":        {4, (*session).doReplace},
	"create":         {1, (*session).doCreate},
	"delete":         {1, (*session).doDelete},
	"rename":         {2, (*session).doRename},
	"subscribe":      {1, (*session).doSubscribe},
	"unsubscribe":    {1, (*session).doUnsubscribe},
	"recent":         {1, (*session).doRecent},
	"account-create": {1, (*session).doAccountCreate},
	"account-remove": {1, (*session).doAccountRemove},
	"account-rename": {2, (*session).doAccountRename},
	"account-alias":  {1, (*session).doAccountAlias},
	"checkpoint":     {0, (*session).doCheckpoint},
	"wait":           {0, (*session).doWait},
}

// refusals are the errors by which a step may end that finds nothing to work on: it has changed nothing.
var refusals = []error{storage.ErrNoAccount, storage.ErrAccountExists, storage.ErrNoMailbox, storage.ErrMailboxExists,
	storage.ErrForbidden, storage.ErrLimit}

func isRefusal(err error) bool {
	return slices.ContainsFunc(refusals, func(r error) bool { return errors.Is(err, r) })
}

// run does one step. A refusal is its error, too.
func (s *session) run(ctx context.Context, step string) error {
	words := strings.Fields(step)
	c, ok := commands[words[0]]
	if !ok || len(words)-1 < c.args {
		return fmt.Errorf("no such step: %s", step)
	}
	return c.run(s, ctx, words[1:])
}

// runAll does steps of which none may fail.
func (s *session) runAll(ctx context.Context, p Program) error {
	for _, step := range p {
		if err := s.run(ctx, step); err != nil && !isRefusal(err) {
			return fmt.Errorf("%s: %w", step, err)
		}
	}
	return nil
}

// account returns the account of a name, open.
func (s *session) account(ctx context.Context, name string) (*storage.Account, error) {
	if a, ok := s.accounts[name]; ok {
		return a, nil
	}
	a, err := s.unit.OpenAccount(ctx, name)
	if err == nil {
		s.accounts[name] = a
	}
	return a, err
}

// forget gives back an account that has gone or has another name now.
func (s *session) forget(name string) {
	if a, ok := s.accounts[name]; ok {
		a.Close()
		delete(s.accounts, name)
	}
}

// box splits BOX into account and name.
func (s *session) box(ctx context.Context, word string) (*storage.Account, string, error) {
	account, name, found := strings.Cut(word, ":")
	if !found {
		account, name = defaultAccount, s.prefix+word
	} else {
		account = s.prefix + account
	}
	a, err := s.account(ctx, account)
	return a, name, err
}

func (s *session) mailbox(ctx context.Context, word string) (*storage.Mailbox, error) {
	a, name, err := s.box(ctx, word)
	if err != nil {
		return nil, err
	}
	return a.Mailbox(name)
}

// selection resolves WHICH in the present view.
func selection(ctx context.Context, m *storage.Mailbox, which string) (storage.UIDSet, error) {
	v, err := m.View(ctx)
	if err != nil {
		return nil, err
	}
	n := v.Len()
	switch which {
	case "all":
		return v.UIDs(1, n), nil
	case "last":
		return v.UIDs(max(n, 1), n), nil
	case "odd":
		var set storage.UIDSet
		for seq, msg := range v.All() {
			if seq%2 == 1 {
				set = set.Append(msg.UID)
			}
		}
		return set, nil
	}
	from, to, ranged := strings.Cut(which, ":")
	first, err := strconv.Atoi(from)
	last := first
	if ranged && err == nil {
		last, err = strconv.Atoi(to)
	}
	return v.UIDs(first, last), err
}

// selected finds mailbox and messages.
func (s *session) selected(ctx context.Context, box, which string) (*storage.Mailbox, storage.UIDSet, error) {
	m, err := s.mailbox(ctx, box)
	if err != nil {
		return nil, nil, err
	}
	uids, err := selection(ctx, m, which)
	return m, uids, err
}

var flagNames = map[string]storage.Flags{`\Seen`: storage.Seen, `\Answered`: storage.Answered, `\Flagged`: storage.Flagged,
	`\Deleted`: storage.Deleted, `\Draft`: storage.Draft}

func parseFlags(words string) (flags storage.Flags, keywords []string) {
	for _, w := range strings.Split(words, ",") {
		if f, ok := flagNames[w]; ok {
			flags |= f
		} else {
			keywords = append(keywords, w)
		}
	}
	return flags, keywords
}

// text makes the n-th message: at least size bytes, with line ends of both kinds.
func text(n int64, size int) []byte {
	b := fmt.Appendf(nil, "Subject: message %d\r\nFrom: Anna <anna@example.org>\n\n", n)
	for line := 0; len(b) < size; line++ {
		b = fmt.Appendf(b, "%d: %x", line, sha256.Sum256(b[max(0, len(b)-64):]))
		if b = append(b, "\r\n"[line%2:]...); size > 4096 {
			b = append(b, b[len(b)/2:]...)
		}
	}
	return b
}

func (s *session) doAppend(ctx context.Context, args []string) error {
	a, name, err := s.box(ctx, args[0])
	if err != nil {
		return err
	}
	m, err := a.Mailbox(name)
	if err != nil {
		return err
	}
	var msgs []storage.NewMessage
	defer func() {
		for _, msg := range msgs {
			msg.Body.Close()
		}
	}()
	for _, word := range strings.Split(args[1], ",") {
		size, err := strconv.Atoi(word)
		if err != nil {
			return err
		}
		n := s.serial.Add(1)
		msg := storage.NewMessage{Body: a.NewBody(), InternalDate: time.Unix(1e9+n, 0)}
		if len(args) > 2 {
			msg.Flags, msg.Keywords = parseFlags(args[2])
		}
		msgs = append(msgs, msg)
		if err := s.send(msg.Body, text(n, size)); err != nil {
			return err
		}
	}
	uids, err := m.Append(ctx, msgs...)
	if err == nil && len(uids) != len(msgs) {
		return fmt.Errorf("append of %d messages answers UIDs %v", len(msgs), uids)
	}
	return err
}

// doReplace replaces the first of the selected messages.
func (s *session) doReplace(ctx context.Context, args []string) error {
	m, uids, err := s.selected(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	a, name, err := s.box(ctx, args[2])
	if err != nil {
		return err
	}
	to, err := a.Mailbox(name)
	if err != nil || len(uids) == 0 {
		return err
	}
	size, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	n := s.serial.Add(1)
	msg := storage.NewMessage{Body: a.NewBody(), InternalDate: time.Unix(1e9+n, 0)}
	defer msg.Body.Close()
	if err := s.send(msg.Body, text(n, size)); err != nil {
		return err
	}
	_, err = m.Replace(ctx, uids[0].First, to, msg)
	return err
}

// doForward appends a message that was taken in for the default account, and is discarded there.
func (s *session) doForward(ctx context.Context, args []string) error {
	first, err := s.account(ctx, defaultAccount)
	if err != nil {
		return err
	}
	a, name, err := s.box(ctx, args[0])
	if err != nil {
		return err
	}
	m, err := a.Mailbox(name)
	if err != nil {
		return err
	}
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	b := first.NewDelivery()
	defer b.Close()
	if err := s.send(b, text(s.serial.Add(1), size)); err != nil {
		return err
	}
	c, err := b.For(a)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := b.Close(); err != nil {
		return err
	}
	_, err = m.Append(ctx, storage.NewMessage{Body: c})
	return err
}

// send writes a message and notes what it must look like later.
func (s *session) send(w io.Writer, b []byte) error {
	stored := sha256.Sum256(b)
	wire := sha256.Sum256(bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n")))
	s.sent[storage.Digest(stored[:16])] = [8]byte(wire[:8])
	for len(b) > 0 { // as from a network
		n := min(len(b), 4000)
		if _, err := w.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func (s *session) doStore(ctx context.Context, args []string) error {
	m, uids, err := s.selected(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	var c storage.FlagChange
	switch args[2][0] {
	case '+':
		c.Op = storage.AddFlags
	case '-':
		c.Op = storage.RemoveFlags
	}
	c.Flags, c.Keywords = parseFlags(args[2][1:])
	_, err = m.Store(ctx, uids, c)
	return err
}

func (s *session) doExpunge(ctx context.Context, args []string) error {
	m, uids, err := s.selected(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	_, _, err = m.Expunge(ctx, uids)
	return err
}

func (s *session) doCopy(ctx context.Context, args []string) error {
	return s.transfer(ctx, args, (*storage.Mailbox).Copy)
}
func (s *session) doMove(ctx context.Context, args []string) error {
	return s.transfer(ctx, args, (*storage.Mailbox).Move)
}

func (s *session) transfer(ctx context.Context, args []string,
	f func(*storage.Mailbox, context.Context, storage.UIDSet, *storage.Mailbox) (storage.CopyResult, error)) error {
	m, uids, err := s.selected(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	to, err := s.mailbox(ctx, args[2])
	if err != nil {
		return err
	}
	res, err := f(m, ctx, uids, to)
	if err == nil && (res.From.Len() != uids.Len() || res.To.Len() != uids.Len()) {
		return fmt.Errorf("%s copied: the answer is %s to %s", uids, res.From, res.To)
	}
	return err
}

func (s *session) doCreate(ctx context.Context, args []string) error {
	a, name, err := s.box(ctx, args[0])
	if err != nil {
		return err
	}
	use := 0
	if len(args) > 1 {
		if use, err = strconv.Atoi(args[1]); err != nil {
			return err
		}
	}
	_, err = a.CreateMailbox(ctx, name, storage.SpecialUse(use))
	return err
}

func (s *session) doDelete(ctx context.Context, args []string) error {
	a, name, err := s.box(ctx, args[0])
	if err != nil {
		return err
	}
	return a.DeleteMailbox(ctx, name)
}

func (s *session) doRename(ctx context.Context, args []string) error {
	a, from, err := s.box(ctx, args[0])
	if err != nil {
		return err
	}
	b, to, err := s.box(ctx, args[1])
	if err != nil {
		return err
	}
	if a != b {
		return storage.ErrForbidden
	}
	return a.RenameMailbox(ctx, from, to)
}

func (s *session) doSubscribe(ctx context.Context, args []string) error {
	return s.subscribe(ctx, args[0], true)
}

func (s *session) doUnsubscribe(ctx context.Context, args []string) error {
	return s.subscribe(ctx, args[0], false)
}

func (s *session) subscribe(ctx context.Context, box string, on bool) error {
	a, name, err := s.box(ctx, box)
	if err != nil {
		return err
	}
	return a.Subscribe(ctx, name, on)
}

func (s *session) doRecent(ctx context.Context, args []string) error {
	m, err := s.mailbox(ctx, args[0])
	if err == nil {
		m.ClaimRecent()
	}
	return err
}

func (s *session) doAccountCreate(ctx context.Context, args []string) error {
	a, err := s.unit.CreateAccount(ctx, s.prefix+args[0])
	if err != nil {
		return err
	}
	a.Close()
	return nil
}

func (s *session) doAccountRemove(ctx context.Context, args []string) error {
	s.forget(s.prefix + args[0])
	return s.unit.RemoveAccount(ctx, s.prefix+args[0])
}

func (s *session) doAccountRename(ctx context.Context, args []string) error {
	s.forget(s.prefix + args[0])
	return s.unit.RenameAccount(ctx, s.prefix+args[0], s.prefix+args[1])
}

func (s *session) doAccountAlias(ctx context.Context, args []string) error {
	var aliases []string
	if len(args) > 1 {
		for _, alias := range strings.Split(args[1], ",") {
			aliases = append(aliases, s.prefix+alias)
		}
	}
	return s.unit.SetAliases(ctx, s.prefix+args[0], aliases)
}

// doWait lets the store try again what it has put off.
func (s *session) doWait(context.Context, []string) error {
	time.Sleep(1500 * time.Millisecond)
	return nil
}

func (s *session) doCheckpoint(ctx context.Context, _ []string) error { return s.unit.Checkpoint(ctx) }
