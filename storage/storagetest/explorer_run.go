package storagetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// moment is a disk at some time, with what was acknowledged then.
type moment struct {
	disk *Disk
	at   []int
}

// exploration is one execution of programs.
type exploration struct {
	*Explorer
	programs []Program
	unit     *openUnit
	lanes    []*lane
	faulty   bool // syncs may have failed
	anyID    bool // the last state of each lane was made on another disk: its new ids are others

	mu      sync.Mutex // guards the following field
	moments []moment
}

// lane is one of the programs at work.
type lane struct {
	*session
	acked atomic.Int32
	snaps []observation // after each number of steps
	names nameBook
}

// Run runs the programs at once and checks crash states. The error is a *[Violation], or says that the programs cannot run.
func (e *Explorer) Run(programs ...Program) error {
	if err := e.prepare(); err != nil {
		return err
	}
	e.Counts.Programs++
	r := &exploration{Explorer: e, programs: programs}
	if err := r.execute(); err != nil {
		return err
	}
	return r.checkAll()
}

// violation makes the error for what is wrong at a moment.
func (r *exploration) violation(m moment, what string, how ...string) *Violation {
	v := &Violation{Programs: r.programs, Seed: r.Seed, At: m.at, How: how, What: what}
	if m.disk != nil {
		v.Ops = m.disk.Log()
		v.Ops = v.Ops[max(0, len(v.Ops)-60):]
	}
	return v
}

// execute runs the programs to their ends and takes moments.
func (r *exploration) execute() error {
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	var err error
	if r.unit, err = r.openHooked(r.base.Clone()); err != nil {
		return err
	}
	if err := r.enter(ctx); err != nil {
		return errors.Join(err, r.unit.close())
	}
	errs := make([]error, len(r.lanes))
	var wg sync.WaitGroup
	for i, l := range r.lanes {
		wg.Go(func() { errs[i] = r.runLane(ctx, l, r.programs[i]) })
	}
	wg.Wait()
	for _, l := range r.lanes {
		l.close()
	}
	if err := r.unit.close(); err != nil {
		errs = append(errs, r.violation(r.now(), "closing the unit: "+err.Error()))
	}
	r.unit.disk.OnOp(nil)
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// enter makes the lanes.
func (r *exploration) enter(ctx context.Context) error {
	serial := &atomic.Int64{}
	serial.Store(1000) // unlike the prelude's
	for i := range r.programs {
		prefix := ""
		if i > 0 {
			prefix = fmt.Sprintf("%d~", i)
		}
		s := newSession(r.unit.Unit, prefix, serial)
		if i == 0 {
			s.sent = r.sent
		}
		r.lanes = append(r.lanes, &lane{session: s, names: nameBook{}})
	}
	if r.Live {
		if err := r.lanes[0].runAll(ctx, r.prelude()); err != nil {
			return err
		}
	}
	for _, l := range r.lanes {
		first, err := observe(ctx, r.unit.Unit, l.owns)
		if err != nil {
			return err
		}
		l.snaps = []observation{first}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moments = nil // of the opening: see check
	return nil
}

// openHooked opens a unit on a disk whose changes are moments.
func (r *exploration) openHooked(d *Disk) (*openUnit, error) {
	d.OnOp(func(_ Op, after *Disk) { r.take(after) })
	return r.open(d)
}

// take notes a disk that stands still.
func (r *exploration) take(d *Disk) {
	m := r.now()
	m.disk = d
	r.add(m)
}

func (r *exploration) add(m moment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moments = append(r.moments, m)
}

// now returns how far the programs are.
func (r *exploration) now() moment {
	var m moment
	for _, l := range r.lanes {
		m.at = append(m.at, int(l.acked.Load()))
	}
	return m
}

// runLane runs one program.
func (r *exploration) runLane(ctx context.Context, l *lane, p Program) error {
	for i, step := range p {
		err := r.step(ctx, l, step)
		if err != nil && !isRefusal(err) {
			return r.violation(r.now(), fmt.Sprintf("%s: %v", step, err), "no crash at all")
		}
		snap, oerr := observe(ctx, r.unit.Unit, l.owns)
		if oerr != nil {
			return r.violation(r.now(), fmt.Sprintf("after %s: %v", step, oerr), "no crash at all")
		}
		if what := l.judge(step, snap, err); what != "" {
			return r.violation(r.now(), fmt.Sprintf("after %s: %s", step, what), "no crash at all")
		}
		l.snaps = append(l.snaps, snap)
		l.acked.Store(int32(i + 1))
		now := r.now()
		now.disk = r.unit.disk.Clone()
		if slices.Equal(now.at, r.now().at) { // else another program has come further meanwhile
			r.add(now)
		}
	}
	return nil
}

// judge says what is wrong with what a session sees after a step.
func (l *lane) judge(step string, now observation, err error) string {
	before := l.snaps[len(l.snaps)-1]
	if what := wrongContent(now, l.sent); what != "" {
		return what
	}
	if what := l.names.note(now); what != "" {
		return what
	}
	switch strings.Fields(step)[0] {
	case "recent", "checkpoint", "wait", "reopen", "kill", "cut":
	default:
		if err == nil {
			return ""
		}
	}
	if d := before.diff(now); d != "" {
		return "it should have changed nothing\n" + d
	}
	if strings.Fields(step)[0] != "recent" {
		return before.recentLost(now)
	}
	return ""
}

// step does one step, also those that concern the unit as a whole.
func (r *exploration) step(ctx context.Context, l *lane, step string) error {
	switch step {
	case "reopen":
		l.close()
		if err := r.unit.close(); err != nil {
			return err
		}
		return r.replace(l, r.unit.disk)
	case "kill":
		return r.abandon(l, r.unit.disk.Clone())
	case "cut":
		for d := range r.unit.disk.CrashStates(r.rng, 1+r.rng.IntN(20)) {
			if r.rng.IntN(4) == 0 {
				return r.abandon(l, d)
			}
		}
		return r.abandon(l, r.unit.disk.Crash(func(Pending) int { return 0 }))
	}
	return l.run(ctx, step)
}

// abandon leaves the unit as a process that dies, and goes on with what it left.
func (r *exploration) abandon(l *lane, d *Disk) error {
	old := r.unit
	old.disk.OnOp(nil)
	l.close()
	if err := r.replace(l, d); err != nil {
		return err
	}
	return old.close() // on its own disk, which nobody looks at
}

func (r *exploration) replace(l *lane, d *Disk) (err error) {
	if r.unit, err = r.openHooked(d); err != nil {
		return err
	}
	l.unit = r.unit.Unit
	return nil
}
