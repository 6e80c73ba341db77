package names

import "strings"

// Pattern is a mailbox name with the wildcards of LIST: "*" stands for anything, "%" for anything without the hierarchy separator
// (RFC 9051, section 6.3.9). Matching costs at most the product of both lengths, however the wildcards stand: it
// tracks every place of the pattern that the name read so far can have led to.
type Pattern struct {
	text string // runs of wildcards reduced to one
	void bool   // so long that no name can match
}

// longestName bounds the names that a pattern can match, in octets: the storage has none as long.
const longestName = 2048

// Separator is the hierarchy separator.
const Separator = '/'

// NewPattern reads a pattern.
func NewPattern(s string) Pattern {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if n := len(out); n > 0 && isWildcard(s[i]) && isWildcard(out[n-1]) {
			if s[i] == '*' {
				out[n-1] = '*'
			}
			continue
		}
		out = append(out, s[i])
	}
	return Pattern{text: string(out), void: len(out) > 2*longestName}
}

// Empty tells whether the pattern is the empty one, which matches no mailbox.
func (p Pattern) Empty() bool { return p.text == "" }

func isWildcard(c byte) bool { return c == '*' || c == '%' }

// isInbox tells whether name is INBOX or below it. Names come from the storage, which writes INBOX so.
func isInbox(name string) bool { return name == "INBOX" || strings.HasPrefix(name, "INBOX/") }

// Match tells whether the whole name matches. INBOX matches in any case of letters (RFC 9051, section 5.1).
func (p Pattern) Match(name string) bool {
	if p.void || len(name) > longestName {
		return false
	}
	// at[i] tells that the first i octets of the pattern can match what was read of the name.
	var room [2][64]bool
	at, next := room[0][:], room[1][:]
	if len(p.text) >= len(at) {
		at, next = make([]bool, len(p.text)+1), make([]bool, len(p.text)+1)
	}
	at[0] = true
	p.skipWildcards(at)
	fold := 0
	if isInbox(name) {
		fold = len("INBOX")
	}
	for i := 0; i < len(name); i++ {
		clear(next)
		alive := false
		for j, ok := range at[:len(p.text)] {
			if !ok {
				continue
			}
			switch c := p.text[j]; {
			case c == '*', c == '%' && name[i] != Separator:
				next[j] = true
			case !isWildcard(c) && (c == name[i] || i < fold && upperASCII(c) == name[i]):
				next[j+1] = true
			default:
				continue
			}
			alive = true
		}
		if !alive {
			return false
		}
		p.skipWildcards(next)
		at, next = next, at
	}
	return at[len(p.text)]
}

// skipWildcards marks the places behind wildcards that stand for nothing.
func (p Pattern) skipWildcards(at []bool) {
	for j := range p.text {
		if at[j] && isWildcard(p.text[j]) {
			at[j+1] = true
		}
	}
}

func upperASCII(c byte) byte {
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	return c
}
