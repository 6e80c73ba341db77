package zxcvbn

import (
	"time"
)

// MaxLength is how many UTF-16 units of a password are analysed.
const MaxLength = 256

// Options are what an estimate may depend on besides the password. The zero value is ready for use.
type Options struct {
	// Inputs are words that an attacker of this user would try first: his name, his address, the name of the service.
	Inputs []string

	// Year is the present year, from which dates are the more guesses away the farther they are. If zero, that of the clock.
	Year int
}

// Result is an estimate.
type Result struct {
	// Guesses is after how many guesses an attacker who knows the model finds the password.
	Guesses float64

	// Score is 0 for fewer than 10^3 guesses, 1 for fewer than 10^6, 2 for 10^8, 3 for 10^10, and 4 above.
	Score int

	// Sequence is how the attacker would take the password apart.
	Sequence []Match

	// Warning says what is wrong, and Suggestions what to do; empty for scores 3 and 4.
	Warning     Warning
	Suggestions []Suggestion

	// Truncated says that only the first MaxLength units were looked at.
	Truncated bool
}

// Match is a part of a password that follows a pattern.
type Match struct {
	Pattern    Pattern
	Start, End int     // in UTF-16 units; End is the first one after the part
	Token      string  // the part itself; half of a surrogate pair is U+FFFD
	Guesses    float64 // for this part alone
	Dictionary string  // of Dictionary matches: which list
}

// Pattern is the kind of a match.
type Pattern string

// The kinds of matches.
const (
	BruteForce Pattern = "bruteforce"
	Dictionary Pattern = "dictionary"
	Spatial    Pattern = "spatial"
	Repeat     Pattern = "repeat"
	Sequence   Pattern = "sequence"
	RecentYear Pattern = "regex" // the original's name: years are the only regular expression that it has
	Date       Pattern = "date"
)

// Estimate rates password. Bytes that are no UTF-8 count as U+FFFD.
func Estimate(password string, o Options) Result {
	if o.Year == 0 {
		o.Year = time.Now().Year()
	}
	pw := units(clip(password))
	truncated := len(pw) > MaxLength
	if truncated {
		pw = pw[:MaxLength]
	}
	a := &analyst{data: load(), user: userWords(o.Inputs), year: o.Year}
	guesses, sequence := a.analyse(pw)
	r := Result{Guesses: guesses, Score: score(guesses), Truncated: truncated || len(password) > maxBytes}
	for _, m := range sequence {
		r.Sequence = append(r.Sequence, Match{
			Pattern: m.pattern, Start: m.i, End: m.j + 1, Token: text(pw[m.i : m.j+1]),
			Guesses: m.guesses, Dictionary: m.dictionary(),
		})
	}
	r.Warning, r.Suggestions = feedback(pw, r.Score, sequence)
	return r
}

// maxBytes are as many as MaxLength units can take, and one unit more.
const maxBytes = 3*MaxLength + 4

func clip(password string) string { return password[:min(len(password), maxBytes)] }

// score is on which of five levels a number of guesses is. The margin is there so that what is exactly on a level by rank is on it.
func score(guesses float64) int {
	const margin = 5
	for level, limit := range []float64{1e3, 1e6, 1e8, 1e10} {
		if guesses < limit+margin {
			return level
		}
	}
	return 4
}

// analyst looks at one password and the parts of it that are repeated.
type analyst struct {
	data *data
	user *lexicon
	year int
}

// analyse returns the number of guesses for pw and the sequence of matches that needs the fewest.
func (a *analyst) analyse(pw []uint16) (float64, []*match) {
	if len(pw) == 0 {
		return 1, nil
	}
	matches := a.matches(pw)
	for _, m := range matches {
		least := 1.0
		if n := m.len(); n < len(pw) {
			least = leastMulti
			if n == 1 {
				least = leastSingle
			}
		}
		m.guesses = max(a.guesses(pw, m), least)
	}
	return newSearch(pw, a.data).run(matches)
}
