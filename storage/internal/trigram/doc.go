// Package trigram is an index of texts for searches of substrings. It tells which documents can hold a string: every document that
// holds it is among them, and few others. Whoever searches looks into those.
//
// A document is a set of texts under a number (a UID), each of a [Class], in which alone it is found. Of each text the index has the trigrams: all its runs of three bytes, and those
// that begin in its last two bytes, filled up with zeros. So a string of three bytes or more can only be where all its trigrams are,
// and one of two bytes where a trigram begins with it. The caller folds case, in texts and in strings alike.
//
// A [Builder] gathers documents and gives a [Segment]'s bytes, which never change; [Merge] makes one segment of several and leaves out
// documents that are gone. What has been damaged is noticed by checksums. An index can be thrown away and made again at any time.
package trigram

import "errors"

// ErrDamaged is what bytes are answered with that are no segment, or not as they were written.
var ErrDamaged = errors.New("trigram: damaged segment")

// size is how many bytes a trigram has.
const size = 3

// Class is a kind of texts.
type Class uint8

// Classes is how many there can be.
const Classes = 8

// key is a class and a trigram, its first byte highest, so that the trigrams of a class with a common beginning are neighbours.
type key uint32

// keys is how many there are.
const keys = Classes << 24

func (c Class) key(trigram key) key { return key(c)<<24 | trigram }

func keyAt(b []byte) key { return key(b[0])<<16 | key(b[1])<<8 | key(b[2]) }
