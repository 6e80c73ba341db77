package message

import "testing"

func TestLexer(t *testing.T) {
	type reader func(*lexer, []byte) ([]byte, status)
	tests := []struct {
		name, in string
		read     reader
		want     string
		st       status
		pos      int
	}{
		{"atom", "a.b", (*lexer).atom, "a", more, 1},
		{"atom", "a (x) ", (*lexer).atom, "a", end, 6},
		{"atom", "(x)", (*lexer).atom, "", bad, 0},
		{"atom", "a (x", (*lexer).atom, "a", bad, 4},
		{"dot-atom", "a.b . c@", (*lexer).dotAtom, "a.b.c", more, 7},
		{"dot-atom", "a.", (*lexer).dotAtom, "a.", bad, 2},
		{"dot-atom", "a..b", (*lexer).dotAtom, "a.", bad, 2},
		{"token", "a.b/c", (*lexer).token, "a.b", more, 3},
		{"token", "/", (*lexer).token, "", more, 0},
		{"token", "a=b", (*lexer).token, "a", more, 1},
		{"quoted string", `"a b" c`, (*lexer).quotedString, "a b", more, 6},
		{"quoted string", `"a \"b\\\c"`, (*lexer).quotedString, `a "b\c`, end, 11},
		{"quoted string", "\"a\r\n b\n\tc\rd\"", (*lexer).quotedString, "a b\tc\rd", end, 12},
		{"quoted string", "\"a\\\r\nb\"", (*lexer).quotedString, `a\b`, end, 7},
		{"quoted string", "\"a\x00b\"", (*lexer).quotedString, "a\uFFFDb", end, 5},
		{"quoted string", `"abc`, (*lexer).quotedString, "", bad, 4},
		{"quoted string", "\"ab\nc", (*lexer).quotedString, "ab", bad, 5},
		{"quoted string", `"ab\`, (*lexer).quotedString, "", bad, 4},
		{"phrase", `a.b  "c  d" (x) e <`, (*lexer).phrase, "a.b c  d e", more, 18},
		{"phrase", "", (*lexer).phrase, "", end, 0},
		{"phrase", ".a", (*lexer).phrase, "", bad, 0},
		{"domain", "@ a . b >", (*lexer).domain, "a.b", more, 8},
		{"domain", "@[1.2\r\n .3\\]x] >", (*lexer).domain, `[1.2 .3\]x]`, more, 15},
		{"domain", "@[a[", (*lexer).domain, "[a", bad, 3},
		{"domain", "@[a", (*lexer).domain, "[a", bad, 3},
		{"domain", "@", (*lexer).domain, "", bad, 1},
	}
	for _, test := range tests {
		l := lexer{in: []byte(test.in)}
		got, st := test.read(&l, nil)
		if string(got) != test.want || st != test.st || l.pos != test.pos {
			t.Errorf("%s %q: %q, status %d at %d, want %q, %d at %d", test.name, test.in, got, st, l.pos, test.want, test.st, test.pos)
		}
	}
}

func TestComments(t *testing.T) {
	tests := []struct {
		in, comment string
		st          status
	}{
		{"(a) ", "a", end},
		{"(a (b) c)x", "a (b) c", more},
		{`(a\)b\\)`, `a)b\`, end},
		{"(a\r\n b)", "a b", end},
		{"(a)(b)", "b", end},
		{"()", "", end},
		{"(a", "", bad},
		{"(a\n b", "a", bad},
		{"(a\x00)", "a\uFFFD", end},
		{" \t\r\n x", "", more},
	}
	for _, test := range tests {
		for _, keep := range []bool{true, false} {
			l := lexer{in: []byte(test.in), keepComment: keep}
			st := l.skip()
			if st != test.st || keep && string(l.comment) != test.comment || !keep && len(l.comment) != 0 {
				t.Errorf("%q, keep %v: %q, status %d", test.in, keep, l.comment, st)
			}
		}
	}
}

func TestNames(t *testing.T) {
	table := newNameTable([]string{"from", "to", "reply-to", "date"})
	for name, want := range map[string]int{
		"FROM": 0, "From": 0, "to": 1, "Reply-To": 2, "DATE": 3, "": -1, "fro": -1, "dat\u212A": -1,
		"a name that is longer than any in the table": -1,
	} {
		if got := table.index([]byte(name)); got != want {
			t.Errorf("%q: %d, want %d", name, got, want)
		}
	}
	// The Kelvin sign is a K for people, but not in the name of a field.
	set := NewFieldSet("X-K")
	if set.index([]byte("x-k")) != 0 || set.index([]byte("x-\u212A")) >= 0 {
		t.Error("names are compared by ASCII case only")
	}
}
