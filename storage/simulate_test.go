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
		if err := sim.Run(t.Context()); err != nil {
			t.Fatalf("seed %d: %v", *seed+s, err)
		}
	}
}
