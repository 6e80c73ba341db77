package imapserver

import (
	"context"
	"errors"

	"github.com/mailhavn/mailhavn/storage"
)

// search is a SEARCH or UID SEARCH command (RFC 9051, section 6.4.4), or one that answers in an order.
type search struct {
	program
	byUID  bool
	tag    string
	names  bool // each result names its mailbox
	result results
	save   bool  // keep the result as "$" (RFC 5182)
	order  order // not nil: for SORT
	passes int   // how often the command goes through the mailbox
	in     *selected
	live   *liveSearch // not nil: the result is to be kept up to date
}

// results is what a client wants to be told of a search.
type results struct {
	extended             bool // by an ESEARCH response
	min, max, all, count bool
	partial              *page
}

// wanted tells whether there is anything to be told: not after RETURN (SAVE) alone.
func (r *results) wanted() bool { return r.min || r.max || r.all || r.count || r.partial != nil }

// A searchReturn is a result option (RFC 4466, section 2.6.2).
type searchReturn struct {
	name  string
	rfc   string
	parse func(c *conn, s *search) error // reads the value, with the space before it, if there is one
}

func (r searchReturn) key() string { return r.name }

func parseSearch(c *conn) (action, error) {
	s := c.newSearch()
	s.result.extended = c.rev2()
	if !c.dec.ExpectSP() {
		return nil, nil
	}
	if err := c.parseSearchArguments(s); err != nil {
		return nil, c.notSaved(s, err)
	}
	return func(ctx context.Context) (reply, error) { return c.search(ctx, s) }, nil
}

func (c *conn) newSearch() *search {
	s := &search{byUID: c.byUID(), tag: string(c.tag), passes: 1}
	s.init(c)
	return s
}

// notSaved is the error that a search is refused with. If it was to be saved, nothing is saved then (RFC 9051, section 6.4.4.1).
func (c *conn) notSaved(s *search, err error) error {
	if e, _ := wireError(err); s.save && e.status() == No {
		c.selected.saved = nil
	}
	return err
}

func (c *conn) parseSearchArguments(s *search) error {
	if err := c.parseReturn(s); err != nil {
		return err
	}
	if column := c.dec.Column(); c.dec.Word("CHARSET") {
		if c.enabled[enableUTF8] {
			return badAt("expected no CHARSET after ENABLE UTF8=ACCEPT", column) // RFC 6855, section 3
		}
		if !c.dec.ExpectSP() {
			return nil
		}
		if err := c.parseCharset(s); err != nil {
			return err
		}
	}
	return s.parseKeys(c)
}

// parseReturn reads RETURN with result options and the space behind them, where they are.
func (c *conn) parseReturn(s *search) error {
	if c.dec.Word("RETURN") {
		s.result.extended = true
		if !c.dec.ExpectSP() {
			return nil
		}
		column := c.dec.Column()
		if err := c.parseReturns(s); err != nil || !c.dec.ExpectSP() {
			return err
		}
		if s.result.partial != nil && s.result.all {
			return badAt("expected not both ALL and PARTIAL", column) // RFC 9394, section 3.1
		}
	}
	if r := &s.result; !r.min && !r.max && !r.count && !s.save && r.partial == nil {
		r.all = true
	}
	return nil
}

// parseCharset reads the character set of the strings of the keys, and the space behind it.
func (c *conn) parseCharset(s *search) error {
	var name string
	if !c.dec.ExpectAString(&name) || !c.dec.ExpectSP() {
		return nil
	}
	return s.setCharset(name)
}

// parseReturns reads the result options.
func (c *conn) parseReturns(s *search) (err error) {
	c.dec.ExpectList(func() bool {
		column := c.dec.Column()
		var name []byte
		if !c.dec.ExpectKeyword(&name, "a result option") {
			return false
		}
		option, ok := c.registry.searchReturns[string(name)]
		if !ok {
			err = badAt("unknown result option", column)
			return false
		}
		err = option.parse(c, s)
		return err == nil && c.dec.Err() == nil
	})
	return err
}

// found is the result of a search.
type found struct {
	uids     storage.UIDSet
	count    int
	modseq   storage.ModSeq // the highest of all
	first    *storage.Message
	last     *storage.Message
	sorted   []hit // for SORT: all, in order; first and last are of them
	expunged bool  // a message could not be judged, since it is gone
}

func (f *found) add(m *storage.Message) {
	if f.first == nil {
		f.first = m
	}
	f.last = m
	f.uids = f.uids.Append(m.UID)
	f.count++
	f.modseq = max(f.modseq, m.ModSeq)
}

// sort puts the result in order.
func (f *found) sort(s *sorter) {
	f.sorted = s.sorted()
	if n := len(f.sorted); n > 0 {
		f.first, f.last = f.sorted[0].m, f.sorted[n-1].m
	}
}

// partial returns a piece of the result, as a set.
func (f *found) partial(p *page) storage.UIDSet {
	if f.sorted == nil {
		return p.uids(f.uids)
	}
	lo, hi := p.of(len(f.sorted))
	var uids []storage.UID
	for _, h := range f.sorted[lo:hi] {
		uids = append(uids, h.m.UID)
	}
	return storage.NewUIDSet(uids...)
}

func (c *conn) search(ctx context.Context, s *search) (reply, error) {
	if err := c.enable(ctx, s.enable); err != nil {
		return reply{}, err
	}
	c.holdExpunge = s.usesSeq // RFC 7162, section 3.2.10.2
	f, err := s.run(ctx, c, c.selected)
	if err != nil {
		if s.save {
			c.selected.saved = nil
		}
		return reply{}, err
	}
	if s.save {
		c.selected.saved = s.saved(f)
	}
	c.writeSearch(s, f)
	c.follow(s, f)
	if f.expunged {
		return reply{code: "EXPUNGEISSUED"}, nil
	}
	return reply{}, nil
}

// run evaluates the program for all messages of a mailbox that its top level does not exclude by a set.
func (s *search) run(ctx context.Context, c *conn, in *selected) (*found, error) {
	s.in = in
	scope, err := s.prepare(ctx, in)
	if err != nil {
		return nil, err
	}
	f := &found{}
	r := &candidate{reading: reading{conn: c, ctx: ctx, in: in}}
	defer r.close()
	shown := in.view
	sorter := &sorter{order: s.order}
	for seq, m := range shown.sel(scope) {
		r.next(m)
		r.seq = seq
		ok, err := s.test(r)
		if ok && err == nil && s.order != nil {
			err = sorter.add(seq, r)
		}
		switch {
		case errors.Is(err, storage.ErrExpunged):
			f.expunged = true
		case err != nil:
			return nil, err
		case ok:
			f.add(m)
		}
		if err := c.goesOn(ctx, seq, s.passes*shown.len()); err != nil {
			return nil, err
		}
	}
	if s.order != nil {
		f.sort(sorter)
	}
	return f, nil
}

// saved returns what "$" means after the search: all messages, or those told as MIN, MAX and PARTIAL (RFC 9051, section
// 6.4.4.1; RFC 9394, section 3.2).
func (s *search) saved(f *found) storage.UIDSet {
	r := s.result
	if f.count == 0 || r.all || r.count || !r.min && !r.max && r.partial == nil {
		return f.uids
	}
	var uids storage.UIDSet
	if r.partial != nil {
		uids = f.partial(r.partial)
	}
	if r.min {
		uids = uids.Union(storage.NewUIDSet(f.first.UID))
	}
	if r.max {
		uids = uids.Union(storage.NewUIDSet(f.last.UID))
	}
	return uids
}

// writeSearch writes the SEARCH or SORT response (RFC 3501, section 7.2.5; RFC 5256, section 4; RFC 7162, section 3.1.6) or the ESEARCH response
// (RFC 9051, section 7.3.4; RFC 4731, section 3.2).
func (c *conn) writeSearch(s *search, f *found) {
	e := c.enc
	switch r := s.result; {
	case !r.extended && s.order != nil:
		e.Raw("* SORT")
		for _, h := range f.sorted {
			e.SP().Number(s.number(h.seq, h.m))
		}
		s.endNumbers(c, f)
	case !r.extended:
		e.Raw("* SEARCH")
		for seq, m := range s.in.view.sel(f.uids) {
			e.SP().Number(s.number(seq, m))
		}
		s.endNumbers(c, f)
	case r.wanted():
		s.openESearch(c)
		s.writeResults(c, f)
		e.CRLF()
	}
}

// openESearch begins an ESEARCH response about the mailbox that was searched last, with what tells which search it belongs to
// (RFC 9051, section 7.3.4; RFC 7377, section 2.1).
func (s *search) openESearch(c *conn) {
	e := c.enc
	e.Raw("* ESEARCH (TAG ").String(s.tag)
	if info, ok := s.in.mbox.Info(); s.names && ok {
		e.Raw(" MAILBOX ").Mailbox(info.Name).Raw(" UIDVALIDITY ").Number(info.UIDValidity)
	}
	e.Byte(')')
	if s.byUID {
		e.Raw(" UID")
	}
}

// endNumbers ends a response that lists numbers.
func (s *search) endNumbers(c *conn, f *found) {
	if s.modseq && f.count > 0 {
		c.enc.Raw(" (MODSEQ ").Uint64(uint64(f.modseq)).Byte(')')
	}
	c.enc.CRLF()
}

func (s *search) writeResults(c *conn, f *found) {
	e, r, modseq := c.enc, s.result, f.modseq
	if !r.all && !r.count { // RFC 4731, section 3.2: of those that are told
		modseq = 0
		if r.partial != nil {
			for _, m := range s.in.view.sel(f.partial(r.partial)) {
				modseq = max(modseq, m.ModSeq)
			}
		}
	}
	edge := func(on bool, name string, m *storage.Message) {
		if on && m != nil {
			seq, _ := s.in.view.seq(m.UID)
			e.Raw(name).Number(s.number(seq, m))
			modseq = max(modseq, m.ModSeq)
		}
	}
	edge(r.min, " MIN ", f.first)
	edge(r.max, " MAX ", f.last)
	if r.count {
		e.Raw(" COUNT ").Number(uint32(f.count))
	}
	if r.all && f.count > 0 {
		e.Raw(" ALL ")
		s.writeSet(c, f, &page{first: 1, last: uint32(f.count)})
	}
	if r.partial != nil {
		e.Raw(" PARTIAL (").Raw(r.partial.String()).SP()
		if lo, hi := r.partial.of(f.count); lo == hi {
			e.Nil()
		} else {
			s.writeSet(c, f, r.partial)
		}
		e.Byte(')')
	}
	if s.modseq && f.count > 0 {
		e.Raw(" MODSEQ ").Uint64(uint64(modseq))
	}
}

// writeSet writes a piece of the result, which is not empty: a set, which for SORT is in its order (RFC 5267, section 3).
func (s *search) writeSet(c *conn, f *found, p *page) {
	if f.sorted == nil {
		c.enc.NumSet(s.in.numbers(f.partial(p), s.byUID))
		return
	}
	lo, hi := p.of(len(f.sorted))
	for i := lo; i < hi; {
		first := s.number(f.sorted[i].seq, f.sorted[i].m)
		last := first
		if i > lo {
			c.enc.Byte(',')
		}
		for i++; i < hi && s.number(f.sorted[i].seq, f.sorted[i].m) == last+1; i++ {
			last++
		}
		if c.enc.Number(first); last > first {
			c.enc.Byte(':').Number(last)
		}
	}
}

func (s *search) number(seq int, m *storage.Message) uint32 {
	if s.byUID {
		return uint32(m.UID)
	}
	return uint32(seq)
}
