package imapserver

import (
	"context"

	"github.com/mailhavn/mailhavn/imapserver/internal/names"
	"github.com/mailhavn/mailhavn/storage"
)

// selected is the mailbox that a session has selected.
type selected struct {
	mbox     *storage.Mailbox
	name     string // when it was selected
	readOnly bool
	view     view
	// recent holds the UIDs that are \Recent to this session; some may be gone (RFC 3501, section 2.3.2).
	recent     storage.UIDSet
	toldRecent int
	keywords   int            // how many the client has been told of
	removed    bool           // removals were reported since the last tagged answer
	saved      storage.UIDSet // the result of the last SEARCH RETURN (SAVE), some of which may be gone (RFC 5182)
	live       []*liveSearch  // whose results are kept up to date (RFC 5267)
	news       []news         // to be told when all changes are
	upTo       *storage.View  // after which new messages are news (RFC 5465, section 5.2)
	made       storage.UIDSet // those of them that this session has put there
}

func (s *selected) close() { *s = selected{} }

// claimRecent makes the messages recent that no session has been told of. A session that may not change the mailbox sees them as
// recent, and leaves them recent for others.
func (s *selected) claimRecent() {
	from := s.mbox.Recent()
	if !s.readOnly {
		from = s.mbox.ClaimRecent()
	}
	if next := s.view.data.Status().UIDNext; from < next {
		s.recent = s.recent.Union(storage.UIDSet{{First: from, Last: next - 1}})
	}
}

// countRecent returns how many messages of the view are recent.
func (s *selected) countRecent() int {
	n := 0
	for _, r := range s.recent {
		first, _ := s.view.seq(r.First)
		last, ok := s.view.seq(r.Last)
		if n += last - first; ok {
			n++
		}
	}
	return n
}

// selection is a SELECT or EXAMINE command.
type selection struct {
	name     string
	readOnly bool
	enable   string // what the command switches on
	// after, if not nil, writes what a parameter asks for, when the usual responses have been written.
	after func(ctx context.Context) error
}

func parseSelect(c *conn) (action, error)  { return c.parseSelection(c.identity.readOnly) }
func parseExamine(c *conn) (action, error) { return c.parseSelection(true) }

// parseSelection reads a mailbox name and parameters (RFC 9051, section 6.3.2; RFC 4466, section 2.1).
func (c *conn) parseSelection(readOnly bool) (action, error) {
	sel := &selection{readOnly: readOnly}
	if !c.dec.ExpectSP() || !c.dec.ExpectMailbox(&sel.name) {
		return nil, nil
	}
	if c.dec.SP() {
		found, err := parseModifiers(c, c.registry.selectParams, sel)
		if !found || err != nil {
			c.dec.Expected("parameters")
			return nil, err
		}
	}
	return func(ctx context.Context) (reply, error) { return c.selectMailbox(ctx, sel) }, nil
}

// selectMailbox runs a selection. Whether it succeeds or not, the mailbox selected before is closed (RFC 9051, section 6.3.2).
func (c *conn) selectMailbox(ctx context.Context, sel *selection) (reply, error) {
	if c.selected != nil {
		c.change(didUnselect)
		c.untaggedOK("CLOSED", "Previous mailbox is closed") // RFC 7162, section 3.2.11
	}
	if err := c.enable(ctx, sel.enable); err != nil {
		return reply{}, err
	}
	mbox, err := c.mailbox(sel.name)
	if err != nil {
		return reply{}, err
	}
	v, err := mbox.View(ctx)
	if err != nil {
		return reply{}, err
	}
	c.change(didSelect)
	c.selected = &selected{mbox: mbox, name: sel.name, readOnly: sel.readOnly, view: newView(v), upTo: v}
	c.shown.set(c.selected)
	c.server.describe(c, func(i *connInfo) { i.mailbox = sel.name })
	c.selected.claimRecent()
	c.writeSelected()
	if sel.after != nil {
		if err := sel.after(ctx); err != nil {
			c.change(didUnselect)
			return reply{}, err
		}
	}
	if sel.readOnly {
		return reply{code: "READ-ONLY"}, nil
	}
	return reply{code: "READ-WRITE"}, nil
}

// writeSelected writes what SELECT has to tell of the mailbox (RFC 9051, section 6.3.2; RECENT and UNSEEN: RFC 3501,
// section 6.3.1; HIGHESTMODSEQ: RFC 7162, section 3.1.2.1).
func (c *conn) writeSelected() {
	s := c.selected
	st := s.view.data.Status()
	s.keywords = len(s.view.data.AllKeywords())
	c.writeMailboxFlags()
	c.enc.Raw("* ").Number(uint32(s.view.len())).Raw(" EXISTS").CRLF()
	if !c.rev2() {
		s.toldRecent = s.countRecent()
		c.enc.Raw("* ").Number(uint32(s.toldRecent)).Raw(" RECENT").CRLF()
		if first := s.view.data.FirstUnseen(); first > 0 && !c.uidOnly() {
			c.untaggedOK(codeNumber("UNSEEN", first), "First message that is not seen")
		}
	}
	c.untaggedOK(codeNumber("UIDVALIDITY", st.UIDValidity), "UIDs are valid")
	c.untaggedOK(codeNumber("UIDNEXT", st.UIDNext), "Next UID")
	c.untaggedOK(codeNumber("HIGHESTMODSEQ", st.HighestModSeq), "Highest MODSEQ")
	for _, e := range c.registry.extensions {
		if e.selected != nil {
			e.selected(c)
		}
	}
	if info, ok := s.mbox.Info(); ok && c.rev2() {
		c.enc.Raw(`* LIST `).Flags(names.SpecialUses(info.SpecialUse)).Raw(` "/" `).Mailbox(info.Name).CRLF()
	}
}

// mailbox finds a mailbox of the session's account.
func (c *conn) mailbox(name string) (*storage.Mailbox, error) {
	return c.identity.account.Mailbox(c.meant(name))
}

// meant returns the name that a client means.
func (c *conn) meant(name string) string {
	if c.server.accommodates(trailingSeparators) {
		return names.TrimSeparator(name)
	}
	return name
}

// parseClose is CLOSE: it removes the messages with \Deleted and reports nothing (RFC 9051, section 6.4.1).
func parseClose(c *conn) (action, error) {
	return func(ctx context.Context) (reply, error) {
		if s := c.selected; !s.readOnly {
			if _, _, err := s.mbox.Expunge(ctx, everyUID); err != nil {
				return reply{}, err
			}
		}
		c.change(didUnselect)
		return reply{}, nil
	}, nil
}
