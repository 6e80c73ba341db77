package storagetest

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

// TestMinimise plants a bug that one step shows: of a long program it must remain.
func TestMinimise(t *testing.T) {
	e := &Explorer{Seed: 1, PerRun: 40}
	if err := e.prepare(); err != nil {
		t.Fatal(err)
	}
	e.Wrap = func(fsys vfs.FS) vfs.FS {
		return Lie(fsys, func(op Op) bool { return op.Kind == OpSync && strings.Contains(op.Name, "/spool/") })
	}
	err := e.Run(Program{"subscribe X", "create C", "store A 1 +$X", "checkpoint", "append INBOX 70000", "rename C D", "copy A all INBOX", "delete D"})
	v := (*Violation)(nil)
	if !errors.As(err, &v) {
		t.Fatalf("no violation: %v", err)
	}
	v = Minimise(v, e.Run)
	if len(v.Programs) != 1 || !slices.Equal(v.Programs[0], Program{"append INBOX 70000"}) {
		t.Errorf("minimised to %q", v.Programs)
	}
	if !slices.ContainsFunc(v.How, func(how string) bool { return strings.HasPrefix(how, "a power cut") }) || v.Error() == "" {
		t.Errorf("%v", v.How)
	}
}
