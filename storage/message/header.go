package message

// fieldID names the header fields that are interpreted.
type fieldID uint8

const (
	otherField fieldID = iota
	fieldFrom          // the six address fields of ENVELOPE first, in its order
	fieldSender
	fieldReplyTo
	fieldTo
	fieldCc
	fieldBcc
	fieldDate
	fieldSubject
	fieldInReplyTo
	fieldMessageID
	fieldMIMEVersion
	fieldType
	fieldEncoding
	fieldContentID
	fieldDescription
	fieldMD5
	fieldDisposition
	fieldLanguage
	fieldLocation
)

// fieldNames has the names of the fields at their ids.
var fieldNames = newNameTable([]string{
	"", "from", "sender", "reply-to", "to", "cc", "bcc", "date", "subject", "in-reply-to", "message-id",
	"mime-version", "content-type", "content-transfer-encoding", "content-id", "content-description",
	"content-md5", "content-disposition", "content-language", "content-location",
})

func identify(name []byte) fieldID { return fieldID(max(fieldNames.index(name), 0)) }

// headerReader interprets one header block at a time. Its slices point into the block.
type headerReader struct {
	params    paramList
	addresses addressList
	envelope  envelope

	contentType, contentID, description, md5, location []byte

	encoding    []byte   // the first well-formed Content-Transfer-Encoding
	decoder     Encoding // the first one
	hasDecoder  bool
	language    []byte // rendered
	disposition []byte // rendered
	hasParams   bool   // the disposition has parameters
	mime        bool

	kind, word, text []byte // scratch
}

func (h *headerReader) reset() {
	h.contentType, h.contentID, h.description, h.md5, h.location = nil, nil, nil, nil, nil
	h.decoder, h.hasDecoder = SevenBit, false
	h.encoding, h.language, h.disposition = h.encoding[:0], h.language[:0], h.disposition[:0]
	h.hasParams, h.mime = false, false
	h.envelope.reset()
}

// read takes one field. Of Content-* fields the first counts, of those that cannot be read the
// first that can.
func (h *headerReader) read(f field, wantEnvelope bool) {
	id := identify(f.name)
	switch id {
	case otherField:
	case fieldMIMEVersion:
		h.mime = true
	case fieldType:
		h.mime = true
		keepFirst(&h.contentType, f.body)
	case fieldEncoding:
		h.readEncoding(f.body)
	case fieldContentID:
		keepFirst(&h.contentID, f.body)
	case fieldDescription:
		keepFirst(&h.description, f.body)
	case fieldMD5:
		keepFirst(&h.md5, f.body)
	case fieldLocation:
		keepFirst(&h.location, f.body)
	case fieldDisposition:
		h.readDisposition(f.body)
	case fieldLanguage:
		h.readLanguage(f.body)
	default:
		if wantEnvelope {
			h.envelope.read(id, f.body, &h.addresses)
		}
	}
}

func keepFirst(dst *[]byte, body []byte) {
	if *dst == nil {
		*dst = body[:len(body):len(body)]
	}
}

func (h *headerReader) readEncoding(body []byte) {
	if !h.hasDecoder {
		h.hasDecoder = true
		h.decoder = h.params.parseEncoding(h.word[:0], body)
	}
	if len(h.encoding) == 0 {
		h.params.reset(body)
		h.params.skip()
		var st status
		if h.encoding, st = h.params.token(h.encoding); st != end {
			h.encoding = h.encoding[:0]
		}
	}
}

// readDisposition reads Content-Disposition (RFC 2183).
func (h *headerReader) readDisposition(body []byte) {
	if h.hasParams {
		return
	}
	p := &h.params
	p.reset(body)
	p.skip()
	var st status
	if h.word, st = p.token(h.word[:0]); st == bad {
		return
	}
	h.disposition = append(h.disposition[:0], '(')
	h.disposition = appendString(h.disposition, h.word)
	h.disposition = append(h.disposition, ' ')
	p.parse()
	h.hasParams = len(p.params) > 0
	h.disposition = p.appendTo(h.disposition, false)
	h.disposition = append(h.disposition, ')')
}

// readLanguage reads the list of tags of Content-Language (RFC 3282).
func (h *headerReader) readLanguage(body []byte) {
	if len(h.language) > 0 {
		return
	}
	p := &h.params
	p.reset(body)
	p.skip()
	for {
		var st status
		if h.word, st = p.atom(h.word[:0]); st == bad {
			break
		}
		sep := byte(' ')
		if len(h.language) == 0 {
			sep = '('
		}
		h.language = append(h.language, sep)
		h.language = appendString(h.language, h.word)
		if !p.at(',') {
			break
		}
		p.pos++
		p.skip()
	}
	if len(h.language) > 0 {
		h.language = append(h.language, ')')
	}
}

// interpret reads the header block of a part: its flags and its pieces of BODYSTRUCTURE. If the
// part is a multipart to be looked into, ok is true and boundary is its boundary.
func (p *parser) interpret(me *part, block []byte) (boundary []byte, ok bool) {
	h := &p.header
	h.reset()
	root := me.parent < 0
	wantEnvelope := root || p.parts[me.parent].flags&isMessage != 0
	for f, rest, ok := nextField(block); ok; f, rest, ok = nextField(rest) {
		h.read(f, wantEnvelope)
		if root {
			p.table.add(f)
		}
	}
	if root && len(block) == maxHeader {
		p.table.tooMany = true // fields may follow
	}
	if wantEnvelope {
		start := len(p.arena)
		var from span
		p.arena, from = h.envelope.appendTo(p.arena, h, root)
		me.envelope = span{start, len(p.arena)}
		if root {
			p.from = span{from.start - start, from.end - start}
		}
	}
	if root {
		p.sent, p.dated = ParseDate(h.envelope.firstDate)
	}
	if h.mime || me.flags&isMIME != 0 {
		me.flags |= isMIME
	} else {
		h.reset()
	}
	return p.content(me)
}

// Media types that this package writes itself.
var (
	textPlain     = mediaType{[]byte("text"), []byte("plain")}
	messageRFC822 = mediaType{[]byte("message"), []byte("rfc822")}
	octetStream   = mediaType{[]byte("application"), []byte("octet-stream")}
)

type mediaType struct{ kind, subtype []byte }

// content finishes a part after its header fields have been read.
func (p *parser) content(me *part) (boundary []byte, open bool) {
	h := &p.header
	media, valid := textPlain, false
	h.params.reset(h.contentType)
	if h.contentType != nil {
		var slash int
		h.kind, slash, valid = h.params.mediaType(h.kind[:0])
		media = mediaType{h.kind[:slash], h.kind[slash:]}
	}
	if !valid {
		h.params.pos = len(h.params.in)
	}
	h.params.parse()

	message := valid && equalFold(media.kind, "message") && equalFold(media.subtype, "rfc822")
	switch {
	case message, h.contentType == nil && me.parent >= 0 && p.parts[me.parent].flags&isDigest != 0:
		me.flags |= isMessage
		media = messageRFC822
	case valid && equalFold(media.kind, "multipart"):
		me.flags |= isMultipart
		if equalFold(media.subtype, "digest") {
			me.flags |= isDigest
		}
		boundary, open = p.boundary()
		open = open && me.flags&hasBlankLine != 0
	case equalFold(media.kind, "multipart"): // without a subtype
		media = octetStream
	case equalFold(media.kind, "text"):
		me.flags |= isText
	}
	if p.tooMuch(me, open) {
		me.flags = me.flags&^(isMultipart|isMessage) | isOverflow
		media, open = octetStream, false
	}
	p.describe(me, media)
	return boundary, open
}

// boundary is the boundary parameter, kept in the arena.
func (p *parser) boundary() ([]byte, bool) {
	text, ok := p.header.params.get("boundary")
	start := len(p.arena)
	p.arena = append(p.arena, text[:min(len(text), maxBoundary)]...)
	return p.arena[start:], ok
}

// tooMuch reports whether limits forbid to look into a part.
func (p *parser) tooMuch(me *part, open bool) bool {
	deep := int(me.depth)+1 >= maxDepth
	if me.flags&isMessage == 0 {
		return open && deep
	}
	room := maxParts - len(p.parts)
	if me.cut {
		room-- // the message will be empty, but the delimiter behind it must still be seen
	}
	return deep || room <= 0
}

// describe renders the pieces of BODYSTRUCTURE that follow from the header (RFC 9051,
// section 7.5.2), and the facts of the part table.
func (p *parser) describe(me *part, media mediaType) {
	h := &p.header
	me.encoding = h.decoder
	if charset, ok := h.params.get("charset"); ok {
		me.charset = p.lower(charset)
	}
	me.mediaType = p.lower(media.kind, []byte("/"), media.subtype)

	a := p.arena
	me.fields.start = len(a)
	if me.flags&isMultipart != 0 {
		a = appendString(a, media.subtype)
		me.fields.end = len(a)
		a = append(a, ' ')
		a = h.params.appendTo(a, false)
	} else {
		a = appendString(a, media.kind)
		a = append(a, ' ')
		a = appendString(a, media.subtype)
		a = append(a, ' ')
		a = h.params.appendTo(a, me.flags&isText != 0)
		a = append(a, ' ')
		a = h.appendText(a, h.contentID)
		a = append(a, ' ')
		a = h.appendText(a, h.description)
		a = append(a, ' ')
		if len(h.encoding) > 0 {
			a = appendString(a, h.encoding)
		} else {
			a = append(a, `"7bit"`...)
		}
		me.fields.end = len(a)
		a = append(a, ' ')
		a = h.appendText(a, h.md5)
	}
	a = append(a, ' ')
	a = appendOrNIL(a, h.disposition)
	a = append(a, ' ')
	a = appendOrNIL(a, h.language)
	a = append(a, ' ')
	a = h.appendText(a, h.location)
	me.ext = span{me.fields.end, len(a)}
	p.arena = a
}

// lower puts text in lower case into the arena.
func (p *parser) lower(text ...[]byte) span {
	start := len(p.arena)
	for _, t := range text {
		p.arena = appendLower(p.arena, t)
	}
	return span{start, len(p.arena)}
}

// appendText appends the body of an unstructured field as a string, or NIL.
func (h *headerReader) appendText(dst, body []byte) []byte {
	if body == nil {
		return append(dst, "NIL"...)
	}
	h.text = appendUnfolded(h.text[:0], body)
	return appendString(dst, h.text)
}

func appendOrNIL(dst, rendered []byte) []byte {
	if len(rendered) == 0 {
		return append(dst, "NIL"...)
	}
	return append(dst, rendered...)
}
