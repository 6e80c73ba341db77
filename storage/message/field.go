package message

import (
	"bytes"
	"iter"
)

// field is one header field as it stands in a message.
type field struct {
	raw  []byte // the whole field with its line ends
	name []byte // without white space before the colon; empty if there is no colon
	body []byte // raw, folded, without white space before it and line end behind it
}

// Fields yields the fields of a header block in message order: the name, without the colon, and the
// body, still folded, without white space before it and line end behind it. A line that is no field
// has an empty name. The slices are of header.
func Fields(header []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, body []byte) bool) {
		for f, rest, ok := nextField(header); ok && yield(f.name, f.body); f, rest, ok = nextField(rest) {
		}
	}
}

// maxFieldName is the longest name of a field; a longer one is no name.
const maxFieldName = 1000

// nextField splits the first field off a header block. It returns false at the empty line or at
// the end.
func nextField(block []byte) (f field, rest []byte, ok bool) {
	n := firstLine(block)
	if n == 0 || isBlankLine(block) {
		return f, block, false
	}
	first := n
	for n < len(block) && isWSP(block[n]) && block[n-1] == '\n' {
		n += firstLine(block[n:])
	}
	f.raw, rest = block[:n], block[n:]
	colon := bytes.IndexByte(f.raw[:first], ':')
	f.name = fieldName(f.raw[:first])
	f.body = trimLineEnd(f.raw)
	if f.name == nil {
		return f, rest, true
	}
	f.body = f.body[colon+1:]
	// White space before the text is no part of it, unless the first line has no text.
	firstEnd := len(trimLineEnd(f.raw[:first])) - colon - 1
	i := 0
	for i < firstEnd && isWSP(f.body[i]) {
		i++
	}
	if i == firstEnd && i > 0 {
		i = 1
	}
	f.body = f.body[i:]
	return f, rest, true
}

// fieldName is the name before the first colon of a line, without white space between them; nil if
// there is no colon or if the name is too long to be one.
func fieldName(line []byte) []byte {
	colon := bytes.IndexByte(line, ':')
	for colon > 0 && isWSP(line[colon-1]) {
		colon--
	}
	if colon < 0 || colon > maxFieldName {
		return nil
	}
	return line[:colon:colon]
}

// firstLine is the length of the first line with its LF.
func firstLine(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}

func isBlankLine(b []byte) bool {
	return len(b) > 0 && b[0] == '\n' || len(b) > 1 && b[0] == '\r' && b[1] == '\n'
}

func trimLineEnd(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
		if n > 1 && b[n-2] == '\r' {
			b = b[:n-2]
		}
	}
	return b
}
