package goimap

import (
	"errors"
	"io"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailhavn/mailhavn/storage/message"
)

// item writes a section of the present message, for which all that may fail has been done.
type item func(*imapserver.FetchResponseWriter) error

// prepare finds the sections of the present message that are asked for, and makes sure that they can be read.
func (f *fetching) prepare() ([]item, error) {
	o := f.options
	var items []item
	if o.Envelope || o.BodyStructure != nil {
		if err := f.summarize(); err != nil {
			return nil, err
		}
	}
	for _, section := range o.BodySection {
		p, err := f.body(section)
		if err != nil {
			return nil, err
		}
		items = append(items, func(w *imapserver.FetchResponseWriter) error {
			return p.write(section.Partial, func(size int64) io.WriteCloser { return w.WriteBodySection(section, size) })
		})
	}
	for _, section := range o.BinarySection {
		p, err := f.binary(section.Part)
		if err != nil {
			return nil, err
		}
		items = append(items, func(w *imapserver.FetchResponseWriter) error {
			return p.write(section.Partial, func(size int64) io.WriteCloser { return w.WriteBinarySection(section, size) })
		})
	}
	for _, section := range o.BinarySectionSize {
		p, err := f.binary(section.Part)
		if err != nil {
			return nil, err
		}
		items = append(items, func(w *imapserver.FetchResponseWriter) error {
			w.WriteBinarySectionSize(section, uint32(p.size))
			return nil
		})
	}
	return items, nil
}

// piece is octets of a message. The zero value is empty.
type piece struct {
	size int64
	copy func(w io.Writer, offset, size int64) error // writes a part of it
}

// write writes the piece, or a part of it, as a literal.
func (p piece) write(partial *imap.SectionPartial, literal func(size int64) io.WriteCloser) error {
	offset, size := int64(0), p.size
	if partial != nil {
		offset = min(partial.Offset, p.size)
		size = min(partial.Size, p.size-offset)
	}
	w := literal(size)
	var err error
	if size > 0 {
		err = p.copy(w, offset, size)
	}
	return errors.Join(err, w.Close())
}

// streamed makes a piece of what stream writes, whose size is not known before.
func streamed(stream func(io.Writer) error) (piece, error) {
	all := counter(0)
	if err := stream(&all); err != nil {
		return piece{}, err
	}
	return piece{int64(all), func(w io.Writer, offset, size int64) error {
		return stream(&window{w: w, skip: offset, left: size})
	}}, nil
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// window passes on a part of what is written to it.
type window struct {
	w          io.Writer
	skip, left int64
}

func (w *window) Write(p []byte) (int, error) {
	skipped := min(w.skip, int64(len(p)))
	w.skip -= skipped
	take := min(w.left, int64(len(p))-skipped)
	w.left -= take
	if _, err := w.w.Write(p[skipped : skipped+take]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// specifiers are what may follow a part number (RFC 9051, section 6.4.5.1).
var specifiers = map[imap.PartSpecifier]message.Specifier{
	imap.PartSpecifierNone: message.Whole, imap.PartSpecifierHeader: message.Header, imap.PartSpecifierMIME: message.MIME,
	imap.PartSpecifierText: message.Text,
}

// body finds BODY[section] of the present message; empty where there is none.
func (f *fetching) body(section *imap.FetchItemBodySection) (piece, error) {
	if err := f.summarize(); err != nil {
		return piece{}, err
	}
	start, size, ok := f.summary.Section(section.Part, specifiers[section.Specifier])
	if !ok {
		return piece{}, nil
	}
	only, not := message.NewFieldSet(section.HeaderFields...), message.NewFieldSet(section.HeaderFieldsNot...)
	if len(section.HeaderFields) > 0 && len(section.Part) == 0 {
		if fields, complete := f.summary.AppendHeader(nil, only); complete { // the file is not needed
			return streamed(func(w io.Writer) error {
				_, err := textWriter{w}.Write(fields)
				return err
			})
		}
	}
	if err := f.open(); err != nil {
		return piece{}, err
	}
	switch {
	case len(section.HeaderFields) > 0:
		return f.filtered(start, size, only, false)
	case len(section.HeaderFieldsNot) > 0:
		return f.filtered(start, size, not, true)
	}
	return piece{size, func(w io.Writer, offset, size int64) error {
		_, err := io.Copy(textWriter{w}, f.section(start+offset, size))
		return err
	}}, nil
}

// filtered makes a piece of the fields of a header.
func (f *fetching) filtered(start, size int64, set *message.FieldSet, not bool) (piece, error) {
	return streamed(func(w io.Writer) error {
		return message.FilterHeader(textWriter{w}, f.section(start, size), set, not)
	})
}

// binary finds BINARY[part] of the present message, decoded; empty where there is no such part.
func (f *fetching) binary(path []int) (piece, error) {
	if err := f.open(); err != nil {
		return piece{}, err
	}
	if err := f.summarize(); err != nil {
		return piece{}, err
	}
	part, ok := f.summary.Part(path)
	switch {
	case !ok:
		return piece{}, nil
	case len(path) == 0: // the whole message, whose encoding is that of its parts
		part = message.PartInfo{BodySize: int64(f.m.Size), Encoding: message.EightBit}
	case part.Multipart || part.Message:
		part.Encoding = message.EightBit // RFC 3516, section 4.2: nothing in it is decoded
	}
	return streamed(func(w io.Writer) error {
		r, err := message.BinaryReader(f.section(part.BodyOffset, part.BodySize), part.Encoding)
		if errors.Is(err, message.ErrUnknownEncoding) {
			return no(imap.ResponseCodeUnknownCTE, "A part has an unknown transfer encoding")
		}
		if err != nil {
			return err
		}
		_, err = io.Copy(w, r)
		return err
	})
}
