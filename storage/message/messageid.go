package message

import (
	"bytes"
	"iter"
)

// MessageIDs yields the message identifiers of a Message-ID, In-Reply-To or References field, without angle brackets, quoting, comments and
// white space, so that those are equal that mean the same (RFC 5256, section 3; RFC 5322, section 3.6.4). What is between them is passed
// over. The slices are valid until the next one.
func MessageIDs(body []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var id []byte
		for rest := body; ; {
			start := bytes.IndexByte(rest, '<')
			if start < 0 {
				return
			}
			var ok bool
			if id, rest, ok = oneMessageID(id[:0], rest[start+1:]); ok && !yield(id) {
				return
			}
		}
	}
}

// oneMessageID reads up to ">". An identifier has an @ with something on both sides.
func oneMessageID(id, in []byte) (out, rest []byte, ok bool) {
	at, quoted := -1, false
	for i := 0; i < len(in); i++ {
		switch c := in[i]; {
		case c == '\\' && quoted && i+1 < len(in):
			i++
			id = append(id, in[i])
		case c == '"':
			quoted = !quoted
		case quoted:
			id = append(id, c)
		case c == '>':
			return id, in[i+1:], at > 0 && at < len(id)-1
		case c == '<':
			return id, in[i:], false // the one before has no end
		case isSpace(c):
		case c == '@':
			at = len(id)
			id = append(id, c)
		default:
			id = append(id, c)
		}
	}
	return id, nil, false
}
