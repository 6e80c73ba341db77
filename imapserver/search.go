package imapserver

import (
	"context"
	"errors"

	"github.com/mailhavn/mailhavn/storage"
)

// search is a SEARCH or UID SEARCH command (RFC 9051, section 6.4.4).
type search struct {
	program
	byUID  bool
	tag    string
	result results
	save   bool // keep the result as "$" (RFC 5182)
}

// results is what a client wants to be told of a search.
type results struct {
	extended             bool // by an ESEARCH response
	min, max, all, count bool
}

// A searchReturn is a result option (RFC 4466, section 2.6.2).
type searchReturn struct {
	name  string
	rfc   string
	parse func(c *conn, s *search) error // reads the value, with the space before it, if there is one
}

func (r searchReturn) key() string { return r.name }

func parseSearch(c *conn) (action, error) {
	s := &search{byUID: c.byUID(), tag: string(c.tag)}
	s.init(c)
	err := c.parseSearchArguments(s)
	if err != nil {
		if e, _ := wireError(err); s.save && e.status() == No {
			c.selected.saved = nil // RFC 9051, section 6.4.4.1
		}
		return nil, err
	}
	return func(ctx context.Context) (reply, error) { return c.search(ctx, s) }, nil
}

func (c *conn) parseSearchArguments(s *search) error {
	d := c.dec
	if !d.ExpectSP() {
		return nil
	}
	s.result.extended = c.rev2()
	if d.Word("RETURN") {
		s.result.extended = true
		if !d.ExpectSP() {
			return nil
		}
		if err := c.parseReturns(s); err != nil || !d.ExpectSP() {
			return err
		}
	}
	if r := &s.result; !r.min && !r.max && !r.count && !s.save {
		r.all = true
	}
	if d.Word("CHARSET") {
		var name string
		if !d.ExpectSP() || !d.ExpectAString(&name) || !d.ExpectSP() {
			return nil
		}
		if err := s.setCharset(name); err != nil {
			return err
		}
	}
	return s.parseKeys(c)
}

// parseReturns reads the result options.
func (c *conn) parseReturns(s *search) (err error) {
	c.dec.ExpectList(func() bool {
		column := c.dec.Column()
		var name []byte
		if !c.dec.ExpectKeyword(&name, "a result option") {
			return false
		}
		option, ok := c.server.registry.searchReturns[string(name)]
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
	expunged bool // a message could not be judged, since it is gone
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

func (c *conn) search(ctx context.Context, s *search) (reply, error) {
	if err := c.enable(ctx, s.enable); err != nil {
		return reply{}, err
	}
	c.holdExpunge = s.usesSeq // RFC 7162, section 3.2.10.2
	f, err := s.run(ctx, c)
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
	if f.expunged {
		return reply{code: "EXPUNGEISSUED"}, nil
	}
	return reply{}, nil
}

// run evaluates the program for all messages that its top level does not exclude by a set.
func (s *search) run(ctx context.Context, c *conn) (*found, error) {
	scope, err := s.prepare(ctx, c)
	if err != nil {
		return nil, err
	}
	f := &found{}
	r := &candidate{reading: reading{conn: c, ctx: ctx}}
	defer r.close()
	shown := c.selected.view
	for seq, m := range shown.sel(scope) {
		r.next(m)
		r.seq = seq
		ok, err := s.test(r)
		switch {
		case errors.Is(err, storage.ErrExpunged):
			f.expunged = true
		case err != nil:
			return nil, err
		case ok:
			f.add(m)
		}
		if seq%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return f, nil
}

// saved returns what "$" means after the search: all messages, or those told as MIN and MAX (RFC 9051, section
// 6.4.4.1).
func (s *search) saved(f *found) storage.UIDSet {
	r := s.result
	if f.count == 0 || r.all || r.count || !r.min && !r.max {
		return f.uids
	}
	var uids storage.UIDSet
	if r.min {
		uids = uids.Append(f.first.UID)
	}
	if r.max {
		uids = uids.Append(f.last.UID)
	}
	return uids
}

// writeSearch writes the SEARCH response (RFC 3501, section 7.2.5; RFC 7162, section 3.1.6) or the ESEARCH response
// (RFC 9051, section 7.3.4; RFC 4731, section 3.2). After RETURN (SAVE) alone there is none.
func (c *conn) writeSearch(s *search, f *found) {
	e := c.enc
	switch r := s.result; {
	case !r.extended:
		e.Raw("* SEARCH")
		for seq, m := range c.selected.view.sel(f.uids) {
			e.SP().Number(s.number(seq, m))
		}
		if s.modseq && f.count > 0 {
			e.Raw(" (MODSEQ ").Uint64(uint64(f.modseq)).Byte(')')
		}
		e.CRLF()
	case r.min || r.max || r.all || r.count:
		e.Raw("* ESEARCH (TAG ").String(s.tag).Byte(')')
		if s.byUID {
			e.Raw(" UID")
		}
		s.writeResults(c, f)
		e.CRLF()
	}
}

func (s *search) writeResults(c *conn, f *found) {
	e, r, modseq := c.enc, s.result, f.modseq
	if !r.all && !r.count {
		modseq = 0
	}
	edge := func(on bool, name string, m *storage.Message) {
		if on && m != nil {
			seq, _ := c.selected.view.seq(m.UID)
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
		e.Raw(" ALL ").NumSet(c.selected.numbers(f.uids, s.byUID))
	}
	if s.modseq && f.count > 0 {
		e.Raw(" MODSEQ ").Uint64(uint64(modseq))
	}
}

func (s *search) number(seq int, m *storage.Message) uint32 {
	if s.byUID {
		return uint32(m.UID)
	}
	return uint32(seq)
}
