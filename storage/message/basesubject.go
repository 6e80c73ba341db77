package message

import "bytes"

// BaseSubject appends the base subject of a Subject field's body, raw or as ENVELOPE has it, in UTF-8: what is left without the marks
// of replies and forwards (RFC 5256, section 2.1). reply tells that there was such a mark, other than a name in brackets.
func BaseSubject(dst, subject []byte) (base []byte, reply bool) {
	start := len(dst)
	dst = appendCollapsed(dst, DecodeHeader(nil, subject)) // step 1, and the white space of steps 2 and 3
	s := dst[start:]
	for {
		var found bool
		if s, found = trimTrailers(s); found {
			reply = true
		}
		for {
			rest, leader := trimLeader(s)
			if leader {
				s, reply = rest, true
				continue
			}
			if rest = trimBlob(s); len(rest) == len(s) || len(rest) == 0 {
				break
			}
			s = rest
		}
		inner, ok := cutForward(s)
		if !ok {
			break
		}
		s, reply = bytes.TrimLeft(inner, " "), true
	}
	return append(dst[:start], s...), reply
}

// trimTrailers removes "(fwd)" and white space from the end: step 2.
func trimTrailers(s []byte) (rest []byte, found bool) {
	for {
		s = bytes.TrimRight(s, " ")
		if len(s) < 5 || !equalFold(s[len(s)-5:], "(fwd)") {
			return s, found
		}
		s, found = s[:len(s)-5], true
	}
}

// trimLeader removes "re:" or "fwd:", and names in brackets before and behind the word: step 3.
func trimLeader(s []byte) (rest []byte, found bool) {
	rest = s
	for {
		next := trimBlob(rest)
		if len(next) == len(rest) {
			break
		}
		rest = next
	}
	switch {
	case len(rest) > 1 && equalFold(rest[:2], "re"):
		rest = rest[2:]
	case len(rest) > 2 && equalFold(rest[:3], "fwd"):
		rest = rest[3:]
	case len(rest) > 1 && equalFold(rest[:2], "fw"):
		rest = rest[2:]
	default:
		return s, false
	}
	rest = trimBlob(bytes.TrimLeft(rest, " "))
	if len(rest) == 0 || rest[0] != ':' {
		return s, false
	}
	return bytes.TrimLeft(rest[1:], " "), true
}

// trimBlob removes a name in brackets, which has no brackets itself, and white space behind it.
func trimBlob(s []byte) []byte {
	if len(s) == 0 || s[0] != '[' {
		return s
	}
	end := bytes.IndexAny(s[1:], "[]") + 1
	if end == 0 || s[end] != ']' {
		return s
	}
	return bytes.TrimLeft(s[end+1:], " ")
}

// cutForward removes "[fwd:" and "]" around all: step 6.
func cutForward(s []byte) (inner []byte, ok bool) {
	if len(s) < 6 || !equalFold(s[:5], "[fwd:") || s[len(s)-1] != ']' {
		return s, false
	}
	return s[5 : len(s)-1], true
}
