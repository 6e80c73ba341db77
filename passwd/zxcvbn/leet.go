package zxcvbn

import (
	"cmp"
	"slices"
)

// leetTable says which characters stand for a letter, in the order of the original.
var leetTable = []struct {
	letter uint16
	chars  string
}{
	{'a', "4@"}, {'b', "8"}, {'c', "({[<"}, {'e', "3"}, {'g', "69"}, {'i', "1!|"},
	{'l', "1|7"}, {'o', "0"}, {'s', "$5"}, {'t', "+7"}, {'x', "%"}, {'z', "2"},
}

// reading is one way to read the characters of a password as letters: each character at most as one letter.
type reading []substitution

func (r reading) letter(char uint16) (uint16, bool) {
	for _, s := range r {
		if s.char == char {
			return s.letter, true
		}
	}
	return 0, false
}

// readings returns all ways to read pw in which each letter has at most one character, as the original enumerates them, and none twice.
func readings(pw []uint16) []reading {
	all := []reading{{}}
	for _, line := range leetTable {
		var next []reading
		relevant := false
		for _, char := range line.chars {
			c := uint16(char)
			if !slices.Contains(pw, c) {
				continue
			}
			relevant = true
			for _, r := range all {
				next = append(next, r.extended(substitution{c, line.letter})...)
			}
		}
		if relevant {
			all = unique(next)
		}
	}
	for i, r := range all {
		all[i] = r.inKeyOrder()
	}
	return unique(all)
}

// extended returns r with one more character read; if r reads it otherwise already, r too.
func (r reading) extended(s substitution) []reading {
	i := slices.IndexFunc(r, func(t substitution) bool { return t.char == s.char })
	if i < 0 {
		return []reading{append(slices.Clone(r), s)}
	}
	return []reading{r, append(slices.Delete(slices.Clone(r), i, i+1), s)}
}

// inKeyOrder sorts as the properties of a JavaScript object are: digits first, then by time.
func (r reading) inKeyOrder() reading {
	r = slices.Clone(r)
	slices.SortStableFunc(r, func(a, b substitution) int {
		switch {
		case isDigit(a.char) && isDigit(b.char):
			return cmp.Compare(a.char, b.char)
		case isDigit(a.char):
			return -1
		case isDigit(b.char):
			return 1
		}
		return 0
	})
	return r
}

func unique(all []reading) []reading {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(r reading) bool {
		key := make([]byte, 0, 48)
		for _, s := range r {
			key = append(key, byte(s.char), byte(s.letter))
		}
		double := seen[string(key)]
		seen[string(key)] = true
		return double
	})
}

// leet finds words of at least two characters in which some are written as other characters.
func (a *analyst) leet(pw []uint16) []*match {
	all := readings(pw)
	if len(all) == 1 && len(all[0]) == 0 {
		return nil
	}
	if slices.Contains(pw, sigma) || slices.Contains(pw, dottedI) {
		return inOrder(a.leetByReading(pw, all))
	}
	w := &leetWalk{pw: pw, text: lower(pw), readings: all, letters: make([][128]byte, len(all))}
	for i, r := range all {
		for _, s := range r {
			w.letters[i][s.char] = byte(s.letter)
		}
	}
	every := make([]int, len(all))
	for i := range every {
		every[i] = i
	}
	for _, x := range []*lexicon{a.data.words, a.user} {
		for i := range pw {
			w.lexicon, w.i = x, i
			w.walk(x.all(), i, every, false)
		}
	}
	slices.SortStableFunc(w.found, func(x, y leetMatch) int { return cmp.Compare(x.reading, y.reading) })
	found := make([]*match, len(w.found))
	for i, m := range w.found {
		found[i] = m.match
	}
	return inOrder(found)
}

// leetByReading looks through each reading by itself: the lower case of a few characters depends on what stands around them.
func (a *analyst) leetByReading(pw []uint16, all []reading) []*match {
	var found []*match
	for _, r := range all {
		text := slices.Clone(pw)
		for i, c := range text {
			if letter, ok := r.letter(c); ok {
				text[i] = letter
			}
		}
		for _, m := range a.lookUp(lower(text), len(pw)) {
			token := pw[m.i : m.j+1]
			if m.len() > 1 && !slices.Equal(lower(token), m.entry.word) {
				m.subs = r.used(token)
				found = append(found, m)
			}
		}
	}
	return found
}

// used returns the substitutions of r for characters of token; never nil.
func (r reading) used(token []uint16) []substitution {
	return slices.DeleteFunc(slices.Clone(r), func(s substitution) bool { return !slices.Contains(token, s.char) })
}

// leetWalk looks through all readings at a time: it follows a word as long as one of them leads on.
type leetWalk struct {
	pw, text []uint16
	readings []reading
	letters  [][128]byte // of each reading: character -> letter, or 0
	lexicon  *lexicon
	i        int // where the word begins
	found    []leetMatch
}

// leetMatch is a match with the first of the readings that have it.
type leetMatch struct {
	*match
	reading int
}

// walk goes on at j with the words in r and the readings that have led there. used says that one of them was needed.
func (w *leetWalk) walk(r span, j int, readings []int, used bool) {
	if j == len(w.pw) {
		return
	}
	var done []uint16
	for _, first := range readings {
		letter := w.letter(first, j)
		if slices.Contains(done, letter) {
			continue
		}
		done = append(done, letter)
		c, read := letter, letter != 0
		if !read {
			c = w.text[j]
		}
		next := w.lexicon.step(r, j-w.i, c)
		if next.from == next.to {
			continue
		}
		same := w.agreeing(readings, j, letter)
		if j > w.i && (used || read) {
			for _, e := range w.lexicon.whole(next, j+1-w.i) {
				m := &match{pattern: Dictionary, i: w.i, j: j, entry: e, subs: w.readings[same[0]].used(w.pw[w.i : j+1])}
				w.found = append(w.found, leetMatch{m, same[0]})
			}
		}
		w.walk(next, j+1, same, used || read)
	}
}

// letter is how a reading reads the character at j; 0 if as itself.
func (w *leetWalk) letter(reading, j int) uint16 {
	if c := w.pw[j]; c < 128 {
		return uint16(w.letters[reading][c])
	}
	return 0
}

// agreeing returns those readings that read the character at j like this.
func (w *leetWalk) agreeing(readings []int, j int, letter uint16) []int {
	same := make([]int, 0, len(readings))
	for _, i := range readings {
		if w.letter(i, j) == letter {
			same = append(same, i)
		}
	}
	return same
}
