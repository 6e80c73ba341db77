package passwd

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCanonicalName(t *testing.T) {
	long := strings.Repeat("x", MaxName)
	for name, canonical := range map[string]string{
		"anna":             "anna",
		"Anna@Example.ORG": "anna@example.org",
		"o'neil+lists":     "o'neil+lists",
		"ÅSE":              "åse",
		"Ελένη":            "ελένη",
		"王芳":               "王芳",
		long:               long,
	} {
		if got, err := CanonicalName(name); err != nil || got != canonical {
			t.Errorf("CanonicalName(%q) = %q, %v", name, got, err)
		}
	}
	for _, bad := range []string{
		"", " ", "a b", "a\tb", "a\nb", "a\x00", "a\u00a0b", "a\u2028b", "a\u200bb", "a\u202eb", "\ufeffa", "a\u00adb", "a\x7f",
		"a:b", "a/b", `a\b`, `"a"`, "<a@b>", "-a", ".", "..", ".a", "#a", "\xff", "a\ue000", "a\ufffe",
		long + "x", strings.Repeat("Ⱥ", MaxName/2), // longer in lower case
	} {
		got, err := CanonicalName(bad)
		var fault *NameError
		if !errors.As(err, &fault) || fault.Name != bad || fault.Reason == "" || got != "" {
			t.Errorf("CanonicalName(%q) = %q, %v", bad, got, err)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\x00\n\u202e\u2028") {
			t.Errorf("the message carries the characters: %q", err.Error())
		}
	}
}

func FuzzCanonicalName(f *testing.F) {
	f.Add("Anna@Example.org")
	f.Add("İ\u212a\u1e9e")
	f.Fuzz(func(t *testing.T, name string) {
		canonical, err := CanonicalName(name)
		if err != nil {
			return
		}
		if again, err := CanonicalName(canonical); err != nil || again != canonical {
			t.Errorf("%q -> %q -> %q, %v", name, canonical, again, err)
		}
		if !utf8.ValidString(canonical) || strings.ContainsAny(canonical, ":/\n\r \x00") {
			t.Errorf("%q -> %q", name, canonical)
		}
		// Whatever is a name is one in a file too.
		l := parseLine(line{user: User{Name: name, State: Active}, hash: new(Hasher).dummy()}.format())
		if l.err != nil || l.user.Name != canonical {
			t.Errorf("%q in a file: %q, %v", name, l.user.Name, l.err)
		}
	})
}
