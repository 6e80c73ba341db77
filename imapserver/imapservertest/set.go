package imapservertest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// numRange is a range of numbers, first <= last.
type numRange struct{ first, last uint32 }

// numSet is a set of sequence numbers or UIDs as it was written (RFC 9051, section 9: sequence-set without "*").
type numSet []numRange

// parseSet reads a set; false if s is none.
func parseSet(s string) (numSet, bool) {
	var set numSet
	for part := range strings.SplitSeq(s, ",") {
		a, b, isRange := strings.Cut(part, ":")
		first, err := strconv.ParseUint(a, 10, 32)
		last := first
		if isRange && err == nil {
			last, err = strconv.ParseUint(b, 10, 32)
		}
		if err != nil || first == 0 || last == 0 {
			return nil, false
		}
		set = append(set, numRange{uint32(min(first, last)), uint32(max(first, last))})
	}
	return set, true
}

// sorted returns the set in ascending order, ranges that touch made one.
func (s numSet) sorted() numSet {
	s = slices.Clone(s)
	slices.SortFunc(s, func(a, b numRange) int { return cmp.Compare(a.first, b.first) })
	return s.merged()
}

// merged makes one range of neighbours that continue each other, in the order in which they stand.
func (s numSet) merged() numSet {
	var out numSet
	for _, r := range s {
		if n := len(out) - 1; n >= 0 && r.first >= out[n].first && uint64(r.first) <= uint64(out[n].last)+1 {
			out[n].last = max(out[n].last, r.last)
			continue
		}
		out = append(out, r)
	}
	return out
}

// has tells whether n is in the set.
func (s numSet) has(n uint32) bool {
	return slices.ContainsFunc(s, func(r numRange) bool { return r.first <= n && n <= r.last })
}

// size returns how many numbers the set has, doubles counted twice.
func (s numSet) size() uint64 {
	var n uint64
	for _, r := range s {
		n += uint64(r.last-r.first) + 1
	}
	return n
}

// without returns the set less the numbers of t.
func (s numSet) without(t numSet) numSet {
	var out numSet
	for _, r := range s.sorted() {
		first := uint64(r.first)
		for _, cut := range t.sorted() {
			if cut.last < uint32(first) || cut.first > r.last {
				continue
			}
			if uint64(cut.first) > first {
				out = append(out, numRange{uint32(first), cut.first - 1})
			}
			first = uint64(cut.last) + 1
		}
		if first <= uint64(r.last) {
			out = append(out, numRange{uint32(first), r.last})
		}
	}
	return out
}

func (s numSet) String() string {
	var parts []string
	for _, r := range s {
		p := strconv.FormatUint(uint64(r.first), 10)
		if r.last > r.first {
			p += ":" + strconv.FormatUint(uint64(r.last), 10)
		}
		parts = append(parts, p)
	}
	return strings.Join(parts, ",")
}

// equalSets compares two sets; where order counts (COPYUID pairs the n-th of one with the n-th of the other) as they stand.
func equalSets(a, b string, ordered bool) bool {
	x, ok := parseSet(a)
	y, ok2 := parseSet(b)
	if !ok || !ok2 {
		return false
	}
	if ordered {
		return slices.Equal(x.merged(), y.merged())
	}
	return slices.Equal(x.sorted(), y.sorted())
}
