package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Accounts returns all accounts, by name.
func (u *Unit) Accounts() []AccountInfo {
	d := u.dir.durable.Load()
	out := make([]AccountInfo, 0, len(d.byID))
	for _, a := range d.byID {
		out = append(out, *a)
	}
	slices.SortFunc(out, func(a, b AccountInfo) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// OpenAccount returns the account of a name or alias (compared without regard to case); the caller closes it. ErrNoAccount.
func (u *Unit) OpenAccount(ctx context.Context, name string) (*Account, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	info, err := u.dir.durable.Load().find(name)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closing.Load() {
		return nil, ErrClosed
	}
	a, err := u.accountLocked(info.ID)
	if err != nil {
		return nil, fmt.Errorf("account %q: %w", name, err)
	}
	a.refs++
	return a, nil
}

// accountLocked returns an account from memory or from its checkpoint; u.mu is held.
func (u *Unit) accountLocked(id ID) (*Account, error) {
	if b, ok := u.broken[id]; ok {
		return nil, b.err
	}
	if a, ok := u.accounts[id]; ok {
		return a, nil
	}
	a := u.newAccount(id)
	torn, err := a.readCheckpoint(u.keeper.completed())
	if err != nil {
		return nil, err
	}
	if torn {
		return nil, a.written.file.damaged("what follows is no frame")
	}
	if u.damage == nil { // nobody takes in a message for an account that is not loaded
		if err := a.files.clearSpool(); err != nil {
			return nil, err
		}
	}
	u.accounts[id] = a
	return a, nil
}

func (u *Unit) newAccount(id ID) *Account {
	hex := id.String()
	a := &Account{unit: u, id: id, dir: accountsDir + "/" + hex[:2] + "/" + hex, head: emptyAccount}
	a.durable.Store(emptyAccount)
	a.written.state = emptyAccount
	a.written.file.name = a.accountFile()
	a.written.boxes = map[ID]*writtenBox{}
	a.files = fileWork{account: a, bodies: map[bodyKey]body{}, folders: map[ID]string{}, disk: map[ID]*diskFiles{}, caches: map[ID]*cache{},
		texts: map[ID]*textIndex{}}
	return a
}

// CreateAccount makes an account with INBOX and the usual special-use mailboxes (Drafts, Sent, Junk, Trash, Archive);
// the caller closes it. ErrAccountExists, ErrInvalidName.
func (u *Unit) CreateAccount(ctx context.Context, name string) (*Account, error) {
	if err := checkAccountName(name); err != nil {
		return nil, err
	}
	a := u.newAccount(NewID())
	b, err := u.changeDirectory(func(d *directory) ([]effect, error) {
		if _, err := d.find(name); err == nil {
			return nil, fmt.Errorf("account %q: %w", name, ErrAccountExists)
		}
		// The folders must be there before anything can be promised to lie in them.
		root := a.dir + "/Maildir"
		if err := mkdirs(u.fs, parent(a.dir), a.dir, a.dir+"/meta", a.dir+"/meta/spool", a.dir+"/meta/trash",
			root, root+"/cur", root+"/new", root+"/tmp"); err != nil {
			return nil, err
		}
		return []effect{&putAccount{AccountInfo: AccountInfo{ID: a.id, Name: name, Created: u.now().Unix(), Generation: 1}}}, nil
	}, a, nil)
	if err == nil {
		err = b.wait(ctx)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// changeDirectory makes a change of the directory: with a new account, also its first mailboxes; with an account that the change
// is about, while that stands still.
func (u *Unit) changeDirectory(build func(*directory) ([]effect, error), created, about *Account) (*batch, error) {
	u.committer.gate.RLock()
	defer u.committer.gate.RUnlock()
	s := &u.dir
	s.mu.Lock()
	defer s.mu.Unlock()
	if about != nil {
		about.mu.Lock()
		defer about.mu.Unlock()
	}
	if err := u.writable(); err != nil {
		return nil, err
	}
	effects, err := build(s.head)
	if err != nil || len(effects) == 0 {
		return s.batch, err
	}
	next := s.head.apply(0, effects)
	publish := func(lsn LSN) {
		next.lsn = lsn
		s.durable.Store(next)
		u.buryAccounts(lsn, effects)
	}
	abort := func(bool) {
		s.mu.Lock()
		s.head, s.batch = s.durable.Load(), nil
		s.mu.Unlock()
	}
	var b *batch
	if created != nil {
		b, err = created.enqueueFirst(s.head.mark, effects, publish, func() { abort(true) })
	} else {
		r := &record{epoch: u.manifest.Epoch, effects: effects}
		var lsn LSN
		b, err = u.committer.enqueue(&pending{bytes: r.encode(), stamp: func(l LSN) { lsn = l },
			publish: func() { publish(lsn) }, abort: abort, wake: func() {}})
	}
	if err != nil {
		return nil, err
	}
	s.head, s.batch = next, b
	return b, nil
}

// enqueueFirst sends the first record of an account, which makes the standard mailboxes with UIDVALIDITY above a mark.
func (a *Account) enqueueFirst(mark uint32, effects []effect, publish func(LSN), abort func()) (*batch, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var names []string
	for _, m := range standardMailboxes {
		names = append(names, m.name)
	}
	boxes, err := a.createAll(&accountState{uidValidity: mark}, names, nil)
	if err != nil {
		return nil, err
	}
	for i, m := range standardMailboxes {
		boxes[i].(*createEffect).use = m.use
		effects = append(effects, boxes[i], &subscribeEffect{m.name, true, 1})
	}
	return a.enqueue(effects, func(lsn LSN) {
		a.unit.mu.Lock()
		a.refs++
		a.unit.accounts[a.id] = a
		a.unit.mu.Unlock()
		publish(lsn)
	}, abort)
}

// RenameAccount gives an account, also a damaged one, another name; it keeps its id and its mail. ErrNoAccount, ErrAccountExists, ErrInvalidName.
func (u *Unit) RenameAccount(ctx context.Context, from, to string) error {
	return u.updateAccount(ctx, from, func(d *directory, a *AccountInfo) error {
		if err := checkAccountName(to); err != nil {
			return err
		}
		if other, err := d.find(to); err == nil && other.ID != a.ID {
			return fmt.Errorf("account %q: %w", to, ErrAccountExists)
		}
		a.Name = to
		a.Aliases = slices.DeleteFunc(slices.Clone(a.Aliases), func(s string) bool { return foldName(s) == foldName(to) })
		return nil
	})
}

// SetAliases replaces the further names that lead to an account. ErrNoAccount, ErrAccountExists, ErrInvalidName.
func (u *Unit) SetAliases(ctx context.Context, name string, aliases []string) error {
	return u.updateAccount(ctx, name, func(d *directory, a *AccountInfo) error {
		for _, alias := range aliases {
			if err := checkAccountName(alias); err != nil {
				return err
			}
			if other, err := d.find(alias); err == nil && other.ID != a.ID {
				return fmt.Errorf("account %q: %w", alias, ErrAccountExists)
			}
		}
		a.Aliases = slices.Clone(aliases)
		return nil
	})
}

// accountToChange is OpenAccount for changes of the directory, which a damaged account can have, too: it stands for the account
// then. highest returns the highest UIDVALIDITY that the account has given; it needs the account's lock.
func (u *Unit) accountToChange(ctx context.Context, name string) (a *Account, highest func() uint32, err error) {
	a, err = u.OpenAccount(ctx, name)
	if damage := new(*DamageError); !errors.As(err, damage) {
		return a, func() uint32 { return a.head.uidValidity }, err
	}
	info, err := u.dir.durable.Load().find(name)
	if err != nil {
		return nil, nil, err
	}
	// What it has given is not known: at most one for each second, and one for each mailbox that was made faster than that.
	return u.newAccount(info.ID), func() uint32 { return uint32(u.now().Unix()) + 1<<20 }, nil
}

func (u *Unit) updateAccount(ctx context.Context, name string, change func(*directory, *AccountInfo) error) error {
	a, highest, err := u.accountToChange(ctx, name)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := u.changeDirectory(func(d *directory) ([]effect, error) {
		info, ok := d.byID[a.id]
		if !ok {
			return nil, fmt.Errorf("account %q: %w", name, ErrNoAccount)
		}
		next := *info
		if err := change(d, &next); err != nil {
			return nil, err
		}
		return []effect{&putAccount{next, highest()}}, nil
	}, nil, a)
	if werr := b.wait(ctx); werr != nil {
		return werr
	}
	return err
}

// RemoveAccount removes an account, also a damaged one, with all its mail. Those who have it open get ErrNoAccount from then
// on. ErrNoAccount.
func (u *Unit) RemoveAccount(ctx context.Context, name string) error {
	a, highest, err := u.accountToChange(ctx, name)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := u.changeDirectory(func(d *directory) ([]effect, error) {
		if _, ok := d.byID[a.id]; !ok {
			return nil, fmt.Errorf("account %q: %w", name, ErrNoAccount)
		}
		return []effect{&delAccount{a.id, highest()}}, nil
	}, nil, a)
	if err == nil {
		err = b.wait(ctx)
	}
	if err == nil {
		u.keeper.request()
	}
	return err
}

// buryAccounts ends the accounts that a durable record has removed.
func (u *Unit) buryAccounts(lsn LSN, effects []effect) {
	for _, x := range effects {
		x, ok := x.(*delAccount)
		if !ok {
			continue
		}
		u.keeper.bury(lsn, x.id)
		u.mu.Lock()
		a := u.accounts[x.id]
		delete(u.broken, x.id)
		u.mu.Unlock()
		if a != nil {
			a.removed.Store(true)
			a.watch.all()
		}
	}
}
