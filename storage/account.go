package storage

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
)

// Account is an open account: its mailboxes as they durably are, and the ways to change them. All methods may be called
// from many goroutines at once. Every method that changes something returns when the change, and all that its answer
// rests on, is durable; when its context ends first, the change may be made all the same.
type Account struct {
	unit *Unit
	id   ID
	dir  string // folder of the account in the unit

	durable atomic.Pointer[accountState]
	removed atomic.Bool
	files   fileWork
	watch   watchers
	written writtenState // of the checkpointer

	// still is held for reading from validation to enqueuing, for writing while the account's tree is looked at and must not change.
	still sync.RWMutex

	mu    sync.Mutex // held from validation to enqueuing; guards the following fields
	head  *accountState
	batch *batch // that holds the head's record; nil if that is durable since opening

	refs int // open handles; guarded by unit.mu
}

// ID returns the account's id, which never changes.
func (a *Account) ID() ID { return a.id }

// Name returns the account's present name.
func (a *Account) Name() string {
	if info, ok := a.unit.dir.durable.Load().byID[a.id]; ok {
		return info.Name
	}
	return ""
}

// Close tells that the caller needs the account no more. Call it once for each OpenAccount.
func (a *Account) Close() {
	a.unit.mu.Lock()
	defer a.unit.mu.Unlock()
	a.refs--
}

// commit makes one change. build validates against the head and returns the effects, or an error, or neither where nothing is
// to change. bodies are those of messages that the effects add: readers find them until their files are written.
// Whatever build answers, commit returns only when the state that it was judged against is durable.
func (a *Account) commit(ctx context.Context, build func(head *accountState) ([]effect, error)) error {
	b, err := a.begin(build)
	if werr := b.wait(ctx); werr != nil {
		return werr
	}
	return err
}

// begin does commit's part up to waiting.
func (a *Account) begin(build func(head *accountState) ([]effect, error)) (*batch, error) {
	a.still.RLock()
	defer a.still.RUnlock()
	c := a.unit.committer
	c.gate.RLock()
	defer c.gate.RUnlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.removed.Load() {
		return nil, ErrNoAccount
	}
	if err := a.unit.writable(); err != nil {
		return a.batch, err
	}
	effects, err := build(a.head)
	if err != nil || len(effects) == 0 {
		return a.batch, err
	}
	return a.enqueue(effects, func(LSN) {}, func() {})
}

// enqueue applies effects to the head and sends them to the log. published and aborted are called besides what is to be
// done for the account itself. The caller holds the gate and a.mu.
func (a *Account) enqueue(effects []effect, published func(LSN), aborted func()) (*batch, error) {
	r := &record{prev: a.head.lsn, epoch: a.unit.manifest.Epoch, generation: 1, account: a.id, effects: effects}
	next, fresh, err := a.head.apply(r)
	before := a.head
	a.files.expect(effects)
	if err != nil {
		a.files.forget(effects, true)
		before.forgetKeywords()
		return a.batch, err
	}
	b, err := a.unit.committer.enqueue(&pending{
		bytes: r.encode(),
		stamp: func(lsn LSN) {
			r.lsn = lsn
			next.stamp(lsn, fresh)
		},
		publish: func() {
			a.durable.Store(next)
			published(r.lsn)
			a.files.add(r)
		},
		abort: func(certain bool) {
			a.files.forget(effects, certain)
			a.mu.Lock()
			a.head, a.batch = a.durable.Load(), nil
			a.head.forgetKeywords()
			a.mu.Unlock()
			aborted()
		},
		wake: func() { a.watch.wake(before, next, fresh) },
	})
	if err != nil {
		a.files.forget(effects, true)
		before.forgetKeywords()
		return nil, err
	}
	a.head, a.batch = next, b
	return b, nil
}

// Mailboxes yields all mailboxes, INBOX first, then by name.
func (a *Account) Mailboxes() iter.Seq[MailboxInfo] {
	boxes := a.durable.Load().boxes
	return func(yield func(MailboxInfo) bool) {
		for _, b := range boxes {
			if !yield(b.info()) {
				return
			}
		}
	}
}

func (b *box) info() MailboxInfo {
	return MailboxInfo{ID: b.view.id, Name: b.name, SpecialUse: b.use, Status: b.view.status}
}

// Mailbox finds a mailbox by name; ErrNoMailbox, ErrInvalidName.
func (a *Account) Mailbox(name string) (*Mailbox, error) {
	name, err := CanonicalName(name)
	if err != nil {
		return nil, err
	}
	b, ok := a.durable.Load().find(name)
	if !ok {
		return nil, noMailbox(name)
	}
	return &Mailbox{a, b.view.id}, nil
}

func noMailbox(name string) error { return fmt.Errorf("mailbox %q: %w", name, ErrNoMailbox) }

// CreateMailbox makes a mailbox, and its superiors where they are missing (RFC 9051, section 6.3.4).
// ErrMailboxExists, ErrInvalidName, ErrLimit.
func (a *Account) CreateMailbox(ctx context.Context, name string, use SpecialUse) (*Mailbox, error) {
	name, err := CanonicalName(name)
	if err != nil {
		return nil, err
	}
	var id ID
	err = a.commit(ctx, func(head *accountState) ([]effect, error) {
		if _, ok := head.find(name); ok {
			return nil, fmt.Errorf("mailbox %q: %w", name, ErrMailboxExists)
		}
		effects, err := a.createAll(head, append(superiors(name), name), nil)
		if err != nil {
			return nil, err
		}
		last := effects[len(effects)-1].(*createEffect)
		last.use = use
		id = last.id
		return effects, nil
	})
	if err != nil {
		return nil, err
	}
	return &Mailbox{a, id}, nil
}

// createAll returns effects that make those of the names that the head lacks; leaving names count as missing.
func (a *Account) createAll(head *accountState, names []string, leaving map[string]bool) ([]effect, error) {
	var effects []effect
	validity := max(head.uidValidity, uint32(a.unit.now().Unix())-1)
	for _, name := range names {
		if _, ok := head.find(name); ok && !leaving[name] {
			continue
		}
		validity++
		effects = append(effects, &createEffect{id: NewID(), name: name, uidValidity: validity, modseq: head.modseq + 1})
	}
	if len(head.boxes)+len(effects) > maxMailboxes {
		return nil, fmt.Errorf("%w: an account has at most %d mailboxes", ErrLimit, maxMailboxes)
	}
	return effects, nil
}

// DeleteMailbox removes a mailbox and its messages; its inferiors stay. ErrNoMailbox; ErrForbidden for INBOX.
func (a *Account) DeleteMailbox(ctx context.Context, name string) error {
	name, err := CanonicalName(name)
	if err != nil {
		return err
	}
	return a.commit(ctx, func(head *accountState) ([]effect, error) {
		b, ok := head.find(name)
		if !ok {
			return nil, noMailbox(name)
		}
		if name == inbox {
			return nil, fmt.Errorf("INBOX cannot be deleted: %w", ErrForbidden)
		}
		return []effect{&deleteEffect{onBox{b.view.id, b.view.lsn}, head.modseq + 1}}, nil
	})
}

// RenameMailbox gives a mailbox and its inferiors another name, and makes the superiors of the new one. Renaming INBOX
// moves its messages to a new mailbox and leaves INBOX empty, its inferiors where they are (RFC 9051, section 6.3.6).
// ErrNoMailbox, ErrMailboxExists, ErrInvalidName, ErrForbidden (a mailbox below itself), ErrLimit.
func (a *Account) RenameMailbox(ctx context.Context, from, to string) error {
	from, err := CanonicalName(from)
	if err != nil {
		return err
	}
	if to, err = CanonicalName(to); err != nil {
		return err
	}
	if from == inbox {
		if err := a.load(ctx, from); err != nil {
			return err
		}
	}
	return a.commit(ctx, func(head *accountState) ([]effect, error) {
		if _, ok := head.find(to); ok {
			return nil, fmt.Errorf("mailbox %q: %w", to, ErrMailboxExists)
		}
		if from == inbox {
			return a.renameInbox(head, to)
		}
		return a.rename(head, from, to)
	})
}

func (a *Account) rename(head *accountState, from, to string) ([]effect, error) {
	if isBelow(to, from) {
		return nil, fmt.Errorf("mailbox %q cannot move below itself to %q: %w", from, to, ErrForbidden)
	}
	leaving := map[string]bool{}
	var renames []effect
	for _, b := range head.boxes {
		if b.name != from && !isBelow(b.name, from) {
			continue
		}
		leaving[b.name] = true
		name := to + b.name[len(from):]
		if name, err := CanonicalName(name); err != nil {
			return nil, err
		} else if _, ok := head.find(name); ok {
			return nil, fmt.Errorf("mailbox %q: %w", name, ErrMailboxExists)
		}
		renames = append(renames, &renameEffect{onBox{b.view.id, b.view.lsn}, name, head.modseq + 1})
	}
	if len(renames) == 0 {
		return nil, noMailbox(from)
	}
	effects, err := a.createAll(head, superiors(to), leaving)
	return append(renames, effects...), err
}

func (a *Account) renameInbox(head *accountState, to string) ([]effect, error) {
	b, ok := head.find(inbox)
	if !ok {
		return nil, noMailbox(inbox)
	}
	effects, err := a.createAll(head, append(superiors(to), to), nil)
	if err != nil {
		return nil, err
	}
	target := effects[len(effects)-1].(*createEffect)
	view, err := b.view.load()
	if err != nil || view.Len() == 0 {
		return effects, err
	}
	rows, uids := copyRows(view, view.UIDs(1, view.Len()), 1, a.unit.now().Unix())
	return append(effects,
		&copyEffect{onBox: onBox{id: target.id}, modseq: head.modseq + 1, source: view.id, rows: rows},
		&expungeEffect{onBox{view.id, view.lsn}, head.modseq + 1, uids}), nil
}

// load reads a mailbox's messages into memory, so that commit need not read under the account's lock.
func (a *Account) load(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b, ok := a.durable.Load().find(name); ok {
		_, err := b.view.load()
		return err
	}
	return nil // validation against the head will tell
}

// Subscribe adds a name to the subscriptions or removes it; the mailbox need not exist (RFC 9051, section 6.3.7).
func (a *Account) Subscribe(ctx context.Context, name string, on bool) error {
	name, err := CanonicalName(name)
	if err != nil {
		return err
	}
	return a.commit(ctx, func(head *accountState) ([]effect, error) {
		if _, found := slices.BinarySearch(head.subs, name); found == on {
			return nil, nil
		}
		if on && len(head.subs) >= 2*maxMailboxes {
			return nil, fmt.Errorf("%w: an account has at most %d subscriptions", ErrLimit, 2*maxMailboxes)
		}
		return []effect{&subscribeEffect{name, on, head.modseq + 1}}, nil
	})
}

// Subscriptions returns the subscribed names, sorted. The slice is not to be modified.
func (a *Account) Subscriptions() []string { return a.durable.Load().subs }

// Watch sends to wake, without blocking, after any durable change of the account, until stop is called.
func (a *Account) Watch(wake chan<- struct{}) (stop func()) { return a.watch.add(ID{}, wake) }
