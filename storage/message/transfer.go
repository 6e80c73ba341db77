package message

import (
	"errors"
	"io"
)

// ErrUnknownEncoding says that a part cannot be decoded: NO [UNKNOWN-CTE] (RFC 3516, section 4.3).
var ErrUnknownEncoding = errors.New("message: unknown content transfer encoding")

// BinaryReader undoes the transfer encoding of a part: BINARY (RFC 3516, section 4). body gives
// the body of the part in wire form. Malformed base64 and quoted-printable are decoded as well as
// can be. The only error of its own is ErrUnknownEncoding.
func BinaryReader(body io.Reader, encoding Encoding) (io.Reader, error) {
	switch encoding {
	case SevenBit, EightBit, Binary:
		return body, nil
	case Base64:
		return &transferReader{r: body, decoder: &base64Decoder{}}, nil
	case QuotedPrintable:
		return &transferReader{r: body, decoder: &qpDecoder{}}, nil
	}
	return nil, ErrUnknownEncoding
}

// transferDecoder decodes text that comes in pieces.
type transferDecoder interface {
	append(dst, src []byte) []byte
	end(dst []byte) []byte
}

// transferReader reads decoded text.
type transferReader struct {
	r       io.Reader
	decoder transferDecoder
	in      []byte
	out     []byte // all of the last piece
	rest    []byte // what of out was not read yet
	err     error
}

func (t *transferReader) Read(p []byte) (int, error) {
	for len(t.rest) == 0 && t.err == nil {
		if t.in == nil {
			t.in = make([]byte, 8<<10)
			t.out = make([]byte, 0, len(t.in)+maxBlanks)
		}
		n, err := t.r.Read(t.in)
		t.out = t.decoder.append(t.out[:0], t.in[:n])
		if err == io.EOF {
			t.out = t.decoder.end(t.out)
		}
		t.rest, t.err = t.out, err
	}
	n := copy(p, t.rest)
	t.rest = t.rest[n:]
	if n == 0 && len(p) > 0 {
		return 0, t.err
	}
	return n, nil
}

// base64Values gives the six bits of a base64 character, 0xFF for any other byte.
var base64Values = makeBase64Values()

func makeBase64Values() (t [256]byte) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range t {
		t[i] = 0xFF
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = byte(i)
	}
	return t
}

// base64Decoder decodes base64 that comes in pieces. Bytes that are not in the alphabet are passed
// over (RFC 2045, section 6.8); padding ends a group of four, and more groups may follow.
type base64Decoder struct {
	bits  uint32
	count int // characters in bits
}

func (d *base64Decoder) append(dst, src []byte) []byte {
	for i := 0; i < len(src); i++ {
		// Whole groups without line ends are most of what there is.
		for d.count == 0 && i+4 <= len(src) {
			a, b, c, e := base64Values[src[i]], base64Values[src[i+1]], base64Values[src[i+2]], base64Values[src[i+3]]
			if a|b|c|e == 0xFF {
				break
			}
			dst = append(dst, a<<2|b>>4, b<<4|c>>2, c<<6|e)
			i += 4
		}
		if i == len(src) {
			break
		}
		v := base64Values[src[i]]
		switch {
		case v != 0xFF:
			d.bits = d.bits<<6 | uint32(v)
			if d.count++; d.count == 4 {
				dst = append(dst, byte(d.bits>>16), byte(d.bits>>8), byte(d.bits))
				d.bits, d.count = 0, 0
			}
		case src[i] == '=':
			dst = d.end(dst)
		}
	}
	return dst
}

// end appends the bytes of an incomplete group.
func (d *base64Decoder) end(dst []byte) []byte {
	switch d.count {
	case 2:
		dst = append(dst, byte(d.bits>>4))
	case 3:
		dst = append(dst, byte(d.bits>>10), byte(d.bits>>2))
	}
	d.bits, d.count = 0, 0
	return dst
}

// maxBlanks is how many trailing blanks of a line a qpDecoder holds back.
const maxBlanks = 1 << 10

// qpDecoder decodes quoted-printable (RFC 2045, section 6.7) that comes in pieces. Blanks at the
// end of a line vanish; "=" before anything but two digits or a line end stands for itself.
type qpDecoder struct {
	held []byte // blanks, or the beginning of what "=" begins
}

func (d *qpDecoder) append(dst, src []byte) []byte {
	for i := 0; i < len(src); i++ {
		c := src[i]
		if len(d.held) == 0 {
			n := plainRun(src[i:])
			dst = append(dst, src[i:i+n]...)
			if i += n; i == len(src) {
				break
			}
			c = src[i]
		}
		dst = d.byte(dst, c)
	}
	return dst
}

// plainRun is how many bytes at the beginning of b stand for themselves: no "=", and no blank
// unless text follows it.
func plainRun(b []byte) int {
	for i := 0; i < len(b); {
		if b[i] == '=' {
			return i
		}
		end := i
		for end < len(b) && isWSP(b[end]) {
			end++
		}
		if end > i && (end == len(b) || b[end] == '\r' || b[end] == '\n') {
			return i
		}
		i = max(end, i+1)
	}
	return len(b)
}

// byte takes one byte after what is held.
func (d *qpDecoder) byte(dst []byte, c byte) []byte {
	switch {
	case len(d.held) == 0:
		d.held = append(d.held, c)
		return dst
	case d.held[0] == '=':
		return d.escape(dst, c)
	case isWSP(c) && len(d.held) < maxBlanks:
		d.held = append(d.held, c)
		return dst
	case c != '\r' && c != '\n':
		dst = append(dst, d.held...)
	}
	d.held = d.held[:0]
	if c == '=' || isWSP(c) {
		d.held = append(d.held, c)
		return dst
	}
	return append(dst, c)
}

// escape takes one byte after "=" and what followed it.
func (d *qpDecoder) escape(dst []byte, c byte) []byte {
	n := len(d.held)
	last := d.held[n-1]
	blank := n > 1 && isWSP(last)
	switch {
	case c == '\n': // a soft line break; a CR before the LF is held
		d.held = d.held[:0]
		return dst
	case c == '\r' && last != '\r' && (n == 1 || blank), isWSP(c) && (n == 1 || blank) && n < maxBlanks:
		d.held = append(d.held, c)
		return dst
	case n == 1:
		if _, ok := hexDigit(c); ok {
			d.held = append(d.held, c)
			return dst
		}
	case n == 2:
		if v, ok := hexByte(last, c); ok {
			d.held = d.held[:0]
			return append(dst, v)
		}
	}
	// No escape: what was held stands for itself.
	dst = append(dst, d.held...)
	d.held = d.held[:0]
	if c == '=' || isWSP(c) {
		d.held = append(d.held, c)
		return dst
	}
	return append(dst, c)
}

// end takes the end of the text: blanks and a soft line break vanish.
func (d *qpDecoder) end(dst []byte) []byte {
	if len(d.held) > 1 && d.held[0] == '=' && !isSpace(d.held[1]) {
		dst = append(dst, d.held...)
	}
	d.held = d.held[:0]
	return dst
}

func hexByte(hi, lo byte) (byte, bool) {
	h, ok1 := hexDigit(hi)
	l, ok2 := hexDigit(lo)
	return h<<4 | l, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
