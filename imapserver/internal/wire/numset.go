package wire

import (
	"cmp"
	"errors"
	"iter"
	"math"
	"slices"
	"strconv"
)

// Star, as the end of a Range, is "*": the largest number in use.
const Star = 0

// A Range is the numbers from First to Last, both included. In {n, Star} First may be above what "*" turns out to
// be; {Star, Star} is "*" alone.
type Range struct{ First, Last uint32 }

// A NumSet is a set of message sequence numbers or of UIDs (RFC 9051, section 9: sequence-set). It is kept
// normalised: ranges ascend, do not overlap, do not touch; a range that ends with "*" is the last. So two sets
// that name the same messages are written in the same way. The zero value is the empty set. A copy
// shares memory with the original: after it only one of both may be added to.
type NumSet struct {
	ranges  []Range
	saved   bool
	largest uint32
}

// ErrNumSet says that a string is not a sequence set.
var ErrNumSet = errors.New("not a sequence set")

// ParseNumSet reads a sequence set. "*" and "$" are allowed.
func ParseNumSet(s string) (NumSet, error) {
	set, n, _ := scanNumSet([]byte(s), math.MaxInt64, true)
	if n == 0 || n < len(s) {
		return NumSet{}, ErrNumSet
	}
	return set, nil
}

// scanNumSet reads the set at the start of b and returns its length; 0 where there is none. It gives up after
// limit elements. Without symbols there is no "*" and no "$".
func scanNumSet(b []byte, limit int64, symbols bool) (set NumSet, n int, tooMany bool) {
	if symbols && len(b) > 0 && b[0] == '$' {
		if !endsSet(b[1:]) {
			return NumSet{}, 0, false
		}
		return NumSet{saved: true}, 1, false
	}
	sorted := true
	for count := int64(0); ; n++ {
		r, length := scanRange(b[n:], symbols)
		if length == 0 {
			return NumSet{}, 0, false
		}
		if count++; count > limit {
			return NumSet{}, 0, true
		}
		if r.Last != Star {
			set.largest = max(set.largest, r.Last)
		}
		sorted = set.push(r) && sorted
		if n += length; n == len(b) || b[n] != ',' {
			break
		}
	}
	if !endsSet(b[n:]) {
		return NumSet{}, 0, false
	}
	if !sorted {
		set.normalise()
	}
	return set, n, false
}

// endsSet reports whether a set may end before b.
func endsSet(b []byte) bool { return len(b) == 0 || !is(b[0], listChar) }

// scanRange reads a number, "*", or two of them with a colon, and orders them.
func scanRange(b []byte, star bool) (Range, int) {
	first, n := scanSeqNumber(b, star)
	if n == 0 || n == len(b) || b[n] != ':' {
		return Range{first, first}, n
	}
	last, m := scanSeqNumber(b[n+1:], star)
	if m == 0 {
		return Range{}, 0
	}
	if first == Star || last != Star && first > last {
		first, last = last, first
	}
	return Range{first, last}, n + 1 + m
}

func scanSeqNumber(b []byte, star bool) (uint32, int) {
	if star && len(b) > 0 && b[0] == '*' {
		return Star, 1
	}
	n, v, ok := scanNumber(b, math.MaxUint32)
	if !ok || b[0] == '0' {
		return 0, 0
	}
	return uint32(v), n
}

// push adds r at the end and says whether the set is still normalised. Ranges that touch the last are merged into it.
func (s *NumSet) push(r Range) bool {
	if len(s.ranges) == 0 {
		s.ranges = append(s.ranges, r)
		return true
	}
	last := &s.ranges[len(s.ranges)-1]
	switch {
	case last.Last == Star || r.Last == Star || r.First < last.First:
		s.ranges = append(s.ranges, r)
		return false
	case r.First-1 > last.Last:
		s.ranges = append(s.ranges, r)
	default:
		last.Last = max(last.Last, r.Last)
	}
	return true
}

// normalise sorts and merges the ranges.
//
// n:* is all messages from n on, or the last one. Messages above the last do not exist, so a range that touches n:* or
// lies in it can be merged with it, and of several n:* the lowest holds all.
func (s *NumSet) normalise() {
	raw := s.ranges
	star, from := false, uint32(Star)
	s.ranges = nil
	slices.SortFunc(raw, func(a, b Range) int { return cmp.Compare(a.First, b.First) })
	for _, r := range raw {
		switch {
		case r.Last != Star:
			s.push(r)
		case r.First != Star && (from == Star || r.First < from):
			star, from = true, r.First
		default:
			star = true
		}
	}
	if !star {
		return
	}
	for n := len(s.ranges); n > 0 && from != Star && s.ranges[n-1].Last >= from-1; n-- {
		from = min(from, s.ranges[n-1].First)
		s.ranges = s.ranges[:n-1]
	}
	s.ranges = append(s.ranges, Range{from, Star})
}

// Add adds one number, not zero. Numbers that come in ascending order are added in constant time.
func (s *NumSet) Add(n uint32) { s.AddRange(n, n) }

// AddRange adds the numbers from first to last, not zero, first <= last.
func (s *NumSet) AddRange(first, last uint32) {
	s.largest = max(s.largest, last)
	if !s.push(Range{first, last}) {
		s.normalise()
	}
}

// Saved reports whether the set is "$", the result of the last SEARCH (RFC 5182). Such a set is otherwise empty.
func (s *NumSet) Saved() bool { return s.saved }

// Empty reports whether the set has no number, no "*", and is not "$".
func (s *NumSet) Empty() bool { return len(s.ranges) == 0 && !s.saved }

// Single tells whether the set is one number, or "*".
func (s *NumSet) Single() bool { return len(s.ranges) == 1 && s.ranges[0].First == s.ranges[0].Last }

// HasStar reports whether the set has "*" and needs Resolve.
func (s *NumSet) HasStar() bool {
	return len(s.ranges) > 0 && s.ranges[len(s.ranges)-1].Last == Star
}

// Largest returns the largest number named, 0 if none. Numbers of ranges with "*" do not count: 5:* is right also in a
// mailbox of three messages, 5:7 is not.
func (s *NumSet) Largest() uint32 { return s.largest }

// Ranges returns the ranges of the set, for reading only.
func (s *NumSet) Ranges() []Range { return s.ranges }

// Len returns how many numbers the set has, "*" not counted.
func (s *NumSet) Len() uint64 {
	var n uint64
	for _, r := range s.ranges {
		if r.Last != Star {
			n += uint64(r.Last-r.First) + 1
		}
	}
	return n
}

// All iterates over the numbers in ascending order, "*" left out. It goes over every number of a range, as the client wrote
// it: intersect with what exists instead where ranges may be large.
func (s *NumSet) All() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for _, r := range s.ranges {
			for n := uint64(r.First); n <= uint64(r.Last) && r.Last != Star; n++ {
				if !yield(uint32(n)) {
					return
				}
			}
		}
	}
}

// Contains reports whether n, not zero, is in the set. With n:* every number from n on is; "*" alone contains
// nothing until it is resolved.
func (s *NumSet) Contains(n uint32) bool {
	i, found := slices.BinarySearchFunc(s.ranges, n, func(r Range, n uint32) int {
		if r.First == Star {
			return 1
		}
		return cmp.Compare(r.First, n)
	})
	if found {
		return true
	}
	return i > 0 && (s.ranges[i-1].Last >= n || s.ranges[i-1].Last == Star)
}

// Resolve returns the set with "*" replaced by largest, the largest number in use, 0 if there is none. Numbers above
// largest that only a range with "*" named are left out. The set itself is not changed.
func (s *NumSet) Resolve(largest uint32) NumSet {
	if !s.HasStar() {
		return *s
	}
	n := len(s.ranges) - 1
	out := NumSet{ranges: slices.Clone(s.ranges[:n]), largest: s.largest}
	if first := s.ranges[n].First; largest != 0 {
		if first == Star || first > largest {
			first = largest
		}
		out.AddRange(first, largest)
		out.largest = s.largest
	}
	return out
}

// String returns the set as it is written in the protocol; "" for the empty set, which cannot be written.
func (s NumSet) String() string { return string(s.AppendTo(nil)) }

// AppendTo appends the set as it is written in the protocol.
func (s *NumSet) AppendTo(b []byte) []byte {
	if s.saved {
		return append(b, '$')
	}
	for i, r := range s.ranges {
		if i > 0 {
			b = append(b, ',')
		}
		b = r.appendTo(b)
	}
	return b
}

func (r Range) appendTo(b []byte) []byte {
	b = appendSeqNumber(b, r.First)
	if r.First != r.Last {
		b = append(b, ':')
		b = appendSeqNumber(b, r.Last)
	}
	return b
}

func appendSeqNumber(b []byte, n uint32) []byte {
	if n == Star {
		return append(b, '*')
	}
	return strconv.AppendUint(b, uint64(n), 10)
}
