package imapservertest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// kind tells the syntactic kinds of an IMAP response apart (RFC 9051, section 4).
type kind uint8

const (
	atom kind = iota // also numbers, flags, sets, NIL and section names such as BODY[HEADER.FIELDS (TO)]
	str              // quoted string or literal, also literal8
	list             // parenthesised
	code             // [response code]
	text             // human text: the rest of a status line
)

// value is one element of a response, or of the pattern that it has to match.
type value struct {
	kind kind
	text string
	list []value // of list and code
}

// String writes the value as one would read it on the wire, strings always quoted.
func (v value) String() string {
	switch v.kind {
	case str:
		return strconv.QuoteToASCII(v.text)
	case list:
		return "(" + join(v.list) + ")"
	case code:
		return "[" + join(v.list) + "]"
	}
	return v.text
}

func join(values []value) string {
	var s []string
	for _, v := range values {
		s = append(s, v.String())
	}
	return strings.Join(s, " ")
}

// is tells whether the value is that atom, in any case.
func (v value) is(word string) bool { return v.kind == atom && strings.EqualFold(v.text, word) }

// number returns the value of a number, and false for anything else.
func (v value) number() (uint64, bool) {
	if v.kind != atom {
		return 0, false
	}
	n, err := strconv.ParseUint(v.text, 10, 64)
	return n, err == nil
}

var errSyntax = errors.New("malformed response")

// maxDepth bounds lists within lists, so that no server can exhaust the judge's stack.
const maxDepth = 200

// parser takes a response, literals included, apart. As a pattern parser it also knows <...> and ${...}.
type parser struct {
	b       []byte
	pattern bool
	depth   int
}

func (p *parser) fail(what string) error {
	rest := p.b
	if len(rest) > 40 {
		rest = rest[:40]
	}
	return fmt.Errorf("%w: %s at %q", errSyntax, what, rest)
}

// values reads elements, separated by single spaces, up to the end byte, which is consumed; end 0 is the end of input.
func (p *parser) values(end byte) ([]value, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail("nested too deep")
	}
	defer func() { p.depth-- }()
	var vs []value
	for {
		if len(p.b) == 0 {
			if end == 0 {
				return vs, nil
			}
			return nil, p.fail(fmt.Sprintf("no closing %q", end))
		}
		switch c := p.b[0]; {
		case c == end && end != 0:
			p.b = p.b[1:]
			return vs, nil
		case c == ' ':
			p.b = p.b[1:]
			if !p.pattern && (len(p.b) == 0 || p.b[0] == ' ' || p.b[0] == end || len(vs) == 0) {
				return nil, p.fail("stray space")
			}
		default:
			v, err := p.value()
			if err != nil {
				return nil, err
			}
			vs = append(vs, v)
		}
	}
}

func (p *parser) value() (value, error) {
	switch c := p.b[0]; {
	case c == '(':
		p.b = p.b[1:]
		vs, err := p.values(')')
		return value{kind: list, list: vs}, err
	case c == '"':
		return p.quoted()
	case c == '{', bytes.HasPrefix(p.b, []byte("~{")):
		return p.literal()
	case p.pattern && bytes.HasPrefix(p.b, []byte(`<<"`)):
		return p.inline()
	}
	if p.pattern && bytes.HasPrefix(p.b, []byte("${")) {
		if end := bytes.IndexByte(p.b, '}'); end > 0 {
			v := value{kind: atom, text: string(p.b[:end+1])}
			p.b = p.b[end+1:]
			return v, nil
		}
	}
	return p.atom()
}

// quoted reads a quoted string (RFC 9051, section 9: quoted).
func (p *parser) quoted() (value, error) {
	var s []byte
	for i := 1; i < len(p.b); i++ {
		switch c := p.b[i]; c {
		case '"':
			p.b = p.b[i+1:]
			return value{kind: str, text: string(s)}, nil
		case '\\':
			i++
			if i == len(p.b) || p.b[i] != '"' && p.b[i] != '\\' {
				return value{}, p.fail("bad escape in a quoted string")
			}
			s = append(s, p.b[i])
		case '\r', '\n', 0:
			return value{}, p.fail("forbidden byte in a quoted string")
		default:
			s = append(s, c)
		}
	}
	return value{}, p.fail("no closing quote")
}

// literal reads a literal or literal8, whose bytes follow in the response.
func (p *parser) literal() (value, error) {
	b := bytes.TrimPrefix(p.b, []byte("~"))
	head, rest, ok := bytes.Cut(b, []byte("}\r\n"))
	if !ok {
		return value{}, p.fail("bad literal")
	}
	n, err := strconv.ParseUint(string(head[1:]), 10, 63)
	if err != nil || n > uint64(len(rest)) {
		return value{}, p.fail("bad literal size")
	}
	if bytes.IndexByte(rest[:n], 0) >= 0 && p.b[0] != '~' {
		return value{}, p.fail("NUL within a literal that is no literal8")
	}
	p.b = rest[n:]
	return value{kind: str, text: string(rest[:n])}, nil
}

// inline reads <<"Go string">>, the pattern for a string with any bytes.
func (p *parser) inline() (value, error) {
	q, err := strconv.QuotedPrefix(string(p.b[2:]))
	if err != nil || !bytes.HasPrefix(p.b[2+len(q):], []byte(">>")) {
		return value{}, p.fail(`want <<"Go string">>`)
	}
	p.b = p.b[2+len(q)+2:]
	s, err := strconv.Unquote(q)
	return value{kind: str, text: s}, err
}

// atom reads up to a delimiter, brackets with all that they enclose taken as part of the atom.
func (p *parser) atom() (value, error) {
	depth, i := 0, 0
scan:
	for ; i < len(p.b); i++ {
		switch c := p.b[i]; {
		case c == '[' || p.pattern && c == '<':
			depth++
		case p.pattern && c == '>' && depth > 0:
			depth--
		case c == ']':
			if depth == 0 {
				break scan
			}
			depth--
		case c < ' ' || c == 0x7f:
			return value{}, p.fail("control byte outside a string")
		case depth == 0 && (c == ' ' || c == '(' || c == ')'):
			break scan
		case depth == 0 && c == '"':
			return value{}, p.fail("quote within an atom")
		}
	}
	if i == 0 || depth != 0 {
		return value{}, p.fail("no atom")
	}
	a := value{kind: atom, text: string(p.b[:i])}
	p.b = p.b[i:]
	return a, nil
}
