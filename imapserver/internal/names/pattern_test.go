package names

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "INBOX", true},
		{"*", "a/b/c", true},
		{"%", "a", true},
		{"%", "a/b", false},
		{"%/%", "a/b", true},
		{"a/%", "a/b/c", false},
		{"a/*", "a/b/c", true},
		{"a*c", "a/b/c", true},
		{"a%c", "abc", true},
		{"a%c", "a/c", false},
		{"%*", "a/b", true},
		{"*%", "a/b", true},
		{"a", "A", false},
		{"inbox", "INBOX", true},
		{"iNb%", "INBOX", true},
		{"inbox/x", "INBOX/x", true},
		{"inbox/x", "INBOX/X", false},
		{"in*", "INBOXES", false},
		{"", "", true},
		{"", "a", false},
		{"b*", "båt", true},
		{strings.Repeat("%a", 40), strings.Repeat("a", 40), true},
		{strings.Repeat("%a", 40), strings.Repeat("a", 39), false},
		{strings.Repeat("a", 5000), strings.Repeat("a", 5000), false},
	} {
		if got := NewPattern(c.pattern).Match(c.name); got != c.want {
			t.Errorf("%q and %q: %v", c.pattern, c.name, got)
		}
	}
}

// TestPatternTime checks that no pattern takes long: a matcher that goes back would need ages for these.
func TestPatternTime(t *testing.T) {
	start := time.Now()
	name := strings.Repeat("a", 1000)
	for _, p := range []string{strings.Repeat("*a", 500) + "b", strings.Repeat("%a*", 300) + "b", strings.Repeat("%*", 5000)} {
		NewPattern(p).Match(name)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("%v", d)
	}
}

// FuzzPattern compares with a regular expression.
func FuzzPattern(f *testing.F) {
	f.Add("a%/*b", "ax/yb")
	f.Add("*%*", "a/b")
	f.Fuzz(func(t *testing.T, p, name string) {
		if len(p) > 50 || len(name) > 100 || isInbox(name) {
			t.Skip()
		}
		quoted := regexp.QuoteMeta(p)
		quoted = strings.ReplaceAll(quoted, `\*`, `.*`)
		quoted = strings.ReplaceAll(quoted, `%`, `[^/]*`)
		re, err := regexp.Compile(`(?s)^` + quoted + `$`)
		if err != nil || !isText(p) || !isText(name) {
			t.Skip()
		}
		if got, want := NewPattern(p).Match(name), re.MatchString(name); got != want {
			t.Errorf("%q and %q: %v, want %v", p, name, got, want)
		}
	})
}

func isText(s string) bool { return strings.ToValidUTF8(s, "") == s }
