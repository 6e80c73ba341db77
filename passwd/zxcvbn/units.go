package zxcvbn

import (
	"slices"
	"unicode"
	"unicode/utf16"
)

const (
	sigma      = 0x3a3
	finalSigma = 0x3c2
	dottedI    = 0x130
)

// lower does what toLowerCase does in JavaScript: Unicode's full mapping, without a language. Half of a surrogate pair stays as it is.
func lower(units []uint16) []uint16 {
	out := make([]uint16, 0, len(units))
	for i := 0; i < len(units); i++ {
		c := rune(units[i])
		switch {
		case c < 0x80:
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			out = append(out, uint16(c))
		case c == dottedI:
			out = append(out, 'i', 0x307)
		case c == sigma && endsWord(units, i):
			out = append(out, finalSigma)
		case utf16.IsSurrogate(c):
			if r := pairAt(units, i); r != unicode.ReplacementChar {
				out = utf16.AppendRune(out, unicode.ToLower(r))
				i++
			} else {
				out = append(out, uint16(c))
			}
		default:
			out = append(out, uint16(unicode.ToLower(c)))
		}
	}
	return out
}

// pairAt returns the character of the surrogate pair at i, or U+FFFD if there is none.
func pairAt(units []uint16, i int) rune {
	if i+1 >= len(units) {
		return unicode.ReplacementChar
	}
	return utf16.DecodeRune(rune(units[i]), rune(units[i+1]))
}

// endsWord reports whether the sigma at i is written as at the end of a word: after a letter and not before one (The Unicode Standard,
// section 3.13, Final_Sigma).
func endsWord(units []uint16, i int) bool {
	before, after := runes(units[:i]), runes(units[i+1:])
	slices.Reverse(before)
	return leadsToLetter(before) && !leadsToLetter(after)
}

func leadsToLetter(text []rune) bool {
	for _, r := range text {
		if !caseIgnorable(r) {
			return cased(r)
		}
	}
	return false
}

func runes(units []uint16) (out []rune) {
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		if p := pairAt(units, i); utf16.IsSurrogate(r) && p != unicode.ReplacementChar {
			r = p
			i++
		}
		out = append(out, r)
	}
	return out
}

func cased(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

// caseIgnorable is the property Case_Ignorable: marks, format characters, modifiers, and the punctuation inside of words.
func caseIgnorable(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) ||
		slices.Contains([]rune("'.:·‘’․‧·՟״︓﹒﹕＇．："), r)
}

func isDigit(c uint16) bool { return '0' <= c && c <= '9' }
func isUpper(c uint16) bool { return 'A' <= c && c <= 'Z' }
func isLower(c uint16) bool { return 'a' <= c && c <= 'z' }

// endsLine reports the characters that "." does not match in a regular expression.
func endsLine(c uint16) bool { return c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029 }

func every(units []uint16, f func(uint16) bool) bool {
	return !slices.ContainsFunc(units, func(c uint16) bool { return !f(c) })
}

func count(units []uint16, f func(uint16) bool) (n int) {
	for _, c := range units {
		if f(c) {
			n++
		}
	}
	return n
}

func units(s string) []uint16    { return utf16.Encode([]rune(s)) }
func text(units []uint16) string { return string(utf16.Decode(units)) }
