package trigram

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// library is documents with their texts, to be searched by reading them all.
type library struct {
	numbers []uint32
	texts   [][][]byte
}

// words makes texts with common, rare and strange pieces.
func words(r *rand.Rand, n int) []byte {
	alphabet := []string{"the ", "mail ", "server ", "å", "日本", "x", "ab", "\x00", "\xff\xfe", "zz", "q", "\n", "harbour "}
	var b []byte
	for range n {
		b = append(b, alphabet[r.IntN(len(alphabet))]...)
	}
	return b
}

func newLibrary(r *rand.Rand, n int) *library {
	l := &library{}
	number := uint32(0)
	for range n {
		number += 1 + r.Uint32N(3)
		var texts [][]byte
		for range r.IntN(4) {
			texts = append(texts, words(r, r.IntN(30)))
		}
		l.numbers = append(l.numbers, number)
		l.texts = append(l.texts, texts)
	}
	return l
}

// build indexes documents from to to; each text comes in pieces.
func (l *library) build(t testing.TB, r *rand.Rand, b *Builder, from, to int) *Segment {
	t.Helper()
	for i := from; i < to; i++ {
		b.Add(l.numbers[i])
		for k, text := range l.texts[i] {
			b.Text(classOf(k))
			for len(text) > 0 {
				n := 1 + r.IntN(len(text))
				b.Write(text[:n])
				text = text[n:]
			}
		}
	}
	return open(t, b.Segment())
}

func open(t testing.TB, segment []byte) *Segment {
	t.Helper()
	s, err := Open(bytes.NewReader(segment), int64(len(segment)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// classOf is the class of the k-th text of a document: of three texts, two are of one, and another is between them.
func classOf(k int) Class { return []Class{Classes - 1, 0, Classes - 1}[k] }

// holding returns the documents that hold the string in a text of the class.
func (l *library) holding(class Class, text []byte) []uint32 {
	var out []uint32
	for i, number := range l.numbers {
		for k, t := range l.texts[i] {
			if classOf(k) == class && bytes.Contains(t, text) {
				out = append(out, number)
				break
			}
		}
	}
	return out
}

// missing returns those of want that got lacks. Both rise.
func missing(want, got []uint32) []uint32 {
	return slices.DeleteFunc(slices.Clone(want), func(n uint32) bool {
		_, ok := slices.BinarySearch(got, n)
		return ok
	})
}

// TestSearch checks that every document that holds a string is found, for many strings, in segments as they are made and
// merged.
func TestSearch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var b Builder
	for round := range 20 {
		l := newLibrary(r, 1+r.IntN(200))
		cut := r.IntN(len(l.numbers) + 1)
		parts := []*Segment{l.build(t, r, &b, 0, cut), l.build(t, r, &b, cut, len(l.numbers))}
		merged, err := Merge(parts, func(n uint32) bool { return n%5 != 0 })
		if err != nil {
			t.Fatal(err)
		}
		whole := open(t, merged)
		spurious, found := 0, 0
		for range 200 {
			text := words(r, 1+r.IntN(8))
			if len(text) > 3 && r.IntN(2) == 0 {
				text = text[r.IntN(3) : len(text)-r.IntN(2)]
			}
			class := classOf(r.IntN(2))
			want := l.holding(class, text)
			var got []uint32
			for _, s := range parts {
				one, err := s.Search(class, text)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, one...)
			}
			if m := missing(want, got); len(m) > 0 || !slices.IsSorted(got) {
				t.Fatalf("round %d: %q: documents %v lack %v", round, text, got, m)
			}
			alive := slices.DeleteFunc(got, func(n uint32) bool { return n%5 == 0 })
			got, err = whole.Search(class, text)
			if err != nil {
				t.Fatal(err)
			}
			// Which trigrams are looked up before few documents are left depends on the segment.
			if m := missing(slices.DeleteFunc(want, func(n uint32) bool { return n%5 == 0 }), got); len(m) > 0 {
				t.Fatalf("round %d: %q: %v after merging, %v before, lacks %v", round, text, got, alive, m)
			}
			if len(text) >= size {
				found += len(want)
				spurious += len(missing(got, want))
			}
		}
		t.Logf("%d documents: %d found, %d more to look into", len(l.numbers), found, spurious)
	}
}

// TestForget checks that a document that is taken back leaves nothing.
func TestForget(t *testing.T) {
	var b Builder
	b.Add(1)
	b.Write([]byte("first"))
	b.Add(2)
	b.Write([]byte("second"))
	b.Forget()
	b.Add(3)
	b.Write([]byte("third"))
	s := open(t, b.Segment())
	if got := s.Docs(); !slices.Equal(got, []uint32{1, 3}) {
		t.Errorf("documents %v", got)
	}
	for text, want := range map[string][]uint32{"first": {1}, "second": nil, "third": {3}, "dthird": nil, "ir": {1, 3}, "d": {1, 3}} {
		if got, err := s.Search(0, []byte(text)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
}

// TestDamage checks that every inverted bit is noticed, or does not matter.
func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	l := newLibrary(r, 50)
	var b Builder
	l.build(t, r, &b, 0, 50)
	for i := range l.numbers {
		b.Add(l.numbers[i])
		for k, text := range l.texts[i] {
			b.Text(classOf(k))
			b.Write(text)
		}
	}
	segment := b.Segment()
	noticed := 0
	for bit := range 8 * len(segment) {
		segment[bit/8] ^= 1 << (bit % 8)
		s, err := Open(bytes.NewReader(segment), int64(len(segment)))
		for _, text := range []string{"mail", "日本", "zz"} {
			if err == nil {
				var got []uint32
				if got, err = s.Search(0, []byte(text)); err == nil && len(missing(l.holding(0, []byte(text)), got)) > 0 {
					t.Fatalf("bit %d: %q is not found and nobody knows", bit, text)
				}
			}
		}
		if err != nil {
			noticed++
			if !errors.Is(err, ErrDamaged) {
				t.Fatalf("bit %d: %v", bit, err)
			}
		}
		segment[bit/8] ^= 1 << (bit % 8)
	}
	if noticed < 8*len(segment)/2 {
		t.Errorf("%d of %d inverted bits were noticed", noticed, 8*len(segment))
	}
}

// FuzzOpen opens and searches any bytes: an error or an answer, no panic.
func FuzzOpen(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	var b Builder
	l := newLibrary(r, 20)
	l.build(f, r, &b, 0, 20)
	b.Add(7)
	b.Write([]byte("one document"))
	f.Add(b.Segment(), []byte("doc"))
	f.Add(b.Segment(), []byte("do"))
	f.Fuzz(func(t *testing.T, segment, text []byte) {
		s, err := Open(bytes.NewReader(segment), int64(len(segment)))
		if err != nil {
			return
		}
		if got, err := s.Search(0, text); err == nil && len(missing(got, s.Docs())) > 0 {
			t.Error("found a document that the segment has not")
		}
		Merge([]*Segment{s}, func(uint32) bool { return true })
	})
}

// prose is text like that of mail: words with the frequencies of a language, and numbers.
func prose(r *rand.Rand, n int) []byte {
	var b []byte
	for len(b) < n {
		k := int(r.ExpFloat64() * 300)
		b = fmt.Appendf(b, "%s%s ", syllables[k%len(syllables)], syllables[(k/7)%len(syllables)])
		if r.IntN(20) == 0 {
			b = fmt.Appendf(b, "%d\n", r.IntN(100000))
		}
	}
	return b
}

var syllables = []string{"the", "an", "mer", "ser", "ver", "ing", "tion", "com", "pro", "re", "ter", "mail", "box", "har", "bour", "list", "con", "ment", "per", "al",
	"ly", "est", "in", "on", "st", "ed", "er", "es", "or", "ti", "is", "et", "it", "ar", "te", "se", "me", "sa", "ne", "wa", "ve", "le", "no", "ta", "ot", "so", "to", "po", "we", "ha"}

func BenchmarkBuild(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	text := prose(r, 4<<20)
	var builder Builder
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		for i := 0; i < len(text); i += 4 << 10 {
			builder.Add(uint32(i + 1))
			builder.Write(text[i:min(i+4<<10, len(text))])
		}
		segment := builder.Segment()
		b.ReportMetric(float64(len(segment))/float64(len(text)), "index/text")
	}
}

func BenchmarkSearch(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	text := prose(r, 4<<20)
	var builder Builder
	for i := 0; i < len(text); i += 4 << 10 {
		builder.Add(uint32(i + 1))
		builder.Write(text[i : i+4<<10])
	}
	s := open(b, builder.Segment())
	for b.Loop() {
		if _, err := s.Search(0, []byte("harbourmaster")); err != nil {
			b.Fatal(err)
		}
	}
}
