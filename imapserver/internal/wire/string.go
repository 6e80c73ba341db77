package wire

import (
	"encoding/base64"
	"unicode/utf8"
)

// String reads a quoted string or a literal.
func (d *Decoder) String(dst *string) bool { return d.quoted(dst) || d.literal("{", dst) }

// ExpectString is String for one that must be there.
func (d *Decoder) ExpectString(dst *string) bool { return d.String(dst) || d.Expected("a string") }

// AString reads an astring: an atom, which may hold "]", or a string.
func (d *Decoder) AString(dst *string) bool { return d.run(astringChar, dst) || d.String(dst) }

// ExpectAString is AString for one that must be there.
func (d *Decoder) ExpectAString(dst *string) bool { return d.AString(dst) || d.Expected("a string") }

// NString reads a string or NIL; *null tells which.
func (d *Decoder) NString(dst *string, null *bool) bool {
	if *null = d.Word("NIL"); *null {
		*dst = ""
		return true
	}
	return d.String(dst)
}

// ExpectNString is NString for one that must be there.
func (d *Decoder) ExpectNString(dst *string, null *bool) bool {
	return d.NString(dst, null) || d.Expected("a string or NIL")
}

// quoted reads a quoted string. UTF-8 in it is taken also from a client that has not enabled it (RFC 6855, section 3; RFC 9051,
// section 4.3): some write it as soon as IMAP4rev2 is announced, and it cannot mean anything else.
func (d *Decoder) quoted(dst *string) bool {
	rest := d.rest()
	if len(rest) == 0 || rest[0] != '"' {
		return false
	}
	plain := true // without a backslash
	for i := 1; i < len(rest); {
		c := rest[i]
		switch {
		case is(c, quotedChar):
			i++
		case c == '"':
			if *dst = string(rest[1:i]); !plain {
				*dst = unescape(rest[1:i])
			}
			d.pos += i + 1
			return true
		case c == '\\' && i+1 < len(rest) && (rest[i+1] == '"' || rest[i+1] == '\\'):
			plain = false
			i += 2
		case c == '\\':
			return d.expectedAt(d.Column()+i+1, "a quote or a backslash")
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(rest[i:])
			if r == utf8.RuneError && n == 1 {
				return d.expectedAt(d.Column()+i, "valid UTF-8")
			}
			i += n
		default:
			return d.expectedAt(d.Column()+i, "a character that may be quoted")
		}
	}
	return d.expectedAt(d.Column()+len(rest), "a closing quote")
}

func unescape(b []byte) string {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' {
			i++
		}
		out = append(out, b[i])
	}
	return string(out)
}

// Base64 reads what a client sends for SASL into *dst, whose capacity it reuses: base64 without white space
// (RFC 4648, section 4, padding bits zero), "=" for nothing, or nothing at the end of a line (RFC 9051,
// section 6.2.2). The "*" that cancels is for the caller: Byte('*').
func (d *Decoder) Base64(dst *[]byte) bool {
	if !d.ready() {
		return false
	}
	rest := d.line[d.pos:]
	n := len(rest)
	for n > 0 && rest[n-1] == ' ' {
		n--
	}
	if n == 1 && rest[0] == '=' {
		*dst = (*dst)[:0]
		d.pos++
		return true
	}
	for _, c := range rest[:n] {
		if c == '\r' { // which the decoder would ignore
			return false
		}
	}
	out, err := base64.StdEncoding.Strict().AppendDecode((*dst)[:0], rest[:n])
	if err != nil {
		return false
	}
	*dst = out
	d.pos += n
	return true
}

// ExpectBase64 is Base64 for one that must be there.
func (d *Decoder) ExpectBase64(dst *[]byte) bool { return d.Base64(dst) || d.Expected("base64") }
