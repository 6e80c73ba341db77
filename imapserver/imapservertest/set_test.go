package imapservertest

import (
	"math/rand/v2"
	"testing"
)

func TestSets(t *testing.T) {
	for in, want := range map[string]string{
		"1": "1", "1:3": "1:3", "3:1": "1:3", "1,2,3": "1:3", "5,1:2": "1:2,5", "1:4,2:3": "1:4",
		"4294967295": "4294967295", "4294967294,4294967295": "4294967294:4294967295",
	} {
		set, ok := parseSet(in)
		if !ok || set.sorted().String() != want {
			t.Errorf("%s: got %v, %v, want %s", in, set.sorted(), ok, want)
		}
	}
	for _, bad := range []string{"", "0", "1:", ":1", "*", "a", "1,,2", "4294967296", "-1", "1 2"} {
		if set, ok := parseSet(bad); ok {
			t.Errorf("%q: parsed as %v", bad, set)
		}
	}
}

// TestSetsWithout compares with sets of booleans.
func TestSetsWithout(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	random := func() (s numSet, in [20]bool) {
		for range rnd.IntN(4) {
			first := uint32(rnd.IntN(15) + 1)
			r := numRange{first, first + uint32(rnd.IntN(4))}
			s = append(s, r)
			for n := r.first; n <= r.last; n++ {
				in[n] = true
			}
		}
		return s, in
	}
	for range 2000 {
		a, inA := random()
		b, inB := random()
		got := a.without(b)
		for n := uint32(1); n < 20; n++ {
			if got.has(n) != (inA[n] && !inB[n]) {
				t.Fatalf("%v without %v is %v: wrong about %d", a, b, got, n)
			}
		}
	}
}

func TestEqualSets(t *testing.T) {
	for _, c := range []struct {
		a, b    string
		ordered bool
		want    bool
	}{
		{"1:3", "1,2,3", false, true}, {"3,1:2", "1:3", false, true}, {"3,1:2", "1:3", true, false},
		{"1,2,5:7", "1:2,5,6,7", true, true}, {"1:3", "1:4", false, false}, {"1", "x", false, false},
	} {
		if got := equalSets(c.a, c.b, c.ordered); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

func TestOriginalSeq(t *testing.T) {
	// Of five messages 1, 3 and 5 go: told as 1, 2, 3 or as 5, 3, 1.
	for _, told := range [][]uint32{{1, 2, 3}, {5, 3, 1}} {
		var removed []uint32
		for i, n := range told {
			seq := originalSeq(n, removed)
			if want := []uint32{1, 3, 5}[map[bool]int{true: i, false: 2 - i}[told[0] == 1]]; seq != want {
				t.Errorf("%v: the %d-th is %d, want %d", told, i, seq, want)
			}
			removed = append(removed, seq)
			if told[0] != 1 {
				removed = append([]uint32{seq}, removed[:len(removed)-1]...)
			}
		}
	}
}
