package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"
)

// keeper makes the checkpoints of a unit: it brings what the log holds to its place on disk, says so in the log, gives up
// the segments that are needed no more, and removes what nothing refers to any longer.
//
// A file is unlinked only after a barrier (SyncAll) that began when every file linked before was in place: else a power
// cut could keep the unlink and lose the link. The unlinks are durable with the next barrier; until then the log keeps
// the records that ask for them.
type keeper struct {
	unit *Unit
	wake chan struct{}
	quit chan struct{}
	done chan struct{}

	mu       sync.Mutex // guards the following fields
	number   uint64     // of the last completed checkpoint
	removals []removal  // accounts whose trees are to go
	last     time.Time  // when a checkpoint was last begun

	run       sync.Mutex // held during a checkpoint; guards the following fields
	directory *directory // as written
	uncounted bool       // something was written that no record counts yet
	unlinked  bool       // something was unlinked that no record counts yet
}

type removal struct {
	lsn LSN
	id  ID
}

func newKeeper(u *Unit, number uint64) *keeper {
	return &keeper{unit: u, number: number, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
}

func (k *keeper) completed() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.number
}

func (k *keeper) bury(lsn LSN, id ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.removals = append(k.removals, removal{lsn, id})
}

// request asks for a checkpoint soon.
func (k *keeper) request() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *keeper) start() { go k.loop() }

func (k *keeper) loop() {
	defer close(k.done)
	if k.unit.damage != nil {
		<-k.quit
		return
	}
	every := k.unit.opt.CheckpointEvery
	tick := time.NewTicker(min(every, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-k.quit:
			return
		case <-k.wake:
		case <-tick.C:
			if !k.due(every) {
				continue
			}
		}
		if err := k.checkpoint(context.Background(), false); err != nil && !errors.Is(err, ErrClosed) {
			k.unit.logger.Error("checkpoint failed; the log keeps everything", "err", err)
		}
	}
}

func (k *keeper) due(every time.Duration) bool {
	_, written := k.unit.committer.position()
	k.mu.Lock()
	defer k.mu.Unlock()
	return written >= k.unit.opt.CheckpointAfter || time.Since(k.last) >= every
}

// close makes the last checkpoints: the second makes durable what was unlinked after the first.
func (k *keeper) close() error {
	close(k.quit)
	<-k.done
	if k.unit.damage != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := k.checkpoint(ctx, false); err != nil {
		return err
	}
	return k.checkpoint(ctx, true)
}

// Checkpoint brings everything that is durable now from the log to its place.
func (u *Unit) Checkpoint(ctx context.Context) error {
	if err := u.writable(); err != nil {
		return err
	}
	return u.keeper.checkpoint(ctx, false)
}

// checkpoint makes one checkpoint; none where there is nothing to write, unless it is to be the last.
func (k *keeper) checkpoint(ctx context.Context, last bool) error {
	k.run.Lock()
	defer k.run.Unlock()
	u := k.unit
	k.mu.Lock()
	k.last = time.Now()
	k.mu.Unlock()
	state, _ := u.committer.position()
	if err := k.waitFiles(ctx, state); err != nil {
		return err
	}
	number := k.completed() + 1
	dirty, err := k.write(number)
	k.uncounted = k.uncounted || dirty || err != nil
	if err != nil {
		return err
	}
	if !k.uncounted && !k.unlinked && !last {
		return errors.Join(k.clear(state), k.tidy())
	}
	if err := u.fs.SyncAll(); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	complete := k.stateUpTo(state)
	if err := k.record(ctx, &checkpointEffect{number: number, state: complete, files: k.filesUpTo(complete), clean: last && complete == state}); err != nil {
		return err
	}
	k.uncounted, k.unlinked = false, false
	if err := k.compact(number); err != nil {
		return err
	}
	return errors.Join(k.clear(state), k.tidy())
}

// waitFiles waits until the work on files is done up to an LSN. What has failed before is tried once more.
func (k *keeper) waitFiles(ctx context.Context, upTo LSN) error {
	for retried := false; ; retried = true {
		turn := k.unit.pool.turnDone()
		behind, err := false, error(nil)
		for _, a := range k.unit.loaded() {
			if a.removed.Load() || a.files.pendingBelow(upTo+1) > upTo {
				continue
			}
			behind = true
			if !retried {
				a.files.retry()
			}
			err = errors.Join(err, a.files.lastError())
		}
		if !behind || err != nil {
			return err
		}
		select {
		case <-turn:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// loaded returns the accounts in memory.
func (u *Unit) loaded() []*Account {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := make([]*Account, 0, len(u.accounts))
	for _, a := range u.accounts {
		out = append(out, a)
	}
	return out
}

// write brings file names, frames, caches and the directory up to date, unsynced.
func (k *keeper) write(number uint64) (dirty bool, err error) {
	u := k.unit
	for _, a := range u.loaded() {
		if a.removed.Load() {
			continue
		}
		st := a.durable.Load() // one state: letters that are not written yet must not count as written
		renamed, err := a.files.rename(st)
		if err != nil {
			return false, err
		}
		changed, err := a.checkpoint(number, st)
		if err != nil {
			return false, err
		}
		dirty = dirty || changed || renamed
	}
	if d := u.dir.durable.Load(); d != k.directory {
		f := frame{frameDirectory, number, d.lsn, d.encode()}
		if err := replaceFile(u.fs, accountsFile, f.encode()); err != nil {
			return false, err
		}
		k.directory = d
		dirty = true
	}
	return dirty, nil
}

// filesUpTo returns the LSN up to which the work on files is complete and synced, graves included.
func (k *keeper) filesUpTo(state LSN) LSN {
	for _, a := range k.unit.loaded() {
		state = a.files.firstGrave(state)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range k.removals {
		state = min(state, r.lsn-1)
	}
	return state
}

// stateUpTo returns the LSN up to which the state of all accounts is complete: not beyond the records of damaged ones.
func (k *keeper) stateUpTo(lsn LSN) LSN {
	k.unit.mu.Lock()
	defer k.unit.mu.Unlock()
	for _, b := range k.unit.broken {
		lsn = min(lsn, b.first-1)
	}
	return lsn
}

// record writes the checkpoint's record to the log.
func (k *keeper) record(ctx context.Context, x *checkpointEffect) error {
	u := k.unit
	r := &record{epoch: u.manifest.Epoch, effects: []effect{x}}
	u.committer.gate.RLock()
	b, err := u.committer.enqueue(&pending{bytes: r.encode(), stamp: func(LSN) {}, publish: func() {}, abort: func(bool) {}, wake: func() {}})
	u.committer.gate.RUnlock()
	if err != nil {
		return err
	}
	if err := b.wait(ctx); err != nil {
		return err
	}
	k.mu.Lock()
	k.number = x.number
	k.mu.Unlock()
	return u.committer.recycle(min(x.state, x.files))
}

// compact rewrites checkpoint files that have grown, which is done only now that the checkpoint counts.
func (k *keeper) compact(number uint64) error {
	k.unit.committer.checkpointed()
	for _, a := range k.unit.loaded() {
		if a.removed.Load() {
			continue
		}
		if err := a.compact(number); err != nil {
			return err
		}
	}
	return nil
}

// tidy writes what the caches have gathered, lets go of idle accounts and makes the ballast again.
func (k *keeper) tidy() error {
	u := k.unit
	for _, a := range u.loaded() {
		if a.removed.Load() {
			continue
		}
		if err := a.files.flushCaches(); err != nil {
			return err
		}
		u.indexer.requestMany(a)
	}
	u.unload()
	return u.restoreBallast()
}

// clear removes what is in graves dug up to an LSN.
func (k *keeper) clear(upTo LSN) error {
	u := k.unit
	for _, a := range u.loaded() {
		did, err := a.files.clearGraves(upTo)
		k.unlinked = k.unlinked || did
		if err != nil {
			return err
		}
	}
	k.mu.Lock()
	removals := k.removals
	k.mu.Unlock()
	for _, r := range removals {
		if r.lsn > upTo {
			continue
		}
		if err := removeTree(u.fs, u.newAccount(r.id).dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		k.unlinked = true
		k.mu.Lock()
		k.removals = slices.DeleteFunc(k.removals, func(x removal) bool { return x == r })
		k.mu.Unlock()
		u.mu.Lock()
		if a := u.accounts[r.id]; a != nil {
			a.files.closeCaches()
			delete(u.accounts, r.id)
		}
		u.mu.Unlock()
	}
	return nil
}

// unload lets go of accounts that nobody uses and that have nothing under way.
func (u *Unit) unload() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for id, a := range u.accounts {
		if a.refs == 0 && !a.removed.Load() && a.idle() {
			a.files.closeCaches()
			delete(u.accounts, id)
		}
	}
}

// idle tells whether the account's files hold all that is known of it. Nobody has it open.
func (a *Account) idle() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	st := a.durable.Load()
	return a.head == st && a.written.state == st && a.files.idle(st)
}

// checkpointNow makes the checkpoint that ends a recovery: also when nothing has changed, since the log is to be given up.
func (k *keeper) checkpointNow() error {
	k.unlinked = true
	err := k.checkpoint(context.Background(), false)
	if errors.Is(err, ErrNoSpace) && k.unit.full() {
		err = k.checkpoint(context.Background(), false)
	}
	return err
}
