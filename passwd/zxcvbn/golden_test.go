package zxcvbn

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"slices"
	"testing"
)

// question is a password with words of its user.
type question struct {
	Password string   `json:"p"`
	Inputs   []string `json:"u,omitempty"`
}

// rated is what the original says of a password.
type rated struct {
	question
	guesses     float64
	score       int
	warning     string
	suggestions []string
	patterns    []string
}

func readRated(t *testing.T, r io.Reader) (all []rated) {
	t.Helper()
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var a rated
		if err := json.Unmarshal(s.Bytes(), &[]any{&a.Password, &a.Inputs, &a.guesses, &a.score, &a.warning, &a.suggestions, &a.patterns}); err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	return all
}

// compare fails for every password that we rate otherwise.
func compare(t *testing.T, all []rated) {
	t.Helper()
	wrong := 0
	for _, a := range all {
		r := Estimate(a.Password, Options{Inputs: a.Inputs, Year: 2026})
		var patterns, suggestions []string
		for _, m := range r.Sequence {
			patterns = append(patterns, string(m.Pattern))
		}
		for _, s := range r.Suggestions {
			suggestions = append(suggestions, suggestionTexts[s])
		}
		if r.Guesses == a.guesses && r.Score == a.score && slices.Equal(patterns, a.patterns) &&
			warningTexts[r.Warning] == a.warning && slices.Equal(suggestions, a.suggestions) {
			continue
		}
		if wrong++; wrong <= 20 {
			t.Errorf("%q %q: guesses %v, score %d, %v, %q %q; want %v, %d, %v, %q %q", a.Password, a.Inputs,
				r.Guesses, r.Score, patterns, warningTexts[r.Warning], suggestions, a.guesses, a.score, a.patterns, a.warning, a.suggestions)
		}
	}
	t.Logf("%d of %d passwords rated the same", len(all)-wrong, len(all))
}

// The sentences of the original, which the codes stand for.
var warningTexts = map[Warning]string{
	"":               "",
	WarnTop10:        "This is a top-10 common password",
	WarnTop100:       "This is a top-100 common password",
	WarnCommon:       "This is a very common password",
	WarnSimilar:      "This is similar to a commonly used password",
	WarnWord:         "A word by itself is easy to guess",
	WarnName:         "Names and surnames by themselves are easy to guess",
	WarnNames:        "Common names and surnames are easy to guess",
	WarnStraightRow:  "Straight rows of keys are easy to guess",
	WarnKeyboard:     "Short keyboard patterns are easy to guess",
	WarnRepeat:       `Repeats like "aaa" are easy to guess`,
	WarnRepeatedWord: `Repeats like "abcabcabc" are only slightly harder to guess than "abc"`,
	WarnSequence:     "Sequences like abc or 6543 are easy to guess",
	WarnRecentYear:   "Recent years are easy to guess",
	WarnDate:         "Dates are often easy to guess",
}

var suggestionTexts = map[Suggestion]string{
	SuggestWords:          "Use a few words, avoid common phrases",
	SuggestNoNeed:         "No need for symbols, digits, or uppercase letters",
	SuggestMoreWords:      "Add another word or two. Uncommon words are better.",
	SuggestTurns:          "Use a longer keyboard pattern with more turns",
	SuggestNoRepeats:      "Avoid repeated words and characters",
	SuggestNoSequences:    "Avoid sequences",
	SuggestNoRecentYears:  "Avoid recent years",
	SuggestNoOwnYears:     "Avoid years that are associated with you",
	SuggestNoOwnDates:     "Avoid dates and years that are associated with you",
	SuggestCapitalization: "Capitalization doesn't help very much",
	SuggestAllCapitals:    "All-uppercase is almost as easy to guess as all-lowercase",
	SuggestReversed:       "Reversed words aren't much harder to guess",
	SuggestSubstitutions:  "Predictable substitutions like '@' instead of 'a' don't help very much",
}

const goldenFile = "testdata/golden.json.gz"

// TestGolden compares with what npm's zxcvbn 4.4.2 said in 2026.
func TestGolden(t *testing.T) {
	file, err := os.Open(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	gz, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	all := readRated(t, gz)
	if len(all) < 3000 {
		t.Fatalf("only %d passwords in %s", len(all), goldenFile)
	}
	compare(t, all)
}

// upstream are the passwords that the original's own tests and demonstration use, and a few that ask for each rule.
func upstream() (all []question) {
	for _, p := range []string{
		"", "a", "zxcvbn", "qwER43@!", "Tr0ub4dour&3", "correcthorsebatterystaple", "coRrecth0rseba++ery9.23.2007staple$", "D0g..................",
		"abcdefghijk987654321", "neverforget13/3/1997", "1qaz2wsx3edc", "temppass22", "briansmith", "briansmith4mayor", "password1", "viking",
		"thx1138", "ScoRpi0ns", "do you know", "ryanhunter2000", "rianhunter2000", "asdfghju7654rewq", "AOEUIDHG&*()LS_", "12345678", "defghi6789",
		"rosebud", "Rosebud", "ROSEBUD", "rosebuD", "ros3bud99", "r0s3bud99", "R0$38uD99", "verlineVANDERMARK", "eheuczkqyq", "rWibMFACxAUGZmxhVncy",
		"Ba9ZyWABu99[BK#6MBgbH88Tofv)vs$w", "abcdbarbar", "tehdogs", "aabaab", "aabaabaabaab", "abababab", "aaaaa", "1111", "batterybattery",
		"constructor", "__proto__", "rotcurtsnoc", "c0nstructor", "hasownproperty", "@ppl3", "4@8({[<369$5+7%21!|0", "l33t_t4bl3_(hars",
		"111504", "1.1.91", "1191", "2015_06_04", "20-12-1999", "1/2/3", "99999", "01011970", "2019", "2020", "1984", "ΑΣ", "ΑΣ4", "İstanbul1",
	} {
		all = append(all, question{Password: p})
	}
	return append(all, question{"anna@example.org", []string{"anna@example.org", "Anna"}}, question{"4NN4", []string{"Anna"}},
		question{"ΌΔΟΣ0s", []string{"ΌΔΟΣοσ", "ΌΔΟΣ"}}, question{"constructor", []string{"constructor"}}, question{"__proto__", []string{"__proto__"}})
}
