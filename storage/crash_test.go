package storage_test

import (
	"errors"
	"flag"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/storagetest"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

var (
	states = flag.Int("storagetest.states", 4500, "crash states to check in all tests of the explorer together; a fortieth of them with -short")
	seed   = flag.Uint64("storagetest.seed", 1, "seed of the explorer and the simulation")
)

// explorers are the kinds of units that are explored.
var explorers = []struct {
	name string
	make func() *storagetest.Explorer
}{
	{"checkpointed", func() *storagetest.Explorer { return &storagetest.Explorer{} }},
	{"live", func() *storagetest.Explorer { return &storagetest.Explorer{Live: true} }},
	{"tracked", func() *storagetest.Explorer { return &storagetest.Explorer{Wrap: vfs.Track} }},
	{"zeroed log", func() *storagetest.Explorer {
		return &storagetest.Explorer{Options: storage.Options{ZeroLog: true}}
	}},
	{"background checkpoints", func() *storagetest.Explorer {
		return &storagetest.Explorer{Options: storage.Options{CheckpointEvery: 2 * time.Millisecond, CheckpointAfter: 2 << 10}}
	}},
	{"transformed", func() *storagetest.Explorer { return &storagetest.Explorer{Options: storage.Options{Transform: late}} }},
}

// share is how many of the states each of the five tests has that look for them.
func share() int {
	if testing.Short() {
		return *states / 40 / 5
	}
	return *states / 5
}

// explore runs programs on every kind of unit until enough states are checked, or there are no more programs.
func explore(t *testing.T, programs func(rng *rand.Rand) iter.Seq[[]storagetest.Program]) {
	for _, x := range explorers {
		t.Run(x.name, func(t *testing.T) {
			e := x.make()
			e.Seed, e.PerRun = *seed, 60
			for p := range programs(rand.New(rand.NewPCG(*seed, 2))) {
				must(t, e.Run(p...), e.Run)
				if e.Counts.States() >= share()/len(explorers) {
					break
				}
			}
			t.Log(e.Counts)
		})
	}
}

// must ends the test on an error, with the least program that leads to a violation.
func must(t *testing.T, err error, run func(...storagetest.Program) error) {
	t.Helper()
	if v := (*storagetest.Violation)(nil); errors.As(err, &v) {
		t.Fatalf("%v\n\nThe same, minimised:\n%v", v, storagetest.Minimise(v, run))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCrashSequences runs every sequence of up to three operations that touch each other, as far as states go.
func TestCrashSequences(t *testing.T) {
	explore(t, func(rng *rand.Rand) iter.Seq[[]storagetest.Program] {
		return func(yield func([]storagetest.Program) bool) {
			for p := range storagetest.Alphabet().Sequences(rng, 3) {
				if !yield([]storagetest.Program{p}) {
					return
				}
			}
		}
	})
}

// TestCrashRandom runs long random programs.
func TestCrashRandom(t *testing.T) {
	explore(t, endless(1, func(rng *rand.Rand) storagetest.Program { return storagetest.Random(rng, 40) }))
}

// TestCrashConcurrent runs random programs side by side.
func TestCrashConcurrent(t *testing.T) {
	explore(t, endless(3, func(rng *rand.Rand) storagetest.Program { return storagetest.RandomConcurrent(rng, 20) }))
}

// endless yields groups of n programs.
func endless(n int, next func(rng *rand.Rand) storagetest.Program) func(rng *rand.Rand) iter.Seq[[]storagetest.Program] {
	return func(rng *rand.Rand) iter.Seq[[]storagetest.Program] {
		return func(yield func([]storagetest.Program) bool) {
			for {
				var programs []storagetest.Program
				for range n {
					programs = append(programs, next(rng))
				}
				if !yield(programs) {
					return
				}
			}
		}
	}
}

// decision makes what storagetest.Faults wants for a disk.
type decision = func(*storagetest.Disk) func(storagetest.Op) *storagetest.Fault

// TestCrashRewriting cuts the power while the checkpoints of mailboxes and accounts are written anew because they have grown, and while
// mailboxes change between names that can be a folder's and names that are too long for that.
func TestCrashRewriting(t *testing.T) {
	long := strings.Repeat("x", 450)
	prelude := storagetest.Program{"append INBOX " + strings.Repeat("1,", 120) + "1"}
	for i := range 12 {
		prelude = append(prelude, fmt.Sprintf("create Long/%s/%d", long, i))
	}
	var p storagetest.Program
	for i := range 14 {
		p = append(p, fmt.Sprintf("store INBOX all =$%d", i), "rename Long Other", "checkpoint", "rename Other Long")
	}
	p = append(p, "rename Long/"+long+"/1 Short", "rename Short "+long, "delete Long/"+long+"/2")
	var boxes, accounts atomic.Int32
	e := &storagetest.Explorer{Prelude: prelude, Seed: *seed, PerRun: share() / 6}
	e.Wrap = func(fsys vfs.FS) vfs.FS {
		return storagetest.Faults(fsys, func(op storagetest.Op) *storagetest.Fault {
			switch {
			case op.Kind == storagetest.OpRename && strings.HasSuffix(op.To, ".idx"):
				boxes.Add(1)
			case op.Kind == storagetest.OpRename && strings.HasSuffix(op.To, "/account.ck"):
				accounts.Add(1)
			}
			return nil
		})
	}
	must(t, e.Run(p), e.Run)
	if boxes.Load() == 0 || accounts.Load() == 0 {
		t.Errorf("%d checkpoints of mailboxes and %d of accounts were rewritten", boxes.Load(), accounts.Load())
	}
	t.Log(e.Counts)
}

// faults are the ways in which the n-th operation of some kinds goes wrong, or all from it on.
var faults = []struct {
	name string
	make func(n int) decision
}{
	{"write", failNth(storagetest.EIO, storagetest.OpWrite)},
	{"short write", func(n int) decision {
		return func(*storagetest.Disk) func(storagetest.Op) *storagetest.Fault {
			fail := storagetest.FailNth(n, storagetest.EIO, storagetest.OpWrite)
			return func(op storagetest.Op) *storagetest.Fault {
				f := fail(op)
				if f != nil {
					f.Bytes = op.Len / 2
				}
				return f
			}
		}
	}},
	{"sync", failNth(storagetest.EIO, storagetest.OpSync, storagetest.OpSyncDir, storagetest.OpSyncAll)},
	{"names", failNth(storagetest.EIO, storagetest.OpRename, storagetest.OpLink, storagetest.OpMkdir, storagetest.OpRemove, storagetest.OpCreate)},
	{"no space for writes", failNth(storagetest.ENOSPC, storagetest.OpWrite)},
	{"no space for names", failNth(storagetest.ENOSPC, storagetest.OpCreate, storagetest.OpMkdir, storagetest.OpLink, storagetest.OpRename)},
	{"no space any more", failFrom(storagetest.ENOSPC, storagetest.OpWrite, storagetest.OpCreate, storagetest.OpMkdir, storagetest.OpLink)},
	{"dead", failFrom(storagetest.EIO, storagetest.OpWrite, storagetest.OpSync, storagetest.OpSyncDir, storagetest.OpSyncAll, storagetest.OpRename)},
	{"full", func(n int) decision {
		return func(d *storagetest.Disk) func(storagetest.Op) *storagetest.Fault {
			return storagetest.Full(d, int64(n)*1000)
		}
	}},
}

func failNth(err error, kinds ...storagetest.OpKind) func(n int) decision {
	return func(n int) decision {
		return func(*storagetest.Disk) func(storagetest.Op) *storagetest.Fault {
			return storagetest.FailNth(n, err, kinds...)
		}
	}
}

func failFrom(err error, kinds ...storagetest.OpKind) func(n int) decision {
	return func(n int) decision {
		return func(*storagetest.Disk) func(storagetest.Op) *storagetest.Fault {
			return storagetest.FailAfter(n, err, kinds...)
		}
	}
}

// TestCrashFaults lets operations of the disk fail at any place of random programs.
func TestCrashFaults(t *testing.T) {
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			e := &storagetest.Explorer{Seed: *seed, PerPoint: 6}
			rng := rand.New(rand.NewPCG(*seed, 3))
			failed := 0
			for e.Counts.States() < share()/len(faults) || failed == 0 {
				decide := fault.make(rng.IntN(30) + 1)
				run := func(p ...storagetest.Program) error {
					results, err := e.RunFaulty(p[0], decide)
					for _, err := range results {
						if errors.Is(err, storagetest.EIO) || errors.Is(err, storage.ErrNoSpace) || errors.Is(err, storage.ErrStopped) {
							failed++
						}
					}
					return err
				}
				must(t, run(storagetest.RandomConcurrent(rng, 12)), run)
			}
			t.Logf("%d steps failed; %v", failed, e.Counts)
		})
	}
}

// TestFullLog refuses two segments of the log one after the other, so that also the ballast does not help: what was to be recorded must
// not count as done then. Segments are so small that each record needs one.
func TestFullLog(t *testing.T) {
	e := &storagetest.Explorer{Seed: *seed, PerPoint: 6, Options: storage.Options{SegmentSize: 4<<10 + 256}}
	for _, p := range []storagetest.Program{
		{"append INBOX 40 $New", "append INBOX 40"},
		{`store A all +\Deleted`, "expunge A all", "checkpoint", "checkpoint"},
		{`store A all +\Flagged`, "delete A", "checkpoint", "checkpoint"},
	} {
		refused := 0
		for n := 1; n <= len(p); n++ {
			results, err := e.RunFaulty(p, func(*storagetest.Disk) func(storagetest.Op) *storagetest.Fault {
				writes := 0
				return func(op storagetest.Op) *storagetest.Fault {
					if op.Kind != storagetest.OpWrite || !strings.HasPrefix(op.Name, ".unit/log/") || op.Off > 0 {
						return nil
					}
					if writes++; writes != n && writes != n+1 {
						return nil
					}
					return &storagetest.Fault{Err: storagetest.ENOSPC}
				}
			})
			for _, err := range results {
				if errors.Is(err, storage.ErrNoSpace) {
					refused++
				}
			}
			if err != nil {
				t.Errorf("%q, writes %d and %d refused: %v", p, n, n+1, err)
			}
		}
		if refused == 0 {
			t.Errorf("%q: no step was refused", p)
		}
	}
	t.Log(e.Counts)
}

// TestFullDisk fills a disk to the last byte: mail is refused with ErrNoSpace, what makes room works, and then mail is taken again.
func TestFullDisk(t *testing.T) {
	e := &storagetest.Explorer{Seed: *seed, PerPoint: 6, Options: storage.Options{Ballast: 64 << 10},
		Prelude: storagetest.Program{"append INBOX 9000,9000,9000,9000,9000,9000"}}
	p := storagetest.Program{}
	for range 40 {
		p = append(p, "append INBOX 5000", "append A 900")
	}
	fill := len(p)
	p = append(p, `store INBOX 1:6 +\Deleted`, "expunge INBOX all", "wait", "checkpoint", "checkpoint", "append INBOX 5000", "copy INBOX last Archive", "create B")
	results, err := e.RunFaulty(p, func(d *storagetest.Disk) func(storagetest.Op) *storagetest.Fault { return storagetest.Full(d, 20000) })
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i, err := range results {
		switch {
		case i < fill && errors.Is(err, storage.ErrNoSpace):
			refused++
		case i >= fill && err != nil:
			t.Errorf("%s: %v", p[i], err)
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

// TestBitFlips inverts bits in every kind of file.
func TestBitFlips(t *testing.T) {
	e := &storagetest.Explorer{Seed: *seed}
	total := map[string]storagetest.FlipCounts{}
	for range max(*states/6000, 1) {
		p := storagetest.Program{`append A 100,200 $Work`, `copy INBOX all A`, `create A/B`, `move INBOX 1 A/B`, `checkpoint`,
			`append INBOX 3000`, `store A 1 +\Flagged`, `subscribe A`, `append bob:INBOX 40,50`, `store bob:INBOX 1 +\Seen`}
		flips, err := e.Flip(p, 2)
		if err != nil {
			t.Fatal(err)
		}
		for kind, n := range flips {
			sum := total[kind]
			sum.Harmless += n.Harmless
			sum.Healed += n.Healed
			sum.Reported += n.Reported
			total[kind] = sum
		}
	}
	for _, kind := range []string{".wal", "manifest", "accounts", ".ck", ".idx", "message", "maildirfolder"} {
		if total[kind].Reported+total[kind].Healed == 0 {
			t.Errorf("no inverted bit of %s was told of", kind)
		}
	}
	for kind, n := range total {
		t.Logf("%-16s %+v", kind, n)
	}
}

// TestBallastForFiles fills a disk on which only the ballast is in the way of the file of a message that was acknowledged.
func TestBallastForFiles(t *testing.T) {
	e := &storagetest.Explorer{Seed: *seed}
	p := storagetest.Program{"append INBOX 900", "wait", "wait", "checkpoint", "append INBOX 900"}
	results, err := e.RunFaulty(p, func(d *storagetest.Disk) func(storagetest.Op) *storagetest.Fault {
		return func(op storagetest.Op) *storagetest.Fault {
			if _, err := d.Stat(".unit/ballast"); err != nil || op.Kind != storagetest.OpWrite || !strings.Contains(op.Name, "/Maildir/") {
				return nil
			}
			return &storagetest.Fault{Err: storagetest.ENOSPC}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if results[0] != nil || results[3] != nil {
		t.Errorf("results %v", results)
	}
}

// TestCrashCreate cuts the power while a unit and its first account are made: whatever is found opens, and can be made whole.
func TestCrashCreate(t *testing.T) {
	ctx := t.Context()
	opt := storage.Options{SegmentSize: 8 << 10, Ballast: 1024, Logger: slog.New(slog.DiscardHandler)}
	type moment struct {
		disk  *storagetest.Disk
		acked bool
	}
	var moments []moment
	var acked atomic.Bool
	d := storagetest.NewDisk()
	d.OnOp(func(_ storagetest.Op, after *storagetest.Disk) {
		moments = append(moments, moment{after, acked.Load()})
	})
	create := func(u *storage.Unit) error {
		a, err := u.CreateAccount(ctx, "anna")
		if err == nil {
			a.Close()
		}
		return err
	}
	u, err := storage.Open(d, opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := create(u); err != nil {
		t.Fatal(err)
	}
	acked.Store(true)
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	check := func(m moment, found *storagetest.Disk) error {
		u, err := storage.Open(found, opt)
		if err != nil {
			return err
		}
		defer u.Close()
		if err := create(u); err == nil && m.acked || err != nil && !errors.Is(err, storage.ErrAccountExists) {
			return fmt.Errorf("acknowledged %t, and creating it again answers %v", m.acked, err)
		}
		findings, err := u.Verify(ctx)
		if len(findings) > 0 {
			return errors.New(findings[0].String())
		}
		return err
	}
	n := 0
	rng := rand.New(rand.NewPCG(*seed, 4))
	for _, m := range moments {
		for found := range m.disk.CrashStates(rng, 5) {
			n++
			if err := check(m, found); err != nil {
				t.Fatalf("%v\nafter %v\nthe power cut decided:\n%s", err, m.disk.Log(), found.Origin())
			}
		}
	}
	t.Logf("%d crash states", n)
}
