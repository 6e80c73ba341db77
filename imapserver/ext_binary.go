package imapserver

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/mailhavn/mailhavn/storage/message"
)

// extBinary is FETCH of parts with their transfer encoding undone (RFC 3516; RFC 9051, section 6.4.5). APPEND takes literal8
// anyhow.
func extBinary() extension {
	return extension{
		file:         "binary",
		capabilities: []capability{{name: "BINARY", rfc: "RFC 3516, section 3"}},
		fetchItems: []fetchItem{
			{"BINARY", "RFC 3516, section 4.2", func(c *conn, f *fetch) error {
				f.setsSeen = true
				return c.parseBinary(f, "BINARY[", true)
			}},
			{"BINARY.PEEK", "RFC 3516, section 4.2", func(c *conn, f *fetch) error {
				return c.parseBinary(f, "BINARY[", true)
			}},
			{"BINARY.SIZE", "RFC 3516, section 4.2", func(c *conn, f *fetch) error {
				return c.parseBinary(f, "BINARY.SIZE[", false)
			}},
		},
	}
}

// binary is a part of a message, decoded.
type binary struct {
	name    string // as the response writes it, with the space after it
	path    []int
	octets  bool // the octets, not only their number
	partial partial

	// Of the present message, between prepare and write:
	part    message.PartInfo
	size    octetCounter // decoded
	missing bool
}

// octetCounter counts what is written to it.
type octetCounter struct {
	n   int64
	nul bool // has seen one
}

func (c *octetCounter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	c.nul = c.nul || bytes.IndexByte(p, 0) >= 0
	return len(p), nil
}

// parseBinary reads a part number in brackets, which may be empty, and a partial.
func (c *conn) parseBinary(f *fetch, prefix string, octets bool) error {
	b, d := &binary{octets: octets}, c.dec
	name := strings.Builder{}
	name.WriteString(prefix)
	if !d.ExpectByte('[') {
		return nil
	}
	parsePath(d, &b.path, &name)
	d.ExpectByte(']')
	name.WriteByte(']')
	if octets && d.Partial(&b.partial.offset, &b.partial.count) {
		name.WriteString("<" + strconv.FormatInt(b.partial.offset, 10) + ">")
	}
	name.WriteByte(' ')
	b.name = name.String()
	f.items = append(f.items, fetchData{prepare: b.prepare, write: b.write})
	return nil
}

var errUnknownCTE = no("UNKNOWN-CTE", "A part has an unknown transfer encoding")

// prepare finds the part and counts its octets, as they have to be announced.
func (b *binary) prepare(f *fetching) error {
	if err := f.summarize(); err != nil {
		return err
	}
	var ok bool
	if b.part, ok = f.summary.Part(b.path); !ok {
		b.missing = true
		return nil
	}
	b.missing = false
	if len(b.path) == 0 { // the whole message, whose encoding is that of its parts
		b.part = message.PartInfo{BodySize: int64(f.m.Size), Encoding: message.EightBit}
	} else if b.part.Multipart || b.part.Message {
		b.part.Encoding = message.EightBit // RFC 3516, section 4.2: nothing in it is decoded
	}
	if err := f.open(); err != nil {
		return err
	}
	r, err := b.reader(f)
	if err != nil {
		return err
	}
	b.size = octetCounter{}
	_, err = io.Copy(&b.size, r)
	return err
}

func (b *binary) reader(f *fetching) (io.Reader, error) {
	r, err := message.BinaryReader(f.section(b.part.BodyOffset, b.part.BodySize), b.part.Encoding)
	if errors.Is(err, message.ErrUnknownEncoding) {
		return nil, errUnknownCTE
	}
	return r, err
}

// write writes the part: as a literal8 only if it has a NUL, so that the client need not look (RFC 9051, section 7.5.2).
func (b *binary) write(f *fetching) {
	e := f.conn.enc
	e.Raw(b.name)
	switch {
	case b.missing && b.octets:
		e.Nil()
	case b.missing:
		e.Number(0)
	case !b.octets:
		e.Int64(b.size.n)
	default:
		offset, n := b.partial.within(0, b.size.n)
		if b.size.nul {
			e.Byte('~')
		}
		e.Literal(n)
		r, err := b.reader(f)
		if err == nil {
			_, err = io.CopyN(io.Discard, r, offset)
		}
		if err != nil {
			f.conn.cancel() // the literal cannot be completed
			return
		}
		e.Copy(r, n)
	}
}
