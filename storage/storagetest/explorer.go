package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
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

// Counts says how many states were opened and checked.
type Counts struct {
	Programs int // runs
	Moments  int // of which states were taken
	Cut      int // after a power cut
	Killed   int // after kill -9
	Recovery int // after a power cut during a recovery
	Served   int // after a power cut after a recovery, while the unit served again
	Later    int // after a power cut after a recovery, when the unit had taken more
	Stumbled int // after a power cut and an opening that met a fault
}

// States is the number of all crash states.
func (c Counts) States() int { return c.Cut + c.Killed + c.Recovery + c.Served + c.Later + c.Stumbled }

func (c Counts) String() string {
	return fmt.Sprintf("%d crash states in %d runs at %d moments: %d power cuts, %d kills, %d power cuts during recovery, %d after it, %d after more work, %d faults in recovery",
		c.States(), c.Programs, c.Moments, c.Cut, c.Killed, c.Recovery, c.Served, c.Later, c.Stumbled)
}

// Violation is a broken promise.
type Violation struct {
	Programs []Program
	Seed     uint64
	At       []int    // how many steps of each program were acknowledged
	How      []string // what befell the unit, in order
	What     string
	Origin   string // which outcomes the last power cut chose
	Ops      []Op   // the last changes of the disk before
	Since    []Op   // the changes since
}

func (v *Violation) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nafter: %s\nseed %d\n", v.What, strings.Join(v.How, ", then "), v.Seed)
	for i, p := range v.Programs {
		fmt.Fprintf(&b, "program %d:\n", i)
		for j, step := range p {
			mark := ""
			if i < len(v.At) {
				switch {
				case j < v.At[i]:
					mark = "acknowledged"
				case j == v.At[i]:
					mark = "under way"
				}
			}
			fmt.Fprintf(&b, "  %-50s %s\n", step, mark)
		}
	}
	for _, op := range v.Ops {
		fmt.Fprintf(&b, "disk %s\n", op)
	}
	if v.Origin != "" {
		fmt.Fprintf(&b, "the power cut decided:\n%s", v.Origin)
	}
	for _, op := range v.Since {
		fmt.Fprintf(&b, "then %s\n", op)
	}
	return b.String()
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
	prelude := e.Prelude
	if prelude == nil {
		prelude = Prelude()
	}
	if e.Live {
		prelude = nil
	}
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
	for _, step := range prelude {
		if err := s.run(ctx, step); err != nil && !isRefusal(err) {
			return errors.Join(fmt.Errorf("prelude: %s: %w", step, err), u.close())
		}
	}
	s.close()
	if err := u.close(); err != nil {
		return err
	}
	e.base = d
	return nil
}

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
	d := r.base.Clone()
	serial := &atomic.Int64{}
	serial.Store(1000)
	var err error
	if r.unit, err = r.openHooked(d); err != nil {
		return err
	}
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
		prelude := r.Prelude
		if prelude == nil {
			prelude = Prelude()
		}
		for _, step := range prelude {
			if err := r.lanes[0].run(ctx, step); err != nil && !isRefusal(err) {
				return errors.Join(fmt.Errorf("prelude: %s: %w", step, err), r.unit.close())
			}
		}
	}
	for _, l := range r.lanes {
		first, err := observe(ctx, r.unit.Unit, l.owns)
		if err != nil {
			return errors.Join(err, r.unit.close())
		}
		l.snaps = []observation{first}
	}
	r.mu.Lock()
	r.moments = nil // of the opening: see check
	r.mu.Unlock()
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

// openHooked opens a unit on a disk whose changes are moments.
func (r *exploration) openHooked(d *Disk) (*openUnit, error) {
	d.OnOp(func(_ Op, after *Disk) { r.take(after) })
	return r.open(d)
}

func (r *exploration) take(d *Disk) {
	m := moment{disk: d, at: r.now().at}
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
		r.take(r.unit.disk.Clone())
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
