package message

import (
	"bytes"
	"io"
)

// FilterHeader copies from a header block in wire form the fields whose names are in set or, if
// not, those whose names are not in it, and then the empty line: BODY[HEADER.FIELDS] and
// BODY[HEADER.FIELDS.NOT] (RFC 9051, section 6.4.5.1). Fields keep their order and bytes. If the
// header has no empty line, only HEADER.FIELDS gets one. Memory is bounded whatever the header is.
// The error is one of reading or writing.
func FilterHeader(dst io.Writer, header io.Reader, set *FieldSet, not bool) error {
	f := headerFilter{set: set, not: not, dst: dst}
	buf := make([]byte, 4<<10)
	n := 0
	for {
		got, err := header.Read(buf[n:])
		n += got
		done := f.write(buf[:n], err != nil)
		n = copy(buf, buf[done:n])
		switch {
		case f.err != nil:
			return f.err
		case err == io.EOF, f.ended:
			_, err := io.WriteString(dst, f.ending())
			return err
		case err != nil:
			return err
		}
	}
}

// AppendFields is FilterHeader of a header block in memory.
func AppendFields(dst, header []byte, set *FieldSet, not bool) []byte {
	filter := headerFilter{not: not}
	f, rest, ok := nextField(header)
	for ; ok; f, rest, ok = nextField(rest) {
		if set.index(f.name) >= 0 != not {
			dst = append(dst, f.raw...)
			filter.cut = f.raw[len(f.raw)-1] != '\n'
		}
	}
	filter.ended = isBlankLine(rest)
	return append(dst, filter.ending()...)
}

// ending is what follows the last field: the empty line, with the line end of the field if that
// is missing.
func (f *headerFilter) ending() string {
	switch {
	case f.not && !f.ended:
		return ""
	case f.cut:
		return "\r\n\r\n"
	}
	return "\r\n"
}

type headerFilter struct {
	set     *FieldSet
	not     bool
	dst     io.Writer
	keep    bool // the field being read is copied
	midLine bool // the next byte is not the first of a line
	cut     bool // the last line copied has no line end yet
	started bool // a field has begun
	ended   bool // the empty line was read
	err     error
}

// write takes bytes of the header and returns how many it is done with: at the beginning of a line
// it wants enough to read a name.
func (f *headerFilter) write(b []byte, last bool) (done int) {
	for done < len(b) && !f.ended && f.err == nil {
		rest := b[done:]
		n := bytes.IndexByte(rest, '\n') + 1
		if n == 0 {
			n = len(rest)
			if !f.midLine && !last && n < 2*maxFieldName {
				return done
			}
		}
		line := rest[:n]
		if !f.midLine {
			f.begin(line)
		}
		midLine := line[n-1] != '\n'
		if f.keep && !f.ended {
			_, f.err = f.dst.Write(line)
			f.cut = midLine
		}
		f.midLine = midLine
		done += n
	}
	return done
}

// begin decides about a line from its beginning.
func (f *headerFilter) begin(line []byte) {
	switch {
	case isBlankLine(line):
		f.ended = true
	case f.started && isWSP(line[0]):
	default:
		f.started = true
		f.keep = f.set.index(fieldName(line)) >= 0 != f.not
	}
}
