package message

import (
	"bytes"
	"strconv"
)

// Envelope is what sorting and threading need of ENVELOPE (RFC 9051, section 7.5.2), not decoded. What is NIL is nil. The slices are not to
// be modified.
type Envelope struct {
	Subject              []byte
	From, To, Cc         Address // the first of each
	InReplyTo, MessageID []byte
}

// Address is an address of ENVELOPE. Host is nil where a group begins, and all is nil where there is no address.
type Address struct{ Name, Mailbox, Host []byte }

// Envelope returns the fields of ENVELOPE.
func (s Summary) Envelope() Envelope {
	var e Envelope
	r := envelopeReader{s.envelope}
	r.skip('(')
	r.nstring() // Date
	e.Subject = r.nstring()
	for _, first := range []*Address{&e.From, nil, nil, &e.To, &e.Cc, nil} {
		if !r.skip(repeatFrom) {
			r.addresses(first)
		} else if first != nil {
			*first = e.From
		}
	}
	e.InReplyTo = r.nstring()
	e.MessageID = r.nstring()
	return e
}

// envelopeReader reads what appendString and its like have written. Behind damage there is nothing.
type envelopeReader struct{ rest []byte }

// skip reads one byte, after a space, if it is c.
func (r *envelopeReader) skip(c byte) bool {
	rest := bytes.TrimLeft(r.rest, " ")
	if len(rest) == 0 || rest[0] != c {
		return false
	}
	r.rest = rest[1:]
	return true
}

// nstring reads a string, or NIL as nil.
func (r *envelopeReader) nstring() []byte {
	switch {
	case r.skip('"'):
		return r.quoted()
	case r.skip('{'):
		size, rest, _ := bytes.Cut(r.rest, []byte("}\r\n"))
		n, err := strconv.Atoi(string(size))
		if err != nil || n < 0 || n > len(rest) {
			r.rest = nil
			return nil
		}
		r.rest = rest[n:]
		return rest[:n:n]
	case r.skip('N'):
		r.rest = r.rest[min(len("IL"), len(r.rest)):]
	default:
		r.rest = nil
	}
	return nil
}

func (r *envelopeReader) quoted() []byte {
	end := bytes.IndexAny(r.rest, `"\`)
	if end >= 0 && r.rest[end] == '"' {
		text := r.rest[:end:end]
		r.rest = r.rest[end+1:]
		return text
	}
	var text []byte
	for i := 0; i < len(r.rest); i++ {
		switch c := r.rest[i]; {
		case c == '"':
			r.rest = r.rest[i+1:]
			return append([]byte{}, text...)
		case c == '\\' && i+1 < len(r.rest):
			i++
			text = append(text, r.rest[i])
		default:
			text = append(text, c)
		}
	}
	r.rest = nil
	return nil
}

// addresses reads a list of addresses, and keeps the first.
func (r *envelopeReader) addresses(first *Address) {
	if !r.skip('(') {
		r.nstring()
		return
	}
	for r.skip('(') {
		a := Address{Name: r.nstring()}
		r.nstring() // the route
		a.Mailbox, a.Host = r.nstring(), r.nstring()
		r.skip(')')
		if first != nil {
			*first, first = a, nil
		}
	}
	r.skip(')')
}
