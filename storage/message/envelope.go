package message

import "bytes"

// envelope collects the fields of ENVELOPE (RFC 9051, section 7.5.2). The addresses of repeated
// fields add up, so that none can be hidden from a reader; of other fields the last counts.
type envelope struct {
	date, subject, inReplyTo, messageID []byte
	firstDate                           []byte
	lists                               [6][]byte // rendered, from fieldFrom on
}

func (e *envelope) reset() {
	e.date, e.subject, e.inReplyTo, e.messageID, e.firstDate = nil, nil, nil, nil, nil
	for i := range e.lists {
		e.lists[i] = e.lists[i][:0]
	}
}

func (e *envelope) read(id fieldID, body []byte, addresses *addressList) {
	switch id {
	case fieldDate:
		e.date = body
		keepFirst(&e.firstDate, body)
	case fieldSubject:
		e.subject = body
	case fieldInReplyTo:
		e.inReplyTo = body
	case fieldMessageID:
		e.messageID = body
	default:
		list := &e.lists[id-fieldFrom]
		*list = addresses.parse(*list, body)
	}
}

// repeatFrom stands for the From list, where a Summary would repeat it. Rendered text has no NUL.
const repeatFrom = 0

// appendTo renders the envelope. Sender and Reply-To default to From; if short, they are then
// repeatFrom. The span is that of the From list in the result.
func (e *envelope) appendTo(dst []byte, h *headerReader, short bool) (out []byte, from span) {
	dst = append(dst, '(')
	dst = h.appendText(dst, e.date)
	dst = append(dst, ' ')
	if e.subject == nil {
		dst = append(dst, "NIL"...)
	} else {
		h.text = appendCollapsed(h.text[:0], e.subject)
		dst = appendString(dst, h.text)
	}
	for i, list := range e.lists {
		if id := fieldFrom + fieldID(i); len(list) == 0 && (id == fieldSender || id == fieldReplyTo) {
			list = e.lists[0]
		}
		dst = append(dst, ' ')
		switch {
		case len(list) == 0:
			dst = append(dst, "NIL"...)
		case short && i > 0 && bytes.Equal(list, e.lists[0]):
			dst = append(dst, repeatFrom)
		default:
			start := len(dst)
			dst = append(dst, '(')
			dst = append(dst, list...)
			dst = append(dst, ')')
			if i == 0 {
				from = span{start, len(dst)}
			}
		}
	}
	dst = append(dst, ' ')
	dst = h.appendText(dst, e.inReplyTo)
	dst = append(dst, ' ')
	dst = h.appendText(dst, e.messageID)
	return append(dst, ')'), from
}
