package trigram

import "math/bits"

// maxPairs is how many pairs of trigram and document a Builder takes, 8 bytes each; sorting needs as much again.
const maxPairs = 3 << 20

// Builder gathers documents for one segment. The zero value is ready. It is not for several goroutines at once, and keeps its memory
// for the next segment: up to 64 MiB.
type Builder struct {
	docs  []uint32
	pairs []pair
	spare []pair
	open  bool  // a document is being added
	class Class // of the present text
	begun int   // how many pairs there were before the present document

	// seen has a bit for each trigram of the present class of the present document, touched the words of it that are not 0.
	seen    []uint64
	touched []uint32
	tail    [2]byte // the last bytes of the present text
	length  int     // of the present text, at most 2
}

// pair says that a document has a trigram.
type pair struct {
	key key
	doc uint32 // its place among the documents
}

// Add begins a document, with a text of class 0. Numbers have to rise.
func (b *Builder) Add(number uint32) {
	b.finish()
	if b.seen == nil {
		b.seen = make([]uint64, 1<<24/64)
	}
	b.docs = append(b.docs, number)
	b.open, b.begun, b.class = true, len(b.pairs), 0
}

// Text begins a text of the present document.
func (b *Builder) Text(class Class) {
	b.endText()
	if class != b.class {
		b.gather()
		b.class = class
	}
}

// gather notes the trigrams of the present class.
func (b *Builder) gather() {
	doc := uint32(len(b.docs) - 1)
	b.clear(func(k key) { b.pairs = append(b.pairs, pair{b.class.key(k), doc}) })
}

// Write adds bytes to the present text of the present document; it never fails.
func (b *Builder) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && b.length < 2 {
		b.tail[b.length] = p[0]
		b.length++
		p = p[1:]
	}
	if len(p) == 0 {
		return n, nil
	}
	k := key(b.tail[0])<<8 | key(b.tail[1])
	for _, c := range p {
		k = (k<<8 | key(c)) & (1<<24 - 1)
		b.note(k)
	}
	b.tail = [2]byte{byte(k >> 8), byte(k)}
	return n, nil
}

// endText ends the present text: strings are not found across its end.
func (b *Builder) endText() {
	switch b.length {
	case 2:
		b.note(key(b.tail[0])<<16 | key(b.tail[1])<<8)
		b.note(key(b.tail[1]) << 16)
	case 1:
		b.note(key(b.tail[0]) << 16)
	}
	b.length = 0
}

func (b *Builder) note(k key) {
	word, bit := k>>6, uint64(1)<<(k&63)
	if b.seen[word]&bit != 0 {
		return
	}
	if b.seen[word] == 0 {
		b.touched = append(b.touched, uint32(word))
	}
	b.seen[word] |= bit
}

// Forget takes the present document back, which could not be read to its end.
func (b *Builder) Forget() {
	b.clear(func(key) {})
	b.docs, b.pairs = b.docs[:len(b.docs)-1], b.pairs[:b.begun]
	b.open = false
}

// clear empties the set of trigrams of the present document and hands each of them on.
func (b *Builder) clear(each func(key)) {
	for _, word := range b.touched {
		for set := b.seen[word]; set != 0; set &= set - 1 {
			each(key(word)<<6 | key(bits.TrailingZeros64(set)))
		}
		b.seen[word] = 0
	}
	b.touched = b.touched[:0]
	b.length = 0
}

// finish ends the present document.
func (b *Builder) finish() {
	if !b.open {
		return
	}
	b.endText()
	b.gather()
	b.open = false
}

// Full tells whether it is time to call Segment: the memory that the Builder may use is used.
func (b *Builder) Full() bool { return len(b.pairs)+64*len(b.touched) >= maxPairs }

// Len returns how many documents there are.
func (b *Builder) Len() int { return len(b.docs) }

// Segment returns the segment of all documents, and makes the Builder empty.
func (b *Builder) Segment() []byte {
	b.finish()
	b.sort()
	w := newWriter(b.docs)
	for rest := b.pairs; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].key == rest[0].key {
			n++
		}
		w.begin(rest[0].key)
		for i, p := range rest[:n] {
			if i == 0 || p.doc != rest[i-1].doc { // texts of one class need not follow each other
				w.post(p.doc)
			}
		}
		w.end()
		rest = rest[n:]
	}
	b.docs, b.pairs = b.docs[:0], b.pairs[:0]
	return w.finish()
}

// sort orders the pairs by trigram; the documents of each stay in order. It is a radix sort, from the last byte to the first.
func (b *Builder) sort() {
	if cap(b.spare) < len(b.pairs) {
		b.spare = make([]pair, len(b.pairs))
	}
	from, to := b.pairs, b.spare[:len(b.pairs)]
	for shift := 0; shift < 32; shift += 8 {
		var place [257]int
		for _, p := range from {
			place[int(byte(p.key>>shift))+1]++
		}
		for i := range 256 {
			place[i+1] += place[i]
		}
		for _, p := range from {
			digit := byte(p.key >> shift)
			to[place[digit]] = p
			place[digit]++
		}
		from, to = to, from
	}
	b.pairs, b.spare = from, to
}
