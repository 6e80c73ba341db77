package imapserver

import (
	"strconv"

	"github.com/mailhavn/mailhavn/storage"
)

// extPartial is a piece of the result of SEARCH, SORT and UID FETCH (RFC 9394).
func extPartial() extension {
	return extension{
		file:         "partial",
		needs:        "ESEARCH",
		capabilities: []capability{{name: "PARTIAL", rfc: "RFC 9394, section 3"}},
		searchReturns: []searchReturn{{"PARTIAL", "RFC 9394, section 3.1", func(c *conn, s *search) error {
			column := c.dec.Column()
			if s.result.partial != nil {
				return badAt("PARTIAL given twice", column)
			}
			s.result.partial = c.parsePartial()
			return nil
		}}},
		fetchMods: []modifier[fetch]{{"PARTIAL", func(c *conn, f *fetch) error {
			if !f.byUID {
				return badAt("expected no PARTIAL: it is for UID FETCH only", c.dec.Column()) // RFC 9394, section 3.3
			}
			f.partial = c.parsePartial()
			return nil
		}}},
	}
}

// page is a range of places in a result, counted from 1: from its beginning, or from its end.
type page struct {
	first, last uint32 // in whatever order
	fromEnd     bool
}

// parsePartial reads a range, after a space (RFC 9394, section 4). A nil range means that the decoder has an error.
func (c *conn) parsePartial() *page {
	d := c.dec
	p := &page{}
	if !d.ExpectSP() {
		return nil
	}
	p.fromEnd = d.Byte('-')
	if !d.ExpectNZNumber(&p.first) || !d.ExpectByte(':') || p.fromEnd && !d.ExpectByte('-') || !d.ExpectNZNumber(&p.last) {
		return nil
	}
	return p
}

// String returns the range as it was asked for (RFC 9394, section 3.1).
func (p *page) String() string {
	sign := ""
	if p.fromEnd {
		sign = "-"
	}
	return sign + strconv.FormatUint(uint64(p.first), 10) + ":" + sign + strconv.FormatUint(uint64(p.last), 10)
}

// of returns which of n results are meant: those from lo on, up to and without hi, counted from 0.
func (p *page) of(n int) (lo, hi int) {
	lo, hi = min(int(min(p.first, p.last))-1, n), min(int(max(p.first, p.last)), n)
	if p.fromEnd {
		lo, hi = n-hi, n-lo
	}
	return lo, hi
}

// uids returns which UIDs of a set are meant.
func (p *page) uids(set storage.UIDSet) storage.UIDSet {
	lo, hi := p.of(set.Len())
	_, rest := cut(set, lo)
	head, _ := cut(rest, hi-lo)
	return head
}
