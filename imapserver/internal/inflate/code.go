package inflate

// The sizes of alphabets and codes (RFC 1951, sections 3.2.5 to 3.2.7).
const (
	maxBits      = 15
	maxLiterals  = 288
	maxDistances = 32
	endOfBlock   = 256
	fastBits     = 9
)

// code is a Huffman code, which the lengths of its words determine (RFC 1951, section 3.2.2).
type code struct {
	count  [maxBits + 1]int      // words of each length
	values [maxLiterals]uint16   // in the order of the words
	fast   [1 << fastBits]uint16 // by the next bits: value<<4 | length of its word, 0 for a longer one
}

// init makes the code. It tells whether there is such a code: as zlib, it takes one that is complete, one of a single word of one
// bit, and an empty one.
func (c *code) init(lengths []uint8) bool {
	c.count = [maxBits + 1]int{}
	for _, l := range lengths {
		c.count[l]++
	}
	c.count[0] = 0
	var offset, next [maxBits + 2]int
	left, words := 1, 0
	for l := 1; l <= maxBits; l++ {
		left = left<<1 - c.count[l]
		if left < 0 {
			return false
		}
		offset[l+1] = offset[l] + c.count[l]
		next[l+1] = (next[l] + c.count[l]) << 1
		words += c.count[l]
	}
	clear(c.fast[:])
	for v, l := range lengths {
		if l == 0 {
			continue
		}
		c.values[offset[l]] = uint16(v)
		offset[l]++
		if l <= fastBits {
			for i := reverse(next[l], uint(l)); i < len(c.fast); i += 1 << l {
				c.fast[i] = uint16(v)<<4 | uint16(l)
			}
		}
		next[l]++
	}
	return left == 0 || words == 0 || words == 1 && c.count[1] == 1
}

// reverse turns a word around: words are packed with their first bit lowest (RFC 1951, section 3.1.1).
func reverse(word int, length uint) (r int) {
	for range length {
		r = r<<1 | word&1
		word >>= 1
	}
	return r
}

// decode returns the value of the word that the n lowest of bits begin with, and its length; or false and how many bits it looked at.
func (c *code) decode(bits uint64, n uint) (value int, length uint, ok bool) {
	if e := c.fast[bits&(1<<fastBits-1)]; e != 0 && uint(e&15) <= n {
		return int(e >> 4), uint(e & 15), true
	}
	word, first, index := 0, 0, 0
	for length = 1; length <= min(n, maxBits); length++ {
		word |= int(bits & 1)
		bits >>= 1
		count := c.count[length]
		if word < first+count {
			return int(c.values[index+word-first]), length, true
		}
		index += count
		first = (first + count) << 1
		word <<= 1
	}
	return 0, length - 1, false
}

// extra is a value that goes on with bits of its own.
type extra struct {
	base  int
	extra uint
}

var lengthCodes, distanceCodes = makeLengths(), makeDistances()

// makeLengths makes the table of RFC 1951, section 3.2.5: groups of four, but for both ends.
func makeLengths() (t [29]extra) {
	base := 3
	for i := range t {
		t[i] = extra{base, uint(max(0, i/4-1))}
		base += 1 << t[i].extra
	}
	t[28] = extra{maxMatch, 0}
	return t
}

func makeDistances() (t [30]extra) {
	base := 1
	for i := range t {
		t[i] = extra{base, uint(max(0, i/2-1))}
		base += 1 << t[i].extra
	}
	return t
}

// fixed sets the codes that need no description (RFC 1951, section 3.2.6).
func (r *Reader) fixed() {
	for i := range r.lengths {
		switch {
		case i < 144:
			r.lengths[i] = 8
		case i < 256:
			r.lengths[i] = 9
		case i < 280:
			r.lengths[i] = 7
		case i < maxLiterals:
			r.lengths[i] = 8
		default:
			r.lengths[i] = 5
		}
	}
	r.literals.init(r.lengths[:maxLiterals])
	r.distances.init(r.lengths[maxLiterals:])
}

// codeOrder is the order of the lengths of code lengths (RFC 1951, section 3.2.7).
var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamicHeader begins to read the codes of a block: how many lengths there are (RFC 1951, section 3.2.7).
func (r *Reader) dynamicHeader() bool {
	if !r.need(14) {
		return false
	}
	r.nlit, r.ndist = r.take(5)+257, r.take(5)+1
	n := r.take(4) + 4
	if r.nlit > 286 || r.ndist > 30 {
		return r.corrupt()
	}
	clear(r.lengths[:])
	r.have = 0
	r.step = func(r *Reader) bool { return r.codeLength(n) }
	return true
}

// codeLength reads one of the n lengths of the code in which the lengths of the others are written.
func (r *Reader) codeLength(n int) bool {
	if r.have < n {
		if !r.need(3) {
			return false
		}
		r.lengths[codeOrder[r.have]] = uint8(r.take(3))
		r.have++
		return true
	}
	if !r.literals.init(r.lengths[:len(codeOrder)]) {
		return r.corrupt()
	}
	clear(r.lengths[:])
	r.have = 0
	r.step = (*Reader).length
	return true
}

// repeats are the values above 15: that many lengths, of 0 or the same as the one before.
var repeats = [3]extra{{3, 2}, {3, 3}, {11, 7}}

// length reads one or more of the lengths of both codes, which are one row.
func (r *Reader) length() bool {
	if r.have == r.nlit+r.ndist {
		return r.codes()
	}
	r.need(maxBits + 7)
	value, used, ok := r.literals.decode(r.bits, r.nbits)
	if !ok {
		return r.short(used)
	}
	if value < 16 {
		r.take(used)
		r.lengths[r.have] = uint8(value)
		r.have++
		return true
	}
	e := repeats[value-16]
	times := e.base + int(r.bits>>used&(1<<e.extra-1))
	if used += e.extra; used > r.nbits {
		return false
	}
	r.take(used)
	if r.have+times > r.nlit+r.ndist || value == 16 && r.have == 0 {
		return r.corrupt()
	}
	for range times {
		if value == 16 {
			r.lengths[r.have] = r.lengths[r.have-1]
		}
		r.have++
	}
	return true
}

// codes makes the codes of the block. One without a word for its end is none, as for zlib.
func (r *Reader) codes() bool {
	if r.lengths[endOfBlock] == 0 || !r.literals.init(r.lengths[:r.nlit]) || !r.distances.init(r.lengths[r.nlit:r.have]) {
		return r.corrupt()
	}
	r.step = (*Reader).symbol
	return true
}
