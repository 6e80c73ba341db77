package goimap

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/mailhavn/mailhavn/storage/message"
)

// A Summary has ENVELOPE and BODYSTRUCTURE in the form of the protocol (RFC 9051, section 7.5.2), the library wants structs.

// list is a list of that form; its elements are lists, strings, numbers (int64) and nil for NIL.
type list []any

// parseList reads a list. Behind a fault, which Summaries do not have, nothing more is read.
func parseList(b []byte) list {
	v, _ := parseValue(b)
	l, _ := v.(list)
	return l
}

// parseValue reads a value, before which spaces are passed over. Lists nest as deep as the parts of a message, which is bounded.
func parseValue(b []byte) (v any, rest []byte) {
	b = bytes.TrimLeft(b, " ")
	if len(b) == 0 {
		return nil, nil
	}
	switch b[0] {
	case '(':
		l := list{}
		for b = bytes.TrimLeft(b[1:], " "); len(b) > 0 && b[0] != ')'; b = bytes.TrimLeft(b, " ") {
			v, b = parseValue(b)
			l = append(l, v)
		}
		return l, b[min(1, len(b)):]
	case '"':
		return parseQuoted(b[1:])
	case '{':
		size, rest, _ := bytes.Cut(b[1:], []byte("}\r\n"))
		n, err := strconv.Atoi(string(size))
		if err != nil || n < 0 || n > len(rest) {
			return nil, nil
		}
		return string(rest[:n]), rest[n:]
	}
	end := bytes.IndexAny(b, " ()")
	if end < 0 {
		end = len(b)
	}
	if n, err := strconv.ParseInt(string(b[:end]), 10, 64); err == nil {
		v = n
	}
	return v, b[max(end, 1):]
}

func parseQuoted(b []byte) (s string, rest []byte) {
	var text []byte
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '"':
			return string(text), b[i+1:]
		case b[i] == '\\' && i+1 < len(b):
			i++
		}
		text = append(text, b[i])
	}
	return string(text), nil
}

func (l list) at(i int) any {
	if i < len(l) {
		return l[i]
	}
	return nil
}

func (l list) list(i int) list {
	sub, _ := l.at(i).(list)
	return sub
}

func (l list) number(i int) int64 {
	n, _ := l.at(i).(int64)
	return n
}

// text returns a string, in UTF-8; "" for NIL.
func (l list) text(i int) string {
	s, _ := l.at(i).(string)
	return strings.ToValidUTF8(s, "\uFFFD")
}

// readable returns a text that people read. What is ASCII stays as it is, encoded words and all: the library encodes only other
// characters, so that the client gets the octets of the message.
func (l list) readable(i int) string {
	s, _ := l.at(i).(string)
	if strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 }) {
		return string(message.DecodeHeader(nil, []byte(s)))
	}
	return s
}

// envelope makes the struct of ENVELOPE.
func envelope(l list) *imap.Envelope {
	e := &imap.Envelope{
		Subject: l.readable(1),
		From:    addresses(l.list(2)), Sender: addresses(l.list(3)), ReplyTo: addresses(l.list(4)),
		To: addresses(l.list(5)), Cc: addresses(l.list(6)), Bcc: addresses(l.list(7)),
		InReplyTo: messageIDs(l.text(8)),
		MessageID: strings.Join(messageIDs(l.text(9)), "> <"),
	}
	if d, ok := message.ParseDate([]byte(l.text(0))); ok {
		e.Date = time.Unix(d.Unix, 0).In(time.FixedZone("", d.Zone*60))
	}
	return e
}

func addresses(l list) []imap.Address {
	var out []imap.Address
	for i := range l {
		a := l.list(i)
		out = append(out, imap.Address{Name: a.readable(0), Mailbox: a.text(2), Host: a.text(3)})
	}
	return out
}

// messageIDs returns identifiers without their brackets. The library puts "<" and ">" around the whole, so what begins and ends so needs no
// reading.
func messageIDs(s string) []string {
	if len(s) > 2 && s[0] == '<' && s[len(s)-1] == '>' {
		return []string{s[1 : len(s)-1]}
	}
	var ids []string
	for id := range message.MessageIDs([]byte(s)) {
		ids = append(ids, string(id))
	}
	return ids
}

// bodyStructure makes the struct of BODYSTRUCTURE.
func bodyStructure(l list) imap.BodyStructure {
	children := 0
	for l.list(children) != nil {
		children++
	}
	if children == 0 {
		return singlePart(l)
	}
	whole := &imap.BodyStructureMultiPart{}
	for i := range children {
		whole.Children = append(whole.Children, bodyStructure(l.list(i)))
	}
	l = l[children:]
	whole.Subtype = l.text(0)
	whole.Extended = &imap.BodyStructureMultiPartExt{
		Params: params(l.list(1)), Disposition: disposition(l.list(2)), Language: languages(l, 3), Location: l.text(4),
	}
	return whole
}

// singlePart makes the struct of a part without parts. What follows its size tells what kind it is: a message has an envelope there, a
// text a number.
func singlePart(l list) imap.BodyStructure {
	part := &imap.BodyStructureSinglePart{
		Type: l.text(0), Subtype: l.text(1), Params: params(l.list(2)), ID: l.text(3), Description: l.text(4), Encoding: l.text(5),
		Size: uint32(l.number(6)),
	}
	extended := 7
	switch l.at(7).(type) {
	case list:
		part.MessageRFC822 = &imap.BodyStructureMessageRFC822{
			Envelope: envelope(l.list(7)), BodyStructure: bodyStructure(l.list(8)), NumLines: l.number(9),
		}
		extended = 10
	case int64:
		part.Text = &imap.BodyStructureText{NumLines: l.number(7)}
		extended = 8
	}
	part.Extended = &imap.BodyStructureSinglePartExt{ // behind the MD5 sum
		Disposition: disposition(l.list(extended + 1)), Language: languages(l, extended+2), Location: l.text(extended + 3),
	}
	return part
}

// params makes a map of parameters. Of those with the same name the first counts.
func params(l list) map[string]string {
	var m map[string]string
	for i := 0; i+1 < len(l); i += 2 {
		if m == nil {
			m = map[string]string{}
		}
		if _, double := m[l.text(i)]; !double {
			m[l.text(i)] = l.text(i + 1)
		}
	}
	return m
}

func disposition(l list) *imap.BodyStructureDisposition {
	if l == nil {
		return nil
	}
	return &imap.BodyStructureDisposition{Value: l.text(0), Params: params(l.list(1))}
}

// languages reads a string, or several in a list.
func languages(l list, i int) []string {
	many := l.list(i)
	if one := l.text(i); one != "" {
		many = list{one}
	}
	var out []string
	for j := range many {
		out = append(out, many.text(j))
	}
	return out
}
