package wire

import (
	"bytes"
	"io"
	"strconv"
)

// A Literal is the announcement of a literal: {n}, {n+}, ~{n} or ~{n+} at the end of a line (RFC 9051, section
// 4.3; RFC 7888, section 3; RFC 4466, section 3).
type Literal struct {
	Size int64 // in octets
	// NonSync: the client sends the octets without waiting for a continuation request.
	NonSync bool
	// Binary: a literal8, whose octets may be NUL.
	Binary bool
	// Stream: the octets go to a reader and not into memory ([Decoder.Literal]).
	Stream bool
}

// A form is what the end of a line says about a literal.
type form int

const (
	nothing   form = iota
	announces      // a literal
	malformed      // nearly a literal, and the client may send octets that nobody can count
)

// announcement returns the literal that stands at the end of line. A size with a sign or a leading zero, or
// above 2^63-1, is no size.
func announcement(line []byte) (Literal, form) {
	end := len(line) - 1
	start := bytes.LastIndexByte(line, '{')
	if end < 0 || line[end] != '}' || start < 0 {
		return Literal{}, nothing
	}
	var lit Literal
	if lit.NonSync = line[end-1] == '+'; lit.NonSync {
		end--
	}
	lit.Binary = start > 0 && line[start-1] == '~'
	digits := line[start+1 : end]
	n, size, ok := scanNumber(digits, 1<<63-1)
	switch {
	case ok && n == len(digits) && (digits[0] != '0' || n == 1):
		lit.Size = int64(size)
		return lit, announces
	case lit.NonSync && len(bytes.Trim(digits, "+-0123456789")) == 0:
		return Literal{}, malformed
	}
	return Literal{}, nothing
}

// announcedHere returns the literal announced by the next octets, with the column it begins at.
func (d *Decoder) announcedHere(prefix string) (lit Literal, found bool) {
	rest := d.rest()
	if !bytes.HasPrefix(rest, []byte(prefix)) {
		return Literal{}, false
	}
	lit, form := announcement(rest)
	lit.Binary = prefix == "~{"
	if form != announces || bytes.LastIndexByte(rest, '{') != len(prefix)-1 || d.cut {
		return Literal{}, d.Expected("a literal")
	}
	return lit, true
}

// accept judges an announced literal, goes behind its announcement, and reads what fits in memory.
func (d *Decoder) accept(lit Literal) bool {
	limit := d.Limits.literal()
	switch {
	case lit.NonSync && lit.Size > d.Limits.nonSync():
		return d.tooBig("a non-synchronising literal", d.Limits.nonSync())
	case !lit.Stream && lit.Size > limit:
		return d.tooBig("a string", limit)
	case !lit.Stream && lit.Size > d.Limits.command()-d.used:
		return d.tooBig("a command", d.Limits.command())
	}
	if d.OnLiteral != nil {
		if err := d.OnLiteral(lit); err != nil {
			d.err = err
			return false
		}
	}
	d.pos = len(d.line)
	d.inBody, d.body = true, lit.Size
	return true
}

func (d *Decoder) tooBig(what string, limit int64) bool {
	text := "expected " + what + " of at most " + strconv.FormatInt(limit, 10) + " octets"
	d.err = &SyntaxError{Text: text, Column: d.Column(), TooBig: true}
	return false
}

// literal reads the literal that the next octets announce into memory.
func (d *Decoder) literal(prefix string, dst *string) bool {
	column := d.Column()
	lit, ok := d.announcedHere(prefix)
	if !ok || !d.accept(lit) {
		return false
	}
	if int64(cap(d.buf)) < lit.Size {
		d.buf = make([]byte, lit.Size)
	}
	buf := d.buf[:lit.Size]
	if _, err := io.ReadFull(d.src, buf); err != nil {
		return d.stop(unexpected(err))
	}
	d.body = 0
	d.used += lit.Size
	if !lit.Binary && bytes.IndexByte(buf, 0) >= 0 {
		return d.expectedAt(column, "a literal without NUL")
	}
	*dst = string(buf)
	return true
}

// Literal8 reads a literal8, ~{n}, into memory: it may hold any octets (RFC 4466, section 3).
func (d *Decoder) Literal8(dst *string) bool { return d.literal("~{", dst) }

// Literal reads the announcement of a literal or literal8 and sets *body to a reader of its octets, which is valid
// until the next method of the Decoder and need not be read to its end. It does not look at the octets.
// At the literal's end the reader returns io.EOF; where the source ends early, io.ErrUnexpectedEOF.
func (d *Decoder) Literal(lit *Literal, body *io.Reader) bool {
	l, ok := d.announcedHere("{")
	if !ok {
		l, ok = d.announcedHere("~{")
	}
	l.Stream = true
	if !ok || !d.accept(l) {
		return false
	}
	*lit, *body = l, (*bodyReader)(d)
	return true
}

// ExpectLiteral is Literal for one that must be there.
func (d *Decoder) ExpectLiteral(lit *Literal, body *io.Reader) bool {
	return d.Literal(lit, body) || d.Expected("a literal")
}

// bodyReader reads the octets of the literal that its Decoder has accepted.
type bodyReader Decoder

func (r *bodyReader) Read(p []byte) (int, error) {
	if r.fatal != nil {
		return 0, r.fatal
	}
	if r.body == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > r.body {
		p = p[:r.body]
	}
	n, err := r.src.Read(p)
	r.body -= int64(n)
	switch {
	case err == nil, r.body == 0:
		return n, nil
	}
	(*Decoder)(r).stop(unexpected(err))
	return n, r.fatal
}
