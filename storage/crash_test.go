package storage_test

import (
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/mailhavn/mailhavn/storage/storagetest"
)

var states = flag.Int("storagetest.states", 1000, "crash states to check in each test of the explorer")

// TestCrashPairs runs sequences of operations that touch each other.
func TestCrashPairs(t *testing.T) {
	e := &storagetest.Explorer{Seed: 1, PerRun: 40}
	rng := rand.New(rand.NewPCG(1, 2))
	alphabet := storagetest.Alphabet()
	for e.Counts.States() < *states {
		var p storagetest.Program
		for range 3 {
			p = append(p, alphabet[rng.IntN(len(alphabet))])
		}
		if err := e.Run(p); err != nil {
			t.Fatal(err)
		}
	}
	t.Log(e.Counts)
}
