package zxcvbn

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	_ "embed"
	"io"
	"slices"
	"strings"
	"sync"
)

//go:embed frequency.txt.gz
var frequencyFile []byte

//go:embed keyboards.txt
var keyboardFile string

// data is what never changes.
type data struct {
	words     *lexicon
	keyboards []keyboard
	pow10     []float64 // powers of ten, as far as they are finite
	growth    []float64 // powers of 10,000: what a sequence of more parts costs
	factorial []float64
}

// load reads the embedded files, once.
var load = sync.OnceValue(func() *data {
	d := &data{words: readWords(), keyboards: readKeyboards()}
	f := 1.0
	for n := range MaxLength + 2 {
		if n > 1 {
			f *= float64(n)
		}
		d.pow10 = append(d.pow10, pow(10, n))
		d.growth = append(d.growth, pow(10000, n))
		d.factorial = append(d.factorial, f)
	}
	return d
})

// dictionaries are the names of the word lists in the order in which the original looks at them, and of what users bring.
var dictionaries = []string{"passwords", "english_wikipedia", "female_names", "surnames", "us_tv_and_film", "male_names", "user_inputs"}

// userInputs is the index of the last of them.
const userInputs = 6

// entry is a word in a dictionary. The most frequent has rank 1.
type entry struct {
	word []uint16
	dict uint8
	rank int32 // inherited: not a number
}

// inherited marks words that every JavaScript object has as properties: the original finds them in every list, with a rank that is
// not a number, and so never uses the match.
const inherited = -1

var properties = []string{"__proto__", "constructor"}

// lexicon is a sorted list of words, in which looking for a longer word goes on in the range of those with the same beginning.
type lexicon struct {
	entries []entry
	first   [128]span // the words that begin with an ASCII character
}

// span is a range of entries.
type span struct{ from, to int }

func newLexicon(entries []entry) *lexicon {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(slices.Compare(a.word, b.word), cmp.Compare(a.dict, b.dict))
	})
	x := &lexicon{entries: entries}
	for c := range x.first {
		x.first[c] = x.narrow(span{0, len(entries)}, 0, uint16(c))
	}
	return x
}

// step narrows r, the words that agree in their first depth units, to those that have c next.
func (x *lexicon) step(r span, depth int, c uint16) span {
	if depth == 0 && int(c) < len(x.first) {
		return x.first[c]
	}
	return x.narrow(r, depth, c)
}

func (x *lexicon) narrow(r span, depth int, c uint16) span {
	unit := func(e entry, c int) int {
		if len(e.word) <= depth {
			return -1 - c
		}
		return int(e.word[depth]) - c
	}
	from, _ := slices.BinarySearchFunc(x.entries[r.from:r.to], int(c), unit)
	to, _ := slices.BinarySearchFunc(x.entries[r.from+from:r.to], int(c)+1, unit)
	return span{r.from + from, r.from + from + to}
}

// whole returns the entries of r, words that agree in their first n units, that have no more: they are its first ones.
func (x *lexicon) whole(r span, n int) []entry {
	to := r.from
	for to < r.to && len(x.entries[to].word) == n {
		to++
	}
	return x.entries[r.from:to]
}

func (x *lexicon) all() span { return span{0, len(x.entries)} }

// readWords reads "#name" and then a word a line, the most frequent first. The embedded file cannot be wrong: a test reads it.
func readWords() *lexicon {
	gz, err := gzip.NewReader(bytes.NewReader(frequencyFile))
	if err != nil {
		return newLexicon(nil)
	}
	text, _ := io.ReadAll(gz)
	var entries []entry
	dict, rank, found := -1, int32(0), map[string]bool{}
	finish := func() {
		for _, p := range properties {
			if dict >= 0 && !found[p] {
				entries = append(entries, entry{units(p), uint8(dict), inherited})
			}
		}
		clear(found)
	}
	arena := make([]uint16, 0, len(text))
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if line[0] == '#' {
			finish()
			dict, rank = slices.Index(dictionaries, string(line[1:])), 0
			continue
		}
		rank++
		begin := len(arena)
		for _, c := range line { // all of them are ASCII
			arena = append(arena, uint16(c))
		}
		if slices.Contains(properties, string(line)) {
			found[string(line)] = true
		}
		entries = append(entries, entry{arena[begin:len(arena):len(arena)], uint8(dict), rank})
	}
	finish()
	return newLexicon(entries)
}

// userWords makes a dictionary of what an attacker knows about a user.
func userWords(inputs []string) *lexicon {
	ranks := map[string]int32{properties[0]: inherited, properties[1]: inherited}
	for i, input := range inputs {
		word := text(lower(units(input)))
		if word != properties[0] { // which cannot be assigned
			ranks[word] = int32(i + 1)
		}
	}
	var entries []entry
	for word, rank := range ranks {
		if word != "" {
			entries = append(entries, entry{units(word), userInputs, rank})
		}
	}
	return newLexicon(entries)
}

// keyboard says what lies around each key, clockwise from the left. A neighbour is the character of the key and that with Shift.
type keyboard struct {
	name       string
	neighbours [128][]string
	keys       float64 // how many characters it has
	degree     float64 // how many neighbours a key has on average
}

// readKeyboards reads "#name" and then lines of a character and its neighbours, "nil" where there is none.
func readKeyboards() []keyboard {
	var boards []keyboard
	for s := bufio.NewScanner(strings.NewReader(keyboardFile)); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) == 1 {
			boards = append(boards, keyboard{name: fields[0][1:]})
			continue
		}
		b := &boards[len(boards)-1]
		for i, n := range fields[1:] {
			if n == "nil" {
				fields[1+i] = ""
				continue
			}
			b.degree++
		}
		b.keys++
		b.neighbours[fields[0][0]] = fields[1:]
	}
	for i := range boards {
		boards[i].degree /= boards[i].keys
	}
	return boards
}

// CommonRank returns the place of a password in the list of the 30,000 commonest, regardless of case; 0 if it is not there.
func CommonRank(password string) int {
	x := load().words
	word := lower(units(clip(password)))
	i, _ := slices.BinarySearchFunc(x.entries, word, func(e entry, w []uint16) int { return slices.Compare(e.word, w) })
	for ; i < len(x.entries) && slices.Equal(x.entries[i].word, word); i++ {
		if e := x.entries[i]; e.dict == 0 && e.rank > 0 {
			return int(e.rank)
		}
	}
	return 0
}

// CommonWords returns the n English words of 4 to 8 letters that are the most frequent; fewer if there are not as many.
func CommonWords(n int) []string {
	var found []entry
	for _, e := range load().words.entries {
		if dictionaries[e.dict] == "english_wikipedia" && len(e.word) >= 4 && len(e.word) <= 8 && e.rank > 0 && every(e.word, isLower) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b entry) int { return cmp.Compare(a.rank, b.rank) })
	words := make([]string, 0, n)
	for _, e := range found[:min(n, len(found))] {
		words = append(words, text(e.word))
	}
	return words
}
