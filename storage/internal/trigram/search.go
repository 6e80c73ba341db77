package trigram

import (
	"cmp"
	"slices"
)

// maxTrigrams is how many trigrams of a string are looked up, spread over it.
const maxTrigrams = 24

// few is how many documents are few enough to look into without looking up more trigrams.
const few = 4

// Search returns the numbers of the documents that can hold the string in a text of the class, rising. All are returned for a string of
// less than two bytes. The slice is not to be modified.
func (s *Segment) Search(class Class, text []byte) ([]uint32, error) {
	var places []uint32
	var err error
	switch len(text) {
	case 0, 1:
		return s.docs, nil
	case 2:
		places, err = s.prefix(class.key(key(text[0])<<16 | key(text[1])<<8))
	default:
		places, err = s.all(keysOf(class, text))
	}
	if err != nil {
		return nil, err
	}
	for i, p := range places {
		places[i] = s.docs[p]
	}
	return places, nil
}

// keysOf returns trigrams of a string, each once.
func keysOf(class Class, text []byte) []key {
	n := len(text) - size + 1
	step := max(1, float64(n-1)/(maxTrigrams-1))
	keys := make([]key, 0, maxTrigrams)
	for at := 0.0; int(at+0.5) < n && len(keys) < maxTrigrams; at += step {
		keys = append(keys, class.key(keyAt(text[int(at+0.5):])))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// posting is the documents of a trigram, as they are written.
type posting struct {
	n      int
	places []byte
}

// all returns the documents that have all trigrams, which are in order: those of the rarest, less those that lack another.
func (s *Segment) all(keys []key) ([]uint32, error) {
	lists := make([]posting, 0, len(keys))
	var buf []byte
	for len(keys) > 0 && len(s.blocks) > 0 {
		at := s.from(keys[0])
		found := len(lists)
		n := 0 // trigrams that are in the block, if anywhere
		for n < len(keys) && s.from(keys[n]) == at {
			n++
		}
		wanted := keys[:n]
		err := s.entries(s.blocks[at], buf, func(k key, n int, places []byte) bool {
			for len(wanted) > 0 && wanted[0] < k {
				wanted = wanted[1:]
			}
			if len(wanted) > 0 && wanted[0] == k {
				lists = append(lists, posting{n, slices.Clone(places)})
			}
			return len(wanted) > 0
		})
		if err != nil || len(lists)-found < n {
			return nil, err
		}
		keys = keys[n:]
	}
	if len(keys) > 0 || len(lists) == 0 {
		return nil, nil
	}
	slices.SortFunc(lists, func(a, b posting) int { return cmp.Compare(a.n, b.n) })
	places, err := s.places(nil, lists[0].n, lists[0].places)
	var other []uint32
	for _, l := range lists[1:] {
		if err != nil || len(places) <= few {
			break
		}
		if other, err = s.places(other[:0], l.n, l.places); err == nil {
			places = intersect(places, other)
		}
	}
	return places, err
}

// intersect keeps those of a, which it changes, that are in b. Both rise.
func intersect(a, b []uint32) []uint32 {
	out := a[:0]
	for _, v := range a {
		for len(b) > 0 && b[0] < v {
			b = b[1:]
		}
		if len(b) > 0 && b[0] == v {
			out = append(out, v)
		}
	}
	return out
}

// prefix returns the documents that have a trigram that begins with the two first bytes of k.
func (s *Segment) prefix(k key) ([]uint32, error) {
	has := make([]bool, len(s.docs))
	var list []uint32
	for at := s.from(k); at < len(s.blocks) && s.blocks[at].first>>8 <= k>>8; at++ {
		var bad error
		err := s.entries(s.blocks[at], nil, func(found key, n int, places []byte) bool {
			if found>>8 == k>>8 {
				list, bad = s.places(list[:0], n, places)
				for _, p := range list {
					has[p] = true
				}
			}
			return bad == nil && found>>8 <= k>>8
		})
		if err = cmp.Or(err, bad); err != nil {
			return nil, err
		}
	}
	list = list[:0]
	for p, ok := range has {
		if ok {
			list = append(list, uint32(p))
		}
	}
	return list, nil
}
