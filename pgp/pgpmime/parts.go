package pgpmime

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
)

// part reads the octets of one part of a multipart, up to the line end before the delimiter, which belongs to the delimiter (RFC 2046, section 5.1.1).
type part struct {
	r         *bufio.Reader
	delimiter []byte // "--boundary"
	ready     []byte // to be read
	eol       []byte // the line end that may belong to the delimiter
	inLine    bool   // the next octets do not begin a line
	closed    bool   // the delimiter was the last
	err       error
}

func newPart(r *bufio.Reader, boundary string) *part {
	return &part{r: r, delimiter: []byte("--" + boundary)}
}

// Read implements io.Reader.
func (p *part) Read(b []byte) (int, error) {
	for len(p.ready) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		p.err = p.more()
	}
	n := copy(b, p.ready)
	p.ready = p.ready[n:]
	return n, nil
}

// more takes the next line or piece of a line.
func (p *part) more() error {
	line, err := p.r.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, io.EOF) {
		return err
	}
	if !p.inLine && bytes.HasPrefix(line, p.delimiter) {
		switch after := string(bytes.TrimRight(line[len(p.delimiter):], " \t\r\n")); after {
		case "":
			return io.EOF
		case "--":
			p.closed = true
			return io.EOF
		}
	}
	if len(line) == 0 { // RFC 2046 asks for a last delimiter, mail that was cut on its way has none
		p.ready, p.closed = append(p.ready[:0], p.eol...), true
		return io.EOF
	}
	text := line
	if p.inLine = !bytes.HasSuffix(line, []byte("\n")); !p.inLine {
		text = bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))
	}
	p.ready = append(append(p.ready[:0], p.eol...), text...)
	p.eol = append(p.eol[:0], line[len(text):]...)
	return nil
}

// next goes on to the next part, passing over what is left of this one. It is false after the last.
func (p *part) next() (bool, error) {
	if _, err := io.Copy(io.Discard, p); err != nil {
		return false, err
	}
	p.ready, p.eol, p.inLine, p.err = p.ready[:0], p.eol[:0], false, nil
	return !p.closed, nil
}

// decoded undoes a transfer encoding.
func decoded(r io.Reader, encoding string) (io.Reader, error) {
	switch encoding {
	case "", "7bit", "8bit", "binary":
		return r, nil
	case "quoted-printable":
		return quotedprintable.NewReader(r), nil
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, r), nil
	}
	return nil, fmt.Errorf("%w: unknown transfer encoding %q", ErrMalformed, encoding)
}

// crlf puts a CR before each LF that has none: what is signed has CRLF (RFC 3156, section 5).
type crlf struct {
	r    *bufio.Reader
	last byte
	lf   bool // an LF is due
}

func newCRLF(r io.Reader) *crlf { return &crlf{r: bufio.NewReaderSize(r, 32<<10)} }

// Read implements io.Reader.
func (c *crlf) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if c.lf {
			p[n], c.lf = '\n', false
			n++
			continue
		}
		if _, err := c.r.Peek(1); err != nil {
			if n > 0 && errors.Is(err, io.EOF) {
				return n, nil
			}
			return n, err
		}
		piece, _ := c.r.Peek(min(c.r.Buffered(), len(p)-n))
		if end := bytes.IndexByte(piece, '\n'); end >= 0 {
			piece = piece[:end+1]
		}
		last := len(piece) - 1
		if before := c.last; piece[last] == '\n' && (last > 0 && piece[last-1] != '\r' || last == 0 && before != '\r') {
			n += copy(p[n:], piece[:last])
			p[n], c.lf = '\r', true
			n++
		} else {
			n += copy(p[n:], piece)
		}
		c.last = piece[last]
		c.r.Discard(len(piece))
	}
	return n, nil
}
