package vfs_test

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

func TestSplit(t *testing.T) {
	long := strings.Repeat("x", 255)
	for _, c := range []struct{ name, folder, element string }{
		{"a", "", "a"},
		{"a/b", "a", "b"},
		{"a/b/c", "a/b", "c"},
		{`\`, "", `\`},
		{long + "/" + long, long, long},
		{strings.Repeat("a/", 511) + "b", strings.Repeat("a/", 510) + "a", "b"},
	} {
		folder, element, err := vfs.Split(c.name)
		if folder != c.folder || element != c.element || err != nil {
			t.Errorf("Split(%q) = %q, %q, %v", c.name, folder, element, err)
		}
	}
	for _, name := range []string{"", "/", ".", "a//b", long + "x", strings.Repeat("a/", 511) + "bb"} {
		if _, _, err := vfs.Split(name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Split(%q): %v", name, err)
		}
	}
	if err := vfs.CheckName(""); err != nil {
		t.Errorf("the root: %v", err)
	}
}

// A name that is taken is its own clean form and leads nowhere but down; all others are refused.
func FuzzCheckName(f *testing.F) {
	for _, name := range []string{"", "a", "a/b", "..", "a/../b", "/a", "a/", "a//b", ".", "a\x00", "a\\b", "...", strings.Repeat("a", 256)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		plain := name == path.Clean(name) && name[0] != '/' && name != "." && name != ".." && !strings.HasPrefix(name, "../")
		long := len(name) > 1023
		for _, element := range strings.Split(name, "/") {
			long = long || len(element) > 255
		}
		want := name == "" || plain && !long && !strings.Contains(name, "\x00")
		if got := vfs.CheckName(name) == nil; got != want {
			t.Fatalf("CheckName(%q): taken %t, want %t", name, got, want)
		}
		if folder, element, err := vfs.Split(name); err == nil && path.Join(folder, element) != name {
			t.Fatalf("Split(%q) = %q, %q", name, folder, element)
		}
	})
}
