package wire

import (
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// bufferSize is how many octets an Encoder collects before it writes.
const bufferSize = 32 << 10

// longestQuoted is the length in octets of the longest string that is written in quotes; a longer one becomes a literal, so that
// no client has to hold a line of any length.
const longestQuoted = 1000

// An Encoder writes the responses of a server, token by token, into a buffer. The buffer goes to the writer when it
// is full and on Flush. Methods that return the Encoder can be chained; the first error of the
// writer stays and is returned by Flush and Err.
//
// An Encoder is for one goroutine at a time.
type Encoder struct {
	// UTF8 allows UTF-8 in quoted strings and text, and writes mailbox names as UTF-8 instead of modified UTF-7: as
	// [Decoder.UTF8].
	UTF8 bool

	w   io.Writer
	buf []byte
	err error
}

// NewEncoder returns an Encoder that writes to w.
func NewEncoder(w io.Writer) *Encoder { return &Encoder{w: w} }

// SetWriter makes the Encoder write to w, for instance after STARTTLS. What is still in the buffer goes there too: Flush before.
func (e *Encoder) SetWriter(w io.Writer) { e.w = w }

// Err returns the first error of the writer.
func (e *Encoder) Err() error { return e.err }

// Buffered returns how many octets the next Flush will write.
func (e *Encoder) Buffered() int { return len(e.buf) }

// Flush writes what is in the buffer. It returns the first error of the writer since the Encoder was made.
func (e *Encoder) Flush() error {
	if len(e.buf) > 0 && e.err == nil {
		_, e.err = e.w.Write(e.buf)
	}
	e.buf = e.buf[:0]
	return e.err
}

// Release gives the buffer back, for a connection that will be idle. To be called after Flush.
func (e *Encoder) Release() {
	if len(e.buf) == 0 {
		e.buf = nil
	}
}

// spill flushes when the buffer is full.
func (e *Encoder) spill() {
	if len(e.buf) >= bufferSize {
		e.Flush()
	}
}

// Raw writes s as it is: an atom, a keyword, the fixed words of a response.
func (e *Encoder) Raw(s string) *Encoder {
	for len(e.buf)+len(s) > bufferSize {
		n := max(0, bufferSize-len(e.buf))
		e.buf = append(e.buf, s[:n]...)
		s = s[n:]
		e.Flush()
	}
	e.buf = append(e.buf, s...)
	return e
}

// Byte writes one octet as it is.
func (e *Encoder) Byte(c byte) *Encoder {
	e.buf = append(e.buf, c)
	return e
}

// SP writes a space.
func (e *Encoder) SP() *Encoder {
	e.spill()
	return e.Byte(' ')
}

// CRLF ends a response.
func (e *Encoder) CRLF() *Encoder {
	e.buf = append(e.buf, '\r', '\n')
	e.spill()
	return e
}

// Tag writes the tag of a command, or "*" if tag is empty.
func (e *Encoder) Tag(tag []byte) *Encoder {
	if len(tag) == 0 {
		return e.Byte('*')
	}
	e.buf = append(e.buf, tag...)
	return e
}

// Number writes a number.
func (e *Encoder) Number(n uint32) *Encoder { return e.Uint64(uint64(n)) }

// Uint64 writes a number, for instance a mod-sequence.
func (e *Encoder) Uint64(n uint64) *Encoder {
	e.buf = strconv.AppendUint(e.buf, n, 10)
	return e
}

// Int64 writes a size or an offset, which are not negative.
func (e *Encoder) Int64(n int64) *Encoder {
	e.buf = strconv.AppendInt(e.buf, n, 10)
	return e
}

// Nil writes NIL.
func (e *Encoder) Nil() *Encoder { return e.Raw("NIL") }

// String writes s as a quoted string, or as a literal if it is long or has octets that cannot be quoted. A NUL,
// which neither can hold, becomes "?".
func (e *Encoder) String(s string) *Encoder {
	if !e.quotable(s) {
		return e.literalString(s)
	}
	return e.quote(s)
}

// AString writes s as an atom if it can be one, else as a string. What could be taken for NIL, or has "]", is quoted.
func (e *Encoder) AString(s string) *Encoder {
	if s == "" || !all(s, atomChar) || equalFold(s, "NIL") {
		return e.String(s)
	}
	return e.Raw(s)
}

// NString writes NIL if null, else s as a string.
func (e *Encoder) NString(s string, null bool) *Encoder {
	if null {
		return e.Nil()
	}
	return e.String(s)
}

// Quoted writes s in quotes, for the few places where a literal is not allowed, such as the delimiter in a LIST
// response. Octets that cannot be quoted become "?".
func (e *Encoder) Quoted(s string) *Encoder {
	if e.quotable(s) {
		return e.quote(s)
	}
	e.buf = append(e.buf, '"')
	for i := range len(s) {
		c := s[i]
		switch {
		case is(c, quotedChar):
		case c == '"' || c == '\\':
			e.buf = append(e.buf, '\\')
		default:
			c = '?'
		}
		e.buf = append(e.buf, c)
	}
	return e.Byte('"')
}

func all(s string, k class) bool {
	for i := range len(s) {
		if !is(s[i], k) {
			return false
		}
	}
	return true
}

// quotable reports whether s can be a quoted string.
func (e *Encoder) quotable(s string) bool {
	if len(s) > longestQuoted {
		return false
	}
	wide := false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			wide = true
		case c == 0 || c == '\r' || c == '\n':
			return false
		}
	}
	return !wide || e.UTF8 && utf8.ValidString(s)
}

func (e *Encoder) quote(s string) *Encoder {
	e.buf = append(e.buf, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			e.buf = append(e.buf, '\\')
		}
		e.buf = append(e.buf, s[i])
	}
	e.buf = append(e.buf, '"')
	e.spill()
	return e
}

func (e *Encoder) literalString(s string) *Encoder {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "?")
	}
	return e.Literal(int64(len(s))).Raw(s)
}

// Mailbox writes a mailbox name, given as UTF-8: in modified UTF-7 unless e.UTF8.
func (e *Encoder) Mailbox(name string) *Encoder {
	if e.UTF8 || shiftAt(name) == len(name) {
		return e.AString(name)
	}
	return e.AString(string(AppendUTF7(nil, name)))
}

// Text writes the human-readable text at the end of a response. Control characters, and what is not ASCII unless e.UTF8,
// become "?", so that no text can end the line.
func (e *Encoder) Text(s string) *Encoder {
	wide := e.UTF8 && utf8.ValidString(s)
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c == 0x7f || c > 0x7f && !wide {
			c = '?'
		}
		e.buf = append(e.buf, c)
	}
	e.spill()
	return e
}

// Code writes a response code without arguments and the space after it: "[ALERT] ".
func (e *Encoder) Code(name string) *Encoder { return e.OpenCode(name).CloseCode() }

// OpenCode begins a response code: "[UIDNEXT". Arguments follow, each after SP, then CloseCode.
func (e *Encoder) OpenCode(name string) *Encoder { return e.Byte('[').Raw(name) }

// CloseCode ends a response code and writes the space after it: "] ".
func (e *Encoder) CloseCode() *Encoder { return e.Raw("] ") }

// Status writes a whole status response: tag (empty for untagged), kind (OK, NO, BAD, BYE or PREAUTH), code without its
// brackets unless it is empty, text.
func (e *Encoder) Status(tag []byte, kind, code, text string) *Encoder {
	e.Tag(tag).SP().Raw(kind).SP()
	if code != "" {
		e.Code(code)
	}
	return e.Text(text).CRLF()
}

// Continue writes a command continuation request: "+ text". It has to be flushed.
func (e *Encoder) Continue(text string) *Encoder { return e.Raw("+ ").Text(text).CRLF() }

// Flags writes flags in parentheses.
func (e *Encoder) Flags(flags []string) *Encoder {
	e.Byte('(')
	for i, f := range flags {
		if i > 0 {
			e.SP()
		}
		e.Raw(f)
	}
	return e.Byte(')')
}

// List writes n items in parentheses, with a space between them; item writes the i-th.
func (e *Encoder) List(n int, item func(i int)) *Encoder {
	e.Byte('(')
	for i := range n {
		if i > 0 {
			e.SP()
		}
		item(i)
	}
	return e.Byte(')')
}

// NumSet writes a set, which is not empty.
func (e *Encoder) NumSet(set *NumSet) *Encoder {
	if set.Saved() {
		return e.Byte('$')
	}
	for i, r := range set.Ranges() {
		if i > 0 {
			e.Byte(',')
		}
		e.buf = r.appendTo(e.buf)
		e.spill()
	}
	return e
}

// DateTime writes a date-time in quotes, as for INTERNALDATE: " 1-Feb-2026 12:00:00 +0100". Where the year has not four
// digits, it writes the beginning of 1970.
func (e *Encoder) DateTime(t time.Time) *Encoder {
	if year := t.Year(); year < 0 || year > 9999 {
		t = time.Unix(0, 0).UTC()
	}
	e.buf = t.AppendFormat(e.buf, `"_2-Jan-2006 15:04:05 -0700"`)
	return e
}

// Literal writes the announcement of a literal of n octets. They follow by Write or Copy.
func (e *Encoder) Literal(n int64) *Encoder { return e.Byte('{').Int64(n).Raw("}\r\n") }

// Literal8 is Literal for octets that may be NUL (RFC 3516, section 4.2).
func (e *Encoder) Literal8(n int64) *Encoder { return e.Byte('~').Literal(n) }

// Write writes octets of a literal.
func (e *Encoder) Write(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	if len(e.buf)+len(p) <= bufferSize {
		e.buf = append(e.buf, p...)
		return len(p), nil
	}
	if e.Flush() != nil {
		return 0, e.err
	}
	var n int
	n, e.err = e.w.Write(p)
	return n, e.err
}

// Copy writes n octets of a literal from r, through the buffer. Where r ends or fails before, the error stays: after an
// announcement that was not kept the connection can only be closed.
func (e *Encoder) Copy(r io.Reader, n int64) error {
	if cap(e.buf) < bufferSize {
		e.buf = append(make([]byte, 0, bufferSize), e.buf...)
	}
	for n > 0 && e.err == nil {
		if len(e.buf) >= bufferSize && e.Flush() != nil {
			break
		}
		free := e.buf[len(e.buf):cap(e.buf)]
		if int64(len(free)) > n {
			free = free[:n]
		}
		m, err := io.ReadAtLeast(r, free, 1)
		e.buf = e.buf[:len(e.buf)+m]
		n -= int64(m)
		if err != nil {
			e.err = unexpected(err)
		}
	}
	return e.err
}
