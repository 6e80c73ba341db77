package message

// status says where a lexer stands after a token and the white space behind it.
type status int8

const (
	bad  status = iota - 1 // the token is malformed
	end                    // nothing follows
	more                   // something follows
)

// lexer reads the tokens of structured header fields (RFC 5322, section 3.2; RFC 2045,
// section 5.1). Its input is a raw field body: folding is white space. Tokens are appended to a
// caller's buffer; white space and comments before a token must have been skipped, those behind it
// are.
type lexer struct {
	in  []byte
	pos int
	// comment is the text of the last comment, kept only if keepComment.
	comment     []byte
	keepComment bool
	sure        int // see text
}

// nulText stands for NUL wherever text goes to a client: IMAP cannot carry NUL.
const nulText = "\uFFFD"

// Classes of bytes. 8-bit bytes count as letters: RFC 6532, and broken mail.
const (
	classAtext = 1 << iota // atext of RFC 5322
	classToken             // token of RFC 2045 without "."
)

var byteClass = makeByteClass()

func makeByteClass() (t [256]uint8) {
	const both = classAtext | classToken
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c >= 0x80:
			t[c] = both
		}
	}
	for _, c := range []byte("!#$%&'*+-^_`{|}~") {
		t[c] = both
	}
	for _, c := range []byte("/=?") {
		t[c] = classAtext
	}
	return t
}

func isAtext(c byte) bool { return byteClass[c]&classAtext != 0 }
func isToken(c byte) bool { return byteClass[c]&classToken != 0 || c == '.' }
func isWSP(c byte) bool   { return c == ' ' || c == '\t' }

func (l *lexer) reset(in []byte) {
	l.in, l.pos = in, 0
	l.comment = l.comment[:0]
}

func (l *lexer) status() status {
	if l.pos < len(l.in) {
		return more
	}
	return end
}

// at reports whether the next byte is c.
func (l *lexer) at(c byte) bool { return l.pos < len(l.in) && l.in[l.pos] == c }

// skip passes white space and comments.
func (l *lexer) skip() status {
	for l.pos < len(l.in) {
		switch l.in[l.pos] {
		case ' ', '\t', '\r', '\n':
			l.pos++
		case '(':
			if !l.skipComment() {
				return bad
			}
		default:
			return more
		}
	}
	return end
}

// skipComment passes one comment with those nested in it, without recursion.
func (l *lexer) skipComment() bool {
	l.comment, l.sure = l.comment[:0], 0
	depth := 0
	for l.pos < len(l.in) {
		c := l.in[l.pos]
		switch c {
		case '(':
			depth++
			if depth == 1 {
				l.pos++
				continue
			}
		case ')':
			depth--
			if depth == 0 {
				l.pos++
				return true
			}
		}
		if l.keepComment {
			l.comment = l.text(l.comment, false)
		} else if c == '\\' {
			l.pos += 2
		} else {
			l.pos++
		}
	}
	l.pos = len(l.in)
	l.comment = l.comment[:l.sure]
	return false
}

// text appends the next character of a comment, quoted string or domain literal and passes it:
// line ends vanish, a quoted pair gives its second byte (both, if keepSlash). In sure it keeps how
// much of dst counts if the end is missing: what stands before the last line end or quoted pair.
func (l *lexer) text(dst []byte, keepSlash bool) []byte {
	c := l.in[l.pos]
	l.pos++
	switch c {
	case 0:
		dst = append(dst, nulText...)
		l.sure = len(dst)
		return dst
	case '\r':
		if l.at('\n') {
			l.pos++
			l.sure = len(dst)
			return dst
		}
	case '\n':
		l.sure = len(dst)
		return dst
	case '\\':
		if l.pos == len(l.in) {
			return dst
		}
		// Line ends and NUL cannot be quoted: the backslash stands for itself.
		if next := l.in[l.pos]; next != '\r' && next != '\n' && next != 0 {
			l.sure = len(dst)
			if keepSlash {
				dst = append(dst, c)
			}
			c = next
			l.pos++
		}
	}
	return append(dst, c)
}

// run appends the bytes for which ok holds.
func (l *lexer) run(dst []byte, ok func(byte) bool) []byte {
	start := l.pos
	for l.pos < len(l.in) && ok(l.in[l.pos]) {
		l.pos++
	}
	return append(dst, l.in[start:l.pos]...)
}

// atom reads at least one atext.
func (l *lexer) atom(dst []byte) ([]byte, status) {
	if l.pos >= len(l.in) || !isAtext(l.in[l.pos]) {
		return dst, bad
	}
	dst = l.run(dst, isAtext)
	return dst, l.skip()
}

// dotAtom reads atoms with single dots between them; white space may stand around the dots.
func (l *lexer) dotAtom(dst []byte) ([]byte, status) {
	for {
		var st status
		if dst, st = l.atom(dst); st != more || !l.at('.') {
			return dst, st
		}
		l.pos++
		dst = append(dst, '.')
		if l.skip() != more {
			return dst, bad
		}
	}
}

// token reads a MIME token, which may be empty.
func (l *lexer) token(dst []byte) ([]byte, status) {
	dst = l.run(dst, isToken)
	return dst, l.skip()
}

// quotedString reads a quoted string; the next byte is the opening quote. Without closing quote it
// is what is sure.
func (l *lexer) quotedString(dst []byte) ([]byte, status) {
	l.sure = len(dst)
	for l.pos++; l.pos < len(l.in); {
		if l.in[l.pos] == '"' {
			l.pos++
			return dst, l.skip()
		}
		dst = l.text(dst, false)
	}
	return dst[:l.sure], bad
}

// phrase reads words (atoms that may contain dots, and quoted strings) and puts one space between
// them.
func (l *lexer) phrase(dst []byte) ([]byte, status) {
	if l.pos >= len(l.in) {
		return dst, end
	}
	if l.in[l.pos] == '.' {
		return dst, bad
	}
	for {
		st := more
		if l.in[l.pos] == '"' {
			dst, st = l.quotedString(dst)
		} else {
			dst = l.run(dst, func(c byte) bool { return isAtext(c) || c == '.' })
			st = l.skip()
		}
		if st != more {
			return dst, st
		}
		if c := l.in[l.pos]; !isAtext(c) && c != '"' && c != '.' {
			return dst, more
		}
		dst = append(dst, ' ')
	}
}

// domain reads what follows an "@", which is the next byte.
func (l *lexer) domain(dst []byte) ([]byte, status) {
	l.pos++
	if l.skip() != more {
		return dst, bad
	}
	if l.in[l.pos] != '[' {
		return l.dotAtom(dst)
	}
	dst = append(dst, '[')
	for l.pos++; l.pos < len(l.in); {
		switch l.in[l.pos] {
		case '[':
			return dst, bad
		case ']':
			l.pos++
			return append(dst, ']'), l.skip()
		}
		dst = l.text(dst, true)
	}
	return dst, bad
}
