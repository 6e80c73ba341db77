package storagetest

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

// TestNames deletes and makes again what has the same name, while the clock stands still: no client may take new mail for old.
func TestNames(t *testing.T) {
	for _, p := range []Program{
		{"append A 10", "delete A", "create A", "append A 20"},
		{"append A 10", "rename A B", "create A", "append A 20", "rename A C", "rename B A", "rename C B"},
		{"append INBOX 10", "rename INBOX A/B", "append INBOX 10", "rename INBOX C", "append INBOX 20"},
		{"append bob:INBOX 10", "account-remove bob", "account-create bob", "append bob:INBOX 10,20,30"},
		{"create bob:X", "append bob:X 10", "account-remove bob", "checkpoint", "reopen", "account-create bob", "create bob:Y", "create bob:X", "append bob:X 10"},
		{"append bob:INBOX 10", "account-rename bob carl", "account-create bob", "append bob:INBOX 10"},
	} {
		e := &Explorer{Seed: 1, PerRun: 40}
		if err := e.Run(p); err != nil {
			t.Errorf("%v", err)
		}
	}
}

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
