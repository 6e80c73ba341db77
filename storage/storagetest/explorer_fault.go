package storagetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// RunFaulty runs a program on a disk that goes wrong, from the first step to the last or to where the unit stops; faults gets the
// disk and returns what [Faults] wants. Each step must end in one of these ways: it is done; it is refused and has changed nothing; or it
// fails with storage.ErrNoSpace or another clear error, and has changed nothing unless that is storage.ErrStopped, after which
// nobody knows. Then the unit is opened again on a sound disk, as after kill -9 and after power cuts, and checked as by Run.
//
// The answer has the error of each step that was run.
func (e *Explorer) RunFaulty(p Program, faults func(*Disk) func(Op) *Fault) (steps []error, err error) {
	if err := e.prepare(); err != nil {
		return nil, err
	}
	e.Counts.Programs++
	f := &faultyRun{exploration: &exploration{Explorer: e, programs: []Program{p}, faulty: true}}
	if err := f.execute(faults); err != nil {
		return f.results, err
	}
	if err := f.checkAll(); err != nil {
		return f.results, err
	}
	return f.results, f.stumble()
}

// stumble lets faults befall the first opening after a crash, which may fail: the next one must find everything.
func (f *faultyRun) stumble() error {
	faults := []struct {
		how   string
		err   error
		kinds []OpKind
	}{
		{"an error while reading in recovery", EIO, []OpKind{OpRead, OpOpen, OpReadDir, OpStat}},
		{"an error while writing in recovery", EIO, []OpKind{OpWrite, OpCreate, OpRename, OpLink, OpMkdir, OpRemove, OpTruncate}},
		{"a failed sync in recovery", EIO, []OpKind{OpSync, OpSyncDir, OpSyncAll}},
		{"a full disk in recovery", ENOSPC, []OpKind{OpWrite, OpCreate, OpMkdir, OpLink}},
	}
	for _, m := range f.moments {
		for _, fault := range faults {
			d := m.disk.Clone()
			for d = range m.disk.CrashStates(f.rng, 1+f.rng.IntN(8)) {
			}
			t := trial{disk: d, how: []string{"a power cut", fault.how}, stumble: FailNth(1+f.rng.IntN(30), fault.err, fault.kinds...)}
			f.Counts.Stumbled++
			if err := f.check(m, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// faultyRun is one execution with faults.
type faultyRun struct {
	*exploration
	results []error // of the steps
}

func (f *faultyRun) execute(faults func(*Disk) func(Op) *Fault) error {
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	d := f.base.Clone()
	var armed atomic.Bool
	if err := f.openFaulty(d, faults(d), &armed); err != nil {
		return err
	}
	if err := f.enter(ctx); err != nil {
		return errors.Join(err, f.unit.close())
	}
	l := f.lanes[0]
	armed.Store(true)
	stop, err := f.steps(ctx, l)
	f.moments = append(f.moments, moment{d.Clone(), []int{len(l.snaps) - 1}})
	if stop != nil {
		if terr := f.twin(ctx, l, *stop); terr != nil && err == nil {
			err = terr
		}
	}
	armed.Store(false)
	l.close()
	cerr := f.unit.close()
	if cerr == nil && stop == nil {
		f.moments = append(f.moments, moment{d.Clone(), []int{len(l.snaps) - 1}})
	}
	return err
}

// openFaulty opens the unit on a disk that goes wrong as decide says, from when armed is set.
func (f *faultyRun) openFaulty(d *Disk, decide func(Op) *Fault, armed *atomic.Bool) (err error) {
	sound := f.Wrap
	defer func() { f.Wrap = sound }()
	f.Wrap = func(fsys vfs.FS) vfs.FS {
		fsys = Faults(fsys, func(op Op) *Fault {
			if !armed.Load() {
				return nil
			}
			return decide(op)
		})
		if sound != nil {
			fsys = sound(fsys)
		}
		return fsys
	}
	f.unit, err = f.open(d)
	return err
}

// steps runs the program. It returns the step at which the unit stopped.
func (f *faultyRun) steps(ctx context.Context, l *lane) (stop *interrupted, err error) {
	for i, step := range f.programs[0] {
		before := interrupted{step: step, disk: f.unit.disk.Clone(), serial: l.serial.Load()}
		bad := func(what string) error {
			return f.violation(moment{f.unit.disk, []int{i}}, fmt.Sprintf("%s: %s", step, what), "a fault")
		}
		serr := l.run(ctx, step)
		f.results = append(f.results, serr)
		if serr != nil && !isRefusal(serr) {
			switch {
			case errors.Is(serr, context.DeadlineExceeded):
				return nil, bad("hangs")
			case errors.Is(serr, storage.ErrStopped):
				return &before, nil
			case !isClear(serr):
				return nil, bad("an error that tells nothing: " + serr.Error())
			}
		}
		snap, oerr := observe(ctx, f.unit.Unit, l.owns)
		if oerr != nil {
			return nil, bad("afterwards: " + oerr.Error())
		}
		if what := l.judge(step, snap, serr); what != "" {
			return nil, bad(fmt.Sprintf("ended with %v, and %s", serr, what))
		}
		l.snaps = append(l.snaps, snap)
		l.acked.Store(int32(i + 1))
	}
	return nil, nil
}

// isClear tells whether an error names what went wrong.
func isClear(err error) bool {
	return errors.Is(err, storage.ErrNoSpace) || errors.Is(err, EIO) && strings.Contains(err.Error(), "/")
}

// interrupted is a step that nobody knows the outcome of.
type interrupted struct {
	step   string
	disk   *Disk // before it
	serial int64
}

// twin runs the interrupted step again on a sound disk, to learn what it would have led to, and notes that as the state that may
// be found. New ids differ; they are taken for any.
func (f *faultyRun) twin(ctx context.Context, l *lane, stop interrupted) error {
	u, err := f.open(stop.disk)
	if err != nil {
		return f.violation(moment{stop.disk, []int{len(l.snaps) - 1}}, "the unit does not open: "+err.Error(), "kill -9")
	}
	serial := &atomic.Int64{}
	serial.Store(stop.serial)
	s := newSession(u.Unit, "", serial)
	s.sent = l.sent
	serr := s.run(ctx, stop.step)
	s.close()
	if serr != nil && !isRefusal(serr) {
		return errors.Join(serr, u.close())
	}
	after, err := observe(ctx, u.Unit, l.owns)
	if err := errors.Join(err, u.close()); err != nil {
		return err
	}
	f.anyID = true
	l.snaps = append(l.snaps, after)
	return nil
}
