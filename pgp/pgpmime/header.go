package pgpmime

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"strings"
)

// maxHeader bounds the header of a message or part.
const maxHeader = 1 << 20

// head is the header of a message or part, with its octets as they came.
type head struct {
	fields []field
	eol    string // the first line end
	end    []byte // the empty line after it; empty if the message ends before
	rest   []byte // a line that is no field, or goes beyond maxHeader: the body begins with it, and end is empty
}

// field is a header field with its line ends.
type field struct {
	name string // in lower case
	raw  []byte
}

// value is the body of the field on one line.
func (f field) value() string {
	_, body, _ := bytes.Cut(f.raw, []byte(":"))
	unfolded := strings.NewReplacer("\r\n", "", "\n", "").Replace(string(body))
	return strings.TrimSpace(unfolded)
}

// readHead reads a header and the empty line after it. The error is one of reading.
func readHead(r *bufio.Reader) (*head, error) {
	h := &head{}
	for size := 0; ; {
		line, err := readLine(r, maxHeader-size)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if size += len(line); size > maxHeader {
			h.rest = line
			return h, nil
		}
		text, eol := cutEOL(line)
		if h.eol == "" {
			h.eol = eol
		}
		switch {
		case len(line) == 0:
			return h, nil
		case len(text) == 0:
			h.end = line
			return h, nil
		case (text[0] == ' ' || text[0] == '\t') && len(h.fields) > 0:
			last := &h.fields[len(h.fields)-1]
			last.raw = append(last.raw, line...)
		case fieldName(text) == "":
			h.rest = line
			return h, nil
		default:
			h.fields = append(h.fields, field{fieldName(text), line})
		}
	}
}

// cutEOL takes the line end from a line: CRLF or LF.
func cutEOL(line []byte) (text []byte, eol string) {
	text, ok := bytes.CutSuffix(line, []byte("\n"))
	if !ok {
		return line, ""
	}
	text = bytes.TrimSuffix(text, []byte("\r"))
	return text, string(line[len(text):])
}

// readLine reads a line with its end, or the first octets of one that is longer than limit. io.EOF comes with what there is.
func readLine(r *bufio.Reader, limit int) (line []byte, err error) {
	for {
		piece, err := r.ReadSlice('\n')
		line = append(line, piece...)
		if len(line) > limit {
			return line, nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// fieldName is the name in a line that begins a field, in lower case, or "" (RFC 5322, section 2.2).
func fieldName(line []byte) string {
	name, _, ok := bytes.Cut(line, []byte(":"))
	if name = bytes.TrimRight(name, " \t"); !ok || len(name) == 0 {
		return ""
	}
	for _, c := range name {
		if c <= ' ' || c >= 127 {
			return ""
		}
	}
	return strings.ToLower(string(name))
}

// get finds the first field of a name.
func (h *head) get(name string) (string, bool) {
	for _, f := range h.fields {
		if f.name == name {
			return f.value(), true
		}
	}
	return "", false
}

// bytes is the header with its empty line, as it was.
func (h *head) bytes() []byte {
	var all []byte
	for _, f := range h.fields {
		all = append(all, f.raw...)
	}
	return append(append(all, h.end...), h.rest...)
}

// mediaType reads Content-Type strictly: what cannot be read is of no type that this package acts on.
func (h *head) mediaType() (string, map[string]string) {
	value, ok := h.get("content-type")
	if !ok {
		return "text/plain", nil
	}
	media, params, err := mime.ParseMediaType(value)
	if err != nil {
		return "", nil
	}
	return media, params
}

func (h *head) encoding() string {
	value, _ := h.get("content-transfer-encoding")
	return strings.ToLower(strings.TrimSpace(value))
}

// structural reports whether a field belongs to MIME and not to the message (RFC 9788 calls it structural).
func structural(name string) bool {
	return name == "mime-version" || strings.HasPrefix(name, "content-")
}
