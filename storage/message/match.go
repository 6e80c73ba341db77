package message

import (
	"bytes"
	"io"
	"unicode"
	"unicode/utf8"
)

// Matcher finds a text in other text without regard to case, for SEARCH: both are compared after
// Unicode simple case folding (the Unicode Standard, section 3.13). It may be used by several
// goroutines at once.
type Matcher struct {
	folded []byte
}

// NewMatcher makes a Matcher for a text in UTF-8. The empty text is found everywhere.
func NewMatcher(text string) *Matcher {
	return &Matcher{appendFolded(nil, []byte(text))}
}

// Match reports whether the text is in b, which is UTF-8.
func (m *Matcher) Match(b []byte) bool {
	var buf [1 << 10]byte // holds a usual header field on the stack
	if len(b) <= len(buf) {
		return bytes.Contains(appendFolded(buf[:0], b), m.folded)
	}
	found, _ := m.MatchReader(bytes.NewReader(b))
	return found
}

// MatchReader reports whether the text is in what r gives, which is UTF-8. Memory is bounded. The
// error is one of reading; io.EOF is none.
func (m *Matcher) MatchReader(r io.Reader) (bool, error) {
	if len(m.folded) == 0 {
		return true, nil
	}
	in := make([]byte, 8<<10)
	folded := make([]byte, 0, len(in)+2*len(m.folded)+utf8.UTFMax)
	n := 0 // bytes in in
	for {
		got, err := io.ReadFull(r, in[n:])
		n += got
		whole := n
		if err == nil {
			whole -= cutRune(in[:n])
		}
		folded = appendFolded(folded, in[:whole])
		if bytes.Contains(folded, m.folded) {
			return true, nil
		}
		// The end of what was seen may be the beginning of the text.
		if keep := len(m.folded) - 1; len(folded) > keep {
			folded = append(folded[:0], folded[len(folded)-keep:]...)
		}
		n = copy(in, in[whole:n])
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// cutRune is how many bytes at the end of b begin a character that is not complete.
func cutRune(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if c := b[len(b)-n]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// appendFolded appends text with each character replaced by the representative of its case folding
// class.
func appendFolded(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			dst = append(dst, lowerByte(c))
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		dst = utf8.AppendRune(dst, foldRune(r))
		i += size
	}
	return dst
}

// foldRune is the smallest member of the class, or its ASCII lower case letter.
func foldRune(r rune) rune {
	least := r
	for s := unicode.SimpleFold(r); s != r; s = unicode.SimpleFold(s) {
		least = min(least, s)
	}
	if least < utf8.RuneSelf {
		return rune(lowerByte(byte(least)))
	}
	return least
}
