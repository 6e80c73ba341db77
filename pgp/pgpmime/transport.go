package pgpmime

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"github.com/mailhavn/mailhavn/pgp/internal/spool"
)

// maxDepth bounds multiparts in multiparts.
const maxDepth = 32

// transportable writes an entity to a spool and to w, in a form that no server on its way has to touch: seven bits, short lines, CRLF, no white space at
// line ends, no line "From " (RFC 3156, section 3). What is in quoted-printable or base64 already stays; other text becomes the first, other data the second.
func transportable(entity io.Reader, w io.Writer, tempDir string) (*spool.Spool, error) {
	content := spool.New(tempDir, 1<<62)
	out := bufio.NewWriterSize(io.MultiWriter(content, w), 32<<10)
	err := writeEntity(out, bufio.NewReader(newCRLF(entity)), 0)
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		content.Close()
		return nil, err
	}
	return content, nil
}

func writeEntity(out *bufio.Writer, in *bufio.Reader, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: more than %d parts in parts", ErrMalformed, maxDepth)
	}
	h, err := readHead(in)
	if err != nil {
		return err
	}
	if h.rest != nil {
		return fmt.Errorf("%w: a line in a header is no field", ErrMalformed)
	}
	media, params := h.mediaType()
	encoding := h.encoding()
	encoded := encoding == "quoted-printable" || encoding == "base64"
	switch {
	case strings.HasPrefix(media, "multipart/"):
		if params["boundary"] == "" || encoded {
			return fmt.Errorf("%w: a multipart without boundary or with an encoding", ErrMalformed)
		}
		writeHead(out, h, "")
		return writeParts(out, in, params["boundary"], depth)
	case media == "message/rfc822" && !encoded:
		writeHead(out, h, "")
		return writeEntity(out, in, depth+1)
	case encoded:
		writeHead(out, h, encoding)
		_, err := io.Copy(out, in)
		return err
	case strings.HasPrefix(media, "text/"):
		writeHead(out, h, "quoted-printable")
		return writeQuotedPrintable(out, in)
	}
	writeHead(out, h, "base64")
	return writeBase64(out, in)
}

// writeHead writes a header with another transfer encoding; "" is 7bit, which needs no field.
func writeHead(out *bufio.Writer, h *head, encoding string) {
	for _, f := range h.fields {
		if f.name != "content-transfer-encoding" {
			out.Write(f.raw)
		}
	}
	if encoding != "" {
		out.WriteString("Content-Transfer-Encoding: " + encoding + "\r\n")
	}
	out.WriteString("\r\n")
}

func writeParts(out *bufio.Writer, in *bufio.Reader, boundary string, depth int) error {
	p := newPart(in, boundary)
	for { // what is before the first part and after the last goes: nobody shows it
		more, err := p.next()
		if err != nil {
			return err
		}
		if !more {
			_, err := out.WriteString("\r\n--" + boundary + "--\r\n")
			return err
		}
		out.WriteString("\r\n--" + boundary + "\r\n")
		if err := writeEntity(out, bufio.NewReader(p), depth+1); err != nil {
			return err
		}
	}
}

func writeBase64(out *bufio.Writer, in io.Reader) error {
	const perLine = 57 // 76 characters (RFC 2045, section 6.8)
	line := make([]byte, perLine)
	for {
		n, err := io.ReadFull(in, line)
		if n > 0 {
			out.WriteString(base64.StdEncoding.EncodeToString(line[:n]) + "\r\n")
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// writeQuotedPrintable encodes text with CRLF (RFC 2045, section 6.7). Beyond what it must it encodes white space at line ends, the F of "From " and
// a dot alone on a line.
func writeQuotedPrintable(out *bufio.Writer, in *bufio.Reader) error {
	column := 0
	for {
		c, err := in.ReadByte()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		next, _ := in.Peek(4)
		lineEnd := len(next) == 0 || next[0] == '\r' && (len(next) == 1 || next[1] == '\n')
		if c == '\r' && len(next) > 0 && next[0] == '\n' {
			in.Discard(1)
			out.WriteString("\r\n")
			column = 0
			continue
		}
		text := string(c)
		switch {
		case c < ' ' && c != '\t', c > '~', c == '=',
			lineEnd && (c == ' ' || c == '\t'),
			column == 0 && c == 'F' && bytes.Equal(next, []byte("rom ")),
			column == 0 && c == '.' && lineEnd:
			text = fmt.Sprintf("=%02X", c)
		}
		if column+len(text) > 75 {
			out.WriteString("=\r\n")
			column = 0
			if c == 'F' || c == '.' {
				text = fmt.Sprintf("=%02X", c)
			}
		}
		out.WriteString(text)
		column += len(text)
	}
}
