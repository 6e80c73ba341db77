package imapserver

import (
	"bytes"
	"cmp"
	"errors"

	"github.com/mailhavn/mailhavn/storage/message"
)

// fieldKey searches a header field (RFC 9051, section 6.4.4).
func fieldKey(field string) func(*conn, *program) (predicate, error) {
	return func(c *conn, p *program) (predicate, error) {
		want, text, err := p.text(c)
		return p.filtered(want, []message.TextClass{message.FieldClass(field)}, headerPredicate(field, want, text)), err
	}
}

func parseHeaderKey(c *conn, p *program) (predicate, error) {
	var field string
	if !c.dec.ExpectSP() || !c.dec.ExpectAString(&field) {
		return predicate{}, nil
	}
	return fieldKey(field)(c, p)
}

// headerPredicate tells whether there is a field with that name that contains the text; with an empty text, any such field.
func headerPredicate(field string, want *message.Matcher, text string) predicate {
	set := message.NewFieldSet(field)
	var raw collector
	var decoded []byte
	return predicate{cost: fromHeader, test: func(m *candidate) (bool, error) {
		if err := m.fields(&raw, set); err != nil {
			return false, err
		}
		for rest := raw.b; ; {
			var one []byte
			if one, rest = firstField(rest); len(one) == 0 {
				return false, nil
			}
			_, body, ok := bytes.Cut(one, []byte(":"))
			decoded = message.DecodeHeader(decoded[:0], body)
			if ok && (text == "" || want.Match(decoded)) {
				return true, nil
			}
		}
	}}
}

// fields collects the fields of a message with names of the set, as far as they are in memory; of longer ones the beginning.
func (m *candidate) fields(to *collector, set *message.FieldSet) error {
	to.b, to.total = to.b[:0], 0
	if err := m.summarize(); err != nil {
		return err
	}
	var complete bool
	if to.b, complete = m.summary.AppendHeader(to.b, set); complete {
		return nil
	}
	if err := m.open(); err != nil {
		return err
	}
	offset, size, _ := m.summary.Section(nil, message.Header)
	return message.FilterHeader(to, m.section(offset, size), set, false)
}

// firstField splits the first field, with the lines that continue it, off a header; empty at its end.
func firstField(header []byte) (field, rest []byte) {
	for n := 0; n < len(header); {
		i := bytes.IndexByte(header[n:], '\n')
		if i < 0 {
			return header, nil
		}
		if n += i + 1; n == len(header) || header[n] != ' ' && header[n] != '\t' {
			if len(bytes.TrimSpace(header[:n])) == 0 {
				return nil, nil
			}
			return header[:n], header[n:]
		}
	}
	return nil, nil
}

// textKey searches the text of a message; with headers, also those of the message and of its parts. Parts that are neither text nor
// messages are left out (RFC 9051, section 6.4.4). The empty text is in every message.
func textKey(headers bool) func(*conn, *program) (predicate, error) {
	return func(c *conn, p *program) (predicate, error) {
		want, text, err := p.text(c)
		if text == "" {
			return predicate{test: func(*candidate) (bool, error) { return true, nil }}, err
		}
		return p.filtered(want, message.ClassesOf(headers), predicate{cost: fromText, test: func(m *candidate) (bool, error) {
			return m.contains(want, headers)
		}}), err
	}
}

func (m *candidate) contains(want *message.Matcher, headers bool) (found bool, err error) {
	if err := m.summarize(); err != nil {
		return false, err
	}
	if err := m.open(); err != nil {
		return false, err
	}
	err = m.summary.SearchTexts(m.content, func(t message.SearchText) (more bool, err error) {
		switch {
		case t.Part != nil:
			found, err = want.MatchReader(t.Part)
		case headers || !t.Outer:
			found = want.Match(t.Field)
		}
		return !found && err == nil, cmp.Or(err, m.ctx.Err())
	})
	if errors.Is(err, message.ErrCut) {
		err = nil
	}
	return found, err
}
