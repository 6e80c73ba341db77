package message

import (
	"bytes"
	"errors"
	"io"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Matcher finds a text in other text without regard to case, for SEARCH: both are compared by the
// collation i;unicode-casemap, see AppendFolded. It may be used by several goroutines at once.
type Matcher struct {
	folded []byte
}

// NewMatcher makes a Matcher for a text in UTF-8. The empty text is found everywhere.
func NewMatcher(text string) *Matcher {
	return &Matcher{AppendFolded(nil, []byte(text))}
}

// Match reports whether the text is in b, which is UTF-8.
func (m *Matcher) Match(b []byte) bool {
	var buf [1 << 10]byte // holds a usual header field on the stack
	if len(b) <= len(buf) {
		return bytes.Contains(AppendFolded(buf[:0], b), m.folded)
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
	err := CopyFolded(&finder{want: m.folded}, r)
	if err == errFound {
		return true, nil
	}
	return false, err
}

// Folded returns the text as it is looked for in folded text. The slice is not to be modified.
func (m *Matcher) Folded() []byte { return m.folded }

var errFound = errors.New("found")

// finder looks for want in what is written; errFound ends it.
type finder struct {
	want, seen []byte
}

func (f *finder) Write(p []byte) (int, error) {
	f.seen = append(f.seen, p...)
	if bytes.Contains(f.seen, f.want) {
		return len(p), errFound
	}
	// The end of what was seen may be the beginning of the text.
	if keep := len(f.want) - 1; len(f.seen) > keep {
		f.seen = append(f.seen[:0], f.seen[len(f.seen)-keep:]...)
	}
	return len(p), nil
}

// CopyFolded copies text, which is UTF-8, as a Matcher compares it. Memory is bounded. The error is one of reading or writing;
// io.EOF is none.
func CopyFolded(dst io.Writer, src io.Reader) error {
	in := make([]byte, 8<<10)
	folded := make([]byte, 0, len(in)+len(in)/2)
	for n := 0; ; {
		got, err := io.ReadFull(src, in[n:])
		n += got
		whole := n
		if err == nil {
			whole -= cutRune(in[:n])
		}
		folded = AppendFolded(folded[:0], in[:whole])
		if _, err := dst.Write(folded); err != nil {
			return err
		}
		n = copy(in, in[whole:n])
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return nil
		case err != nil:
			return err
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

// AppendFolded appends text, as a Matcher compares it: by the collation i;unicode-casemap (RFC 5051, section 2), that is with each
// character in title case and then decomposed. Compared byte by byte, such texts are in the collation's order. Beyond it, characters
// are equal that differ only in case but have no title case, such as both forms of the German sharp s, or letters in a ligature.
func AppendFolded(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			dst = append(dst, upperByte(c))
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		dst = appendDecomposed(dst, unicode.ToTitle(firstOfCase(r)))
		i += size
	}
	return dst
}

// firstOfCase is the smallest of the characters that differ from r only in case.
func firstOfCase(r rune) rune {
	first := r
	for s := unicode.SimpleFold(r); s != r; s = unicode.SimpleFold(s) {
		first = min(first, s)
	}
	return first
}

func appendDecomposed(dst []byte, r rune) []byte {
	start := len(dst)
	dst = utf8.AppendRune(dst, r)
	if r < utf8.RuneSelf {
		return dst
	}
	if d := norm.NFKD.Properties(dst[start:]).Decomposition(); d != nil {
		for _, c := range d {
			dst = append(dst[:start], upperByte(c))
			start++
		}
	}
	return dst
}

func upperByte(c byte) byte {
	if c >= 'a' && c <= 'z' {
		c -= 'a' - 'A'
	}
	return c
}
