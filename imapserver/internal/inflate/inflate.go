// Package inflate reads DEFLATE streams (RFC 1951) that come over a connection, piece by piece.
//
// It differs from compress/flate in two points, which COMPRESS=DEFLATE needs (RFC 4978). Whatever can be decoded is given to the reader
// at once, also after zlib's partial flush, with which some mail programs end their commands: compress/flate waits for the end of
// a block, or for a full window. And an error of the connection, such as a deadline, may pass: the next Read goes on.
package inflate

import (
	"errors"
	"io"
)

// ErrCorrupt is the error of what is no DEFLATE stream. It stays.
var ErrCorrupt = errors.New("inflate: the data is not in DEFLATE format")

const (
	windowSize = 1 << 15 // RFC 1951, section 2: the furthest that a distance can reach
	maxMatch   = 258
	most       = windowSize / 2 // decoded ahead of the reader
)

// Reader is an io.Reader of what src says compressed. After the final block, the error is io.EOF. One goroutine may use it.
type Reader struct {
	src  io.Reader
	in   [1 << 10]byte
	r, w int // not yet in bits: in[r:w]

	bits  uint64 // the next bits, the first of them lowest
	nbits uint   // how many; beyond them, bits is 0

	window      [windowSize]byte
	made, given uint64 // bytes in all; the window has the last of them

	step        func(*Reader) bool // does what comes next; false if there is not enough input for it
	final       bool               // the block is the last
	aligned     bool               // a stored or the final block has just ended, and with it a byte: something else may follow
	stored      int                // bytes that are left of a stored block
	literals    code               // also lengths
	distances   code
	lengths     [maxLiterals + maxDistances]uint8 // of the codes of a dynamic block, of which have are known
	have        int
	nlit, ndist int
	err         error
}

// NewReader returns a Reader of src.
func NewReader(src io.Reader) *Reader { return &Reader{src: src, step: (*Reader).header} }

// Read reads from the source only when there is nothing left to give. Errors of the source, but for io.EOF, may pass.
func (r *Reader) Read(p []byte) (int, error) {
	for len(p) > 0 {
		for r.made-r.given < uint64(min(len(p), most)) && r.err == nil && r.step(r) {
		}
		if n := r.give(p); n > 0 {
			return n, nil
		}
		if r.err != nil {
			return 0, r.err
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// give copies what is decoded and not yet given.
func (r *Reader) give(p []byte) (n int) {
	for n < len(p) && r.given < r.made {
		from := r.given % windowSize
		c := copy(p[n:], r.window[from:min(windowSize, from+r.made-r.given)])
		n += c
		r.given += uint64(c)
	}
	return n
}

func (r *Reader) fill() error {
	n, err := r.src.Read(r.in[:])
	r.r, r.w = 0, n
	switch {
	case n > 0:
		return nil
	case err == nil:
		return io.ErrNoProgress
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}

// need makes sure that there are n bits, of at most 56.
func (r *Reader) need(n uint) bool {
	for r.nbits < n {
		if r.r == r.w {
			return false
		}
		r.bits |= uint64(r.in[r.r]) << r.nbits
		r.r++
		r.nbits += 8
	}
	return true
}

// take removes n bits that are there, and returns them.
func (r *Reader) take(n uint) int {
	v := r.bits & (1<<n - 1)
	r.bits >>= n
	r.nbits -= n
	return int(v)
}

func (r *Reader) corrupt() bool {
	r.err = ErrCorrupt
	return false
}

func (r *Reader) put(b byte) {
	r.window[r.made%windowSize] = b
	r.made++
}

// end ends a block.
func (r *Reader) end(stored bool) bool {
	r.step = (*Reader).header
	if r.aligned = stored || r.final; r.aligned {
		r.take(r.nbits % 8)
	}
	if r.final {
		r.err = io.EOF
	}
	return true
}

// header reads the header of a block (RFC 1951, section 3.2.3).
func (r *Reader) header() bool {
	if !r.need(3) {
		return false
	}
	r.final, r.aligned = r.take(1) == 1, false
	switch r.take(2) {
	case 0:
		r.take(r.nbits % 8)
		r.step = (*Reader).storedHeader
	case 1:
		r.fixed()
		r.step = (*Reader).symbol
	case 2:
		r.step = (*Reader).dynamicHeader
	default:
		return r.corrupt()
	}
	return true
}

// storedHeader reads the length of a stored block (RFC 1951, section 3.2.4).
func (r *Reader) storedHeader() bool {
	if !r.need(32) {
		return false
	}
	r.stored = r.take(16)
	if r.take(16) != r.stored^0xffff {
		return r.corrupt()
	}
	r.step = (*Reader).storedByte
	return true
}

func (r *Reader) storedByte() bool {
	if r.stored == 0 {
		return r.end(true)
	}
	if !r.need(8) {
		return false
	}
	r.put(byte(r.take(8)))
	r.stored--
	return true
}

// symbol reads a literal, or a length and a distance (RFC 1951, section 3.2.5): all of it or nothing.
func (r *Reader) symbol() bool {
	r.need(56) // as many as there are; 15 + 5 + 15 + 13 are enough for any
	value, used, ok := r.literals.decode(r.bits, r.nbits)
	switch {
	case !ok:
		return r.short(used)
	case value < endOfBlock:
		r.take(used)
		r.put(byte(value))
		return true
	case value == endOfBlock:
		r.take(used)
		return r.end(false)
	case value-endOfBlock > len(lengthCodes):
		return r.corrupt()
	}
	l := lengthCodes[value-endOfBlock-1]
	length := l.base + int(r.bits>>used&(1<<l.extra-1))
	used += l.extra
	if used > r.nbits {
		return false
	}
	value, more, ok := r.distances.decode(r.bits>>used, r.nbits-used)
	switch {
	case !ok:
		return r.short(more)
	case value >= len(distanceCodes):
		return r.corrupt()
	}
	used += more
	d := distanceCodes[value]
	distance := uint64(d.base) + r.bits>>used&(1<<d.extra-1)
	used += d.extra
	if used > r.nbits {
		return false
	}
	if distance > r.made {
		return r.corrupt()
	}
	r.take(used)
	for range length {
		r.put(r.window[(r.made-distance)%windowSize])
	}
	return true
}

// short is the result where no code fits: with all the bits that one can have, the stream is broken.
func (r *Reader) short(looked uint) bool {
	if looked == maxBits {
		return r.corrupt()
	}
	return false
}

// Rest returns what follows the stream in its source: the stream has no more to tell, and ends with a final block or a sync flush, of which
// a part may still have to come. r must not be used any more.
func (r *Reader) Rest() io.Reader { return (*rest)(r) }

type rest Reader

func (t *rest) Read(p []byte) (int, error) {
	r := (*Reader)(t)
	for !r.aligned {
		switch {
		case r.made > r.given || r.err != nil:
			return 0, ErrCorrupt
		case r.step(r):
		default:
			if err := r.fill(); err != nil {
				return 0, err
			}
		}
	}
	n := 0
	for ; n < len(p) && r.nbits > 0; n++ {
		p[n] = byte(r.take(8))
	}
	c := copy(p[n:], r.in[r.r:r.w])
	r.r += c
	if n += c; n > 0 {
		return n, nil
	}
	return r.src.Read(p)
}
