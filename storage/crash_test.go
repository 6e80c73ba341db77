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
