package storage

import (
	"encoding/binary"
	"errors"
)

var le = binary.LittleEndian

// encoder appends values in the form that decoder reads. All files of this package are little endian.
type encoder struct{ b []byte }

func (e *encoder) u8(v uint8)       { e.b = append(e.b, v) }
func (e *encoder) u32(v uint32)     { e.b = le.AppendUint32(e.b, v) }
func (e *encoder) u64(v uint64)     { e.b = le.AppendUint64(e.b, v) }
func (e *encoder) uvarint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) varint(v int64)   { e.b = binary.AppendVarint(e.b, v) }
func (e *encoder) id(v ID)          { e.b = append(e.b, v[:]...) }
func (e *encoder) raw(v []byte)     { e.b = append(e.b, v...) }

func (e *encoder) bytes(v []byte) {
	e.uvarint(uint64(len(v)))
	e.b = append(e.b, v...)
}

func (e *encoder) str(v string) {
	e.uvarint(uint64(len(v)))
	e.b = append(e.b, v...)
}

func (e *encoder) strs(v []string) {
	e.uvarint(uint64(len(v)))
	for _, s := range v {
		e.str(s)
	}
}

func (e *encoder) uids(s UIDSet) {
	e.uvarint(uint64(len(s)))
	last := UID(0)
	for _, r := range s {
		e.uvarint(uint64(r.First - last))
		e.uvarint(uint64(r.Last - r.First))
		last = r.Last
	}
}

// decoder reads what encoder wrote. After the first error all reads give zero values.
type decoder struct {
	b   []byte
	err error
}

var errShort = errors.New("ends too early or holds an impossible value")

func (d *decoder) fail() {
	d.b = nil
	if d.err == nil {
		d.err = errShort
	}
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) u8() uint8 {
	if v := d.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (d *decoder) u32() uint32 {
	if v := d.take(4); v != nil {
		return le.Uint32(v)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if v := d.take(8); v != nil {
		return le.Uint64(v)
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count reads a number of items of at least size bytes each, which must still be there.
func (d *decoder) count(size int) int {
	v := d.uvarint()
	if v > uint64(len(d.b)/size) {
		d.fail()
		return 0
	}
	return int(v)
}

func (d *decoder) id() (v ID) {
	copy(v[:], d.take(16))
	return v
}

func (d *decoder) digest() (v Digest) {
	copy(v[:], d.take(16))
	return v
}

func (d *decoder) bytes() []byte { return d.take(d.uvarint()) }
func (d *decoder) str() string   { return string(d.bytes()) }

func (d *decoder) strs() []string {
	var v []string
	for range d.count(1) {
		v = append(v, d.str())
	}
	return v
}

func (d *decoder) uids() UIDSet {
	var s UIDSet
	last := uint64(0)
	for range d.count(2) {
		first := last + d.uvarint()
		last = first + d.uvarint()
		if first == 0 || last > 1<<32-1 || last < first || (len(s) > 0 && first <= uint64(s[len(s)-1].Last)) {
			d.fail()
			return nil
		}
		s = append(s, UIDRange{UID(first), UID(last)})
	}
	return s
}

// end tells whether everything was read without an error.
func (d *decoder) end() error {
	if d.err == nil && len(d.b) > 0 {
		d.err = errors.New("has more bytes than its values need")
	}
	return d.err
}
