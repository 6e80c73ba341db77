package wire

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// base64 digits of modified UTF-7 (RFC 3501, section 5.1.3).
const utf7Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"

// direct reports whether c stands for itself in modified UTF-7; "&" does not.
func direct(c byte) bool { return c >= 0x20 && c <= 0x7e && c != '&' }

// AppendUTF7 appends the modified UTF-7 of s to dst (RFC 3501, section 5.1.3). What is not UTF-8 in s becomes
// U+FFFD.
func AppendUTF7(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case direct(c):
			dst = append(dst, c)
			i++
		case c == '&':
			dst = append(dst, '&', '-')
			i++
		default:
			n := shifted(s[i:])
			dst = appendShifted(dst, s[i:i+n])
			i += n
		}
	}
	return dst
}

// shifted returns how many octets at the start of s are to be written in base64.
func shifted(s string) int {
	for i := range len(s) {
		if s[i] >= 0x20 && s[i] <= 0x7e {
			return i
		}
	}
	return len(s)
}

func appendShifted(dst []byte, s string) []byte {
	dst = append(dst, '&')
	var bits uint32
	var count int
	put := func(unit uint16) {
		bits = bits<<16 | uint32(unit)
		for count += 16; count >= 6; {
			count -= 6
			dst = append(dst, utf7Digits[bits>>count&63])
		}
	}
	for _, r := range s {
		if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
			put(uint16(hi))
			put(uint16(lo))
		} else {
			put(uint16(r))
		}
	}
	if count > 0 {
		dst = append(dst, utf7Digits[bits<<(6-count)&63])
	}
	return append(dst, '-')
}

// EncodeUTF7 returns the modified UTF-7 of s, as AppendUTF7 does.
func EncodeUTF7(s string) string {
	if i := shiftAt(s); i == len(s) {
		return s
	}
	return string(AppendUTF7(nil, s))
}

// shiftAt returns where in s the first octet is that does not stand for itself.
func shiftAt(s string) int {
	for i := range len(s) {
		if !direct(s[i]) {
			return i
		}
	}
	return len(s)
}

// DecodeUTF7 returns the UTF-8 of a name in modified UTF-7. It is false for anything that EncodeUTF7 would not write:
// 8-bit or control characters, base64 that is open at the end, empty, has padding bits set, holds an
// unpaired surrogate or a character that stands for itself, or follows other base64 directly; and for U+0000
// (RFC 9051, section 9, note 3). So a mailbox has one name only.
func DecodeUTF7(s string) (string, bool) {
	i := shiftAt(s)
	if i == len(s) {
		return s, true
	}
	var out strings.Builder
	out.WriteString(s[:i])
	after := false // base64 has just ended
	for i < len(s) {
		if s[i] != '&' {
			if !direct(s[i]) {
				return "", false
			}
			out.WriteByte(s[i])
			after = false
			i++
			continue
		}
		n := strings.IndexByte(s[i:], '-')
		switch {
		case n < 0:
			return "", false
		case n == 1:
			out.WriteByte('&')
			after = false
		case after || !decodeShifted(&out, s[i+1:i+n]):
			return "", false
		default:
			after = true
		}
		i += n + 1
	}
	return out.String(), true
}

// decodeShifted writes what the base64 of s stands for.
func decodeShifted(out *strings.Builder, s string) bool {
	var bits uint32
	var count int
	var high rune // the first half of a surrogate pair
	for i := range len(s) {
		v := strings.IndexByte(utf7Digits, s[i])
		if v < 0 {
			return false
		}
		bits = bits<<6 | uint32(v)
		if count += 6; count < 16 {
			continue
		}
		count -= 16
		r := rune(bits >> count & 0xffff)
		if high != 0 {
			r = utf16.DecodeRune(high, r)
			high = 0
			if r == utf8.RuneError {
				return false
			}
		}
		switch {
		case r >= 0xd800 && r < 0xdc00:
			high = r
			continue
		case r >= 0xdc00 && r < 0xe000, r == 0, r >= 0x20 && r <= 0x7e:
			return false
		}
		out.WriteRune(r)
	}
	return high == 0 && count < 6 && bits&(1<<count-1) == 0 && len(s) > 1
}
