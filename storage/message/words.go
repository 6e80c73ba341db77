package message

import (
	"bytes"
)

// DecodeHeader appends the body of an unstructured or structured field as people read it, in UTF-8
// on one line: without folding, encoded words decoded (RFC 2047 with the language of RFC 2231,
// section 5). White space between encoded words vanishes; neighbours of one charset are joined
// before decoding, since broken software splits characters. Words that cannot be decoded stay as
// they are. Raw 8-bit text counts as UTF-8; what is not becomes U+FFFD. A tab that begins a folded
// line is a space: much software writes one where it folds at a space.
func DecodeHeader(dst, body []byte) []byte {
	if bytes.IndexByte(body, '\n') >= 0 || bytes.IndexByte(body, '\r') >= 0 {
		body = bytes.ReplaceAll(body, []byte("\n\t"), []byte("\n "))
		body = appendUnfolded(make([]byte, 0, len(body)), body)
	}
	if !bytes.Contains(body, []byte("=?")) {
		return appendValid(dst, body)
	}
	d := wordDecoder{out: dst}
	d.decode(body)
	return d.out
}

// wordDecoder decodes one field.
type wordDecoder struct {
	charsets
	out     []byte
	pending []byte // decoded bytes of neighbouring words of one charset
	charset []byte // their charset, nil if there are none
	raw     []byte // the words as they stand in the field
}

func (d *wordDecoder) decode(body []byte) {
	for len(body) > 0 {
		i := bytes.Index(body, []byte("=?"))
		if i < 0 {
			break
		}
		w, size, ok := parseWord(body[i:])
		if !ok {
			// Not a word: pass what shows that, so that no byte is looked at often.
			d.flush()
			d.out = appendValid(d.out, body[:i+size])
			body = body[i+size:]
			continue
		}
		gap := body[:i]
		if d.charset == nil || !isBlank(gap) {
			d.flush()
			d.out = appendValid(d.out, gap)
			gap = nil
		} else if !bytes.EqualFold(d.charset, w.charset) {
			if !d.flush() {
				d.out = append(d.out, gap...)
			}
			gap = nil
		}
		d.add(w, gap, body[i:i+size])
		body = body[i+size:]
	}
	d.flush()
	d.out = appendValid(d.out, body)
}

// add appends a word to the pending ones.
func (d *wordDecoder) add(w word, gap, raw []byte) {
	d.charset = w.charset
	d.raw = append(append(d.raw, gap...), raw...)
	if w.base64 {
		d.pending = appendBase64(d.pending, w.text)
	} else {
		d.pending = appendQ(d.pending, w.text)
	}
}

// flush converts the pending words. It returns false if they stay as they are.
func (d *wordDecoder) flush() bool {
	if d.charset == nil {
		return true
	}
	out, ok := d.appendUTF8(d.out, d.pending, d.charset)
	if !ok {
		out = appendValid(d.out, d.raw)
	}
	d.out = out
	d.pending, d.raw, d.charset = d.pending[:0], d.raw[:0], nil
	return ok
}

func isBlank(b []byte) bool {
	for _, c := range b {
		if !isSpace(c) {
			return false
		}
	}
	return true
}

// word is an encoded word.
type word struct {
	charset []byte
	base64  bool
	text    []byte
}

// parseWord reads "=?charset*language?encoding?text?=" at the beginning of b. If there is none,
// size is how far b was looked at, at least 2.
func parseWord(b []byte) (w word, size int, ok bool) {
	i := 2
	for i < len(b) && isToken(b[i]) {
		i++
	}
	w.charset = b[2:i]
	if star := bytes.IndexByte(w.charset, '*'); star >= 0 {
		w.charset = w.charset[:star]
	}
	if len(w.charset) == 0 || len(b) < i+3 || b[i] != '?' || b[i+2] != '?' {
		return w, i, false
	}
	switch b[i+1] {
	case 'B', 'b':
		w.base64 = true
	case 'Q', 'q':
	default:
		return w, i, false
	}
	start := i + 3
	n := bytes.IndexByte(b[start:], '?')
	if n < 0 {
		return w, len(b), false
	}
	if len(b) < start+n+2 || b[start+n+1] != '=' {
		return w, max(start+n-1, 2), false // the "=" before the "?" may begin a word
	}
	w.text = b[start : start+n]
	if bytes.IndexByte(w.text, 0) >= 0 {
		return w, max(start+n-1, 2), false
	}
	return w, start + n + 2, true
}

// appendQ decodes the Q encoding of RFC 2047, section 4.2.
func appendQ(dst, text []byte) []byte {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '_' {
			c = ' '
		} else if c == '=' && i+2 < len(text) {
			if v, ok := hexByte(text[i+1], text[i+2]); ok {
				c = v
				i += 2
			}
		}
		dst = append(dst, c)
	}
	return dst
}

// appendBase64 decodes base64 and passes over everything else.
func appendBase64(dst, text []byte) []byte {
	d := base64Decoder{}
	dst = d.append(dst, text)
	return d.end(dst)
}
