package imapserver

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/mailhavn/mailhavn/storage"
)

// listing is a LIST command.
type listing struct {
	reference string
	patterns  []pattern
	extended  bool // in a way of RFC 5258, section 3
	// criteria are what a mailbox has to meet, beside a pattern. With recursive, those that have a descendant that meets them
	// are listed, too.
	criteria   []criterion
	subscribed bool // subscriptions are listed, instead of mailboxes
	recursive  bool
	// attributes return what to add to the attributes of an entry; details write what follows its LIST response.
	attributes []func(*listEntry) string
	details    []func(*conn, *listEntry)
	prepare    []func(context.Context, *conn) error
}

// criterion is a selection option that restricts the list (RFC 5258, section 3.1).
type criterion struct {
	name string
	met  func(*listEntry) bool
}

// listOption is a selection option or a return option of LIST (RFC 5258, section 3).
type listOption struct {
	name string
	rfc  string
	// parse reads the value, with the space before it, if there is one, and changes the listing.
	parse func(c *conn, l *listing) error
}

func (o listOption) key() string { return o.name }

// listEntry is a name of the hierarchy: of a mailbox, of a subscription, or only of a level above one of them.
type listEntry struct {
	info       storage.MailboxInfo // only the name, where there is no mailbox
	exists     bool
	subscribed bool
	inferiors  bool // has mailboxes below it

	matches bool // a pattern
	meets   bool // the criteria
	below   bool // a name below it meets the criteria
	hidden  bool // and one of those is not listed, as it matches no pattern

	oldName string // before it was renamed, where that is to be told
}

// parseList is LIST (RFC 9051, section 6.3.9), with the options of RFC 5258.
func parseList(c *conn) (action, error) {
	l, d := &listing{}, c.dec
	if !d.ExpectSP() {
		return nil, nil
	}
	selecting, err := c.parseListOptions(c.registry.listSelects, l)
	if err != nil || selecting && !d.ExpectSP() {
		return nil, err
	}
	l.extended = selecting
	if !d.ExpectMailbox(&l.reference) || !d.ExpectSP() || !c.parsePatterns(l) {
		return nil, nil
	}
	if d.SP() {
		l.extended = true
		if !d.ExpectWord("RETURN") || !d.ExpectSP() {
			return nil, nil
		}
		if found, err := c.parseListOptions(c.registry.listReturns, l); err != nil || !found {
			d.Expected(`"("`)
			return nil, err
		}
	}
	if l.recursive && len(l.criteria) == 0 {
		return nil, badAt("expected another selection option with RECURSIVEMATCH", d.Column()) // RFC 5258, section 3.1
	}
	return func(ctx context.Context) (reply, error) { return reply{}, c.list(ctx, l) }, nil
}

// parseListOptions reads a list of options, if it is there. An option that is given twice counts once.
func (c *conn) parseListOptions(known map[string]listOption, l *listing) (found bool, err error) {
	var seen []string
	found = c.dec.List(func() bool {
		column := c.dec.Column()
		var name []byte
		if !c.dec.ExpectKeyword(&name, "a list option") {
			return false
		}
		o, ok := known[string(name)]
		if !ok {
			err = badAt("unknown list option", column)
			return false
		}
		if !slices.Contains(seen, o.name) {
			seen = append(seen, o.name)
			err = o.parse(c, l)
		}
		return err == nil && c.dec.Err() == nil
	})
	return found, err
}

// maxPatterns bounds the patterns of one LIST.
const maxPatterns = 100

// parsePatterns reads a pattern, or several in parentheses (RFC 5258, section 6).
func (c *conn) parsePatterns(l *listing) bool {
	one := func() bool {
		var text string
		if len(l.patterns) == maxPatterns {
			return c.dec.Expected("fewer patterns")
		}
		ok := c.dec.ExpectListMailbox(&text)
		l.patterns = append(l.patterns, newPattern(joinReference(l.reference, text)))
		return ok
	}
	if c.dec.List(one) {
		l.extended = true
		return len(l.patterns) > 0 || c.dec.Expected("a pattern")
	}
	return c.dec.Err() == nil && one()
}

// joinReference interprets a pattern in the context of a reference name. A pattern that begins with the separator counts
// from the root.
func joinReference(reference, text string) string {
	if strings.HasPrefix(text, string(separator)) || text == "" {
		return text
	}
	return reference + text
}

// list writes the LIST responses.
func (c *conn) list(ctx context.Context, l *listing) error {
	if !l.extended && len(l.patterns) == 1 && l.patterns[0].text == "" {
		c.enc.Raw(`* LIST (\Noselect) "/" ""`).CRLF() // RFC 9051, section 6.3.9
		return nil
	}
	for _, prepare := range l.prepare {
		if err := prepare(ctx, c); err != nil {
			return err
		}
	}
	chosen, err := l.choose(ctx, c.hierarchy())
	for _, e := range chosen {
		c.writeListEntry(l, e)
		for _, detail := range l.details {
			detail(c, e)
		}
	}
	return err
}

// hierarchy is the entries by name.
type hierarchy map[string]*listEntry

func (h hierarchy) entry(name string) *listEntry {
	e := h[name]
	if e == nil {
		e = &listEntry{info: storage.MailboxInfo{Name: name}}
		h[name] = e
	}
	return e
}

// above yields the entries of the levels above a name, which it makes where they are missing.
func (h hierarchy) above(name string) iter.Seq[*listEntry] {
	return func(yield func(*listEntry) bool) {
		for i := strings.LastIndexByte(name, separator); i > 0; i = strings.LastIndexByte(name, separator) {
			name = name[:i]
			if !yield(h.entry(name)) {
				return
			}
		}
	}
}

// hierarchy returns all names of the account.
func (c *conn) hierarchy() hierarchy {
	h := hierarchy{}
	for info := range c.identity.account.Mailboxes() {
		e := h.entry(info.Name)
		e.info, e.exists = info, true
		for up := range h.above(info.Name) {
			up.inferiors = true
		}
	}
	for _, name := range c.identity.account.Subscriptions() {
		h.entry(name).subscribed = true
		for range h.above(name) {
		}
	}
	return h
}

// choose returns the entries to be listed, INBOX first, then by name.
func (l *listing) choose(ctx context.Context, h hierarchy) ([]*listEntry, error) {
	for _, e := range h {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e.matches = slices.ContainsFunc(l.patterns, func(p pattern) bool { return p.match(e.info.Name) })
		e.meets = e.exists || l.subscribed || len(l.criteria) == 0 && e.inferiors
		for _, criterion := range l.criteria {
			e.meets = e.meets && criterion.met(e)
		}
	}
	var names []string
	for name, e := range h {
		names = append(names, name)
		if e.meets && l.recursive {
			for up := range h.above(name) {
				up.below = true
				up.hidden = up.hidden || !e.matches
			}
		}
	}
	slices.SortFunc(names, compareNames)
	var out []*listEntry
	for _, name := range names {
		if e := h[name]; e.matches && (e.meets || e.hidden) {
			out = append(out, e)
		}
	}
	return out, nil
}

// compareNames orders names with INBOX before others.
func compareNames(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "INBOX":
		return -1
	case b == "INBOX":
		return 1
	}
	return strings.Compare(a, b)
}

// writeListEntry writes a LIST response (RFC 9051, section 7.3.1). Special uses and the presence of inferiors are told to
// all clients, as RFC 6154, section 2, and RFC 5258, section 4, allow.
func (c *conn) writeListEntry(l *listing, e *listEntry) {
	attributes := specialUseNames(e.info.SpecialUse)
	if !e.exists {
		attributes = append(attributes, `\NonExistent`, `\Noselect`)
	}
	if e.inferiors {
		attributes = append(attributes, `\HasChildren`)
	} else {
		attributes = append(attributes, `\HasNoChildren`)
	}
	for _, attribute := range l.attributes {
		if a := attribute(e); a != "" {
			attributes = append(attributes, a)
		}
	}
	c.enc.Raw("* LIST ").Flags(attributes).Raw(` "/" `).Mailbox(e.info.Name)
	if e.below { // RFC 5258, section 3.5
		c.enc.Raw(` ("CHILDINFO" `)
		c.enc.List(len(l.criteria), func(i int) { c.enc.Quoted(l.criteria[i].name) })
		c.enc.Byte(')')
	}
	if e.oldName != "" { // RFC 5465, section 5.4
		c.enc.Raw(` ("OLDNAME" (`).Mailbox(e.oldName).Raw("))")
	}
	c.enc.CRLF()
}

// parseLsub is LSUB (RFC 3501, section 6.3.9), for clients of IMAP4rev1: the subscriptions, and with \Noselect the levels above those
// that the pattern hides.
func parseLsub(c *conn) (action, error) {
	l, d := &listing{subscribed: true, recursive: true}, c.dec
	l.criteria = []criterion{{met: func(e *listEntry) bool { return e.subscribed }}}
	var text string
	if !d.ExpectSP() || !d.ExpectMailbox(&l.reference) || !d.ExpectSP() || !d.ExpectListMailbox(&text) {
		return nil, nil
	}
	l.patterns = []pattern{newPattern(joinReference(l.reference, text))}
	return func(ctx context.Context) (reply, error) {
		chosen, err := l.choose(ctx, c.hierarchy())
		for _, e := range chosen {
			c.enc.Raw("* LSUB (")
			if !e.meets {
				c.enc.Raw(`\Noselect`)
			}
			c.enc.Raw(`) "/" `).Mailbox(e.info.Name).CRLF()
		}
		return reply{}, err
	}, nil
}
