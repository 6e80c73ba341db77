package message

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
)

// charsetEncoding finds a charset by its name in lower case; nil if it is unknown. What follows
// the ASCII that names are made of (RFC 2978, section 2.3) is passed over. UTF-7 is unknown: it
// hides text from everything that looks for it, and no mail needs it.
func charsetEncoding(name string) encoding.Encoding {
	if i := strings.IndexFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }); i > 0 {
		name = name[:i]
	}
	switch name {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "unknown-8bit":
		return unicode.UTF8
	}
	// Browsers' names first: they know that "iso-8859-1" is windows-1252 in practice.
	if e, err := htmlindex.Get(name); err == nil && e != encoding.Replacement {
		return e
	}
	if e, err := ianaindex.MIME.Encoding(name); err == nil && e != nil {
		return e
	}
	return nil
}

// charsets remembers the last charset looked up.
type charsets struct {
	name string
	enc  encoding.Encoding
}

// appendUTF8 appends text of a charset as UTF-8. It is not ok if the charset is unknown. Bytes
// that are no text become U+FFFD.
func (c *charsets) appendUTF8(dst, text, charset []byte) ([]byte, bool) {
	if len(c.name) != len(charset) || !equalFold(charset, c.name) {
		c.name = string(bytes.ToLower(charset))
		c.enc = charsetEncoding(c.name)
	}
	switch c.enc {
	case nil:
		return dst, false
	case unicode.UTF8:
		return appendValid(dst, text), true
	}
	out, err := c.enc.NewDecoder().Bytes(text)
	if err != nil {
		return dst, false
	}
	return append(dst, out...), true
}

// appendValid appends text with U+FFFD for what is not UTF-8.
func appendValid(dst, text []byte) []byte {
	if utf8.Valid(text) {
		return append(dst, text...)
	}
	return append(dst, bytes.ToValidUTF8(text, []byte(nulText))...)
}
