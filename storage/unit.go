package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

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
	// Transform, if not nil, may change messages while they are taken in.
	Transform Transform
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
	indexer   *indexer
	damage    error // not nil: read-only
	sure      bool  // the end before was orderly: the names that the tree shows are on the disk
	dir       directoryState
	closing   atomic.Bool
	short     atomic.Bool  // the disk is full: no messages are taken
	cached    atomic.Int64 // bytes of summaries gathered since they were last written, roughly

	mu       sync.Mutex // guards the following fields
	accounts map[ID]*Account
	broken   map[ID]brokenAccount // out of service
}

// brokenAccount is an account that is damaged: it is not served, and its records stay in the log, from the first on.
type brokenAccount struct {
	err   error
	first LSN
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
	u := &Unit{opt: o, logger: o.Logger, accounts: map[ID]*Account{}, broken: map[ID]brokenAccount{}, room: newRoom(maxInFlight), links: newRoom(maxLinks)}
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
	u.indexer = newIndexer(u)
	if err := u.recover(); err != nil {
		return err
	}
	u.committer.full = u.full
	u.pool.start(fileWorkers)
	u.keeper.start()
	u.indexer.start()
	return nil
}

// prepare makes the unit's own folder where the tree is empty.
func (u *Unit) prepare() error {
	entries, err := u.fs.ReadDir("")
	if err != nil {
		return err
	}
	_, err = u.fs.Stat(manifestFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	made := err == nil // but a power cut may have left it alone
	for _, e := range entries {
		if made {
			break
		}
		if e.Name != unitDir && e.Name != accountsDir && !strings.HasPrefix(e.Name, "lost+found") {
			return fmt.Errorf("not a mailhavn unit, and not empty: it contains %q", e.Name)
		}
	}
	for _, dir := range []string{unitDir, logDir, trashDir, accountsDir} {
		if _, err := u.fs.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			err = mkdirs(u.fs, dir)
			if err != nil {
				return err
			}
		}
	}
	if _, err := u.fs.Stat(lockFile); errors.Is(err, fs.ErrNotExist) {
		if err := writeNew(u.fs, lockFile, nil); err != nil {
			return err
		}
		if err := u.fs.SyncDir(unitDir); err != nil { // before the manifest
			return err
		}
	}
	if made {
		return nil
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
	u.indexer.close()
	u.committer.settle()
	err := u.keeper.close()
	u.committer.close()
	u.pool.close()
	for _, a := range u.loaded() {
		a.files.closeCaches()
	}
	return errors.Join(err, u.committer.log.Close(), u.lock.Close())
}
