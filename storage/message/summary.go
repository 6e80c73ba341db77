package message

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// Summary is what IMAP asks about a message, taken from it once. It is a flat byte slice (Bytes)
// that a store keeps as a cache; DecodeSummary reads it back without copying. A Summary may be
// used by several goroutines at once. The zero value is of no message: its methods answer with
// nothing.
type Summary struct {
	raw   []byte
	flags byte
	size  int64
	sent  Date
	from  span // of the From list in envelope

	envelope, body, cuts, parts, others, fields, preview []byte
	numParts                                             int
}

// Stats says what a parse saw.
type Stats struct {
	StoredSize int64 // bytes as stored
	WireSize   int64 // bytes in wire form: RFC822.SIZE
	Parts      int   // parts found, at least 1
	HasNUL     bool  // there is a NUL, which IMAP sends only in BINARY
	Overflow   bool  // a limit was met: the structure is not complete
}

// The format of a Summary, version 1. Numbers are varints (encoding/binary).
//
//	version        1 byte
//	flags          1 byte, below
//	wire size      unsigned
//	Date           signed Unix seconds, signed zone minutes; both 0 if there is none
//	parts          unsigned: how many
//	From           unsigned offset and length of the From list in envelope
//	6 lengths      unsigned: of what follows, in this order
//	envelope       ENVELOPE in IMAP syntax; NUL stands for the From list once more
//	body           BODYSTRUCTURE in IMAP syntax
//	cuts           pairs: distance from the last cut, length; without them it is BODY
//	part table     see appendPart
//	other names    hashes of the names of fields that are not kept, 2 bytes each, little endian
//	fields         fields that are kept, in wire form and message order
//	preview        what is left, if the flags say so
const summaryVersion = 1

const (
	flagDated      = 1 << iota // there is a Date
	flagNUL                    // the message contains NUL
	flagMoreFields             // there are fields of unknown names
	flagPreview                // there is a preview
)

var errSummary = errors.New("message: damaged or unknown summary")

// DecodeSummary reads what Bytes gave. It fails on damaged bytes that it can recognise and on
// other versions; no method of a Summary panics whatever the bytes. The Summary refers to b.
func DecodeSummary(b []byte) (Summary, error) {
	r := numReader{b: b}
	version := r.byte()
	s := Summary{raw: b, flags: r.byte()}
	s.size = r.int()
	s.sent.Unix = r.signed()
	s.sent.Zone = int(int32(r.signed()))
	s.numParts = int(r.int())
	s.from.start = int(r.int())
	s.from.end = s.from.start + int(r.int())
	var n [6]int64
	for i := range n {
		n[i] = r.int()
	}
	if version != summaryVersion || r.failed {
		return Summary{}, errSummary
	}
	for i, piece := range []*[]byte{&s.envelope, &s.body, &s.cuts, &s.parts, &s.others, &s.fields} {
		if n[i] > int64(len(r.b)) {
			return Summary{}, errSummary
		}
		*piece, r.b = r.b[:n[i]:n[i]], r.b[n[i]:]
	}
	if s.flags&flagPreview != 0 {
		s.preview, r.b = r.b, nil
	}
	if len(r.b) != 0 || s.numParts < 1 || s.numParts > maxParts || len(s.others)%2 != 0 || !s.valid() {
		return Summary{}, errSummary
	}
	return s, nil
}

// valid checks what the pieces say about each other.
func (s *Summary) valid() bool {
	if s.from.end > len(s.envelope) {
		return false
	}
	at := int64(0)
	for r := (numReader{b: s.cuts}); len(r.b) > 0; {
		at += r.int()
		at += r.int()
		if r.failed || at > int64(len(s.body)) {
			return false
		}
	}
	n := 0
	for r := s.reader(); r.next(); {
		n++
	}
	return n == s.numParts
}

// Bytes is the Summary in its stable form.
func (s Summary) Bytes() []byte { return s.raw }

// Size is the size of the message in wire form.
func (s Summary) Size() int64 { return s.size }

// HasNUL reports whether the message contains a NUL.
func (s Summary) HasNUL() bool { return s.flags&flagNUL != 0 }

// Sent is the date in the first Date field, if it can be read.
func (s Summary) Sent() (Date, bool) { return s.sent, s.flags&flagDated != 0 }

// AppendEnvelope appends ENVELOPE in IMAP syntax with its parentheses (RFC 9051, section 7.5.2).
// It may contain literals.
func (s Summary) AppendEnvelope(dst []byte) []byte {
	rest := s.envelope
	for {
		i := bytes.IndexByte(rest, repeatFrom)
		if i < 0 {
			return append(dst, rest...)
		}
		dst = append(dst, rest[:i]...)
		dst = append(dst, s.from.of(s.envelope)...)
		rest = rest[i+1:]
	}
}

// AppendBodyStructure appends BODYSTRUCTURE in IMAP syntax with its parentheses. It may contain
// literals.
func (s Summary) AppendBodyStructure(dst []byte) []byte { return append(dst, s.body...) }

// AppendBody appends BODY: BODYSTRUCTURE without extension data.
func (s Summary) AppendBody(dst []byte) []byte {
	body, at := s.body, int64(0)
	for r := (numReader{b: s.cuts}); len(r.b) > 0; {
		gap, cut := r.int(), r.int()
		dst = append(dst, body[at:at+gap]...)
		at += gap + cut
	}
	return append(dst, body[at:]...)
}

// Memory of more parts, or of more rendered text, a Summarizer gives back after the message.
const (
	keptParts = 1 << 10
	keptArena = 1 << 20
)

// Summarizer makes Summaries and keeps its memory for the next one. The zero value is ready; it
// must not be used by two goroutines at once.
type Summarizer struct {
	p      parser
	body   bodyWriter
	window []byte
	out    []byte
}

// Summarize reads a stored message of the given size. The error is a read error only; a file
// shorter than storedSize is one.
func Summarize(r io.ReaderAt, storedSize int64) (Summary, Stats, error) {
	return new(Summarizer).Summarize(r, storedSize)
}

// SummarizeBytes is Summarize of a message in memory.
func SummarizeBytes(stored []byte) (Summary, Stats) {
	return new(Summarizer).SummarizeBytes(stored)
}

// Summarize is like the function of that name.
func (z *Summarizer) Summarize(r io.ReaderAt, storedSize int64) (Summary, Stats, error) {
	if z.window == nil {
		z.window = make([]byte, 0, windowSize)
	}
	z.p.open(r, storedSize, z.window)
	z.p.parse()
	if z.p.err != nil {
		return Summary{}, Stats{}, z.p.err
	}
	s, stats := z.encode()
	return s, stats, nil
}

// SummarizeBytes is like the function of that name.
func (z *Summarizer) SummarizeBytes(stored []byte) (Summary, Stats) {
	z.p.openBytes(stored)
	z.p.parse()
	return z.encode()
}

func (z *Summarizer) encode() (Summary, Stats) {
	p := &z.p
	z.body = bodyWriter{p: p, out: z.body.out[:0], cuts: z.body.cuts[:0]}
	z.body.part(0)

	stats := Stats{StoredSize: p.size, WireSize: p.wire, Parts: len(p.parts), HasNUL: p.hasNUL}
	for i := range p.parts {
		stats.Overflow = stats.Overflow || p.parts[i].flags&isOverflow != 0
	}
	flags := bit(p.dated, flagDated) | bit(p.hasNUL, flagNUL) | bit(p.table.tooMany, flagMoreFields)
	s := z.assemble(flags)
	p.release()
	if stats.Parts > keptParts || cap(p.arena) > keptArena {
		*z = Summarizer{window: z.window}
	}
	return s, stats
}

func bit(on bool, flag byte) byte {
	if on {
		return flag
	}
	return 0
}

// assemble puts the pieces together.
func (z *Summarizer) assemble(flags byte) Summary {
	p := &z.p
	root := &p.parts[0]
	pieces := [6][]byte{0: root.envelope.of(p.arena), 1: z.body.out}
	buf := z.out[:0]
	ends := [6]int{}
	last := 0
	for _, c := range z.body.cuts {
		buf = binary.AppendUvarint(buf, uint64(c.start-last))
		buf = binary.AppendUvarint(buf, uint64(c.end-c.start))
		last = c.end
	}
	ends[2] = len(buf)
	header := int64(0)
	for i := range p.parts {
		buf = appendPart(buf, &p.parts[i], header, p.arena)
		header = p.parts[i].header
	}
	ends[3] = len(buf)
	buf = p.table.appendOthers(buf)
	ends[4] = len(buf)
	buf = p.table.appendFields(buf)
	ends[5] = len(buf)
	for i := 2; i < len(pieces); i++ {
		pieces[i] = buf[ends[i-1]:ends[i]]
	}

	head := make([]byte, 0, 80)
	head = append(head, summaryVersion, flags)
	head = binary.AppendUvarint(head, uint64(p.wire))
	head = binary.AppendVarint(head, p.sent.Unix)
	head = binary.AppendVarint(head, int64(p.sent.Zone))
	head = binary.AppendUvarint(head, uint64(len(p.parts)))
	head = binary.AppendUvarint(head, uint64(p.from.start))
	head = binary.AppendUvarint(head, uint64(p.from.end-p.from.start))
	size := 0
	for _, piece := range pieces {
		head = binary.AppendUvarint(head, uint64(len(piece)))
		size += len(piece)
	}
	raw := make([]byte, 0, len(head)+size)
	raw = append(raw, head...)
	for _, piece := range pieces {
		raw = append(raw, piece...)
	}
	z.out = buf
	s, _ := DecodeSummary(raw) // what was just made is good: checked for every test message
	return s
}
