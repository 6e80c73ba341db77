package wire

import "math"

// scanNumber returns the number that the digits at the start of b write, and how many there are. It is not
// ok without a digit or above limit.
func scanNumber(b []byte, limit uint64) (n int, v uint64, ok bool) {
	for n < len(b) && is(b[n], digitChar) {
		digit := uint64(b[n] - '0')
		if v > (limit-digit)/10 {
			return 0, 0, false
		}
		v = v*10 + digit
		n++
	}
	return n, v, n > 0
}

// number reads a number of at most limit; with nonzero, one that begins with a digit from 1 to 9.
func (d *Decoder) number(limit uint64, nonzero bool, dst *uint64) bool {
	rest := d.rest()
	n, v, ok := scanNumber(rest, limit)
	if !ok || nonzero && rest[0] == '0' {
		return false
	}
	*dst = v
	d.pos += n
	return true
}

// Number reads a number from 0 to 2^32-1.
func (d *Decoder) Number(dst *uint32) bool {
	var v uint64
	ok := d.number(math.MaxUint32, false, &v)
	if ok {
		*dst = uint32(v)
	}
	return ok
}

// ExpectNumber is Number for one that must be there.
func (d *Decoder) ExpectNumber(dst *uint32) bool {
	return d.Number(dst) || d.Expected("a number below 2^32")
}

// NZNumber reads a number from 1 to 2^32-1, without leading zeros: a UID, a UIDVALIDITY, a sequence number.
func (d *Decoder) NZNumber(dst *uint32) bool {
	var v uint64
	ok := d.number(math.MaxUint32, true, &v)
	if ok {
		*dst = uint32(v)
	}
	return ok
}

// ExpectNZNumber is NZNumber for one that must be there.
func (d *Decoder) ExpectNZNumber(dst *uint32) bool {
	return d.NZNumber(dst) || d.Expected("a number from 1 to 2^32-1")
}

// Number64 reads a number from 0 to 2^63-1: a size, an offset.
func (d *Decoder) Number64(dst *int64) bool {
	var v uint64
	ok := d.number(math.MaxInt64, false, &v)
	if ok {
		*dst = int64(v)
	}
	return ok
}

// ExpectNumber64 is Number64 for one that must be there.
func (d *Decoder) ExpectNumber64(dst *int64) bool {
	return d.Number64(dst) || d.Expected("a number below 2^63")
}

// ModSeq reads a mod-sequence-valzer, from 0 to 2^63-1 (RFC 7162, section 7). Where zero is not allowed, it is for the caller
// to say so.
func (d *Decoder) ModSeq(dst *uint64) bool { return d.number(math.MaxInt64, false, dst) }

// ExpectModSeq is ModSeq for one that must be there.
func (d *Decoder) ExpectModSeq(dst *uint64) bool {
	return d.ModSeq(dst) || d.Expected("a mod-sequence")
}

// SectionPart reads the number of a body part, for instance 1.2.3, into *dst, whose capacity it reuses. In
// 1.2.HEADER it reads 1.2 (RFC 9051, section 6.4.5).
func (d *Decoder) SectionPart(dst *[]uint32) bool {
	rest := d.rest()
	parts := (*dst)[:0]
	read := 0
	for at := 0; ; at++ {
		n, v, ok := scanNumber(rest[at:], math.MaxUint32)
		if !ok || rest[at] == '0' {
			break
		}
		if int64(len(parts)) == d.Limits.depth() {
			return d.Expected("a shorter part number")
		}
		parts = append(parts, uint32(v))
		at += n
		read = at
		if at == len(rest) || rest[at] != '.' {
			break
		}
	}
	if read == 0 {
		return false
	}
	*dst = parts
	d.pos += read
	return true
}

// Partial reads <offset.count>, count not zero (RFC 9051, section 6.4.5).
func (d *Decoder) Partial(offset, count *int64) bool {
	if !d.Byte('<') {
		return false
	}
	ok := d.ExpectNumber64(offset) && d.ExpectByte('.')
	if ok && (!d.Number64(count) || *count == 0) {
		return d.Expected("a number above 0")
	}
	return ok && d.ExpectByte('>')
}
