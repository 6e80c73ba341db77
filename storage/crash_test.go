package storage_test

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/mailhavn/mailhavn/storage/storagetest"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

var (
	states = flag.Int("storagetest.states", 1000, "crash states to check in each test of the explorer")
	seed   = flag.Uint64("storagetest.seed", 1, "seed of the explorer")
)

// explorers are the kinds of units that are explored.
var explorers = []struct {
	name string
	make func() *storagetest.Explorer
}{
	{"checkpointed", func() *storagetest.Explorer { return &storagetest.Explorer{} }},
	{"live", func() *storagetest.Explorer { return &storagetest.Explorer{Live: true} }},
	{"tracked", func() *storagetest.Explorer { return &storagetest.Explorer{Wrap: vfs.Track} }},
}

// explore runs programs until enough states are checked.
func explore(t *testing.T, next func(rng *rand.Rand) []storagetest.Program) {
	for _, x := range explorers {
		t.Run(x.name, func(t *testing.T) {
			e := x.make()
			e.Seed, e.PerRun = *seed, 100
			rng := rand.New(rand.NewPCG(*seed, 2))
			for e.Counts.States() < *states {
				if err := e.Run(next(rng)...); err != nil {
					t.Fatal(err)
				}
			}
			t.Log(e.Counts)
		})
	}
}

// TestCrashTriples runs sequences of three operations that touch each other.
func TestCrashTriples(t *testing.T) {
	alphabet := storagetest.Alphabet()
	explore(t, func(rng *rand.Rand) []storagetest.Program {
		var p storagetest.Program
		for range 3 {
			p = append(p, alphabet[rng.IntN(len(alphabet))])
		}
		return []storagetest.Program{p}
	})
}

// TestCrashRandom runs long random programs.
func TestCrashRandom(t *testing.T) {
	explore(t, func(rng *rand.Rand) []storagetest.Program {
		return []storagetest.Program{storagetest.Random(rng, 40)}
	})
}

// TestCrashConcurrent runs random programs side by side.
func TestCrashConcurrent(t *testing.T) {
	explore(t, func(rng *rand.Rand) []storagetest.Program {
		var programs []storagetest.Program
		for range 3 {
			programs = append(programs, storagetest.RandomConcurrent(rng, 15))
		}
		return programs
	})
}

// faults are the ways in which the n-th operation of some kinds goes wrong, or all from it on.
var faults = []struct {
	name   string
	decide func(n int) func(storagetest.Op) *storagetest.Fault
}{
	{"write", failNth(storagetest.EIO, storagetest.OpWrite)},
	{"short write", func(n int) func(storagetest.Op) *storagetest.Fault {
		fail := failNth(storagetest.EIO, storagetest.OpWrite)(n)
		return func(op storagetest.Op) *storagetest.Fault {
			f := fail(op)
			if f != nil {
				f.Bytes = op.Len / 2
			}
			return f
		}
	}},
	{"sync", failNth(storagetest.EIO, storagetest.OpSync, storagetest.OpSyncDir, storagetest.OpSyncAll)},
	{"names", failNth(storagetest.EIO, storagetest.OpRename, storagetest.OpLink, storagetest.OpMkdir, storagetest.OpRemove, storagetest.OpCreate)},
	{"no space for writes", failNth(storagetest.ENOSPC, storagetest.OpWrite)},
	{"no space for names", failNth(storagetest.ENOSPC, storagetest.OpCreate, storagetest.OpMkdir, storagetest.OpLink, storagetest.OpRename)},
	{"no space any more", func(n int) func(storagetest.Op) *storagetest.Fault {
		return storagetest.FailAfter(n, storagetest.ENOSPC, storagetest.OpWrite, storagetest.OpCreate, storagetest.OpMkdir, storagetest.OpLink)
	}},
	{"dead", func(n int) func(storagetest.Op) *storagetest.Fault {
		return storagetest.FailAfter(n, storagetest.EIO, storagetest.OpWrite, storagetest.OpSync, storagetest.OpSyncDir, storagetest.OpSyncAll, storagetest.OpRename)
	}},
}

func failNth(err error, kinds ...storagetest.OpKind) func(n int) func(storagetest.Op) *storagetest.Fault {
	return func(n int) func(storagetest.Op) *storagetest.Fault { return storagetest.FailNth(n, err, kinds...) }
}

// TestCrashFaults lets operations of the disk fail, each at every place of many programs.
func TestCrashFaults(t *testing.T) {
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			e := &storagetest.Explorer{Seed: *seed, PerPoint: 6}
			rng := rand.New(rand.NewPCG(*seed, 3))
			failed := 0
			for n := 0; e.Counts.States() < *states/4; n++ {
				f, err := e.RunFaulty(storagetest.RandomConcurrent(rng, 12), fault.decide(rng.IntN(30)+1))
				if err != nil {
					t.Fatal(err)
				}
				failed += f
			}
			t.Logf("%d steps failed; %v", failed, e.Counts)
			if failed == 0 {
				t.Error("no fault was met")
			}
		})
	}
}

// TestBitFlips inverts bits in every kind of file.
func TestBitFlips(t *testing.T) {
	e := &storagetest.Explorer{Seed: *seed}
	total := map[string]storagetest.FlipCounts{}
	for range max(*states/1000, 1) {
		p := storagetest.Program{`append A 100,200 $Work`, `copy INBOX all A`, `create A/B`, `move INBOX 1 A/B`, `checkpoint`,
			`append INBOX 3000`, `store A 1 +\Flagged`, `subscribe A`, `append bob:INBOX 40,50`, `store bob:INBOX 1 +\Seen`}
		flips, err := e.Flip(p, 5)
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
