package zxcvbn

import (
	"math"
	"slices"
)

var nan = math.NaN()

// search finds the sequence of matches, with brute force between them, that covers a password with the fewest guesses.
//
// A sequence of l parts costs l! times the product of its parts, as an attacker does not know their order, plus 10,000^(l-1), as he
// tries shorter sequences first.
type search struct {
	pw   []uint16
	data *data
	best [][]ending // [k][l-1]: the best sequence of l parts for the first k+1 units, unless fewer parts are as good
}

// ending is the last part of a sequence.
type ending struct {
	last    *match // nil: there is no such sequence
	product float64
	total   float64
}

func newSearch(pw []uint16, d *data) *search {
	return &search{pw: pw, data: d, best: make([][]ending, len(pw))}
}

func (s *search) run(matches []*match) (float64, []*match) {
	byEnd := make([][]*match, len(s.pw))
	for _, m := range matches { // sorted by their beginnings
		byEnd[m.j] = append(byEnd[m.j], m)
	}
	for k := range s.pw {
		slices.SortStableFunc(byEnd[k], func(a, b *match) int { return a.i - b.i })
		for _, m := range byEnd[k] {
			if m.i == 0 {
				s.update(m, 1)
				continue
			}
			for l, before := range s.best[m.i-1] {
				if before.last != nil {
					s.update(m, l+2)
				}
			}
		}
		s.bruteForce(k)
	}
	return s.unwind()
}

// update takes note of the sequence of l parts that ends with m, if none of as many or fewer parts is as good.
func (s *search) update(m *match, l int) {
	product := m.guesses
	if l > 1 {
		product *= s.best[m.i-1][l-2].product
	}
	total := float64(s.data.factorial[l]*product) + s.data.growth[l-1]
	best := s.best[m.j]
	for _, e := range best[:min(l, len(best))] {
		if e.last != nil && e.total <= total {
			return
		}
	}
	for len(best) < l {
		best = append(best, ending{})
	}
	best[l-1] = ending{m, product, total}
	s.best[m.j] = best
}

// bruteForce considers parts that end at k and follow no pattern. Two of them never stand side by side.
func (s *search) bruteForce(k int) {
	s.update(s.bruteMatch(0, k), 1)
	for i := 1; i <= k; i++ {
		m := s.bruteMatch(i, k)
		for l, before := range s.best[i-1] {
			if before.last != nil && before.last.pattern != BruteForce {
				s.update(m, l+2)
			}
		}
	}
}

func (s *search) bruteMatch(i, j int) *match {
	m := &match{pattern: BruteForce, i: i, j: j}
	m.guesses = s.data.pow10[m.len()]
	// One guess more than the least of a match, so that a match of the same part is preferred.
	m.guesses = max(m.guesses, leastMulti+1)
	if m.len() == 1 {
		m.guesses = leastSingle + 1
	}
	return m
}

// unwind returns the best sequence for the whole password.
func (s *search) unwind() (float64, []*match) {
	k := len(s.pw) - 1
	l, total := 0, math.Inf(1)
	for i, e := range s.best[k] {
		if e.last != nil && e.total < total {
			l, total = i+1, e.total
		}
	}
	var sequence []*match
	for ; k >= 0 && l > 0; l-- {
		m := s.best[k][l-1].last
		sequence = append(sequence, m)
		k = m.i - 1
	}
	slices.Reverse(sequence)
	return total, sequence
}
