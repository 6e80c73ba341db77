package zxcvbn

import "slices"

const (
	leastSingle = 10 // guesses for a part of one unit of a longer password
	leastMulti  = 50 // and of more
	leastYears  = 20 // distance of a year at least
)

// guesses estimates a match by itself.
func (a *analyst) guesses(pw []uint16, m *match) float64 {
	token := pw[m.i : m.j+1]
	switch m.pattern {
	case Dictionary:
		return m.wordGuesses(token)
	case Spatial:
		return a.walkGuesses(m)
	case Repeat:
		return m.baseGuesses * float64(m.len()/m.base)
	case Sequence:
		return m.sequenceGuesses(token[0])
	case RecentYear:
		return a.years(m.year)
	}
	g := a.years(m.year) * 365
	if m.separated {
		g *= 4
	}
	return g
}

// years returns how far a year is away.
func (a *analyst) years(year int) float64 { return float64(max(year-a.year, a.year-year, leastYears)) }

func (m *match) sequenceGuesses(first uint16) float64 {
	base := 26
	switch {
	case slices.Contains([]uint16{'a', 'A', 'z', 'Z', '0', '1', '9'}, first):
		base = 4 // where one begins
	case isDigit(first):
		base = 10
	}
	if !m.ascending {
		base *= 2
	}
	return float64(base * m.len())
}

// wordGuesses is the rank of a word times the ways to write it.
func (m *match) wordGuesses(token []uint16) float64 {
	g := float64(m.entry.rank)
	if m.entry.rank == inherited {
		g = nan
	}
	g = g * capitalizations(token) * m.substitutions(token)
	if m.reversed {
		g *= 2
	}
	return g
}

// capitalizations is in how many ways a word may have as many capital letters as token.
func capitalizations(token []uint16) float64 {
	upper, lower := count(token, isUpper), count(token, isLower)
	switch {
	case upper == 0:
		return 1
	case isCapitalized(token), upper == 1 && len(token) > 1 && isUpper(token[len(token)-1]), lower == 0:
		return 2 // the first, the last, or all
	}
	return sumOfChoices(upper+lower, min(upper, lower))
}

// isCapitalized reports whether the first unit is the only capital letter, and another unit follows.
func isCapitalized(token []uint16) bool {
	return len(token) > 1 && isUpper(token[0]) && count(token, isUpper) == 1
}

// substitutions is in how many ways the characters of l33t may be used.
func (m *match) substitutions(token []uint16) float64 {
	variations := 1.0
	if m.subs == nil {
		return variations
	}
	text := lower(token)
	for _, s := range m.subs {
		written := count(text, func(c uint16) bool { return c == s.char })
		plain := count(text, func(c uint16) bool { return c == s.letter })
		if written == 0 || plain == 0 {
			variations *= 2
		} else {
			variations *= sumOfChoices(written+plain, min(written, plain))
		}
	}
	return variations
}

// walkGuesses counts the ways over the keyboard of this length or less with as many turns or fewer.
func (a *analyst) walkGuesses(m *match) float64 {
	b := &a.data.keyboards[0] // qwerty; dvorak has the same figures, and both keypads have those of the first
	if !m.keyboard.hasShift() {
		i := slices.IndexFunc(a.data.keyboards, func(b keyboard) bool { return b.name == "keypad" })
		b = &a.data.keyboards[i]
	}
	g := 0.0
	for i := 2; i <= m.len(); i++ {
		for j := 1; j <= min(m.turns, i-1); j++ {
			g += float64(float64(choose(i-1, j-1)*b.keys) * pow(b.degree, j))
		}
	}
	if m.shifted > 0 {
		if plain := m.len() - m.shifted; plain == 0 {
			g *= 2
		} else {
			g *= sumOfChoices(m.len(), min(m.shifted, plain))
		}
	}
	return g
}

// sumOfChoices is the number of ways to choose 1 to k of n.
func sumOfChoices(n, k int) float64 {
	sum := 0.0
	for i := 1; i <= k; i++ {
		sum += choose(n, i)
	}
	return sum
}

// choose is the number of ways to choose k of n, rounded as in the original.
func choose(n, k int) float64 {
	if k > n {
		return 0
	}
	r := 1.0
	for d := 1; d <= k; d++ {
		r *= float64(n)
		r /= float64(d)
		n--
	}
	return r
}
