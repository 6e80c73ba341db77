package imapserver

import (
	"context"
	"errors"
	"slices"

	"github.com/mailhavn/mailhavn/storage"
)

// extMultiSearch is a search in several mailboxes (RFC 7377).
func extMultiSearch() extension {
	const rfc = "RFC 7377, section 2"
	return extension{
		file:         "multisearch",
		needs:        "ESEARCH",
		capabilities: []capability{{name: "MULTISEARCH", rfc: rfc}},
		commands:     []command{{"ESEARCH", rfc, loggedIn, byUID | maySendExpunge, parseESearch}},
	}
}

func parseESearch(c *conn) (action, error) {
	s := c.newSearch()
	s.names, s.result.extended = true, true
	d := c.dec
	column := d.Column() + 1
	if !d.ExpectSP() {
		return nil, nil
	}
	in := []mailboxFilter{{kind: "SELECTED"}}
	if d.Word("IN") {
		var err error
		if in, err = c.parseSources(); err != nil || !d.ExpectSP() {
			return nil, err
		}
	}
	others := slices.ContainsFunc(in, func(f mailboxFilter) bool { return !f.selected() })
	if c.selected == nil && slices.ContainsFunc(in, func(f mailboxFilter) bool { return f.selected() }) {
		return nil, badAt("expected IN with other mailboxes, since none is selected", column)
	}
	if err := c.parseSearchArguments(s); err != nil {
		return nil, err
	}
	if others && s.save {
		return nil, badAt("expected no SAVE: other mailboxes than the selected one are searched", column) // RFC 7377, section 2.2
	}
	return func(ctx context.Context) (reply, error) { return c.multiSearch(ctx, s, in) }, nil
}

// parseSources reads the source options (RFC 7377, section 2.2).
func (c *conn) parseSources() (in []mailboxFilter, err error) {
	d := c.dec
	if !d.ExpectSP() {
		return nil, nil
	}
	column := d.Column()
	d.ExpectList(func() bool {
		if column := d.Column(); d.At("(") {
			err = badAt("unknown scope option", column+1)
			return false
		}
		var f mailboxFilter
		f, err = c.parseMailboxFilter()
		in = append(in, f)
		return err == nil && d.Err() == nil
	})
	if err == nil && len(in) == 0 {
		err = badAt("expected a mailbox filter", column+1)
	}
	return in, err
}

// multiSearch searches each mailbox once. The selected one is searched as the client knows it, and last, since what UPDATE follows is
// resolved for it.
func (c *conn) multiSearch(ctx context.Context, s *search, in []mailboxFilter) (r reply, err error) {
	if err := c.enable(ctx, s.enable); err != nil {
		return reply{}, err
	}
	c.holdExpunge = s.usesSeq // RFC 7162, section 3.2.10.2
	subscribed := c.identity.account.Subscriptions()
	own := false
	for info := range c.identity.account.Mailboxes() {
		_, sub := slices.BinarySearch(subscribed, info.Name)
		isSelected := c.selected != nil && c.selected.mbox.ID() == info.ID
		if !slices.ContainsFunc(in, func(f mailboxFilter) bool { return f.match(info.Name, sub) || isSelected && f.selected() }) {
			continue
		}
		if isSelected {
			own = true
			continue
		}
		target, err := c.glimpse(ctx, info.Name)
		if errors.Is(err, storage.ErrNoMailbox) {
			continue // it has just been removed
		}
		if err == nil {
			err = c.searchSource(ctx, s, target, &r)
		}
		if err != nil {
			return reply{}, err
		}
	}
	if own {
		err = c.searchSource(ctx, s, c.selected, &r)
	}
	return r, err
}

// glimpse is a mailbox as SELECT would show it, without selecting it.
func (c *conn) glimpse(ctx context.Context, name string) (*selected, error) {
	mbox, err := c.mailbox(name)
	if err != nil {
		return nil, err
	}
	v, err := mbox.View(ctx)
	if err != nil {
		return nil, err
	}
	s := &selected{mbox: mbox, name: name, readOnly: true, view: newView(v)}
	s.claimRecent()
	return s, nil
}

// searchSource searches one mailbox. One without a result is not told of (RFC 7377, section 2.1).
func (c *conn) searchSource(ctx context.Context, s *search, in *selected, r *reply) error {
	f, err := s.run(ctx, c, in)
	if err != nil {
		return err
	}
	if s.save {
		c.selected.saved = s.saved(f)
	}
	if f.expunged {
		r.code = "EXPUNGEISSUED"
	}
	if f.count > 0 && s.result.wanted() {
		s.openESearch(c)
		s.writeResults(c, f)
		c.enc.CRLF()
	}
	if in == c.selected {
		c.follow(s, f)
	}
	return nil
}
