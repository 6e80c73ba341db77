package zxcvbn

import (
	"cmp"
	"slices"
)

// match is a part of a password that follows a pattern.
type match struct {
	pattern Pattern
	i, j    int     // the first and the last unit
	guesses float64 // once they are estimated

	// of a dictionary
	entry    entry
	reversed bool
	subs     []substitution // nil: none was needed

	// of a keyboard
	keyboard *keyboard
	turns    int
	shifted  int

	// of a repeat
	base        int // units of what is repeated
	baseGuesses float64

	ascending bool // of a sequence

	// of a date or recent year
	year      int
	separated bool
}

// substitution is one in l33t: a character for a letter.
type substitution struct{ char, letter uint16 }

func (m *match) len() int { return m.j + 1 - m.i }

func (m *match) dictionary() string {
	if m.pattern != Dictionary {
		return ""
	}
	return dictionaries[m.entry.dict]
}

// matches finds all parts of pw that follow a pattern, in the order of the original.
func (a *analyst) matches(pw []uint16) []*match {
	var found []*match
	for _, find := range []func([]uint16) []*match{
		a.words, a.reversedWords, a.leet, a.walks, a.repeats, a.sequences, recentYears, a.dates,
	} {
		found = append(found, find(pw)...)
	}
	return inOrder(found)
}

// inOrder sorts by place, and leaves the order of those at one place.
func inOrder(found []*match) []*match {
	slices.SortStableFunc(found, func(x, y *match) int { return cmp.Or(cmp.Compare(x.i, y.i), cmp.Compare(x.j, y.j)) })
	return found
}

// words finds the words of dictionaries.
func (a *analyst) words(pw []uint16) []*match {
	return inOrder(a.lookUp(lower(pw), len(pw)))
}

// lookUp finds words in the first n units of text, which is in lower case.
func (a *analyst) lookUp(text []uint16, n int) []*match {
	var found []*match
	for _, x := range []*lexicon{a.data.words, a.user} {
		for i := range n {
			r := x.all()
			for j := i; j < n; j++ {
				if r = x.step(r, j-i, text[j]); r.from == r.to {
					break
				}
				for _, e := range x.whole(r, j+1-i) {
					found = append(found, &match{pattern: Dictionary, i: i, j: j, entry: e})
				}
			}
		}
	}
	return found
}

// reversedWords finds words that are written backwards.
func (a *analyst) reversedWords(pw []uint16) []*match {
	back := slices.Clone(pw)
	slices.Reverse(back)
	found := a.words(back)
	for _, m := range found {
		m.reversed = true
		m.i, m.j = len(pw)-1-m.j, len(pw)-1-m.i
	}
	return inOrder(found)
}

// walks finds ways over a keyboard.
func (a *analyst) walks(pw []uint16) []*match {
	var found []*match
	for b := range a.data.keyboards {
		found = append(found, a.data.keyboards[b].walks(pw)...)
	}
	return inOrder(found)
}

func (b *keyboard) walks(pw []uint16) []*match {
	var found []*match
	for i := 0; i < len(pw)-1; {
		m := &match{pattern: Spatial, i: i, keyboard: b}
		if b.hasShift() && pw[i] < 128 && isShifted[pw[i]] {
			m.shifted = 1
		}
		j, last := i+1, -1
		for ; j < len(pw); j++ {
			direction, shifted := b.direction(pw[j-1], pw[j])
			if direction < 0 {
				break
			}
			if shifted {
				m.shifted++
			}
			if direction != last {
				m.turns++
				last = direction
			}
		}
		if j-i > 2 {
			m.j = j - 1
			found = append(found, m)
		}
		i = j
	}
	return found
}

func (b *keyboard) hasShift() bool { return b.name == "qwerty" || b.name == "dvorak" }

var isShifted = func() (shifted [128]bool) {
	for _, c := range `~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:"ZXCVBNM<>?` {
		shifted[c] = true
	}
	return shifted
}()

// direction returns in which direction from a key another one lies, and whether its character needs Shift; -1 if it is no neighbour.
func (b *keyboard) direction(from, to uint16) (direction int, shifted bool) {
	if from >= 128 || to >= 128 {
		return -1, false
	}
	for d, key := range b.neighbours[from] {
		for n := range len(key) {
			if key[n] == byte(to) {
				return d, n == 1
			}
		}
	}
	return -1, false
}

// repeats finds what is repeated at once, such as aaa and abcabc.
func (a *analyst) repeats(pw []uint16) []*match {
	var found []*match
	for at := 0; at < len(pw); {
		m := nextRepeat(pw, at)
		if m == nil {
			break
		}
		m.baseGuesses, _ = a.analyse(pw[m.i : m.i+m.base])
		found = append(found, m)
		at = m.j + 1
	}
	return found
}

// nextRepeat finds the first repeat from at on. Where several begin, those of the longest and of the shortest base are compared,
// as the original does with a greedy and a lazy regular expression: the longer wins, then the shorter base.
func nextRepeat(pw []uint16, at int) *match {
	for i := at; i < len(pw); i++ {
		line := 0
		for i+line < len(pw) && !endsLine(pw[i+line]) {
			line++
		}
		shortest, longest := 0, 0
		for base := 1; base <= min(line, (len(pw)-i)/2); base++ {
			if slices.Equal(pw[i:i+base], pw[i+base:i+2*base]) {
				if shortest == 0 {
					shortest = base
				}
				longest = base
			}
		}
		if shortest == 0 {
			continue
		}
		base, n := shortest, extent(pw[i:], shortest)
		if greedy := extent(pw[i:], longest); greedy > n {
			n = greedy
			for base = 1; n%base != 0 || extent(pw[i:i+n], base) < n; base++ {
			}
		}
		return &match{pattern: Repeat, i: i, j: i + n - 1, base: base}
	}
	return nil
}

// extent returns how far pw consists of repetitions of its first base units.
func extent(pw []uint16, base int) int {
	n := base
	for n+base <= len(pw) && slices.Equal(pw[:base], pw[n:n+base]) {
		n += base
	}
	return n
}

// sequences finds runs of characters of which each has the same distance from the one before.
func (a *analyst) sequences(pw []uint16) []*match {
	const maxDelta = 5
	var found []*match
	add := func(i, j, delta int) {
		size := max(delta, -delta)
		if (j-i > 1 || size == 1) && 0 < size && size <= maxDelta {
			found = append(found, &match{pattern: Sequence, i: i, j: j, ascending: delta > 0})
		}
	}
	i, last := 0, 0
	for k := 1; k < len(pw); k++ {
		delta := int(pw[k]) - int(pw[k-1])
		if k == 1 {
			last = delta
		}
		if delta != last {
			add(i, k-1, last)
			i, last = k-1, delta
		}
	}
	if len(pw) > 1 {
		add(i, len(pw)-1, last)
	}
	return found
}
