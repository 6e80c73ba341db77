package trigram

// Merge makes one segment of several, whose documents follow each other, without the documents for which alive is false. Its memory is
// that of the new segment, and a block of each.
func Merge(segments []*Segment, alive func(number uint32) bool) ([]byte, error) {
	var docs []uint32
	sources := make([]*source, len(segments))
	for i, s := range segments {
		src := &source{segment: s, moved: make([]int32, len(s.docs))}
		for place, number := range s.docs {
			src.moved[place] = -1
			if alive(number) {
				src.moved[place] = int32(len(docs))
				docs = append(docs, number)
			}
		}
		if err := src.next(); err != nil {
			return nil, err
		}
		sources[i] = src
	}
	w := newWriter(docs)
	for {
		k, more := lowest(sources)
		if !more {
			return w.finish(), nil
		}
		w.begin(k)
		for _, src := range sources {
			if len(src.queue) == 0 || src.queue[0].key != k {
				continue
			}
			if err := src.give(w); err != nil {
				return nil, err
			}
		}
		w.end()
	}
}

// lowest returns the lowest trigram that any source has next.
func lowest(sources []*source) (k key, more bool) {
	for _, src := range sources {
		if len(src.queue) > 0 && (!more || src.queue[0].key < k) {
			k, more = src.queue[0].key, true
		}
	}
	return k, more
}

// source is a segment that is being read from its beginning to its end.
type source struct {
	segment *Segment
	moved   []int32 // place of each document in the new segment, -1 for those that are gone
	block   int     // the next
	queue   []entry // what is left of the present block
	places  []uint32
}

type entry struct {
	key key
	posting
}

// next reads a block, where there is another.
func (s *source) next() error {
	if s.block == len(s.segment.blocks) {
		return nil
	}
	var queue []entry
	err := s.segment.entries(s.segment.blocks[s.block], nil, func(k key, n int, places []byte) bool {
		queue = append(queue, entry{k, posting{n, places}})
		return true
	})
	s.queue = queue
	s.block++
	return err
}

// give writes the documents of the next trigram and goes on.
func (s *source) give(w *writer) (err error) {
	e := s.queue[0]
	if s.places, err = s.segment.places(s.places[:0], e.n, e.places); err != nil {
		return err
	}
	for _, p := range s.places {
		if at := s.moved[p]; at >= 0 {
			w.post(uint32(at))
		}
	}
	if s.queue = s.queue[1:]; len(s.queue) == 0 {
		return s.next()
	}
	return nil
}
