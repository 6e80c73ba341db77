package storage

import (
	"slices"
	"testing"
)

func TestKeywordTableTruncate(t *testing.T) {
	table := newKeywordTable()
	a := table.intern([]string{"a"})
	ab := table.intern([]string{"a", "B"})
	c := table.intern([]string{"a", "C"})
	table.intern([]string{"b"})
	table.truncate(2)
	if got := table.all(table.len()); !slices.Equal(got, []string{"a", "B"}) {
		t.Errorf("left are %q", got)
	}
	if got := table.intern([]string{"D", "A"}); got != c || !slices.Equal(table.names(got), []string{"a", "D"}) {
		t.Errorf("set %d is %q", got, table.names(got))
	}
	if table.intern([]string{"A"}) != a || table.intern([]string{"b", "a"}) != ab {
		t.Error("sets from before are others now")
	}
	table.truncate(table.len())
	if table.len() != 3 {
		t.Errorf("%d words", table.len())
	}
}
