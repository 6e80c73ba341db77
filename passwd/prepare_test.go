package passwd

import "testing"

// The examples of RFC 8265, section 4.3, tables 2 and 3, and what compositions become.
func TestPrepare(t *testing.T) {
	for password, want := range map[string]string{
		"correct horse battery staple": "correct horse battery staple",
		"Correct Horse Battery Staple": "Correct Horse Battery Staple",
		"\u03c0\u00df\u00e5":           "\u03c0\u00df\u00e5",
		"Jack of \u2666s":              "Jack of \u2666s",
		"foo\u1680bar":                 "foo bar",
		"my cat is a \u0009by":         "my cat is a \u0009by", // no OpaqueString: stays, for hashes of other programs
		"a\u030a":                      "\u00e5",
		"\ufb01n":                      "\ufb01n", // NFC, not NFKC
	} {
		if got := prepare(password); got != want {
			t.Errorf("%q becomes %q, want %q", password, got, want)
		}
	}
	want(t, "empty", checkPassword(""), ErrPassword)
}
