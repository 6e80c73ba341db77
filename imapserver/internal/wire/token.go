package wire

import (
	"encoding/base64"
	"math"
	"unicode/utf8"
)

// Tag reads the tag of a command into *dst, whose capacity it reuses. It has no "+" (RFC 9051, section 9).
func (d *Decoder) Tag(dst *[]byte) bool {
	rest := d.rest()
	n := span(rest, tagChar)
	if n == 0 {
		return false
	}
	*dst = append((*dst)[:0], rest[:n]...)
	d.pos += n
	return true
}

// ExpectTag is Tag for one that must be there.
func (d *Decoder) ExpectTag(dst *[]byte) bool { return d.Tag(dst) || d.Expected("a tag") }

// SP reads one space. Spaces at the end of a line are no space between tokens: they belong to CRLF.
func (d *Decoder) SP() bool {
	rest := d.rest()
	if len(rest) == 0 || rest[0] != ' ' || len(rest) == spaces(rest) {
		return false
	}
	d.pos++
	return true
}

// ExpectSP reads one space that must be there.
func (d *Decoder) ExpectSP() bool { return d.Byte(' ') || d.Expected("a space") }

// spaces returns how many spaces are at the start of b.
func spaces(b []byte) int {
	for i, c := range b {
		if c != ' ' {
			return i
		}
	}
	return len(b)
}

// CRLF reads the end of the command, and spaces before it.
func (d *Decoder) CRLF() bool {
	if !d.ready() || d.cut || spaces(d.line[d.pos:]) != len(d.line)-d.pos {
		return false
	}
	d.pos = len(d.line)
	d.ended = true
	return true
}

// ExpectCRLF reads the end of the command, which must be there.
func (d *Decoder) ExpectCRLF() bool { return d.CRLF() || d.Expected("the end of the command") }

// Byte reads the octet c, for instance the bracket of a section.
func (d *Decoder) Byte(c byte) bool {
	rest := d.rest()
	if len(rest) == 0 || rest[0] != c {
		return false
	}
	d.pos++
	return true
}

// ExpectByte reads the octet c that must be there.
func (d *Decoder) ExpectByte(c byte) bool { return d.Byte(c) || d.Expected(`"`+string(rune(c))+`"`) }

// OpenList reads "(", and fails where lists are nested deeper than [Limits].Depth.
func (d *Decoder) OpenList() bool {
	if !d.Byte('(') {
		return false
	}
	if d.depth++; d.depth > d.Limits.depth() {
		d.pos--
		return d.Expected("fewer nested lists")
	}
	return true
}

// ExpectOpenList is OpenList for one that must be there.
func (d *Decoder) ExpectOpenList() bool { return d.OpenList() || d.Expected(`"("`) }

// CloseList reads ")".
func (d *Decoder) CloseList() bool {
	if !d.Byte(')') {
		return false
	}
	d.depth--
	return true
}

// ExpectCloseList reads ")" that must be there.
func (d *Decoder) ExpectCloseList() bool { return d.CloseList() || d.Expected(`")"`) }

// List reads "(", items separated by one space each, and ")". It calls item for each; the list may be empty.
// item returns false when it failed, after Expected or a method that expects.
func (d *Decoder) List(item func() bool) bool {
	if !d.OpenList() {
		return false
	}
	if d.CloseList() {
		return true
	}
	for {
		if !item() {
			return d.Expected("a list item")
		}
		if d.CloseList() {
			return true
		}
		if !d.Byte(' ') {
			return d.Expected(`a space or ")"`)
		}
	}
}

// ExpectList is List for one that must be there.
func (d *Decoder) ExpectList(item func() bool) bool { return d.List(item) || d.Expected(`"("`) }

// run reads one or more octets of class k.
func (d *Decoder) run(k class, dst *string) bool {
	rest := d.rest()
	n := span(rest, k)
	if n == 0 {
		return false
	}
	*dst = string(rest[:n])
	d.pos += n
	return true
}

// Atom reads an atom.
func (d *Decoder) Atom(dst *string) bool { return d.run(atomChar, dst) }

// ExpectAtom is Atom for one that must be there.
func (d *Decoder) ExpectAtom(dst *string) bool { return d.Atom(dst) || d.Expected("an atom") }

// Keyword reads a command name, an item name or the like in upper case into *dst, whose capacity it reuses.
// It is an atom that ends before "[".
func (d *Decoder) Keyword(dst *[]byte) bool {
	rest := d.rest()
	n := span(rest, keywordChar)
	if n == 0 {
		return false
	}
	*dst = append((*dst)[:0], rest[:n]...)
	for i, c := range *dst {
		(*dst)[i] = upper(c)
	}
	d.pos += n
	return true
}

// ExpectKeyword is Keyword for one that must be there; what names it in the error, for instance "a command".
func (d *Decoder) ExpectKeyword(dst *[]byte, what string) bool {
	return d.Keyword(dst) || d.Expected(what)
}

// Word reads the whole keyword word, in any case of letters.
func (d *Decoder) Word(word string) bool {
	rest := d.rest()
	n := span(rest, keywordChar)
	if n == 0 || !equalFold(rest[:n], word) {
		return false
	}
	d.pos += n
	return true
}

// ExpectWord is Word for one that must be there.
func (d *Decoder) ExpectWord(word string) bool { return d.Word(word) || d.Expected(word) }

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

// quoted reads a quoted string. It holds UTF-8 only if d.UTF8 (RFC 6855, section 3; RFC 9051, section 4.3).
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
		case c >= utf8.RuneSelf && d.UTF8:
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

// scanNumber returns the number that the digits at the start of b write, and how many there are. It is not
// ok without a digit or above limit.
func scanNumber(b []byte, limit uint64) (n int, v uint64, ok bool) {
	for n < len(b) && is(b[n], digitChar) {
		digit := uint64(b[n] - '0')
		if v > (limit-digit)/10 {
			return 0, 0, false
		}
		v = v*10 + digit
		n++
	}
	return n, v, n > 0
}

// number reads a number of at most limit; with nonzero, one that begins with a digit from 1 to 9.
func (d *Decoder) number(limit uint64, nonzero bool, dst *uint64) bool {
	rest := d.rest()
	n, v, ok := scanNumber(rest, limit)
	if !ok || nonzero && rest[0] == '0' {
		return false
	}
	*dst = v
	d.pos += n
	return true
}

// Number reads a number from 0 to 2^32-1.
func (d *Decoder) Number(dst *uint32) bool {
	var v uint64
	ok := d.number(math.MaxUint32, false, &v)
	if ok {
		*dst = uint32(v)
	}
	return ok
}

// ExpectNumber is Number for one that must be there.
func (d *Decoder) ExpectNumber(dst *uint32) bool {
	return d.Number(dst) || d.Expected("a number below 2^32")
}

// NZNumber reads a number from 1 to 2^32-1, without leading zeros: a UID, a UIDVALIDITY, a sequence number.
func (d *Decoder) NZNumber(dst *uint32) bool {
	var v uint64
	ok := d.number(math.MaxUint32, true, &v)
	if ok {
		*dst = uint32(v)
	}
	return ok
}

// ExpectNZNumber is NZNumber for one that must be there.
func (d *Decoder) ExpectNZNumber(dst *uint32) bool {
	return d.NZNumber(dst) || d.Expected("a number from 1 to 2^32-1")
}

// Number64 reads a number from 0 to 2^63-1: a size, an offset.
func (d *Decoder) Number64(dst *int64) bool {
	var v uint64
	ok := d.number(math.MaxInt64, false, &v)
	if ok {
		*dst = int64(v)
	}
	return ok
}

// ExpectNumber64 is Number64 for one that must be there.
func (d *Decoder) ExpectNumber64(dst *int64) bool {
	return d.Number64(dst) || d.Expected("a number below 2^63")
}

// ModSeq reads a mod-sequence-valzer, from 0 to 2^63-1 (RFC 7162, section 7). Where zero is not allowed, it is for the caller
// to say so.
func (d *Decoder) ModSeq(dst *uint64) bool { return d.number(math.MaxInt64, false, dst) }

// ExpectModSeq is ModSeq for one that must be there.
func (d *Decoder) ExpectModSeq(dst *uint64) bool {
	return d.ModSeq(dst) || d.Expected("a mod-sequence")
}

// SectionPart reads the number of a body part, for instance 1.2.3, into *dst, whose capacity it reuses. In
// 1.2.HEADER it reads 1.2 (RFC 9051, section 6.4.5).
func (d *Decoder) SectionPart(dst *[]uint32) bool {
	rest := d.rest()
	parts := (*dst)[:0]
	read := 0
	for at := 0; ; at++ {
		n, v, ok := scanNumber(rest[at:], math.MaxUint32)
		if !ok || rest[at] == '0' {
			break
		}
		if int64(len(parts)) == d.Limits.depth() {
			return d.Expected("a shorter part number")
		}
		parts = append(parts, uint32(v))
		at += n
		read = at
		if at == len(rest) || rest[at] != '.' {
			break
		}
	}
	if read == 0 {
		return false
	}
	*dst = parts
	d.pos += read
	return true
}

// Partial reads <offset.count>, count not zero (RFC 9051, section 6.4.5).
func (d *Decoder) Partial(offset, count *int64) bool {
	if !d.Byte('<') {
		return false
	}
	ok := d.ExpectNumber64(offset) && d.ExpectByte('.')
	if ok && (!d.Number64(count) || *count == 0) {
		return d.Expected("a number above 0")
	}
	return ok && d.ExpectByte('>')
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
