package imapserver

import (
	"context"
	"errors"
	"slices"

	"github.com/mailhavn/mailhavn/storage"
)

// extContext is a search whose result is kept up to date (RFC 5267, section 4), if the client wants with data of new messages
// (RFC 5465, section 7). Results of SORT are not followed, which the answer says.
func extContext() extension {
	const rfc = "RFC 5267, section 4.3"
	return extension{
		file:         "context",
		needs:        "ESEARCH",
		capabilities: []capability{{name: "CONTEXT=SEARCH", rfc: "RFC 5267, section 4.1"}},
		commands:     []command{{"CANCELUPDATE", "RFC 5267, section 4.3.5", selectedState, maySendExpunge, parseCancelUpdate}},
		searchReturns: []searchReturn{
			{"CONTEXT", "RFC 5267, section 4.2", func(*conn, *search) error { return nil }}, // a hint; the caches are for all
			{"UPDATE", rfc, parseUpdate},
		},
		removing: func(c *conn, later *storage.View) {
			for _, l := range c.selected.live {
				l.lose(c, later)
			}
		},
		shown: func(c *conn) {
			for _, l := range c.selected.live {
				l.update(c)
			}
		},
	}
}

// A liveSearch is a search whose result is kept up to date.
type liveSearch struct {
	*search
	uids storage.UIDSet // the result, as the client knows it
	upTo *storage.View  // of which the result is
	news *fetch         // what to tell of new messages in it; nil for nothing
}

// maxLive bounds the searches that are followed at once.
const maxLive = 16

func parseUpdate(c *conn, s *search) (err error) {
	switch {
	case c.selected == nil:
		return bad("UPDATE is for the selected mailbox, and none is selected") // RFC 7377, section 2.2
	case slices.ContainsFunc(c.selected.live, func(l *liveSearch) bool { return l.tag == s.tag }):
		return bad("The tag is that of a search that is followed") // RFC 5267, section 4.3
	}
	s.live = &liveSearch{search: s}
	if c.dec.At(" (") && c.dec.SP() || c.dec.At("(") {
		s.live.news, err = c.parseNews()
	}
	return err
}

// parseNews reads what is to be told of new messages. It marks none of them as seen.
func (c *conn) parseNews() (f *fetch, err error) {
	f = &fetch{}
	column := c.dec.Column()
	c.dec.ExpectList(func() bool {
		if len(f.items) == maxFetchItems {
			return c.dec.Expected("fewer items")
		}
		err = c.parseFetchItem(f, false)
		return err == nil && c.dec.Err() == nil
	})
	if err == nil && f.empty() {
		err = badAt("expected a data item", column+1)
	}
	f.setsSeen = false
	return f, err
}

// follow keeps the result of a search up to date from now on.
func (c *conn) follow(s *search, f *found) {
	l := s.live
	switch {
	case l == nil:
		return
	case s.order != nil || len(c.selected.live) == maxLive:
		c.status(nil, &Error{Status: No, Code: `NOUPDATE "` + s.tag + `"`, Text: "The result is not followed"}) // RFC 5267, section 4.3.1
		return
	}
	for _, set := range s.sets {
		if set.byUID && !set.set.Saved() {
			set.uids = set.uids.Union(uidRanges(&set.set, everyUID[0].Last)) // also those to come
		}
	}
	l.uids, l.upTo = f.uids, c.selected.view.data
	c.selected.live = append(c.selected.live, l)
}

// lose tells which of the result are gone, also if their removal may not be told yet (RFC 5267, section 4.3.4).
func (l *liveSearch) lose(c *conn, later *storage.View) {
	if l.upTo != later {
		l.tell(c, l.uids.Intersect(l.upTo.Diff(later).Expunged), nil)
	}
}

// update judges what has been shown since the last time.
func (l *liveSearch) update(c *conn) {
	s := c.selected
	if l.upTo == s.view.data {
		return
	}
	d := l.upTo.Diff(s.view.data)
	l.upTo = s.view.data
	r := &candidate{reading: reading{conn: c, ctx: c.ctx, in: s}}
	defer r.close()
	var add, remove storage.UIDSet
	for seq, m := range s.view.sel(d.Added.Union(d.Changed)) {
		r.next(m)
		r.seq = seq
		ok, err := l.test(r)
		if err != nil && !errors.Is(err, storage.ErrExpunged) {
			c.logger().Error("imap: cannot follow a search", "uid", m.UID, "error", err)
			continue
		}
		switch had := l.uids.Contains(m.UID); {
		case ok && !had:
			add = add.Append(m.UID)
		case !ok && had:
			remove = remove.Append(m.UID)
		}
	}
	l.tell(c, remove, add)
	if l.news != nil {
		s.wantNews(add.Intersect(d.Added), l.news)
	}
}

// tell tells what has changed in the result (RFC 5267, sections 4.3.3 and 4.3.4).
func (l *liveSearch) tell(c *conn, remove, add storage.UIDSet) {
	if len(remove)+len(add) == 0 {
		return
	}
	l.byUID = l.byUID || c.uidOnly() // which may have been enabled since
	e := c.enc
	l.openESearch(c)
	if len(remove) > 0 {
		e.Raw(" REMOVEFROM (0 ").NumSet(c.selected.numbers(remove, l.byUID)).Byte(')')
	}
	if len(add) > 0 {
		e.Raw(" ADDTO (0 ").NumSet(c.selected.numbers(add, l.byUID)).Byte(')')
	}
	e.CRLF()
	l.uids = l.uids.Subtract(remove).Union(add)
}

func parseCancelUpdate(c *conn) (action, error) {
	var tags []string
	for d := c.dec; len(tags) == 0 || d.At(" "); {
		var tag string
		if !d.ExpectSP() {
			return nil, nil
		}
		column := d.Column()
		if !d.ExpectString(&tag) {
			return nil, nil
		}
		if !slices.ContainsFunc(c.selected.live, func(l *liveSearch) bool { return l.tag == tag }) {
			return nil, badAt("expected the tag of a search that is followed", column)
		}
		tags = append(tags, tag)
	}
	return func(context.Context) (reply, error) {
		c.selected.live = slices.DeleteFunc(c.selected.live, func(l *liveSearch) bool { return slices.Contains(tags, l.tag) })
		return reply{}, nil
	}, nil
}
