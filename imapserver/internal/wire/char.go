package wire

// class is a set of the character classes of RFC 9051, section 9.
type class uint8

const (
	atomChar    class = 1 << iota // ATOM-CHAR
	astringChar                   // ASTRING-CHAR
	tagChar                       // ASTRING-CHAR without "+"
	listChar                      // list-char
	keywordChar                   // ATOM-CHAR without "[", which begins a section
	digitChar                     // DIGIT
	quotedChar                    // what may stand in a quoted string without a backslash, 7-bit
)

var classes = classTable()

func classTable() (t [256]class) {
	for c := 1; c < 0x80; c++ {
		switch c {
		case '\r', '\n':
		case '"', '\\':
		default:
			t[c] |= quotedChar
		}
		if c <= ' ' || c == 0x7f {
			continue
		}
		switch c {
		case '(', ')', '{', '"', '\\':
		case '%', '*':
			t[c] |= listChar
		case ']':
			t[c] |= astringChar | tagChar | listChar
		case '[':
			t[c] |= atomChar | astringChar | tagChar | listChar
		case '+':
			t[c] |= atomChar | astringChar | listChar | keywordChar
		default:
			t[c] |= atomChar | astringChar | tagChar | listChar | keywordChar
		}
		if c >= '0' && c <= '9' {
			t[c] |= digitChar
		}
	}
	return t
}

// is reports whether c is in any of the classes of k.
func is(c byte, k class) bool { return classes[c]&k != 0 }

// span returns how many octets at the start of b are in class k.
func span(b []byte, k class) int {
	for i, c := range b {
		if classes[c]&k == 0 {
			return i
		}
	}
	return len(b)
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		c -= 'a' - 'A'
	}
	return c
}

// equalFold reports whether b and word are the same but for the case of ASCII letters.
func equalFold[B, W []byte | string](b B, word W) bool {
	if len(b) != len(word) {
		return false
	}
	for i := range len(b) {
		if upper(b[i]) != upper(word[i]) {
			return false
		}
	}
	return true
}
