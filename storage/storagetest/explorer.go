package storagetest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// Explorer looks for programs and power cuts after which a unit does not keep its promises. It runs programs on a unit on a
// [Disk]; at every change of the disk, and after every answer, it takes disks as a power cut would leave them; on each
// it opens the unit and compares: what was acknowledged is there exactly, what was under way is there whole or not at all,
// storage.Unit.Verify finds nothing, and the unit goes on working. It also cuts the power while the unit recovers, and after
// a recovery from kill -9, in which the unit has seen bytes that the disk never got.
//
// Several programs run at once, each by a goroutine of its own in mailboxes and accounts of its own.
//
// The zero value is ready. An Explorer is used by one goroutine.
type Explorer struct {
	// Options are those of the unit. Logger and Now are the explorer's own. Zero sizes mean small ones.
	Options storage.Options
	// Wrap, if not nil, is put between unit and disk: [vfs.Track], or a planted bug.
	Wrap func(vfs.FS) vfs.FS
	// Prelude runs first, unobserved. If nil, the function Prelude.
	Prelude Program
	// Live leaves what Prelude did in the log, without a checkpoint.
	Live bool
	// Seed decides which crash states are taken.
	Seed uint64
	// PerPoint is how many crash states are taken at each moment. If 0, 2.
	PerPoint int
	// PerRun bounds the crash states of one run; of more, a sample is taken. If 0, there is no bound.
	PerRun int

	// Counts says how many crash states of each kind were checked.
	Counts Counts

	rng  *rand.Rand
	base *Disk // after the prelude
	sent map[storage.Digest][8]byte
}

// options returns those for the next opening.
func (e *Explorer) options(clock func() time.Time) storage.Options {
	o := e.Options
	o.Logger = slog.New(slog.DiscardHandler)
	o.Now = clock
	if o.SegmentSize == 0 {
		o.SegmentSize = 12 << 10
	}
	if o.Ballast == 0 {
		o.Ballast = 4 << 10
	}
	if o.CheckpointEvery == 0 {
		o.CheckpointEvery = time.Hour
		o.CheckpointAfter = 1 << 40
	}
	return o
}

// steadyClock shows the same time for ever: the hardest case for whatever must not repeat.
func steadyClock() time.Time { return diskEpoch }

func (e *Explorer) open(d *Disk) (*openUnit, error) {
	u := &openUnit{disk: d, fs: d}
	if e.Wrap != nil {
		u.fs = e.Wrap(d)
	}
	var err error
	u.Unit, err = storage.Open(u.fs, e.options(steadyClock))
	if err != nil {
		u.closeFS()
		return nil, err
	}
	return u, nil
}

// openUnit is a unit with what is under it.
type openUnit struct {
	*storage.Unit
	disk *Disk
	fs   vfs.FS
}

func (u *openUnit) close() error {
	err := u.Unit.Close()
	u.closeFS()
	return err
}

func (u *openUnit) closeFS() {
	if c, ok := u.fs.(io.Closer); ok {
		c.Close()
	}
}

const stepTimeout = time.Minute

// prepare runs the prelude once.
func (e *Explorer) prepare() error {
	if e.base != nil {
		return nil
	}
	e.sent = map[storage.Digest][8]byte{}
	e.rng = rand.New(rand.NewPCG(e.Seed, 1))
	d := NewDisk()
	u, err := e.open(d)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	a, err := u.CreateAccount(ctx, defaultAccount)
	if err != nil {
		return errors.Join(err, u.close())
	}
	a.Close()
	s := newSession(u.Unit, "", &atomic.Int64{})
	s.sent = e.sent
	if !e.Live {
		err = s.runAll(ctx, e.prelude())
	}
	s.close()
	if err := errors.Join(err, u.close()); err != nil {
		return err
	}
	e.base = d
	return nil
}

func (e *Explorer) prelude() Program {
	if e.Prelude == nil {
		return Prelude()
	}
	return e.Prelude
}
