package storagetest

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

// TestPlantedBugs leaves out one kind of sync at a time: the explorer must notice each.
func TestPlantedBugs(t *testing.T) {
	for _, test := range []struct {
		name string
		lie  func(Op) bool
	}{
		{"no sync of the log", func(op Op) bool { return op.Kind == OpSync && strings.HasSuffix(op.Name, ".wal") }},
		{"no sync of the log's folder", func(op Op) bool { return op.Kind == OpSyncDir && op.Name == ".unit/log" }},
		{"no sync of spool files", func(op Op) bool { return op.Kind == OpSync && strings.Contains(op.Name, "/spool/") }},
		{"no sync of the spool folder", func(op Op) bool { return op.Kind == OpSyncDir && strings.HasSuffix(op.Name, "/spool") }},
		{"no sync of the account's folders", func(op Op) bool {
			return op.Kind == OpSyncDir && strings.HasPrefix(op.Name, "a") && !strings.HasSuffix(op.Name, "/spool")
		}},
		{"no sync of everything at checkpoints", func(op Op) bool { return op.Kind == OpSyncAll }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := &Explorer{Seed: 1, PerRun: 60}
			if err := e.prepare(); err != nil { // honestly
				t.Fatal(err)
			}
			e.Wrap = func(fsys vfs.FS) vfs.FS { return Lie(fsys, test.lie) }
			rng := rand.New(rand.NewPCG(1, 1))
			for e.Counts.States() < 5000 {
				err := e.Run(Random(rng, 6))
				if v := (*Violation)(nil); errors.As(err, &v) {
					t.Logf("%d states: %.300s", e.Counts.States(), err)
					return
				} else if err != nil {
					t.Fatal(err)
				}
			}
			t.Errorf("not noticed in %v", e.Counts)
		})
	}
}
