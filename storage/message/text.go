package message

import (
	"bytes"
	"io"
	"strings"

	"golang.org/x/text/encoding/unicode"
)

// DecodedText reads the text of a part in UTF-8, for SEARCH and PREVIEW. body gives the body of
// the part in wire form. It is tolerant: with an unknown transfer encoding the bytes are taken as
// they are, with an unknown charset as UTF-8; bytes that are no text become U+FFFD. Memory is
// bounded.
func DecodedText(body io.Reader, part PartInfo) io.Reader {
	r, err := BinaryReader(body, part.Encoding)
	if err != nil {
		r = body
	}
	enc := charsetEncoding(part.Charset)
	if enc == nil {
		enc = unicode.UTF8
	}
	return enc.NewDecoder().Reader(r)
}

// ParseParams reads a structured field such as Content-Type or Content-Disposition: what stands
// before the parameters, in lower case, and the parameters by their names in lower case, decoded
// (RFC 2231, and RFC 2047 where broken software used it). Of equal names the first counts, but one
// in the form of RFC 2231 before others (RFC 6266, section 4.3).
func ParseParams(body []byte) (value string, params map[string]string) {
	var p paramList
	p.reset(body)
	p.skip()
	text := p.run(nil, func(c byte) bool { return isToken(c) || c == '/' })
	p.skip()
	p.parse()
	params = make(map[string]string, len(p.params))
	var set charsets
	for _, extended := range []bool{true, false} {
		for _, q := range p.params {
			name, isExtended := strings.CutSuffix(strings.ToLower(string(q.name.of(p.text))), "*")
			if isExtended != extended {
				continue
			}
			if _, have := params[name]; have {
				continue
			}
			if isExtended {
				params[name] = set.decodeExtended(q.value.of(p.text))
			} else {
				params[name] = string(DecodeHeader(nil, q.value.of(p.text)))
			}
		}
	}
	return strings.ToLower(string(text)), params
}

// decodeExtended decodes charset'language'text with percent-encoding (RFC 2231, section 4).
func (c *charsets) decodeExtended(value []byte) string {
	charset, text := []byte(nil), value
	if first := bytes.IndexByte(value, '\''); first >= 0 {
		if second := bytes.IndexByte(value[first+1:], '\''); second >= 0 {
			charset, text = value[:first], value[first+1+second+1:]
		}
	}
	raw := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if v, ok := hexByte(text[i+1], text[i+2]); ok {
				raw = append(raw, v)
				i += 2
				continue
			}
		}
		raw = append(raw, text[i])
	}
	out, ok := c.appendUTF8(nil, raw, charset)
	if !ok {
		out = appendValid(nil, raw)
	}
	return string(out)
}
