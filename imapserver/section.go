package imapserver

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
	"github.com/mailhavn/mailhavn/storage/message"
)

// section is a piece of a message: BODY[1.2.HEADER.FIELDS (TO)]<0.100> (RFC 9051, section 6.4.5).
type section struct {
	name    string // as the response writes it, with the space after it
	path    []int
	what    message.Specifier
	partial partial
	fields  *message.FieldSet // with HEADER.FIELDS
	not     bool              // HEADER.FIELDS.NOT

	// Of the present message, between prepare and write:
	offset, size int64
	missing      bool      // there is no such part
	header       collector // the fields, where they were asked for
}

// specifiers are what may follow a part number.
var specifiers = map[string]message.Specifier{
	"HEADER": message.Header, "HEADER.FIELDS": message.Header, "HEADER.FIELDS.NOT": message.Header,
	"TEXT": message.Text, "MIME": message.MIME,
}

// maxHeaderFields bounds the names in one HEADER.FIELDS.
const maxHeaderFields = 500

// parseSection reads a section behind its "[".
func (c *conn) parseSection(f *fetch) error {
	s, d := &section{}, c.dec
	name := strings.Builder{}
	name.WriteString("BODY[")
	if err := s.parse(d, &name); err != nil || d.Err() != nil {
		return err
	}
	name.WriteByte(']')
	if d.Partial(&s.partial.offset, &s.partial.count) {
		name.WriteString("<" + strconv.FormatInt(s.partial.offset, 10) + ">")
	}
	name.WriteByte(' ')
	s.name = name.String()
	f.items = append(f.items, s.data())
	return nil
}

// parse reads a section up to its "]", and writes what it has read to name.
func (s *section) parse(d *wire.Decoder, name *strings.Builder) error {
	numbered := parsePath(d, &s.path, name)
	if d.Err() != nil {
		return nil
	}
	if column := d.Column(); !numbered || d.Byte('.') {
		if numbered {
			name.WriteByte('.')
		}
		var word []byte
		if d.Keyword(&word) {
			what, ok := specifiers[string(word)]
			if !ok || what == message.MIME && !numbered {
				return badAt("expected a section", column)
			}
			s.what = what
			name.Write(word)
			if strings.HasPrefix(string(word), "HEADER.FIELDS") {
				s.not = string(word) == "HEADER.FIELDS.NOT"
				s.fields = parseHeaderFields(d, name)
			}
		} else if numbered {
			d.Expected("a section")
		}
	}
	d.ExpectByte(']')
	return nil
}

// parsePath reads the number of a part, if there is one.
func parsePath(d *wire.Decoder, path *[]int, name *strings.Builder) (found bool) {
	var parts []uint32
	if !d.SectionPart(&parts) {
		return false
	}
	for i, p := range parts {
		if i > 0 {
			name.WriteByte('.')
		}
		name.WriteString(strconv.FormatUint(uint64(p), 10))
		*path = append(*path, int(min(p, 1<<30))) // no message has so many parts
	}
	return true
}

// parseHeaderFields reads the names of header fields.
func parseHeaderFields(d *wire.Decoder, name *strings.Builder) *message.FieldSet {
	var names []string
	d.ExpectSP()
	ok := d.ExpectList(func() bool {
		var n string
		if len(names) == maxHeaderFields {
			return d.Expected("fewer header fields")
		}
		ok := d.ExpectAString(&n)
		names = append(names, n)
		return ok
	})
	if ok && len(names) == 0 {
		d.Expected("a header field")
	}
	var text bytes.Buffer
	e := wire.NewEncoder(&text)
	e.SP().List(len(names), func(i int) { e.AString(names[i]) })
	e.Flush()
	name.Write(text.Bytes())
	return message.NewFieldSet(names...)
}

func (s *section) data() fetchData { return fetchData{prepare: s.prepare, write: s.write} }

// prepare finds the section and makes sure that it can be read.
func (s *section) prepare(f *fetching) error {
	s.missing = false
	if len(s.path) == 0 && s.what == message.Whole {
		s.offset, s.size = 0, int64(f.m.Size)
		return f.open()
	}
	if err := f.summarize(); err != nil {
		return err
	}
	var ok bool
	s.offset, s.size, ok = f.summary.Section(s.path, s.what)
	switch s.missing = !ok; {
	case s.missing:
		return nil
	case s.fields == nil:
		return f.open()
	}
	return s.collect(f)
}

// collect sets s.header to the wanted fields: from the summary, where it has them.
func (s *section) collect(f *fetching) error {
	h := &s.header
	h.b, h.total = h.b[:0], 0
	if !s.not && len(s.path) == 0 {
		var complete bool
		if h.b, complete = f.summary.AppendHeader(h.b, s.fields); complete {
			h.total = int64(len(h.b))
			replaceNUL(h.b)
			return nil
		}
	}
	if err := f.open(); err != nil {
		return err
	}
	return s.filter(h, f)
}

func (s *section) filter(w io.Writer, f *fetching) error {
	return message.FilterHeader(w, f.text(s.offset, s.size), s.fields, s.not)
}

// write writes the section; NIL where there is no such part.
func (s *section) write(f *fetching) {
	e := f.conn.enc
	e.Raw(s.name)
	switch {
	case s.missing:
		e.Nil()
	case s.fields == nil:
		offset, n := s.partial.within(s.offset, s.size)
		e.Literal(n).Copy(f.text(offset, n), n)
	default:
		offset, n := s.partial.within(0, s.header.total)
		e.Literal(n)
		if s.header.total == int64(len(s.header.b)) {
			e.Write(s.header.b[offset : offset+n])
			return
		}
		// So large a header is read a second time, instead of being kept.
		w := &window{w: e, skip: offset, left: n}
		if err := s.filter(w, f); err != nil || w.left > 0 {
			f.conn.cancel() // the literal cannot be completed
		}
	}
}

// length is how many octets the section, which has been prepared and is not missing, has.
func (s *section) length() int64 {
	size := s.size
	if s.fields != nil {
		size = s.header.total
	}
	_, n := s.partial.within(0, size)
	return n
}

// copy writes the octets of the section, which has been prepared and is not missing, to w.
func (s *section) copy(w io.Writer, f *fetching) (err error) {
	switch {
	case s.fields == nil:
		_, err = io.Copy(w, f.section(s.partial.within(s.offset, s.size)))
	case s.header.total == int64(len(s.header.b)):
		offset, n := s.partial.within(0, s.header.total)
		_, err = w.Write(s.header.b[offset : offset+n])
	default:
		offset, n := s.partial.within(0, s.header.total)
		err = s.filter(&window{w: w, skip: offset, left: n}, f)
	}
	return err
}

// maxCollected bounds the header fields that are kept in memory.
const maxCollected = 128 << 10

// collector keeps what is written to it, up to maxCollected octets, and counts all.
type collector struct {
	b     []byte
	total int64
}

func (c *collector) Write(p []byte) (int, error) {
	c.total += int64(len(p))
	if c.total <= maxCollected {
		c.b = append(c.b, p...)
	}
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

// partial is the <offset.count> of a section; count 0: all (RFC 9051, section 6.4.5).
type partial struct{ offset, count int64 }

// within returns the part of size octets from offset that is asked for.
func (p partial) within(offset, size int64) (int64, int64) {
	if p.count == 0 {
		return offset, size
	}
	skipped := min(p.offset, size)
	return offset + skipped, min(size-skipped, p.count)
}
