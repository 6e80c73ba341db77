package message

import (
	"bytes"
	"strconv"
)

// appendString appends text as an IMAP string (RFC 9051, section 4.3): quoted if it is 7-bit
// without line ends, else a literal. NUL, which IMAP cannot carry, becomes U+FFFD.
func appendString(dst, text []byte) []byte {
	for _, c := range text {
		if c >= 0x80 || c == '\r' || c == '\n' || c == 0 {
			return appendLiteral(dst, text)
		}
	}
	dst = append(dst, '"')
	for _, c := range text {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

func appendLiteral(dst, text []byte) []byte {
	nuls := bytes.Count(text, []byte{0})
	dst = append(dst, '{')
	dst = strconv.AppendInt(dst, int64(len(text)+nuls*(len(nulText)-1)), 10)
	dst = append(dst, "}\r\n"...)
	for ; nuls > 0; nuls-- {
		i := bytes.IndexByte(text, 0)
		dst = append(dst, text[:i]...)
		dst = append(dst, nulText...)
		text = text[i+1:]
	}
	return append(dst, text...)
}

// appendNString appends NIL for nil, else a string.
func appendNString(dst, text []byte) []byte {
	if text == nil {
		return append(dst, "NIL"...)
	}
	return appendString(dst, text)
}

// appendUnfolded appends the raw body of an unstructured field to dst without its line ends. A
// line end between two visible characters, which is a bare CR, becomes a space.
func appendUnfolded(dst, body []byte) []byte {
	for i, c := range body {
		if c != '\r' && c != '\n' {
			dst = append(dst, c)
		} else if i+1 < len(body) && !isSpace(body[i+1]) {
			dst = append(dst, ' ')
		}
	}
	return dst
}

// appendCollapsed appends text to dst with every run of white space as one space, and none at the
// ends: for text that people read.
func appendCollapsed(dst, text []byte) []byte {
	start := len(dst)
	space := false
	for _, c := range text {
		if isSpace(c) {
			space = true
			continue
		}
		if space && len(dst) > start {
			dst = append(dst, ' ')
		}
		space = false
		dst = append(dst, c)
	}
	return dst
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
