package zxcvbn

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// generator makes passwords as people and attackers do. The same seed gives the same passwords.
type generator struct {
	*rand.Rand
	words []string
}

func newGenerator(seed uint64) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1))}
	for i, e := range load().words.entries {
		if i%7 == 0 && len(e.word) > 2 {
			g.words = append(g.words, text(e.word))
		}
	}
	return g
}

func pick[T any](g *generator, from []T) T { return from[g.IntN(len(from))] }

// kinds are the ways to make a password, or a part of one.
var kinds = map[string]func(*generator) string{
	"word": func(g *generator) string { return pick(g, g.words) },
	"words": func(g *generator) string {
		return pick(g, g.words) + pick(g, []string{"", " ", "-", "1"}) + pick(g, g.words)
	},
	"caps":   func(g *generator) string { return g.capitalize(pick(g, g.words)) },
	"leet":   func(g *generator) string { return g.leet(pick(g, g.words), 2) },
	"leet2":  func(g *generator) string { return g.leet(g.capitalize(pick(g, g.words))+pick(g, g.words), 1) },
	"date":   (*generator).date,
	"walk":   (*generator).walk,
	"repeat": (*generator).repeat,
	"run":    (*generator).run,
	"back":   func(g *generator) string { return reversed(g.capitalize(pick(g, g.words))) },
	"random": func(g *generator) string { return g.random(1+g.IntN(16), "") },
	"year":   func(g *generator) string { return pick(g, g.words) + fmt.Sprint(1890+g.IntN(170)) },
}

func kindNames() (names []string) {
	for k := range kinds {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

func (g *generator) password(kind string) string {
	p := kinds[kind](g)
	if g.IntN(4) == 0 {
		p += kinds[pick(g, kindNames())](g)
	}
	return p
}

func (g *generator) capitalize(s string) string {
	switch g.IntN(4) {
	case 0:
		return strings.ToUpper(s)
	case 1:
		return strings.ToUpper(s[:1]) + s[1:]
	case 2:
		return s[:len(s)-1] + strings.ToUpper(s[len(s)-1:])
	}
	b := []byte(s)
	for i := range b {
		if g.IntN(3) == 0 {
			b[i] = strings.ToUpper(s)[i]
		}
	}
	return string(b)
}

// leet writes one of n letters as something else.
func (g *generator) leet(s string, n int) string {
	b := []byte(s)
	for i, c := range b {
		for _, line := range leetTable {
			if line.letter == uint16(c) && g.IntN(n) == 0 {
				b[i] = line.chars[g.IntN(len(line.chars))]
			}
		}
	}
	return string(b)
}

func (g *generator) date() string {
	sep := pick(g, []string{"", "", ".", "/", "-", "_", " ", "\\", "\u00a0"})
	day, month, year := 1+g.IntN(31), 1+g.IntN(12), pick(g, []int{g.IntN(100), 1900 + g.IntN(160)})
	format := pick(g, []string{"%[1]d%[4]s%[2]d%[4]s%[3]d", "%02[1]d%[4]s%02[2]d%[4]s%[3]d", "%[3]d%[4]s%[2]d%[4]s%[1]d", "%[3]d%[4]s%02[2]d%[4]s%02[1]d", "%[2]d%[4]s%[1]d%[4]s%02[3]d"})
	return fmt.Sprintf(format, day, month, year, sep)
}

func (g *generator) walk() string {
	board := &load().keyboards[g.IntN(len(load().keyboards))]
	var keys []byte
	for c, n := range board.neighbours {
		if n != nil {
			keys = append(keys, byte(c))
		}
	}
	p := []byte{pick(g, keys)}
	direction := g.IntN(6)
	for len(p) < 3+g.IntN(10) {
		if g.IntN(4) == 0 {
			direction = g.IntN(6)
		}
		around := board.neighbours[p[len(p)-1]]
		key := around[direction%len(around)]
		if key == "" {
			direction = g.IntN(8)
			if g.IntN(20) == 0 {
				break
			}
			continue
		}
		p = append(p, key[min(g.IntN(5)/4, len(key)-1)])
	}
	return string(p)
}

func (g *generator) repeat() string {
	base := pick(g, []string{g.random(1+g.IntN(4), ""), pick(g, g.words), g.random(1, "") + g.random(1, "")})
	if g.IntN(5) == 0 {
		base += base + g.random(1, "")
	}
	return strings.Repeat(base, 2+g.IntN(4))
}

func (g *generator) run() string {
	c, delta := rune(pick(g, []string{"a", "A", "0", "9", "z", "m", "5", "α", "а"})[0]), pick(g, []rune{1, 1, -1, 2, -3, 5, 6})
	var b strings.Builder
	for range 2 + g.IntN(8) {
		b.WriteRune(max(c, 32))
		c += delta
	}
	return b.String()
}

const ascii = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

// unusual are characters that a port may get wrong: those of other cases, other white space, line ends, outside of the first plane.
const unusual = "äÖßéİıſKΣσςΑάДд王字ﬁ\u00a0\u2003\u2028\u3000\ufeff\n\r\t\u0307'’😀🎉𐐀𐐨𝒜\ufffdǅŉ"

func (g *generator) random(n int, more string) string {
	var b strings.Builder
	chars := []rune(ascii + more)
	for range n {
		b.WriteRune(pick(g, chars))
	}
	return b.String()
}

// unicode returns a password of any kind with unusual characters in it, and words of its user.
func (g *generator) unicode() (password string, inputs []string) {
	p := []rune(g.password(pick(g, kindNames())))
	if g.IntN(10) == 0 {
		p = append(p, []rune(g.password(pick(g, kindNames()))+g.random(g.IntN(30), unusual+unusual))...)
	}
	for range g.IntN(4) {
		p = slices.Insert(p, g.IntN(len(p)+1), pick(g, []rune(unusual)))
	}
	if g.IntN(8) == 0 {
		p = append(p, p...)
	}
	if len(p) > 60 {
		p = p[:60]
	}
	if g.IntN(3) > 0 {
		return string(p), nil
	}
	for range 1 + g.IntN(3) {
		from := g.IntN(len(p) + 1)
		inputs = append(inputs, pick(g, []string{string(p[from:]), string(p[:from]), strings.ToUpper(string(p)), g.random(4, unusual), "constructor", ""}))
	}
	return string(p), inputs
}

func reversed(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}
