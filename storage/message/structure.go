package message

import "bytes"

// partFlags say what a part is.
type partFlags uint8

const (
	isMultipart  partFlags = 1 << iota // multipart/*, also without parts
	isMessage                          // message/rfc822; its one child is the message
	isDigest                           // multipart/digest: parts are messages by default
	isMIME                             // Content-* fields count
	isText                             // text/*
	isOverflow                         // not looked into because of a limit
	hasBlankLine                       // an empty line ends the header
)

// part is one node of the tree of parts, in the order in which they begin.
type part struct {
	parent int32
	depth  uint8
	flags  partFlags
	// cut is true if a delimiter ended the header, whose last line end then belongs to the delimiter.
	cut bool

	start              int64 // wire offset where it was opened
	header, body, end  int64 // wire offsets: of the header, of the body, behind the body
	bodyLine, lines    int64 // line ends before the body; in it
	encoding           Encoding
	mediaType, charset span // in lower case, in parser.arena
	fields, ext        span // pieces of BODYSTRUCTURE, in parser.arena
	envelope           span // of a message in a message, in parser.arena
}

// delimiter is the boundary of an open multipart.
type delimiter struct {
	part int
	text []byte
}

// parser reads the structure of one message. It is one loop over lines, not recursive.
type parser struct {
	source
	parts  []part
	bounds []delimiter // of the open multiparts, outermost first
	block  []byte      // the header being read, if it is not in memory as a whole
	budget int         // bytes of headers that may still be interpreted
	header headerReader
	arena  []byte // rendered pieces
	table  fieldTable
	from   span // of the From list in the envelope of the root
	sent   Date
	dated  bool // sent is valid
}

// parse reads the whole message into parts.
func (p *parser) parse() {
	p.parts, p.bounds, p.arena = p.parts[:0], p.bounds[:0], p.arena[:0]
	p.budget = maxHeaders
	p.header.addresses.left = maxAddresses
	p.table.reset()
	cur := p.openPart(-1)
	for cur >= 0 {
		p.readHeader(cur)
		if p.parts[cur].flags&isMessage != 0 {
			cur = p.openPart(cur)
			continue
		}
		cur = p.readBody(cur)
	}
}

// release lets go of the message.
func (p *parser) release() {
	p.source = source{}
	p.header.reset()
	p.header.params.reset(nil)
	p.header.addresses.reset(nil)
}

// openPart adds a part that begins at the cursor.
func (p *parser) openPart(parent int) int {
	n := part{parent: int32(parent), start: p.wire, header: p.wire}
	if parent >= 0 {
		up := &p.parts[parent]
		n.depth = up.depth + 1
		if up.cut {
			n.header = up.body // if it is cut, too
		}
		if up.flags&isMultipart != 0 {
			n.flags = isMIME
		}
	}
	p.parts = append(p.parts, n)
	return len(p.parts) - 1
}

// readHeader reads the header of a part up to and with the empty line, or to a delimiter of a
// multipart around it, and interprets it. A multipart becomes an open one. If a delimiter follows
// at once, the line end before it belongs to it, even that of the empty line.
func (p *parser) readHeader(cur int) {
	me := &p.parts[cur]
	block := p.headerBlock(me)
	me.cut = p.outerDelimiter(cur)
	block = block[:min(len(block), p.budget)]
	p.budget -= len(block)
	if boundary, ok := p.interpret(me, block); ok {
		p.bounds = append(p.bounds, delimiter{cur, boundary})
		me.cut = p.outerDelimiter(cur)
	}
	if !me.cut {
		me.header = me.start
	}
	me.body, me.bodyLine = p.wire, p.lines
	if me.cut && p.wire > me.start {
		me.body, me.bodyLine = p.wire-2, p.lines-1
	} else if me.cut {
		me.body = me.header
	}
}

// outerDelimiter reports whether a delimiter of a multipart around cur is at the cursor.
func (p *parser) outerDelimiter(cur int) bool {
	at, _ := p.delimiterAt(p.peek())
	return at >= 0 && p.bounds[at].part != cur
}

// headerBlock passes the header of a part and returns it, up to maxHeader bytes.
func (p *parser) headerBlock(me *part) []byte {
	start := p.i
	keep := &p.block
	if p.r == nil {
		keep = nil
	}
	p.block = p.block[:0]
	for {
		b := p.peek()
		if len(b) == 0 {
			break
		}
		if isBlankLine(b) {
			p.skipLine(keep)
			me.flags |= hasBlankLine
			break
		}
		if at, _ := p.delimiterAt(b); at >= 0 {
			break
		}
		p.skipLine(keep)
	}
	if keep != nil {
		return p.block
	}
	return p.buf[start:min(p.i, start+maxHeader)]
}

// readBody passes the body of cur, and of the parts around it that end with it. It returns the
// next part, or -1 at the end of the message.
func (p *parser) readBody(cur int) int {
	first := true // no line end before the cursor belongs to this body
	for {
		b := p.peek()
		if len(b) == 0 {
			for ; cur >= 0; cur = int(p.parts[cur].parent) {
				p.closePart(cur, p.wire, p.lines)
			}
			return -1
		}
		at, closing := p.delimiterAt(b)
		if at < 0 {
			p.skipLine(nil)
			first = false
			continue
		}
		owner := p.bounds[at].part
		wire, lines := p.wire, p.lines
		if !first {
			wire, lines = wire-2, lines-1
		}
		for ; cur != owner; cur = int(p.parts[cur].parent) {
			p.closePart(cur, wire, lines)
		}
		complete := p.skipLine(nil)
		p.bounds = p.bounds[:at+1]
		if closing {
			p.bounds = p.bounds[:at]
		} else if complete {
			return p.openPart(owner)
		}
		// The line end of a closing delimiter belongs to the delimiter of a multipart around this one, if that follows
		// at once (RFC 2046, section 5.1.1): else a signed multipart would be fetched with two octets more than were signed.
		first = !closing
	}
}

func (p *parser) closePart(i int, wire, lines int64) {
	me := &p.parts[i]
	if me.cut {
		wire, lines = me.body, me.bodyLine
	}
	me.end, me.lines = wire, lines-me.bodyLine
}

// delimiterAt finds out whether the line that b begins with is a delimiter of an open multipart,
// and which: the index in bounds or -1. A line that begins with "--" and a boundary is one,
// whatever follows (RFC 2046, section 5.1.1). The longest boundary wins; of equal ones, the
// innermost.
func (p *parser) delimiterAt(b []byte) (at int, closing bool) {
	at = -1
	if len(p.bounds) == 0 || len(b) < 2 || b[0] != '-' || b[1] != '-' {
		return at, false
	}
	if len(p.parts) >= maxParts {
		p.parts[0].flags |= isOverflow
		return at, false
	}
	line := b[2:min(len(b), lookahead)]
	complete := bytes.IndexByte(line, '\n')
	if complete >= 0 {
		line = trimLineEnd(line[:complete+1])
	}
	best := 0
	for i := len(p.bounds) - 1; i >= 0; i-- {
		text := p.bounds[i].text
		if at >= 0 && len(text) <= best || !bytes.HasPrefix(line, text) {
			continue
		}
		at, best = i, len(text)
		closing = bytes.HasPrefix(line[best:], []byte("--"))
		if rest := len(line) - best; rest == 0 || rest == 2 && best > 0 && closing {
			break // exactly this one
		}
	}
	return at, closing
}
