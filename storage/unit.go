package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mailhavn/mailhavn/storage/internal/wal"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// Options for Open. The zero value is right for most.
type Options struct {
	// Logger gets what an operator should know. If nil, slog.Default.
	Logger *slog.Logger
	// Now is the clock for INTERNALDATE, SAVEDATE and UIDVALIDITY. If nil, time.Now.
	Now func() time.Time
	// SegmentSize is the size of new log segments in bytes. If zero, 64 MiB.
	SegmentSize int64
	// CheckpointAfter is how many bytes of log are written before a checkpoint is begun. If zero, four segments.
	CheckpointAfter int64
	// CheckpointEvery is the longest time between a change and the checkpoint that contains it. If zero, one minute.
	CheckpointEvery time.Duration
	// ZeroLog overwrites used log segments with zeros, so that deleted mail does not stay in them until they are used again.
	ZeroLog bool
	// Ballast is the size of a file that is given up when the disk is full, so that people can still delete mail
	// and a unit can be opened. If zero, 16 MiB; negative: none.
	Ballast int64
}

func (o *Options) defaults() {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SegmentSize == 0 {
		o.SegmentSize = 64 << 20
	}
	if o.CheckpointAfter == 0 {
		o.CheckpointAfter = 4 * o.SegmentSize
	}
	if o.CheckpointEvery == 0 {
		o.CheckpointEvery = time.Minute
	}
	if o.Ballast == 0 {
		o.Ballast = 16 << 20
	}
}

// manifest says what a unit is. It is written once.
type manifest struct {
	Format [2]int // major: others are refused; minor: newer ones are read
	ID     ID
	Epoch  uint32 // rises when another machine takes the unit over
	Sum    uint32 // CRC-32C of the text with this as 0
}

func (m manifest) encode() ([]byte, error) {
	m.Sum = 0
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	m.Sum = crc32.Checksum(text, castagnoli)
	return json.Marshal(m)
}

// MarshalText and UnmarshalText write an ID as hexadecimal digits.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID(string(b))
	return err
}

const (
	formatMajor = 1
	formatMinor = 0

	unitDir      = ".unit"
	logDir       = ".unit/log"
	trashDir     = ".unit/trash"
	manifestFile = ".unit/manifest"
	lockFile     = ".unit/lock"
	accountsFile = ".unit/accounts"
	ballastFile  = ".unit/ballast"
	accountsDir  = "a"

	maxInFlight = 64 << 20 // bytes of messages without a file
	maxLinks    = 1 << 18  // copied messages without a file
)

// Unit is a tree of accounts with one writer process and one log. Its methods may be called from many goroutines at once.
type Unit struct {
	fs        vfs.FS
	opt       Options
	logger    *slog.Logger
	manifest  manifest
	lock      io.Closer
	committer *committer
	pool      *filePool
	room      room // bytes of messages without a file
	links     room // copied messages without a file
	keeper    *keeper
	damage    error // not nil: read-only
	dir       directoryState
	closing   atomic.Bool
	short     atomic.Bool  // the disk is full: no messages are taken
	cached    atomic.Int64 // bytes of summaries gathered since they were last written, roughly

	mu       sync.Mutex // guards the following fields
	accounts map[ID]*Account
	broken   map[ID]error // accounts whose checkpoints are damaged; their records stay in the log
}

// directoryState is the directory's head and durable state, as an account has them.
type directoryState struct {
	durable atomic.Pointer[directory]
	mu      sync.Mutex // guards head and batch
	head    *directory
	batch   *batch
}

// Open opens the unit in a tree, or makes one where the tree is empty. After a crash it repeats from the log what may not have
// reached the disk. A unit that another process has open answers *vfs.LockedError; one with a newer format ErrNewerFormat. With
// damage in the log the unit opens read-only; Damage tells.
func Open(tree vfs.FS, o Options) (*Unit, error) {
	o.defaults()
	u := &Unit{opt: o, logger: o.Logger, accounts: map[ID]*Account{}, broken: map[ID]error{}, room: newRoom(maxInFlight), links: newRoom(maxLinks)}
	u.fs = &guard{tree, u.stop}
	if err := u.prepare(); err != nil {
		return nil, err
	}
	owner := fmt.Sprintf("process %d since %s", os.Getpid(), time.Now().Format(time.RFC3339))
	lock, err := tree.Lock(lockFile, owner)
	if err != nil {
		return nil, err
	}
	u.lock = lock
	if err := u.open(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return u, nil
}

func (u *Unit) open() error {
	if err := u.readManifest(); err != nil {
		return err
	}
	u.pool = newFilePool()
	if err := u.recover(); err != nil {
		return err
	}
	u.committer.full = u.full
	u.pool.start(fileWorkers)
	u.keeper.start()
	return nil
}

// prepare makes the unit's own folder where the tree is empty.
func (u *Unit) prepare() error {
	entries, err := u.fs.ReadDir("")
	if err != nil {
		return err
	}
	if _, err := u.fs.Stat(manifestFile); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if e.Name != unitDir && e.Name != accountsDir && !strings.HasPrefix(e.Name, "lost+found") {
			return fmt.Errorf("not a mailhavn unit, and not empty: it contains %q", e.Name)
		}
	}
	if err := mkdirs(u.fs, unitDir, logDir, trashDir, accountsDir); err != nil {
		return err
	}
	if err := writeNew(u.fs, lockFile, nil); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	m, err := manifest{Format: [2]int{formatMajor, formatMinor}, ID: NewID(), Epoch: 1}.encode()
	if err != nil {
		return err
	}
	if err := replaceFile(u.fs, manifestFile, append(m, '\n')); err != nil {
		return err
	}
	return u.fs.SyncDir(unitDir)
}

func (u *Unit) readManifest() error {
	data, err := vfs.ReadFile(u.fs, manifestFile)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &u.manifest); err != nil {
		return &DamageError{File: manifestFile, What: err.Error()}
	}
	if major := u.manifest.Format[0]; major != formatMajor {
		return fmt.Errorf("%w: unit has format %d, this program knows %d", ErrNewerFormat, major, formatMajor)
	}
	if want, err := u.manifest.encode(); err != nil || u.manifest.Format[1] == formatMinor && string(want) != strings.TrimSpace(string(data)) {
		return &DamageError{File: manifestFile, What: "its sum is not that of its text"}
	}
	return nil
}

// ID returns the unit's id.
func (u *Unit) ID() ID { return u.manifest.ID }

// stop ends all changes after an error that leaves open what is on disk.
func (u *Unit) stop(err error) {
	if u.committer != nil {
		u.committer.stop(err)
	}
}

// Damage returns what is wrong with the log of a unit that was opened read-only, nil otherwise.
func (u *Unit) Damage() error { return u.damage }

// Stopped is closed when the unit has met an error after which it takes no more changes and must be closed and opened
// again; Err tells which.
func (u *Unit) Stopped() <-chan struct{} { return u.committer.dead }

// Err returns why the unit takes no more changes, nil while it does: ErrStopped, ErrReadOnly or ErrClosed, with the cause.
func (u *Unit) Err() error {
	if err := u.writable(); err != nil {
		return err
	}
	return u.committer.err()
}

func (u *Unit) now() time.Time { return u.opt.Now() }

// writable tells why no change is taken.
func (u *Unit) writable() error {
	if u.damage != nil {
		return fmt.Errorf("%w: %w", ErrReadOnly, u.damage)
	}
	if u.closing.Load() {
		return ErrClosed
	}
	return nil
}

// Close finishes the work on files, writes a checkpoint and releases the lock. Changes begun after it are refused with ErrClosed.
func (u *Unit) Close() error {
	if u.closing.Swap(true) {
		return nil
	}
	u.committer.settle()
	err := u.keeper.close()
	u.committer.close()
	u.pool.close()
	for _, a := range u.loaded() {
		a.files.closeCaches()
	}
	return errors.Join(err, u.committer.log.Close(), u.lock.Close())
}

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
	if err := u.broken[id]; err != nil {
		return nil, err
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
	a.files = fileWork{account: a, bodies: map[bodyKey]body{}, folders: map[ID]string{}, disk: map[ID]*diskFiles{}, caches: map[ID]*cache{}}
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

// RenameAccount gives an account another name; it keeps its id and its mail. ErrNoAccount, ErrAccountExists, ErrInvalidName.
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

func (u *Unit) updateAccount(ctx context.Context, name string, change func(*directory, *AccountInfo) error) error {
	a, err := u.OpenAccount(ctx, name)
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
		return []effect{&putAccount{next, a.head.uidValidity}}, nil
	}, nil, a)
	if werr := b.wait(ctx); werr != nil {
		return werr
	}
	return err
}

// RemoveAccount removes an account with all its mail. Those who have it open get ErrNoAccount from then on. ErrNoAccount.
func (u *Unit) RemoveAccount(ctx context.Context, name string) error {
	a, err := u.OpenAccount(ctx, name)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := u.changeDirectory(func(d *directory) ([]effect, error) {
		if _, ok := d.byID[a.id]; !ok {
			return nil, fmt.Errorf("account %q: %w", name, ErrNoAccount)
		}
		return []effect{&delAccount{a.id, a.head.uidValidity}}, nil
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
		u.mu.Unlock()
		if a != nil {
			a.removed.Store(true)
			a.watch.all()
		}
	}
}

// full is called when the disk is full. It gives up the ballast, so that what frees space can be written; until the
// ballast is back, no messages are taken. It returns whether there was any.
func (u *Unit) full() bool {
	u.short.Store(true)
	u.keeper.request()
	return u.fs.Remove(ballastFile) == nil
}

// restoreBallast makes the ballast again where it is missing.
func (u *Unit) restoreBallast() error {
	if u.opt.Ballast < 0 {
		u.short.Store(false)
		return nil
	}
	info, err := u.fs.Stat(ballastFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && info.Size == u.opt.Ballast {
		u.short.Store(false)
		return nil
	}
	if err := u.fs.Remove(ballastFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err = wal.Fill(u.fs, ballastFile, u.opt.Ballast)
	if errors.Is(err, ErrNoSpace) {
		return nil // the unit stays short of space
	}
	if err == nil {
		u.short.Store(false)
	}
	return err
}
