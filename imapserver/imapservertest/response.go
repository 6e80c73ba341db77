package imapservertest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// response is one response of a server: tag, * or +, and what follows (RFC 9051, section 7).
type response struct {
	tag  string
	body []value
	raw  []byte // as received, literals included, without the last CRLF
}

// word returns the i-th element as an upper-case atom, or "".
func (r response) word(i int) string {
	if i < len(r.body) && r.body[i].kind == atom {
		return strings.ToUpper(r.body[i].text)
	}
	return ""
}

// name returns what kind of response it is: EXISTS for "* 3 EXISTS", OK for "* OK text".
func (r response) name() string {
	if len(r.body) > 1 {
		if _, ok := r.body[0].number(); ok {
			return r.word(1)
		}
	}
	return r.word(0)
}

// code returns the elements of the response code, or nil (RFC 9051, section 7.1).
func (r response) code() []value {
	if len(r.body) > 1 && r.body[1].kind == code {
		return r.body[1].list
	}
	return nil
}

// codeName returns the upper-case name of the response code, or "".
func (r response) codeName() string {
	if c := r.code(); len(c) > 0 {
		return strings.ToUpper(c[0].text)
	}
	return ""
}

// tagged tells whether the response ends a command.
func (r response) tagged() bool { return r.tag != "*" && r.tag != "+" }

// isStatus tells whether a word begins a status response.
func isStatus(word string) bool {
	switch strings.ToUpper(word) {
	case "OK", "NO", "BAD", "BYE", "PREAUTH":
		return true
	}
	return false
}

var literalEnd = regexp.MustCompile(`~?\{(\d+)\}\r\n$`)

// maxResponse bounds the literals of one response that the judge is ready to hold.
const maxResponse = 256 << 20

// readResponse reads one response with its literals. io.EOF means that the connection ended between two responses.
func readResponse(r *bufio.Reader) (response, error) {
	var raw []byte
	for {
		line, err := r.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 && len(raw) == 0 {
			return response{}, io.EOF
		}
		raw = append(raw, line...)
		if err != nil {
			return response{raw: raw}, fmt.Errorf("connection ended within a response: %w", err)
		}
		if !bytes.HasSuffix(line, []byte("\r\n")) {
			return response{raw: raw}, fmt.Errorf("%w: line ends in a bare LF: %q", errSyntax, line)
		}
		m := literalEnd.FindSubmatch(line)
		if m == nil {
			return parseResponse(raw[:len(raw)-2])
		}
		n, err := strconv.ParseUint(string(m[1]), 10, 63)
		if err != nil || n > maxResponse {
			return response{raw: raw}, fmt.Errorf("%w: literal of %s octets", errSyntax, m[1])
		}
		start := len(raw)
		raw = append(raw, make([]byte, n)...)
		if _, err := io.ReadFull(r, raw[start:]); err != nil {
			return response{raw: raw}, fmt.Errorf("connection ended within a literal: %w", err)
		}
	}
}

func parseResponse(raw []byte) (response, error) {
	r := response{raw: raw}
	tag, rest, ok := bytes.Cut(raw, []byte(" "))
	r.tag = string(tag)
	if r.tag == "+" {
		r.body = []value{{kind: text, text: string(rest)}}
		return r, nil
	}
	if !ok || r.tag == "" {
		return r, fmt.Errorf("%w: no tag: %q", errSyntax, raw)
	}
	var err error
	r.body, err = parseBody(rest, false)
	return r, err
}

// parseBody takes what follows a tag apart: a status with code and text, or data.
func parseBody(b []byte, pattern bool) ([]value, error) {
	word, rest, _ := bytes.Cut(b, []byte(" "))
	status, _, _ := strings.Cut(string(word), "|")
	if !isStatus(status) {
		p := parser{b: b, pattern: pattern}
		vs, err := p.values(0)
		if err == nil && len(vs) == 0 {
			err = fmt.Errorf("%w: empty", errSyntax)
		}
		return vs, err
	}
	body := []value{{kind: atom, text: string(word)}}
	if bytes.HasPrefix(rest, []byte("[")) {
		p := parser{b: rest[1:], pattern: pattern}
		vs, err := p.values(']')
		if err != nil {
			return nil, err
		}
		body = append(body, value{kind: code, list: vs})
		rest = bytes.TrimPrefix(p.b, []byte(" "))
	}
	return append(body, value{kind: text, text: string(rest)}), nil
}
