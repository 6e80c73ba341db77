package storage

import (
	"cmp"
	"iter"
	"slices"
	"sort"
	"strconv"
)

// UIDRange is the UIDs from First to Last, both included.
type UIDRange struct{ First, Last UID }

// UIDSet is a set of UIDs: ranges in ascending order that neither touch nor overlap. The zero value is empty.
// A UIDSet that others may see is not modified.
type UIDSet []UIDRange

// NewUIDSet makes a set of UIDs in any order.
func NewUIDSet(uids ...UID) UIDSet {
	var s UIDSet
	for _, u := range slices.Sorted(slices.Values(uids)) {
		s = s.Append(u)
	}
	return s
}

// NormaliseUIDs makes a set of ranges in any order, which may overlap. It sorts ranges in place.
func NormaliseUIDs(ranges []UIDRange) UIDSet {
	slices.SortFunc(ranges, func(a, b UIDRange) int { return cmp.Compare(a.First, b.First) })
	var s UIDSet
	for _, r := range ranges {
		if n := len(s); n > 0 && uint64(r.First) <= uint64(s[n-1].Last)+1 {
			s[n-1].Last = max(s[n-1].Last, r.Last)
		} else {
			s = append(s, r)
		}
	}
	return s
}

// Append adds u, which is not below the set's highest UID, and returns the longer set (as append does).
func (s UIDSet) Append(u UID) UIDSet {
	if n := len(s); n > 0 && (s[n-1].Last == u || s[n-1].Last+1 == u) {
		s[n-1].Last = u
		return s
	}
	return append(s, UIDRange{u, u})
}

// Contains tells whether u is in the set.
func (s UIDSet) Contains(u UID) bool {
	i := sort.Search(len(s), func(i int) bool { return s[i].Last >= u })
	return i < len(s) && s[i].First <= u
}

// Len returns how many UIDs are in the set.
func (s UIDSet) Len() int {
	n := 0
	for _, r := range s {
		n += int(r.Last-r.First) + 1
	}
	return n
}

// All yields the UIDs in ascending order.
func (s UIDSet) All() iter.Seq[UID] {
	return func(yield func(UID) bool) {
		for _, r := range s {
			for u := r.First; ; u++ {
				if !yield(u) {
					return
				}
				if u == r.Last {
					break
				}
			}
		}
	}
}

// Intersect returns the UIDs that are in both sets.
func (s UIDSet) Intersect(t UIDSet) UIDSet {
	var out UIDSet
	for i, j := 0, 0; i < len(s) && j < len(t); {
		if lo, hi := max(s[i].First, t[j].First), min(s[i].Last, t[j].Last); lo <= hi {
			out = append(out, UIDRange{lo, hi})
		}
		if s[i].Last < t[j].Last {
			i++
		} else {
			j++
		}
	}
	return out
}

// Subtract returns the UIDs of s that are not in t.
func (s UIDSet) Subtract(t UIDSet) UIDSet {
	var out UIDSet
	for _, r := range s {
		for len(t) > 0 && t[0].Last < r.First {
			t = t[1:]
		}
		for _, gone := range t {
			if gone.First > r.Last {
				break
			}
			if r.First < gone.First {
				out = append(out, UIDRange{r.First, gone.First - 1})
			}
			if gone.Last >= r.Last {
				r.First = 0 // nothing is left
				break
			}
			r.First = max(r.First, gone.Last+1)
		}
		if r.First != 0 {
			out = append(out, r)
		}
	}
	return out
}

// Union returns the UIDs that are in either set.
func (s UIDSet) Union(t UIDSet) UIDSet {
	return NormaliseUIDs(slices.Concat(s, t))
}

// String returns the set as IMAP writes it: "1:3,7". The empty set is "".
func (s UIDSet) String() string {
	var b []byte
	for i, r := range s {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(r.First), 10)
		if r.Last != r.First {
			b = append(b, ':')
			b = strconv.AppendUint(b, uint64(r.Last), 10)
		}
	}
	return string(b)
}
