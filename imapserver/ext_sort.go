package imapserver

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/message"
)

// extSort is SEARCH that answers in an order (RFC 5256).
func extSort() extension {
	const rfc = "RFC 5256, section 3"
	return extension{
		file:         "sort",
		capabilities: []capability{{name: "SORT", rfc: "RFC 5256, section 1"}},
		commands: []command{
			{"SORT", rfc, selectedState, byNumber, parseSort},
			{"UID SORT", rfc, selectedState, byUID | maySendExpunge, parseSort},
		},
		sortKeys: []sortKey{
			{name: "ARRIVAL", rfc: rfc, number: func(m *candidate) int64 { return m.m.InternalDate }},
			{name: "SIZE", rfc: rfc, number: func(m *candidate) int64 { return int64(m.m.Size) }},
			{name: "DATE", rfc: rfc, number: (*candidate).sentDate},
			{name: "SUBJECT", rfc: rfc, text: func(dst []byte, _ *candidate, e *message.Envelope) []byte {
				base, _ := message.BaseSubject(nil, e.Subject)
				return message.AppendFolded(dst, base)
			}},
			{name: "FROM", rfc: rfc, text: func(dst []byte, _ *candidate, e *message.Envelope) []byte {
				return message.AppendFolded(dst, e.From.Mailbox)
			}},
			{name: "TO", rfc: rfc, text: func(dst []byte, _ *candidate, e *message.Envelope) []byte {
				return message.AppendFolded(dst, e.To.Mailbox)
			}},
			{name: "CC", rfc: rfc, text: func(dst []byte, _ *candidate, e *message.Envelope) []byte {
				return message.AppendFolded(dst, e.Cc.Mailbox)
			}},
		},
	}
}

// A sortKey is a criterion of SORT: a number, or a text, which is compared byte by byte.
type sortKey struct {
	name   string
	rfc    string
	number func(*candidate) int64
	text   func(dst []byte, m *candidate, e *message.Envelope) []byte
}

func (k sortKey) key() string { return k.name }

// sentDate is the moment in the Date field, or INTERNALDATE (RFC 5256, section 2.2). The message is summarized.
func (m *candidate) sentDate() int64 {
	if date, ok := m.summary.Sent(); ok {
		return date.Unix
	}
	return m.m.InternalDate
}

// order is how the result of a search is sorted.
type order []struct {
	sortKey
	reverse bool
}

// maxSortKeys bounds the criteria of one SORT.
const maxSortKeys = 32

// parseSort is SORT and UID SORT, with result options (RFC 5267, section 3).
func parseSort(c *conn) (action, error) {
	s := c.newSearch()
	d := c.dec
	if !d.ExpectSP() {
		return nil, nil
	}
	if err := c.parseReturn(s); err != nil {
		return nil, c.notSaved(s, err)
	}
	if err := c.parseOrder(s); err != nil || !d.ExpectSP() {
		return nil, err
	}
	if err := c.parseCharset(s); err != nil {
		return nil, c.notSaved(s, err)
	}
	if err := s.parseKeys(c); err != nil {
		return nil, c.notSaved(s, err)
	}
	return func(ctx context.Context) (reply, error) { return c.search(ctx, s) }, nil
}

// parseOrder reads the list of criteria, which is not empty.
func (c *conn) parseOrder(s *search) (err error) {
	d := c.dec
	start := d.Column()
	s.order = order{}
	d.ExpectList(func() bool {
		column := d.Column()
		var name []byte
		if !d.ExpectKeyword(&name, "a sort criterion") {
			return false
		}
		reverse := string(name) == "REVERSE"
		if reverse && (!d.ExpectSP() || !d.ExpectKeyword(&name, "a sort criterion")) {
			return false
		}
		k, ok := c.registry.sortKeys[string(name)]
		switch {
		case !ok:
			err = badAt("unknown sort criterion", column)
		case len(s.order) == maxSortKeys:
			err = badAt("expected fewer sort criteria", column)
		}
		s.order = append(s.order, struct {
			sortKey
			reverse bool
		}{k, reverse})
		return err == nil
	})
	if err == nil && d.Err() == nil && len(s.order) == 0 {
		err = badAt("expected a sort criterion", start+1)
	}
	return err
}

// sorter gathers the messages of a result with their keys.
type sorter struct {
	order order
	rows  []sortRow
	keys  []sortValue // of each row as many as there are criteria
	text  []byte
}

type sortRow struct {
	hit
	keys int // where its keys begin
}

// sortValue is a number, or a piece of sorter.text.
type sortValue struct {
	number   int64
	from, to int
}

// add takes a message in, which the candidate is at.
func (s *sorter) add(seq int, m *candidate) error {
	if err := m.summarize(); err != nil {
		return err
	}
	var e message.Envelope
	parsed := false
	s.rows = append(s.rows, sortRow{hit{seq, m.m}, len(s.keys)})
	for i := range s.order {
		k := &s.order[i]
		v := sortValue{from: len(s.text)}
		if k.number != nil {
			v.number = k.number(m)
		} else {
			if !parsed {
				e, parsed = m.summary.Envelope(), true
			}
			s.text = k.text(s.text, m, &e)
		}
		v.to = len(s.text)
		s.keys = append(s.keys, v)
	}
	return nil
}

// sorted returns the messages in order; of equal ones the first in the mailbox comes first.
func (s *sorter) sorted() []hit {
	slices.SortStableFunc(s.rows, func(a, b sortRow) int {
		for i := range s.order {
			x, y := &s.keys[a.keys+i], &s.keys[b.keys+i]
			c := cmp.Compare(x.number, y.number)
			if c == 0 {
				c = bytes.Compare(s.text[x.from:x.to], s.text[y.from:y.to])
			}
			if s.order[i].reverse {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	hits := make([]hit, len(s.rows))
	for i := range s.rows {
		hits[i] = s.rows[i].hit
	}
	return hits
}

// hit is a message of a result.
type hit struct {
	seq int
	m   *storage.Message
}
