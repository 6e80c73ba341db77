package hash

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// The oldest crypt(3) functions encrypt zeros with DES under the password, again and again, with a DES that is changed by a salt, so
// that crypto/des is of no use. The tables are those of FIPS 46-3; bits are counted from the left, from 1.

// desIP is the initial permutation; the final one is its inverse.
var desIP = [64]byte{
	58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4, 62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24, 16, 8,
	57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3, 61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31, 23, 15, 7,
}

// desPC1 and desPC2 choose the bits of the key.
var desPC1 = [56]byte{
	57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
	63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
}

var desPC2 = [48]byte{
	14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
	41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
}

var desShifts = [16]int{1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1}

// desP permutes what comes out of the S-boxes.
var desP = [32]byte{
	16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
}

var desS = [8][64]byte{
	{14, 4, 13, 1, 2, 15, 11, 8, 3, 10, 6, 12, 5, 9, 0, 7, 0, 15, 7, 4, 14, 2, 13, 1, 10, 6, 12, 11, 9, 5, 3, 8, 4, 1, 14, 8, 13, 6, 2, 11, 15, 12, 9, 7, 3, 10, 5, 0, 15, 12, 8, 2, 4, 9, 1, 7, 5, 11, 3, 14, 10, 0, 6, 13},
	{15, 1, 8, 14, 6, 11, 3, 4, 9, 7, 2, 13, 12, 0, 5, 10, 3, 13, 4, 7, 15, 2, 8, 14, 12, 0, 1, 10, 6, 9, 11, 5, 0, 14, 7, 11, 10, 4, 13, 1, 5, 8, 12, 6, 9, 3, 2, 15, 13, 8, 10, 1, 3, 15, 4, 2, 11, 6, 7, 12, 0, 5, 14, 9},
	{10, 0, 9, 14, 6, 3, 15, 5, 1, 13, 12, 7, 11, 4, 2, 8, 13, 7, 0, 9, 3, 4, 6, 10, 2, 8, 5, 14, 12, 11, 15, 1, 13, 6, 4, 9, 8, 15, 3, 0, 11, 1, 2, 12, 5, 10, 14, 7, 1, 10, 13, 0, 6, 9, 8, 7, 4, 15, 14, 3, 11, 5, 2, 12},
	{7, 13, 14, 3, 0, 6, 9, 10, 1, 2, 8, 5, 11, 12, 4, 15, 13, 8, 11, 5, 6, 15, 0, 3, 4, 7, 2, 12, 1, 10, 14, 9, 10, 6, 9, 0, 12, 11, 7, 13, 15, 1, 3, 14, 5, 2, 8, 4, 3, 15, 0, 6, 10, 1, 13, 8, 9, 4, 5, 11, 12, 7, 2, 14},
	{2, 12, 4, 1, 7, 10, 11, 6, 8, 5, 3, 15, 13, 0, 14, 9, 14, 11, 2, 12, 4, 7, 13, 1, 5, 0, 15, 10, 3, 9, 8, 6, 4, 2, 1, 11, 10, 13, 7, 8, 15, 9, 12, 5, 6, 3, 0, 14, 11, 8, 12, 7, 1, 14, 2, 13, 6, 15, 0, 9, 10, 4, 5, 3},
	{12, 1, 10, 15, 9, 2, 6, 8, 0, 13, 3, 4, 14, 7, 5, 11, 10, 15, 4, 2, 7, 12, 9, 5, 6, 1, 13, 14, 0, 11, 3, 8, 9, 14, 15, 5, 2, 8, 12, 3, 7, 0, 4, 10, 1, 13, 11, 6, 4, 3, 2, 12, 9, 5, 15, 10, 11, 14, 1, 7, 6, 0, 8, 13},
	{4, 11, 2, 14, 15, 0, 8, 13, 3, 12, 9, 7, 5, 10, 6, 1, 13, 0, 11, 7, 4, 9, 1, 10, 14, 3, 5, 12, 2, 15, 8, 6, 1, 4, 11, 13, 12, 3, 7, 14, 10, 15, 6, 8, 0, 5, 9, 2, 6, 11, 13, 8, 1, 4, 10, 7, 9, 5, 0, 15, 14, 2, 3, 12},
	{13, 2, 8, 4, 6, 15, 11, 1, 10, 9, 3, 14, 5, 0, 12, 7, 1, 15, 13, 8, 10, 3, 7, 4, 12, 5, 6, 11, 0, 14, 9, 2, 7, 11, 4, 1, 9, 12, 14, 2, 0, 6, 10, 13, 15, 3, 5, 8, 2, 1, 14, 7, 4, 10, 8, 13, 15, 12, 9, 0, 3, 5, 6, 11},
}

// desSP is S-box and desP in one table.
var desSP = func() (t [8][64]uint32) {
	for box := range t {
		for in := range 64 {
			row, column := in>>4&2|in&1, in>>1&15
			out := uint64(desS[box][row<<4|column]) << (28 - 4*box)
			t[box][in] = uint32(choose(out, 32, desP[:]))
		}
	}
	return t
}()

// choose makes a number of the bits of in, which has width bits.
func choose(in uint64, width int, from []byte) (out uint64) {
	for _, bit := range from {
		out = out<<1 | in>>(width-int(bit))&1
	}
	return out
}

// desKeys are the keys of the 16 rounds.
type desKeys [16]uint64

func newDESKeys(key uint64) (k desKeys) {
	const half = 1<<28 - 1
	cd := choose(key, 64, desPC1[:])
	c, d := cd>>28, cd&half
	for i, shift := range desShifts {
		c = (c<<shift | c>>(28-shift)) & half
		d = (d<<shift | d>>(28-shift)) & half
		k[i] = choose(c<<28|d, 56, desPC2[:])
	}
	return k
}

// encrypt encrypts block count times. The salt swaps bits of the two halves of what the expansion yields.
func (k *desKeys) encrypt(block uint64, salt uint32, count int) uint64 {
	block = choose(block, 64, desIP[:])
	l, r := uint32(block>>32), uint32(block)
	swap := uint64(bits.Reverse32(salt) >> 8)
	for range count {
		for _, key := range k {
			e := expand(r)
			f := (e>>24 ^ e) & swap
			e ^= f<<24 | f
			e ^= key
			var out uint32
			for box := range desSP {
				out ^= desSP[box][e>>(42-6*box)&63]
			}
			l, r = r, l^out
		}
		l, r = r, l
	}
	// The final permutation sends each bit back to where the initial one had it from.
	in := uint64(l)<<32 | uint64(r)
	var out uint64
	for i, to := range desIP {
		out |= in >> (63 - i) & 1 << (64 - int(to))
	}
	return out
}

// expand makes 8 groups of 6 bits: 4 bits and their neighbours.
func expand(r uint32) (e uint64) {
	for group := range 8 {
		e = e<<6 | uint64(bits.RotateLeft32(r, 4*group+5)&63)
	}
	return e
}

// desKey is the first 8 bytes of a password as a key: 7 bits each.
func desKey(password []byte) uint64 {
	var key [8]byte
	for i := range min(8, len(password)) {
		key[i] = password[i] << 1
	}
	return binary.BigEndian.Uint64(key[:])
}

// desText encrypts zeros and writes the result in the digits of crypt(3).
func desText(key uint64, salt uint32, count int) string {
	keys := newDESKeys(key)
	out := keys.encrypt(0, salt, count)
	text := make([]byte, 0, 11)
	for shift := 58; shift > 0; shift -= 6 {
		text = append(text, itoa64[out>>shift&63])
	}
	return string(append(text, itoa64[out<<2&63]))
}

// parseDES reads the hash of the traditional crypt(3), salt and hash in 13 digits. Only 8 characters of the password count.
func parseDES(s string) (Hash, error) {
	salt := uint32(number64(s[:2]))
	return recomputed("DES-CRYPT", s[2:], 0, func(password []byte) string { return desText(desKey(password), salt, 25) })
}

// parseBSDi reads BSDi's extension: "_", four digits of count, four of salt, and the hash. The whole password counts.
func parseBSDi(s string) (Hash, error) {
	const maxCount = 1_000_000
	if len(s) != 20 || !isCrypt64(s[1:]) {
		return Hash{}, &Error{"BSDICRYPT", "it has not the form _CCCCSSSShash"}
	}
	count, salt := number64(s[1:5]), uint32(number64(s[5:9]))
	if count == 0 || count > maxCount {
		return Hash{}, &Error{"BSDICRYPT", fmt.Sprintf("its count is not 1 to %d", maxCount)}
	}
	return recomputed("BSDICRYPT", s[9:], 0, func(password []byte) string {
		key := desKey(password)
		for rest := password[min(8, len(password)):]; len(rest) > 0; rest = rest[min(8, len(rest)):] {
			keys := newDESKeys(key)
			key = keys.encrypt(key, 0, 1) ^ desKey(rest)
		}
		return desText(key, salt, count)
	})
}
