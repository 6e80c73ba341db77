package zxcvbn

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTables(t *testing.T) {
	d := load()
	perDict := make([]int, len(dictionaries))
	for _, e := range d.words.entries {
		if e.rank != inherited {
			perDict[e.dict]++
		}
	}
	if want := []int{30000, 30000, 3712, 10000, 19160, 983, 0}; !slices.Equal(perDict, want) {
		t.Errorf("words %v, want %v", perDict, want)
	}
	for i, want := range []string{"qwerty 94 4.596", "dvorak 94 4.596", "keypad 15 5.067", "mac_keypad 16 5.250"} {
		b := d.keyboards[i]
		if got := fmt.Sprintf("%s %v %.3f", b.name, b.keys, b.degree); got != want {
			t.Errorf("keyboard %s, want %s", got, want)
		}
	}
}

// As JavaScript does it.
func TestLower(t *testing.T) {
	for in, want := range map[string]string{
		"AbC": "abc", "ÄÖ": "äö", "İ": "i̇", "ΑΣ": "ας", "Σ": "σ", "ΑΣΑ": "ασα", "ΑΣ.Α": "ασ.α", "ΑΣ. ": "ας. ", "'Σ": "'σ", "𐐀": "𐐨", "K": "k", "ẞ": "ß",
	} {
		if got := text(lower(units(in))); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestMatches(t *testing.T) {
	r := Estimate("correct😀2015-06-04", Options{Year: 2026})
	var got []string
	for _, m := range r.Sequence {
		got = append(got, fmt.Sprintf("%s %s %d-%d %q", m.Pattern, m.Dictionary, m.Start, m.End, m.Token))
	}
	want := []string{`dictionary us_tv_and_film 0-7 "correct"`, `bruteforce  7-9 "😀"`, `date  9-19 "2015-06-04"`}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestYearIsThatOfTheClock(t *testing.T) {
	if now := time.Now().Year(); Estimate("13/3/1990", Options{}).Guesses != Estimate("13/3/1990", Options{Year: now}).Guesses {
		t.Error("another year")
	}
}

func TestTruncated(t *testing.T) {
	long := strings.Repeat("ab1!x", MaxLength)
	for _, test := range []struct {
		password string
		want     bool
	}{
		{long[:MaxLength], false}, {long[:MaxLength+1], true}, {strings.Repeat("王", MaxLength), false},
		{strings.Repeat("😀", MaxLength/2), false}, {strings.Repeat("😀", MaxLength/2+1), true}, {strings.Repeat("\xff", 10), false},
	} {
		if r := Estimate(test.password, Options{}); r.Truncated != test.want {
			t.Errorf("%d bytes: truncated %v", len(test.password), r.Truncated)
		}
	}
}

// hard are inputs for which some step has the most to do.
func hard() map[string]string {
	fill := func(s string) string { return strings.Repeat(s, 1024/len([]rune(s))+1) }
	fib := [2]string{"a", "ab"}
	for len(fib[1]) < 1024 {
		fib = [2]string{fib[1], fib[1] + fib[0]}
	}
	digits := ""
	for i := range 1024 {
		digits += fmt.Sprint((i * i * 7) % 10)
	}
	return map[string]string{
		"one letter": fill("a"), "fibonacci": fib[1], "leet": fill("4@8({[<369$5+7%21!|0"), "leet words": fill("p4$5w0rd|1!7+l0v3"),
		"dates": digits, "years": fill("1999"), "walk": fill("qwertyuiopoiuytrew"), "sequence": fill("abcdefghijklmnopqrstuvwxyz"),
		"words": fill("thequickbrownfox"), "greek": fill("Σ4İ0Σ1"), "emoji": fill("😀🎉"),
		"nearly": strings.Repeat("a", 511) + "b" + strings.Repeat("a", 512), "random": newGenerator(9).random(1024, unusual),
	}
}

// No password takes long; the bound of the goals is 50 ms, which is not asserted where many tests share a machine.
func TestHardPasswords(t *testing.T) {
	load()
	inputs := []string{"4@8({[<369$5", "anna", strings.Repeat("a", 300)}
	for name, p := range hard() {
		begin := time.Now()
		r := Estimate(p, Options{Inputs: inputs})
		t.Logf("%-10s %8v guesses %.3g", name, time.Since(begin), r.Guesses)
		if r.Guesses < 1 || r.Score < 0 || r.Score > 4 || len(r.Sequence) == 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestManyAtATime(t *testing.T) {
	var wait sync.WaitGroup
	want := Estimate("r0sebudmaelstrom11/20/91aaaa", Options{Year: 2026}).Guesses
	for range 8 {
		wait.Go(func() {
			if got := Estimate("r0sebudmaelstrom11/20/91aaaa", Options{Year: 2026, Inputs: []string{"x"}}).Guesses; got != want {
				t.Errorf("%v guesses, not %v", got, want)
			}
		})
	}
	wait.Wait()
}

// Whatever is rated: parts lie side by side and cover the password, and the codes are known ones.
func FuzzEstimate(f *testing.F) {
	for _, q := range upstream() {
		f.Add(q.Password, "anna")
	}
	g := newGenerator(2)
	for _, kind := range kindNames() {
		f.Add(g.password(kind), "")
		password, inputs := g.unicode()
		f.Add(password, strings.Join(inputs, ""))
	}
	f.Fuzz(func(t *testing.T, password, input string) {
		r := Estimate(password, Options{Inputs: []string{input}, Year: 2026})
		at := 0
		for _, m := range r.Sequence {
			if m.Start != at || m.End <= m.Start || !(m.Guesses >= 1) {
				t.Errorf("%q: part %+v begins at %d", password, m, at)
			}
			at = m.End
		}
		if n := min(len(units(clip(password))), MaxLength); at != n {
			t.Errorf("%q: %d of %d units", password, at, n)
		}
		if _, ok := warningTexts[r.Warning]; !ok || !(r.Guesses >= 1) || r.Score != score(r.Guesses) {
			t.Errorf("%q: %+v", password, r)
		}
	})
}

func BenchmarkEstimate(b *testing.B) {
	load()
	for _, p := range []string{"correct horse battery staple", "p4$5w0rd|1!7+l0v3", strings.Repeat("4@8({[<369$5+7%21!|0", 20)} {
		b.Run(p[:12], func(b *testing.B) {
			for b.Loop() {
				Estimate(p, Options{Year: 2026})
			}
		})
	}
}
