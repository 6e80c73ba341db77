package storage_test

import (
	"testing"

	"github.com/mailhavn/mailhavn/storage/storagetest"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// TestSimulate has sessions work on the same mailboxes and compares all that they see with a model.
func TestSimulate(t *testing.T) {
	for s := range uint64(3) {
		sim := storagetest.Simulation{FS: vfs.NewMem(), Seed: *seed + s, Sessions: 4, Steps: 150, Openings: 3}
		if _, err := sim.Run(t.Context()); err != nil {
			t.Fatalf("seed %d: %v", *seed+s, err)
		}
	}
}

// TestSimulateCrashes does the same on a disk that loses power.
func TestSimulateCrashes(t *testing.T) {
	total := 0
	for s := *seed; total < share(); s++ {
		sim := storagetest.Simulation{FS: storagetest.NewDisk(), Seed: s, Sessions: 4, Steps: 60, Openings: 2, Crashes: 50}
		n, err := sim.Run(t.Context())
		if err != nil {
			t.Fatalf("seed %d: %v", s, err)
		}
		total += n
	}
	t.Logf("%d crash states", total)
}
