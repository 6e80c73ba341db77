package imapserver

import (
	"context"
	"errors"

	"github.com/mailhavn/mailhavn/imapserver/internal/names"
	"github.com/mailhavn/mailhavn/storage"
)

// sync tells the client what has changed in the selected mailbox since it was told last. Without expunge, messages that are gone
// keep their place (RFC 9051, section 7.5.1). Where the mailbox was deleted elsewhere, the command fails and the connection ends:
// RFC 9051 has no other way to tell, and programs know this one.
func (c *conn) sync(ctx context.Context, expunge bool) error {
	later, err := c.selected.mbox.View(ctx)
	if errors.Is(err, storage.ErrNoMailbox) {
		c.end(errMailboxGone)
		return errMailboxGone
	}
	if err != nil {
		return err
	}
	for _, e := range c.registry.extensions {
		if e.removing != nil {
			e.removing(c, later)
		}
	}
	c.show(later, expunge, nil)
	for _, e := range c.registry.extensions {
		if e.shown != nil {
			e.shown(c)
		}
	}
	c.tellNews()
	return nil
}

// show goes on to a later view and writes what is new in it. Changes of flags for which known is true are left out: the client
// knows or gets them in another way.
func (c *conn) show(later *storage.View, expunge bool, known func(*storage.Message) bool) {
	s := c.selected
	before := s.view
	if before.data == later && (!before.withholds() || !expunge) {
		return
	}
	d := s.view.advance(later, expunge)
	c.shown.set(s)
	if n := d.Expunged.Len() + d.Changed.Len(); n > 0 {
		c.server.showed(c.identity.account.ID(), n)
	}
	if len(d.Expunged) > 0 {
		c.writeExpunged(&before, d.Expunged)
	}
	c.showKeywords()
	if len(d.Added) > 0 {
		c.enc.Raw("* ").Number(uint32(s.view.len())).Raw(" EXISTS").CRLF()
		s.claimRecent()
	}
	c.showRecent()
	for seq, m := range s.view.sel(d.Changed) {
		if known == nil || !known(m) {
			c.writeChange(seq, m)
		}
	}
}

// writeExpunged reports messages that are gone, by the numbers that they had before, each lowered by those already reported; or by
// UID once QRESYNC (RFC 7162, section 3.2.10) or UIDONLY is enabled.
func (c *conn) writeExpunged(before *view, uids storage.UIDSet) {
	c.selected.removed = true
	if c.qresync() || c.uidOnly() {
		c.enc.Raw("* VANISHED ").Raw(uids.String()).CRLF()
		return
	}
	reported := 0
	for seq := range before.sel(uids) {
		c.enc.Raw("* ").Number(uint32(seq - reported)).Raw(" EXPUNGE").CRLF()
		reported++
	}
}

// writeChange reports the flags of a message that the client did not ask for (RFC 9051, section 7.5.2; with UID and
// MODSEQ as RFC 7162, section 3.2.4, wants, and with UID as RFC 5465, section 5.1, does).
func (c *conn) writeChange(seq int, m *storage.Message) {
	e := c.enc
	if c.openFetch(seq, m); c.condstore() || c.byUID() || c.notify.tellsFlags() {
		c.writeUID(m)
	}
	e.Raw("FLAGS ")
	c.writeFlags(m)
	if c.condstore() {
		e.SP()
		c.writeModSeq(m)
	}
	e.Byte(')').CRLF()
}

// openFetch begins a FETCH response (RFC 9051, section 7.5.2).
func (c *conn) openFetch(seq int, m *storage.Message) {
	if c.uidOnly() {
		c.enc.Raw("* ").Number(uint32(m.UID)).Raw(" UIDFETCH (")
		return
	}
	c.enc.Raw("* ").Number(uint32(seq)).Raw(" FETCH (")
}

// writeUID writes the UID of a FETCH response, and a space, where the response does not begin with it.
func (c *conn) writeUID(m *storage.Message) {
	if !c.uidOnly() {
		c.enc.Raw("UID ").Number(uint32(m.UID)).SP()
	}
}

// byUID tells whether the running command is one of UID.
func (c *conn) byUID() bool { return c.running != nil && c.running.flags&byUID != 0 }

// writeFlags writes the flags of a message in parentheses.
func (c *conn) writeFlags(m *storage.Message) {
	e, first := c.enc, true
	put := func(name string) {
		if !first {
			e.SP()
		}
		first = false
		e.Raw(name)
	}
	e.Byte('(')
	for i := range names.SystemFlags {
		if m.Flags&names.SystemFlags[i].Flag != 0 {
			put(names.SystemFlags[i].Name)
		}
	}
	if !c.rev2() && c.selected.recent.Contains(m.UID) {
		put(`\Recent`)
	}
	for _, k := range c.selected.view.data.Keywords(m.Keywords) {
		put(k)
	}
	e.Byte(')')
}

// showKeywords announces the flags of the mailbox when it has got a new keyword.
func (c *conn) showKeywords() {
	s := c.selected
	if n := len(s.view.data.AllKeywords()); n != s.keywords {
		s.keywords = n
		c.writeMailboxFlags()
	}
}

// writeMailboxFlags writes the FLAGS response and PERMANENTFLAGS (RFC 9051, sections 7.3.5 and 7.1).
func (c *conn) writeMailboxFlags() {
	s := c.selected
	list := func() {
		for i := range names.SystemFlags {
			if i > 0 {
				c.enc.SP()
			}
			c.enc.Raw(names.SystemFlags[i].Name)
		}
		for _, k := range s.view.data.AllKeywords() {
			c.enc.SP().Raw(k)
		}
	}
	c.enc.Raw("* FLAGS (")
	list()
	c.enc.Byte(')').CRLF()
	c.enc.Raw("* OK ").OpenCode("PERMANENTFLAGS").Raw(" (")
	if !s.readOnly {
		list()
		c.enc.Raw(` \*`)
	}
	c.enc.Byte(')').CloseCode().Text("These can be changed").CRLF()
}

// showRecent reports the number of recent messages when it has changed.
func (c *conn) showRecent() {
	s := c.selected
	if c.rev2() {
		return
	}
	if n := s.countRecent(); n != s.toldRecent {
		s.toldRecent = n
		c.enc.Raw("* ").Number(uint32(n)).Raw(" RECENT").CRLF()
	}
}
