package message

import (
	"encoding/binary"
	"iter"
)

// PartInfo is one part of a message. Offsets and sizes are of the wire form.
type PartInfo struct {
	HeaderOffset, HeaderSize int64 // the header with the empty line that ends it
	BodyOffset, BodySize     int64
	Lines                    int64 // line ends in the body

	Depth     int  // 0 for the message itself
	Multipart bool // multipart/*, also without parts
	Message   bool // message/rfc822: the next part is the message in it

	MediaType string // type/subtype in lower case
	Charset   string // the charset parameter in lower case, "" if there is none
	Encoding  Encoding
}

// Specifier says which piece of a part is meant (RFC 9051, section 6.4.5.1).
type Specifier uint8

// The specifiers. Whole is BODY[] and BODY[1.2]; Header and Text are of the message, or of a
// message/rfc822 part; MIME is the header of a part.
const (
	Whole Specifier = iota
	Header
	Text
	MIME
)

// Common strings of the part table are stored as their index. New ones go to the end: the table is
// part of the format.
var (
	knownMediaTypes = []string{
		"", "text/plain", "text/html", "multipart/alternative", "multipart/mixed", "multipart/related",
		"multipart/signed", "multipart/report", "multipart/encrypted", "multipart/digest",
		"message/rfc822", "message/delivery-status", "message/disposition-notification",
		"text/calendar", "text/x-patch", "text/rfc822-headers",
		"application/octet-stream", "application/pdf", "application/zip", "application/pgp-signature",
		"application/pgp-encrypted", "application/pgp-keys", "application/pkcs7-signature",
		"application/x-pkcs7-signature", "application/pkcs7-mime", "application/ics",
		"application/msword", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"image/jpeg", "image/png", "image/gif", "image/svg+xml", "text/csv", "text/xml", "application/json",
	}
	knownCharsets = []string{
		"", "utf-8", "us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252", "iso-8859-2",
		"windows-1251", "koi8-r", "iso-2022-jp", "gb2312", "gbk", "big5", "euc-kr", "shift_jis",
	}
)

// appendPart appends the record of a part:
//
//	flags, depth, encoding   1 byte each
//	header                   unsigned distance from the last part's header, unsigned size
//	body                     unsigned size, unsigned lines
//	media type, charset      unsigned: index+1 in a table above, or 0, length, text
func appendPart(dst []byte, me *part, last int64, arena []byte) []byte {
	dst = append(dst, byte(me.flags), me.depth, byte(me.encoding))
	dst = binary.AppendUvarint(dst, uint64(me.header-last))
	dst = binary.AppendUvarint(dst, uint64(me.body-me.header))
	dst = binary.AppendUvarint(dst, uint64(me.end-me.body))
	dst = binary.AppendUvarint(dst, uint64(me.lines))
	dst = appendKnown(dst, knownMediaTypes, me.mediaType.of(arena))
	return appendKnown(dst, knownCharsets, me.charset.of(arena))
}

func appendKnown(dst []byte, known []string, text []byte) []byte {
	for i, k := range known {
		if k == string(text) {
			return binary.AppendUvarint(dst, uint64(i+1))
		}
	}
	dst = append(dst, 0)
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}

// partReader walks the part table.
type partReader struct {
	numReader
	size      int64 // of the message
	flags     partFlags
	depth     int
	encoding  Encoding
	header    int64
	body      int64
	end       int64
	lines     int64
	mediaType tableText
	charset   tableText
}

// tableText is a string of the part table, not made yet.
type tableText struct {
	known string
	text  []byte
}

func (t tableText) String() string {
	if t.text != nil {
		return string(t.text)
	}
	return t.known
}

func (s *Summary) reader() partReader {
	return partReader{numReader: numReader{b: s.parts}, size: s.size, depth: -1}
}

// next reads a record; false is the end of the table or damage.
func (r *partReader) next() bool {
	if len(r.b) == 0 {
		return false
	}
	depth := r.depth
	r.flags = partFlags(r.byte())
	r.depth = int(r.byte())
	r.encoding = Encoding(r.byte())
	r.header += r.int()
	r.body = r.header + r.int()
	r.end = r.body + r.int()
	r.lines = r.int()
	r.mediaType = r.known(knownMediaTypes)
	r.charset = r.known(knownCharsets)
	if r.failed || r.depth > depth+1 || (r.depth == 0) != (depth < 0) || r.end > r.size {
		r.b = nil
		return false
	}
	return true
}

func (r *partReader) known(table []string) tableText {
	i := r.int()
	if i > 0 && i <= int64(len(table)) {
		return tableText{known: table[i-1]}
	}
	n := r.int()
	if i > 0 || n > int64(len(r.b)) {
		r.failed = true
		return tableText{}
	}
	text := r.b[:n:n]
	r.b = r.b[n:]
	return tableText{text: text}
}

func (r *partReader) info() PartInfo {
	return PartInfo{
		HeaderOffset: r.header, HeaderSize: r.body - r.header,
		BodyOffset: r.body, BodySize: r.end - r.body, Lines: r.lines,
		Depth:     r.depth,
		Multipart: r.flags&isMultipart != 0, Message: r.flags&isMessage != 0,
		MediaType: r.mediaType.String(), Charset: r.charset.String(), Encoding: r.encoding,
	}
}

// find moves to the part that an IMAP part number names (RFC 9051, section 6.4.5.1). The message
// itself has the empty path; if it is no multipart it is part 1, too. A multipart without parts has
// the one that BODYSTRUCTURE shows.
func (r *partReader) find(path []int) bool {
	if !r.next() {
		return false
	}
	for i, number := range path {
		if i > 0 && r.flags&isMessage != 0 && !r.next() {
			return false
		}
		switch {
		case r.flags&isMultipart == 0:
			// Only 1 is a part of it, and that has parts only if it is a message.
			if number != 1 || i+1 < len(path) && r.flags&isMessage == 0 {
				return false
			}
		case !r.child(number):
			return false
		}
	}
	return true
}

// child moves to a child of the part.
func (r *partReader) child(number int) bool {
	whole, depth, n := *r, r.depth+1, 0
	for number > 0 && r.next() && r.depth >= depth {
		if r.depth != depth {
			continue
		}
		if n++; n == number {
			return true
		}
	}
	if n > 0 || number != 1 {
		return false
	}
	*r = whole
	r.flags, r.depth, r.encoding, r.lines = isText, depth, SevenBit, 0
	r.header, r.body = r.end, r.end
	r.mediaType, r.charset = tableText{known: "text/plain"}, tableText{known: "us-ascii"}
	return true
}

// NumParts is the number of parts, the message itself included.
func (s Summary) NumParts() int { return s.numParts }

// Parts yields the parts in the order in which they begin, the message itself first.
func (s Summary) Parts() iter.Seq[PartInfo] {
	return func(yield func(PartInfo) bool) {
		for r := s.reader(); r.next(); {
			if !yield(r.info()) {
				return
			}
		}
	}
}

// Part finds a part by its number: 1.2 is {1, 2}, the message itself is {}.
func (s Summary) Part(path []int) (PartInfo, bool) {
	r := s.reader()
	if !r.find(path) {
		return PartInfo{}, false
	}
	return r.info(), true
}

// Section finds the bytes of BODY[path.what] in the wire form. It is not ok if there is no such
// part, or if HEADER or TEXT is asked of a part that is no message.
func (s Summary) Section(path []int, what Specifier) (offset, size int64, ok bool) {
	r := s.reader()
	if !r.find(path) {
		return 0, 0, false
	}
	if len(path) > 0 && (what == Header || what == Text) {
		if r.flags&isMessage == 0 || !r.next() {
			return 0, 0, false
		}
	}
	switch what {
	case Header, MIME:
		return r.header, r.body - r.header, len(path) > 0 || what == Header
	case Whole:
		if len(path) == 0 {
			return r.header, r.end - r.header, true
		}
	}
	return r.body, r.end - r.body, true
}

// numReader reads bytes and varints and remembers if they ran out.
type numReader struct {
	b      []byte
	failed bool
}

// maxNumber bounds sizes and offsets, so that sums of some cannot overflow.
const maxNumber = 1 << 50

func (r *numReader) byte() byte {
	if len(r.b) == 0 {
		r.failed = true
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *numReader) int() int64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > maxNumber {
		r.failed = true
		return 0
	}
	r.b = r.b[size:]
	return int64(n)
}

func (r *numReader) signed() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 || n > maxNumber || n < -maxNumber {
		r.failed = true
		return 0
	}
	r.b = r.b[size:]
	return n
}
