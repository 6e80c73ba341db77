package wire

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestParseNumSet(t *testing.T) {
	tests := []struct {
		in, want string
		largest  uint32
		count    uint64
	}{
		{"1", "1", 1, 1},
		{"1,2,3", "1:3", 3, 3},
		{"3,2,1", "1:3", 3, 3},
		{"4:2", "2:4", 4, 3},
		{"2,4:7,9,12:*", "2,4:7,9,12:*", 9, 6},
		{"*:4,5:7", "4:*", 7, 0},
		{"1,5,3,1:2", "1:3,5", 5, 4},
		{"1:10,3:4", "1:10", 10, 10},
		{"3:4,1:10", "1:10", 10, 10},
		{"*", "*", 0, 0},
		{"*:*", "*", 0, 0},
		{"*,*", "*", 0, 0},
		{"1,*", "1,*", 1, 1},
		{"*,1", "1,*", 1, 1},
		{"5:*,10:*", "5:*", 0, 0},
		{"10:*,5:*", "5:*", 0, 0},
		{"*,5:*", "5:*", 0, 0},
		{"5:*,*", "5:*", 0, 0},
		{"3:4,5:*", "3:*", 4, 0},
		{"3:4,6:*", "3:4,6:*", 4, 2},
		{"7:9,6:*,2", "2,6:*", 9, 1},
		{"1:2,4:5,3:*", "1:*", 5, 0},
		{"1,1:*", "1:*", 1, 0},
		{"4294967295", "4294967295", math.MaxUint32, 1},
		{"4294967294,4294967295", "4294967294:4294967295", math.MaxUint32, 2},
		{"1:4294967295", "1:4294967295", math.MaxUint32, math.MaxUint32},
		{"4294967295:*,1", "1,4294967295:*", 1, 1},
		{"1:4294967295,4294967295", "1:4294967295", math.MaxUint32, math.MaxUint32},
		{"$", "$", 0, 0},
	}
	for _, tt := range tests {
		set, err := ParseNumSet(tt.in)
		if err != nil || set.String() != tt.want || set.Largest() != tt.largest || set.Len() != tt.count {
			t.Errorf("ParseNumSet(%q) = %v, largest %d, length %d, %v; want %v, %d, %d",
				tt.in, set, set.Largest(), set.Len(), err, tt.want, tt.largest, tt.count)
		}
		if set.Empty() || set.HasStar() != strings.Contains(tt.want, "*") || set.Saved() != (tt.want == "$") {
			t.Errorf("%q: empty %v, star %v, saved %v", tt.in, set.Empty(), set.HasStar(), set.Saved())
		}
	}
	for _, in := range []string{
		"", ",", "0", "01", "1,", ",1", "1:", ":1", "1::2", "1:2:3", "1-2", " 1", "1 ", "a", "1a", "**", "*1", "1*", "-1", "+1",
		"4294967296", "0:1", "1:0", "1:4294967296", "99999999999999999999", "$,1", "1,$", "$$", "$*", "1,,2", "1\r\n", "1\x00",
	} {
		if set, err := ParseNumSet(in); err != ErrNumSet {
			t.Errorf("ParseNumSet(%q) = %v, %v", in, set, err)
		}
	}
}

func TestZeroNumSet(t *testing.T) {
	var set NumSet
	if !set.Empty() || set.HasStar() || set.Saved() || set.Contains(1) || set.Len() != 0 || set.String() != "" || set.Largest() != 0 {
		t.Error("the zero value is not the empty set")
	}
	for n := range set.All() {
		t.Errorf("has %d", n)
	}
	if got := set.Resolve(7); !got.Empty() {
		t.Errorf("resolved to %v", got)
	}
}

func TestResolve(t *testing.T) {
	tests := []struct {
		in      string
		largest uint32
		want    string
	}{
		{"2,4:7,9,12:*", 15, "2,4:7,9,12:15"},
		{"*", 5, "5"},
		{"*", 0, ""},
		{"1:*", 0, ""},
		{"3,5:*", 0, "3"},
		{"5:*", 3, "3"},
		{"5:*", 5, "5"},
		{"1,*", 2, "1:2"},
		{"7,*", 2, "2,7"},
		{"1:3,9:*", 2, "1:3"},
		{"1:3", 2, "1:3"},
		{"1:*", math.MaxUint32, "1:4294967295"},
		{"$", 9, "$"},
	}
	for _, tt := range tests {
		set, err := ParseNumSet(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		got := set.Resolve(tt.largest)
		if got.String() != tt.want || got.HasStar() || got.Largest() != set.Largest() {
			t.Errorf("%s up to %d is %v, want %s", tt.in, tt.largest, got, tt.want)
		}
		if set.String() != tt.in {
			t.Errorf("%s became %v", tt.in, set)
		}
	}
}

func TestNumSetCopiesOfResolvedSetsAreApart(t *testing.T) {
	set, _ := ParseNumSet("1,5,9:*")
	a, b := set.Resolve(9), set.Resolve(12)
	a.Add(20)
	b.Add(30)
	if a.String() != "1,5,9,20" || b.String() != "1,5,9:12,30" || set.String() != "1,5,9:*" {
		t.Errorf("got %v, %v, %v", a, b, set)
	}
}

// Sets agree with a plain map, however they are made and written.
func TestNumSetModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		const most = 40
		largest := uint32(rnd.IntN(most))
		model := map[uint32]bool{} // what exists and is named
		add := func(first, last uint32) {
			for n := min(first, last); n <= max(first, last) && n <= largest; n++ {
				model[n] = true
			}
		}
		var parts []string
		var added NumSet
		stars := false
		for range 1 + rnd.IntN(6) {
			first, last := 1+uint32(rnd.IntN(most)), 1+uint32(rnd.IntN(most))
			switch rnd.IntN(5) {
			case 0:
				stars = true
				parts = append(parts, "*")
				add(largest, largest)
			case 1:
				stars = true
				parts = append(parts, strconv.Itoa(int(first))+":*")
				add(min(first, largest), largest)
			case 2:
				parts = append(parts, strconv.Itoa(int(first)))
				add(first, first)
				added.Add(first)
			default:
				parts = append(parts, strconv.Itoa(int(first))+":"+strconv.Itoa(int(last)))
				add(first, last)
				added.AddRange(min(first, last), max(first, last))
			}
		}
		delete(model, 0)
		in := strings.Join(parts, ",")
		set, err := ParseNumSet(in)
		if err != nil {
			t.Fatalf("%s: %v", in, err)
		}
		checkNormal(t, in, set)
		if again, err := ParseNumSet(set.String()); err != nil || again.String() != set.String() {
			t.Fatalf("%s: %v is read as %v, %v", in, set, again, err)
		}
		if !stars && added.String() != set.String() {
			t.Fatalf("%s: added %v, parsed %v", in, added, set)
		}
		rnd.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		if other, err := ParseNumSet(strings.Join(parts, ",")); err != nil || other.String() != set.String() {
			t.Fatalf("%s is %v, %v is %v", in, set, parts, other)
		}
		compare(t, in, set.Resolve(largest), model, largest)
	}
}

func compare(t *testing.T, in string, set NumSet, model map[uint32]bool, largest uint32) {
	t.Helper()
	var all []uint32
	for n := range set.All() {
		all = append(all, n)
	}
	if uint64(len(all)) != set.Len() || !slices.IsSorted(all) {
		t.Fatalf("%s: length %d, all %v", in, set.Len(), all)
	}
	for n := uint32(1); n <= largest; n++ {
		if set.Contains(n) != model[n] || slices.Contains(all, n) != model[n] {
			t.Fatalf("%s up to %d: %v contains %d: %v, want %v", in, largest, set, n, set.Contains(n), model[n])
		}
	}
}

// checkNormal fails unless set is in normal form.
func checkNormal(t *testing.T, in string, set NumSet) {
	t.Helper()
	before := uint64(0)
	for i, r := range set.Ranges() {
		last := i == len(set.Ranges())-1
		switch {
		case r.Last == Star && !last, r.Last != Star && r.First > r.Last, r.First == Star && r.Last != Star:
			t.Fatalf("%s: range %v", in, r)
		case i > 0 && r.First != Star && uint64(r.First) <= before+1:
			t.Fatalf("%s: %v is not normal", in, set.Ranges())
		}
		before = uint64(r.Last)
	}
}

func TestContainsUnresolved(t *testing.T) {
	set, _ := ParseNumSet("2,5:6,9:*")
	for n, want := range []bool{1: false, 2: true, 3: false, 4: false, 5: true, 6: true, 7: false, 8: false, 9: true, 10: true} {
		if n > 0 && set.Contains(uint32(n)) != want {
			t.Errorf("contains %d: %v", n, !want)
		}
	}
	set, _ = ParseNumSet("2,*")
	if set.Contains(1) || !set.Contains(2) || set.Contains(3) {
		t.Error("* alone contains nothing")
	}
}

func TestAllStops(t *testing.T) {
	set, _ := ParseNumSet("1:4294967295")
	count := 0
	for range set.All() {
		if count++; count == 3 {
			break
		}
	}
	set, _ = ParseNumSet("4294967290:4294967295")
	for range set.All() {
		count++
	}
	if count != 9 {
		t.Errorf("counted %d", count)
	}
}

// The worst order of a long set costs no more than sorting.
func TestNumSetOfManyElements(t *testing.T) {
	var b strings.Builder
	const count = 200000
	for n := count; n > 0; n-- {
		b.WriteString(strconv.Itoa(2*n) + ",")
	}
	set, err := ParseNumSet(b.String() + "1:*")
	if err != nil || set.String() != "1:*" {
		t.Fatal(err)
	}
	set, err = ParseNumSet(b.String() + "1")
	if err != nil || set.Len() != count+1 || len(set.Ranges()) != count {
		t.Errorf("%d numbers, %d ranges, %v", set.Len(), len(set.Ranges()), err)
	}
	var up NumSet
	for n := uint32(1); n <= count; n++ {
		up.Add(n)
	}
	if up.String() != "1:200000" {
		t.Errorf("got %.50v", up)
	}
}

func FuzzNumSet(f *testing.F) {
	for _, s := range []string{"1", "2,4:7,9,12:*", "*:4,5:7", "$", "4294967295:*,1", "1,,2", "0", "4294967296", "3:4,5:*,*"} {
		f.Add(s, uint32(10))
	}
	f.Fuzz(func(t *testing.T, s string, largest uint32) {
		set, err := ParseNumSet(s)
		if err != nil {
			return
		}
		checkNormal(t, s, set)
		again, err := ParseNumSet(set.String())
		if err != nil || again.String() != set.String() {
			t.Fatalf("%q: %v is read as %v, %v", s, set, again, err)
		}
		resolved := set.Resolve(largest)
		checkNormal(t, s, resolved)
		if resolved.HasStar() || resolved.Saved() != set.Saved() {
			t.Fatalf("%q: %v", s, resolved)
		}
		for _, r := range resolved.Ranges() {
			if !resolved.Contains(r.First) || !resolved.Contains(r.Last) || r.First > 1 && resolved.Contains(r.First-1) {
				t.Fatalf("%q: %v", s, resolved)
			}
		}
		var built NumSet
		for _, r := range slices.Backward(resolved.Ranges()) {
			built.AddRange(r.First, r.Last)
		}
		if !set.Saved() && built.String() != resolved.String() {
			t.Fatalf("%q: %v, built %v", s, resolved, built)
		}
	})
}
