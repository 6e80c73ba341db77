package storagetest

import (
	"errors"
	"strings"
	"sync/atomic"
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

// TestPlantedBugs leaves out one kind of sync at a time: the explorer must notice each, by the steps in which it matters.
func TestPlantedBugs(t *testing.T) {
	sync := func(part string) func() func(Op) bool {
		return func() func(Op) bool {
			return func(op Op) bool { return op.Kind == OpSync && strings.Contains(op.Name, part) }
		}
	}
	syncDir := func(suffix string) func() func(Op) bool {
		return func() func(Op) bool {
			return func(op Op) bool { return op.Kind == OpSyncDir && strings.HasSuffix(op.Name, suffix) }
		}
	}
	for _, test := range []struct {
		name  string
		lie   func() func(Op) bool
		steps Program
	}{
		{"no sync of the log", sync(".wal"), Program{"append INBOX 100"}},
		{"no sync of the log's folder", syncDir(".unit/log"), Program{"subscribe X"}},
		{"wake before commit", early, Program{"subscribe X", "append INBOX 100", "store A 1 +$New", "delete A"}},
		{"no sync of spool files", sync("/spool/"), Program{"append INBOX 70000"}},
		{"no sync of the spool folder", syncDir("/spool"), Program{"append INBOX 70000"}},
		{"no sync of a new account's folders", func() func(Op) bool {
			return func(op Op) bool { return op.Kind == OpSyncDir && strings.HasPrefix(op.Name, "a") }
		}, Program{"account-create carl", "append carl:INBOX 70000"}},
		{"no sync of everything at checkpoints", func() func(Op) bool { return func(op Op) bool { return op.Kind == OpSyncAll } },
			Program{"append INBOX 100", "checkpoint"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := &Explorer{Seed: 1, PerRun: 100, PerPoint: 4}
			if err := e.Run(test.steps); err != nil {
				t.Fatalf("without the bug: %v", err)
			}
			e.Wrap = func(fsys vfs.FS) vfs.FS { return Lie(fsys, test.lie()) }
			for e.Counts.States() < 3000 {
				err := e.Run(test.steps)
				if v := (*Violation)(nil); errors.As(err, &v) {
					what, _, _ := strings.Cut(v.What, "\n")
					t.Logf("noticed in %v: %s", e.Counts, what)
					return
				} else if err != nil {
					t.Fatal(err)
				}
			}
			t.Errorf("not noticed in %v", e.Counts)
		})
	}
}

// early answers every second sync of a log segment and leaves it to the next to be done.
func early() func(Op) bool {
	var n atomic.Int64
	return func(op Op) bool {
		return op.Kind == OpSync && strings.HasSuffix(op.Name, ".wal") && n.Add(1)%2 == 0
	}
}
