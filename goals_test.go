package mailhavn_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The tests that a package's GOALS.md names are there: in the package, below it, or in the examples.
func TestGoals(t *testing.T) {
	tables, err := filepath.Glob("*/GOALS.md")
	if err != nil || len(tables) < 2 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	for _, table := range tables {
		text, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`\b(Test|Fuzz|Benchmark)[A-Z]\w*`).FindAllString(string(text), -1)
		if len(names) < 20 {
			t.Errorf("%s names only %d tests", table, len(names))
		}
		tests := testsIn(t, filepath.Dir(table), "examples")
		for _, name := range names {
			if !strings.Contains(tests, "\nfunc "+name+"(") {
				t.Errorf("%s: there is no %s", table, name)
			}
		}
	}
}

// testsIn gives the text of all test files below folders.
func testsIn(t *testing.T, dirs ...string) string {
	t.Helper()
	var tests strings.Builder
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			data, err := os.ReadFile(path)
			tests.Write(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return tests.String()
}
