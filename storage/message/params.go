package message

import (
	"bytes"
	"slices"
	"strconv"
)

// param is one parameter of Content-Type or Content-Disposition.
type param struct {
	name, value span // in paramList.text

	// For RFC 2231, sections 3 and 4: name*index or name*index*.
	base     span // the name before the first "*"
	index    int
	extended bool // the value is percent-encoded
	part     bool // name has the form of RFC 2231
}

// span is a piece of a buffer.
type span struct{ start, end int }

func (s span) of(b []byte) []byte { return b[s.start:s.end] }

// paramList reads the parameters of a structured field into buffers that are used again.
type paramList struct {
	lexer
	text   []byte
	params []param
	pieces []param // those of RFC 2231
}

// parse reads parameters from the next byte of the lexer on. Afterwards params holds them in
// order, those joined from pieces of RFC 2231 last, with a "*" behind the name if the value is
// extended. What cannot be read is passed over.
func (p *paramList) parse() {
	p.text, p.params, p.pieces = p.text[:0], p.params[:0], p.pieces[:0]
	for p.pos < len(p.in) && len(p.params)+len(p.pieces) < maxParams {
		q, ok := p.one()
		switch {
		case !ok:
			p.pos++
		case q.part:
			p.pieces = append(p.pieces, q)
		default:
			p.params = append(p.params, q)
		}
	}
	if len(p.pieces) > 0 {
		p.join()
	}
}

// one reads "; name=value".
func (p *paramList) one() (q param, ok bool) {
	if !p.at(';') {
		return q, false
	}
	p.pos++
	if p.skip() != more {
		return q, false
	}
	var st status
	q.name.start = len(p.text)
	p.text, st = p.token(p.text)
	q.name.end = len(p.text)
	if st != more || !p.at('=') {
		return q, false
	}
	p.pos++
	q.value.start = len(p.text)
	st = p.skip()
	switch {
	case st != more:
	case p.at('"'):
		p.text, st = p.quotedString(p.text)
	case p.at('='):
		// name==?utf-8?b?...?= of broken software
		p.text = p.run(p.text, func(c byte) bool { return c != ';' && !isSpace(c) })
	default:
		p.text, st = p.token(p.text)
	}
	q.value.end = len(p.text)
	p.classify(&q)
	return q, st != bad
}

// classify finds out whether the name has the form of RFC 2231.
func (p *paramList) classify(q *param) {
	name := q.name.of(p.text)
	star := bytes.IndexByte(name, '*')
	if star < 0 {
		return
	}
	rest := name[star+1:]
	for len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' {
		q.index = min(q.index*10+int(rest[0]-'0'), maxParams)
		rest = rest[1:]
	}
	if len(rest) > 0 && rest[0] == '*' {
		q.extended = true
		rest = rest[1:]
	} else if star == len(name)-1 {
		q.extended = true
	}
	q.part = len(rest) == 0
	q.base = span{q.name.start, q.name.start + star}
}

// join puts the pieces of each parameter together, if none is missing.
func (p *paramList) join() {
	slices.SortStableFunc(p.pieces, func(a, b param) int {
		if c := bytes.Compare(a.base.of(p.text), b.base.of(p.text)); c != 0 {
			return c
		}
		return a.index - b.index
	})
	for first := 0; first < len(p.pieces); {
		next, complete, extended := first, true, false
		for next < len(p.pieces) && bytes.EqualFold(p.pieces[first].base.of(p.text), p.pieces[next].base.of(p.text)) {
			complete = complete && p.pieces[next].index == next-first
			extended = extended || p.pieces[next].extended
			next++
		}
		if complete {
			p.params = append(p.params, p.joined(p.pieces[first:next], extended))
		} else {
			for _, q := range p.pieces[first:next] {
				p.params = append(p.params, p.renamed(q))
			}
		}
		first = next
	}
}

// renamed gives a piece that cannot be joined its name with its index.
func (p *paramList) renamed(q param) param {
	start := len(p.text)
	p.text = append(p.text, q.base.of(p.text)...)
	p.text = append(p.text, '*')
	p.text = strconv.AppendInt(p.text, int64(q.index), 10)
	if q.extended {
		p.text = append(p.text, '*')
	}
	q.name = span{start, len(p.text)}
	return q
}

func (p *paramList) joined(pieces []param, extended bool) (q param) {
	q.name.start = len(p.text)
	p.text = append(p.text, pieces[0].base.of(p.text)...)
	if extended {
		p.text = append(p.text, '*')
	}
	q.name.end = len(p.text)
	q.value.start = len(p.text)
	if extended && !pieces[0].extended {
		p.text = append(p.text, "''"...)
	}
	for _, piece := range pieces {
		for _, c := range piece.value.of(p.text) {
			if c == '%' && extended && !piece.extended {
				p.text = append(p.text, "%25"...)
			} else {
				p.text = append(p.text, c)
			}
		}
	}
	q.value.end = len(p.text)
	return q
}

// get returns the value of the first parameter with the given lower-case name.
func (p *paramList) get(name string) ([]byte, bool) {
	for _, q := range p.params {
		if equalFold(q.name.of(p.text), name) {
			return q.value.of(p.text), true
		}
	}
	return nil, false
}

// appendTo appends the list in IMAP syntax. A text part without charset gets the default one.
func (p *paramList) appendTo(dst []byte, text bool) []byte {
	_, hasCharset := p.get("charset")
	needCharset := text && !hasCharset
	if len(p.params) == 0 && !needCharset {
		return append(dst, "NIL"...)
	}
	dst = append(dst, '(')
	for i, q := range p.params {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = appendString(dst, q.name.of(p.text))
		dst = append(dst, ' ')
		dst = appendString(dst, q.value.of(p.text))
	}
	if needCharset {
		if len(p.params) > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, `"charset" "us-ascii"`...)
	}
	return append(dst, ')')
}

// mediaType reads "type/subtype" of Content-Type into buf: the type up to slash, the subtype from
// there on. If it is malformed ok is false; a type without slash may have been read then.
func (p *paramList) mediaType(dst []byte) (buf []byte, slash int, ok bool) {
	if p.skip() != more {
		return dst, 0, false
	}
	dst, st := p.token(dst)
	slash = len(dst)
	if st != more || slash == 0 {
		return dst, slash, false
	}
	if !p.at('/') {
		return dst[:0], 0, false
	}
	p.pos++
	if p.skip() != more {
		return dst[:0], 0, false
	}
	dst, st = p.token(dst)
	if st == bad || len(dst) == slash || p.pos < len(p.in) && !p.at(';') {
		return dst[:0], 0, false
	}
	return dst, slash, true
}

// Encoding is a Content-Transfer-Encoding (RFC 2045, section 6).
type Encoding uint8

// The encodings. The zero value is the default. Unknown stands for anything else, which nobody can
// decode.
const (
	SevenBit Encoding = iota
	EightBit
	Binary
	QuotedPrintable
	Base64
	UnknownEncoding
)

var encodingNames = [...]string{"7bit", "8bit", "binary", "quoted-printable", "base64", "unknown"}

// parseEncoding reads the raw body of Content-Transfer-Encoding. A parameter behind the encoding
// is tolerated, other text is not: it shows that sender and reader could disagree.
func (p *paramList) parseEncoding(word, body []byte) Encoding {
	p.reset(body)
	p.skip()
	word, st := p.token(word)
	if st == more && !p.at(';') {
		return UnknownEncoding
	}
	for i, name := range encodingNames {
		if equalFold(word, name) {
			return Encoding(i)
		}
	}
	return UnknownEncoding
}

// String gives the name in lower case, "unknown" for UnknownEncoding.
func (e Encoding) String() string { return encodingNames[min(e, UnknownEncoding)] }
