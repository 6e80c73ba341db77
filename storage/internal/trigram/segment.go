package trigram

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sort"
)

// Segment is an open segment. Its methods may be called from many goroutines at once.
type Segment struct {
	r      io.ReaderAt
	docs   []uint32
	blocks []block
}

// block is where a block is.
type block struct {
	first  key
	offset int64
	length int
	sum    uint32
}

// What a sound segment does not exceed.
const (
	maxBlock = 1 << 26 // decompressed: an entry has at most 5 bytes a document
	maxTail  = 1 << 28
)

// Open reads the tail of a segment of the given length. Memory is about 5 bytes a document and a thousandth of the segment. The error
// is ErrDamaged, or that of reading.
func Open(r io.ReaderAt, length int64) (*Segment, error) {
	var end [endLength]byte
	if length < endLength {
		return nil, fmt.Errorf("%w: %d bytes are too few", ErrDamaged, length)
	}
	if err := readAt(r, end[:], length-endLength); err != nil {
		return nil, err
	}
	n := int64(le.Uint32(end[:]))
	if le.Uint32(end[8:]) != magic || n > maxTail || n > length-endLength {
		return nil, fmt.Errorf("%w: no end at %d", ErrDamaged, length-endLength)
	}
	tail := make([]byte, n+4)
	if err := readAt(r, tail, length-endLength-n); err != nil {
		return nil, err
	}
	if crc32.Checksum(tail, castagnoli) != le.Uint32(end[4:]) {
		return nil, fmt.Errorf("%w: wrong checksum of the tail", ErrDamaged)
	}
	s := &Segment{r: r}
	return s, s.parse(tail[:n], length-endLength-n)
}

// readAt fills p.
func readAt(r io.ReaderAt, p []byte, at int64) error {
	n, err := r.ReadAt(p, at)
	switch {
	case n == len(p):
		return nil
	case err == nil || err == io.EOF:
		return fmt.Errorf("%w: ends at %d", ErrDamaged, at+int64(n))
	}
	return err
}

// parse reads the tail; the blocks take the bytes up to end.
func (s *Segment) parse(tail []byte, end int64) error {
	d := decoder{tail}
	n := d.number(len(tail))
	s.docs = make([]uint32, 0, n)
	last := uint64(0)
	for i := range n {
		distance := d.uvarint()
		if last += distance; distance == 0 && i > 0 || last > 1<<32-1 {
			return fmt.Errorf("%w: documents are out of order", ErrDamaged)
		}
		s.docs = append(s.docs, uint32(last))
	}
	n = d.number(len(d.b))
	s.blocks = make([]block, 0, n)
	b := block{}
	for i := range n {
		distance := d.uvarint()
		b.first += key(distance)
		b.offset += int64(b.length)
		b.length = d.number(int(end))
		b.sum = d.sum()
		if distance == 0 && i > 0 || distance >= keys || b.first >= keys || b.offset+int64(b.length) > end {
			return fmt.Errorf("%w: blocks are out of order", ErrDamaged)
		}
		s.blocks = append(s.blocks, b)
	}
	if d.b == nil || len(d.b) > 0 {
		return fmt.Errorf("%w: wrong length of the tail", ErrDamaged)
	}
	return nil
}

// Docs returns the numbers of the documents, rising. The slice is not to be modified.
func (s *Segment) Docs() []uint32 { return s.docs }

// entries calls each with the trigrams of a block and the documents of each, as they are written, until it returns false.
func (s *Segment) entries(b block, buf []byte, each func(k key, n int, places []byte) bool) error {
	packed := make([]byte, b.length)
	if err := readAt(s.r, packed, b.offset); err != nil {
		return err
	}
	if crc32.Checksum(packed, castagnoli) != b.sum {
		return fmt.Errorf("%w: wrong checksum of the block at %d", ErrDamaged, b.offset)
	}
	raw, err := decompressor().DecodeAll(packed, buf[:0])
	if err != nil {
		return fmt.Errorf("%w: block at %d: %w", ErrDamaged, b.offset, err)
	}
	k := key(0)
	for d := (decoder{raw}); len(d.b) > 0; {
		k += key(d.uvarint())
		n := d.number(len(s.docs))
		places := d.bytes(d.number(len(d.b)))
		if d.b == nil {
			return fmt.Errorf("%w: block at %d does not end", ErrDamaged, b.offset)
		}
		if !each(k, n, places) {
			break
		}
	}
	return nil
}

// from returns the place of the block in which the trigram is, or would be.
func (s *Segment) from(k key) int {
	i := sort.Search(len(s.blocks), func(i int) bool { return s.blocks[i].first > k })
	return max(i-1, 0)
}

// places decodes the documents of an entry onto dst.
func (s *Segment) places(dst []uint32, n int, b []byte) ([]uint32, error) {
	place := -1
	dst = slices.Grow(dst, n)
	for d := (decoder{b}); n > 0; n-- {
		place += d.number(len(s.docs)) + 1
		if d.b == nil || place >= len(s.docs) {
			return nil, fmt.Errorf("%w: no such document", ErrDamaged)
		}
		dst = append(dst, uint32(place))
	}
	return dst, nil
}

// decoder takes numbers off b. After a mistake b is nil, and every number 0.
type decoder struct{ b []byte }

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.b = nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

// number is a number that is at most limit.
func (d *decoder) number(limit int) int {
	v := d.uvarint()
	if v > uint64(limit) {
		d.b = nil
		return 0
	}
	return int(v)
}

func (d *decoder) bytes(n int) []byte {
	if n > len(d.b) {
		d.b = nil
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) sum() uint32 {
	b := d.bytes(4)
	if b == nil {
		return 0
	}
	return le.Uint32(b)
}
