package message

import "bytes"

// field is one header field as it stands in a message.
type field struct {
	raw  []byte // the whole field with its line ends
	name []byte // without white space before the colon; empty if there is no colon
	body []byte // raw, folded, without white space before it and line end behind it
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
	nameEnd := colon
	for nameEnd > 0 && isWSP(f.raw[nameEnd-1]) {
		nameEnd--
	}
	line := trimLineEnd(f.raw)
	if colon < 0 || nameEnd > maxFieldName {
		f.body = line
		return f, rest, true
	}
	f.name = f.raw[:nameEnd]
	f.body = line[colon+1:]
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
