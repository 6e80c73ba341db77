package pgpmime

import (
	"bufio"
	"bytes"
	"mime"
	"strings"
)

// Policy says what of a header field stays outside the encryption: the value to show, and whether to show the field at all. The name is in lower case.
// It is asked about all fields but those of MIME and Bcc, which never stay. It is RFC 9788's Header Confidentiality Policy (section 3.2).
type Policy func(name, value string) (outside string, show bool)

// Baseline hides what people write: the Subject becomes "[...]", Keywords and Comments go (hcp_baseline of RFC 9788, section 3.2.1). Who wrote to whom and
// when stays visible, so that servers and mail programs can deliver, thread, sort and search by it.
func Baseline(name, value string) (string, bool) {
	switch name {
	case "subject":
		return "[...]", true
	case "keywords", "comments":
		return "", false
	}
	return value, true
}

// ShowAll leaves the whole header visible (hcp_no_confidentiality, section 3.2.3). It is protected against changes nevertheless.
func ShowAll(_, value string) (string, bool) { return value, true }

// The parameters of Content-Type that say that the header is protected: RFC 9788's, and the one that came before, which more programs know.
// They are always written in one of these forms, so that they can be taken away again without a trace.
const (
	markCipher = `hp="cipher"; protected-headers="v1"`
	markClear  = `hp="clear"; protected-headers="v1"`
)

// added is the field for a message without Content-Type.
func added(mark string) string { return "Content-Type: text/plain; " + mark }

const wrapper = "Content-Type: message/rfc822; forwarded=no"

// wrapped begins the payload if the header cannot take our marks: the message is in it as it is.
const wrapped = wrapper + "\r\n\r\n"

// protect gives the header of the payload: that of the message with the marks and, if it is to be encrypted, what is visible outside as HP-Outer
// (RFC 9788, section 5.2). It is nil if unprotect could not undo that.
func protect(h *head, mark string, outer []field) []byte {
	if h.rest != nil || len(h.fields) == 0 || h.eol == "" {
		return nil
	}
	marked := &head{eol: h.eol, end: h.end}
	types := 0
	for _, f := range h.fields {
		if f.name == "content-type" {
			types++
			text, _ := cutEOL(f.raw)
			f.raw = []byte(string(text) + ";" + h.eol + " " + mark + h.eol)
		}
		marked.fields = append(marked.fields, f)
	}
	if types == 0 {
		marked.fields = append(marked.fields, field{"content-type", []byte(added(mark) + h.eol)})
	}
	for _, f := range outer {
		marked.fields = append(marked.fields, field{"hp-outer", append([]byte("HP-Outer: "), f.raw...)})
	}
	raw := marked.bytes()
	again, err := readHead(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil || types > 1 || !bytes.Equal(unprotect(again).bytes(), h.bytes()) {
		return nil
	}
	if _, params := again.mediaType(); params["hp"] == "" {
		return nil
	}
	return raw
}

// unprotect gives the header of the message that was protected.
func unprotect(h *head) *head {
	clean := &head{eol: h.eol, end: h.end, rest: h.rest}
	for _, f := range h.fields {
		switch f.name {
		case "hp-outer":
			continue
		case "content-type":
			f.raw = unmarked(f.raw)
		}
		if f.raw != nil {
			clean.fields = append(clean.fields, f)
		}
	}
	return clean
}

// unmarked takes our marks from a Content-Type field. nil means that the field is all ours.
func unmarked(raw []byte) []byte {
	line, eol := cutEOL(raw)
	text := string(line)
	for _, mark := range []string{markCipher, markClear} {
		if text == added(mark) {
			return nil
		}
		if before, ok := strings.CutSuffix(text, ";"+eol+" "+mark); ok {
			return []byte(before + eol)
		}
	}
	return raw
}

// maxOutside bounds the fields outside, so that programs can read them.
const maxOutside = 256 << 10

// outside applies a policy: the fields that stay outside, with CRLF.
func outside(h *head, policy Policy) []field {
	if policy == nil {
		policy = Baseline
	}
	var outer []field
	left := maxOutside
	for _, f := range h.fields {
		if structural(f.name) || f.name == "bcc" || f.name == "hp-outer" {
			continue
		}
		value := f.value()
		shown, ok := policy(f.name, value)
		if !ok {
			continue
		}
		raw := bytes.ReplaceAll(bytes.ReplaceAll(f.raw, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
		if shown != value {
			name, _, _ := bytes.Cut(f.raw, []byte(":"))
			raw = []byte(string(name) + ": " + mime.QEncoding.Encode("utf-8", shown) + "\r\n")
		}
		if left -= len(raw); left >= 0 {
			outer = append(outer, field{f.name, raw})
		}
	}
	return outer
}
