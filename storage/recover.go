package storage

import (
	"errors"
	"fmt"
	"math"

	"github.com/mailhavn/mailhavn/storage/internal/wal"
)

// recovery is the way from what the disk holds to a unit that serves: state is the newest checkpoint plus the records
// after it. Files that records after the checkpoint made are made again: nobody knows what of them reached the disk,
// and the system's cache would not tell. A checkpoint at the end makes all of it durable before anyone is served;
// until then the old log stays, so a crash in here costs nothing.
type recovery struct {
	unit    *Unit
	records []*record        // in LSN order
	last    checkpointEffect // the newest checkpoint
	lastLSN LSN
	ends    []segmentEnd // of the segments that hold records
	touched map[ID]*recoveredAccount
	order   []ID // of touched
}

// recoveredAccount is an account that has records after the checkpoint.
type recoveredAccount struct {
	*Account
	torn    bool
	records []*record
}

func (u *Unit) recover() error {
	log, contents, err := wal.Open(wal.Config{FS: u.fs, Dir: logDir, Unit: u.manifest.ID, SegmentSize: u.opt.SegmentSize, Zero: u.opt.ZeroLog})
	if err != nil {
		return err
	}
	r := &recovery{unit: u, touched: map[ID]*recoveredAccount{}}
	if err := r.read(contents); err != nil {
		return err
	}
	u.keeper = newKeeper(u, r.last.number)
	u.committer = newCommitter(log, r.lastLSN+1, r.ends)
	if err := r.readDirectory(); err != nil {
		return err
	}
	if err := r.harden(); err != nil { // also a clean end: its last record may be in the system's cache only
		return err
	}
	if u.sure = r.endsClean(); u.sure {
		if err := u.clearRemains(); err != nil {
			return err
		}
		go u.committer.run()
		return nil
	}
	if err := r.replay(); err != nil {
		return err
	}
	if u.damage != nil {
		u.logger.Error("unit opens read-only", "err", u.damage)
		go u.committer.run()
		return nil
	}
	return r.finish()
}

// endsClean tells whether the newest record is the checkpoint of an orderly end, with nothing left to do.
func (r *recovery) endsClean() bool {
	if len(r.records) == 0 || r.unit.damage != nil {
		return false
	}
	effects := r.records[len(r.records)-1].effects
	if len(effects) != 1 {
		return false
	}
	_, ok := effects[0].(*checkpointEffect)
	return ok && r.last.clean && r.last.files == r.last.state && r.last.state == r.lastLSN-1
}

// read decodes the log's records and finds the newest checkpoint. Damage ends the row and makes the unit read-only.
func (r *recovery) read(c wal.Contents) error {
	for _, g := range c.Groups {
		if err := r.readGroup(g); err != nil {
			if errors.Is(err, ErrNewerFormat) {
				return err
			}
			r.unit.damage = &DamageError{g.File, g.Offset, err.Error()}
			break
		}
	}
	if d := c.Damage; d != nil && r.unit.damage == nil {
		r.unit.damage = &DamageError{d.File, d.Offset, d.What}
	}
	need := min(r.last.state, r.last.files) + 1
	if r.unit.damage == nil && len(r.records) > 0 && r.records[0].lsn > need {
		r.unit.damage = &DamageError{File: logDir, What: fmt.Sprintf("record %d is needed, but the log begins with %d", need, r.records[0].lsn)}
		if d := c.Broken; d != nil {
			r.unit.damage = &DamageError{d.File, d.Offset, d.What}
		}
	}
	return nil
}

func (r *recovery) readGroup(g wal.Group) error {
	for b := g.Payload; len(b) > 0; {
		rec, n, err := decodeRecord(b)
		if err != nil {
			return err
		}
		b = b[n:]
		if rec.epoch > r.unit.manifest.Epoch {
			return fmt.Errorf("record %d is of epoch %d, the unit of %d: another owner wrote it", rec.lsn, rec.epoch, r.unit.manifest.Epoch)
		}
		if rec.lsn <= r.lastLSN {
			return fmt.Errorf("record %d follows record %d", rec.lsn, r.lastLSN)
		}
		r.lastLSN = rec.lsn
		r.records = append(r.records, rec)
		for _, x := range rec.effects {
			if x, ok := x.(*checkpointEffect); ok {
				r.last = *x
			}
		}
	}
	if n := len(r.ends); n == 0 || r.ends[n-1].seq != g.Segment {
		r.ends = append(r.ends, segmentEnd{seq: g.Segment})
	}
	r.ends[len(r.ends)-1].last = r.lastLSN
	return nil
}

// harden makes sure that the records are on disk before files follow them.
func (r *recovery) harden() error {
	if r.unit.damage != nil || len(r.ends) == 0 {
		return nil
	}
	from := r.ends[0].seq
	for _, end := range r.ends {
		if end.last <= min(r.last.state, r.last.files) {
			from = end.seq + 1
		}
	}
	if err := r.unit.committer.log.Harden(from); err != nil {
		return err
	}
	return r.unit.fs.SyncDir(unitDir) // the list of accounts, as it was found
}

func (r *recovery) readDirectory() error {
	u := r.unit
	d := newDirectory(0, 0, map[ID]*AccountInfo{})
	_, frames, torn, err := readFrameFile(u.fs, accountsFile, ^uint64(0))
	if err != nil {
		return err
	}
	if torn {
		return &DamageError{File: accountsFile, What: "the list of accounts is not what was written"}
	}
	if len(frames) > 0 {
		if d, err = decodeDirectory(frames[0].payload); err != nil {
			return &DamageError{File: accountsFile, What: err.Error()}
		}
		u.keeper.directory = d
		if r.lastLSN == 0 && u.damage == nil && len(d.byID) > 0 {
			u.damage = &DamageError{File: logDir, What: "no record can be read, but there are accounts"}
		}
		if u.damage != nil && r.last.number == 0 { // which checkpoint was the last is not known
			r.last.number = math.MaxUint64
			u.keeper.number = math.MaxUint64
		}
	}
	u.dir.head = d
	u.dir.durable.Store(d)
	return nil
}

// replay applies the records after the checkpoint.
func (r *recovery) replay() error {
	u := r.unit
	for _, rec := range r.records {
		if rec.lsn > u.dir.head.lsn {
			if next := u.dir.head.apply(rec.lsn, rec.effects); next != u.dir.head {
				u.dir.head = next
				u.dir.durable.Store(next)
			}
		}
		if rec.lsn > r.last.files {
			u.buryAccounts(rec.lsn, rec.effects)
		}
	}
	for _, rec := range r.records {
		if rec.lsn <= min(r.last.state, r.last.files) || rec.account.IsZero() {
			continue
		}
		if _, ok := u.dir.head.byID[rec.account]; !ok {
			continue // removed later
		}
		if err := r.replayRecord(rec); err != nil {
			return err
		}
	}
	for _, id := range r.order {
		if a := r.touched[id]; a.torn && a.durable.Load().lsn <= a.written.state.lsn {
			r.exclude(a, a.written.file.damaged("what follows is no frame"))
		}
	}
	return nil
}

// exclude keeps an account that is damaged out of service. Its records stay in the log, and what is to be unlinked of it stays.
func (r *recovery) exclude(a *recoveredAccount, err error) {
	u := r.unit
	u.logger.Error("an account is damaged and not served", "account", a.id, "err", err)
	u.broken[a.id] = brokenAccount{err, a.records[0].lsn}
	delete(u.accounts, a.id)
}

func (r *recovery) replayRecord(rec *record) error {
	a, ok := r.touched[rec.account]
	if !ok {
		a = &recoveredAccount{Account: r.unit.newAccount(rec.account)}
		r.touched[rec.account] = a
		r.order = append(r.order, rec.account)
		r.unit.accounts[rec.account] = a.Account
		a.records = []*record{rec}
		torn, err := a.readCheckpoint(r.last.number)
		var damage *DamageError
		if errors.As(err, &damage) {
			r.exclude(a, err)
			return nil
		}
		if err != nil {
			return err
		}
		a.torn = torn
	} else {
		a.records = append(a.records, rec)
	}
	if _, broken := r.unit.broken[rec.account]; broken {
		return nil
	}
	st := a.durable.Load()
	if rec.lsn <= st.lsn {
		return nil
	}
	next, _, err := st.apply(rec)
	if err != nil {
		var damage *DamageError
		switch {
		case errors.Is(err, errGap) || errors.Is(err, ErrNoMailbox):
			err = a.written.file.damaged("%v", err)
		case !errors.As(err, &damage):
			return err // the disk could not be read now
		}
		r.exclude(a, err)
		return nil
	}
	if r.unit.damage != nil {
		a.files.expect(rec.effects) // the bytes stay in memory; nothing is written to a damaged unit
	}
	a.head = next
	a.durable.Store(next)
	return nil
}

// finish brings the files to the state and writes a checkpoint.
func (r *recovery) finish() error {
	u := r.unit
	for _, id := range r.order {
		a := r.touched[id]
		if _, broken := u.broken[id]; broken {
			continue
		}
		err := a.files.recover(a.durable.Load(), a.records, r.last)
		if damage := new(*DamageError); errors.As(err, damage) {
			r.exclude(a, err)
		} else if err != nil {
			return err
		}
	}
	if err := u.clearRemains(); err != nil {
		return err
	}
	u.keeper.directory = nil // to be written once more: whether the file that was found lasts, nobody knows
	go u.committer.run()
	err := u.keeper.checkpointNow()
	if err != nil {
		u.committer.close()
		return errors.Join(err, u.committer.log.Close())
	}
	return nil
}
