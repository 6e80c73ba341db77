package tlspolicy

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The tests that GOALS.md names are there.
func TestGoals(t *testing.T) {
	table, err := os.ReadFile("GOALS.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\b(Test|Fuzz|Benchmark)[A-Z]\w*`).FindAllString(string(table), -1)
	if len(names) < 20 {
		t.Errorf("only %d tests named", len(names))
	}
	var tests strings.Builder
	for _, dir := range []string{".", "../examples"} {
		if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			data, err := os.ReadFile(path)
			tests.Write(data)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		if !strings.Contains(tests.String(), "\nfunc "+name+"(") {
			t.Errorf("there is no %s", name)
		}
	}
}
