package imapserver

import (
	"context"
	"slices"
	"strings"

	"github.com/mailhavn/mailhavn/imapserver/internal/names"
)

// listing is a LIST command.
type listing struct {
	names.Selection
	reference string
	extended  bool // in a way of RFC 5258, section 3
	// attributes return what to add to the attributes of an entry; details write what follows its LIST response.
	attributes []func(*names.Entry) string
	details    []func(*conn, *names.Entry)
	prepare    []func(context.Context, *conn) error
	// oldNames are those of mailboxes that were renamed, where that is to be told.
	oldNames map[string]string
}

// listOption is a selection option or a return option of LIST (RFC 5258, section 3).
type listOption struct {
	name string
	rfc  string
	// parse reads the value, with the space before it, if there is one, and changes the listing.
	parse func(c *conn, l *listing) error
}

func (o listOption) key() string { return o.name }

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
	for i, p := range l.Patterns {
		if l.extended && p.Empty() { // only without options it asks for the separator (RFC 5258, section 3)
			l.Patterns[i] = names.NewPattern(l.reference)
		}
	}
	if l.Recursive && len(l.Criteria) == 0 {
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
		if len(l.Patterns) == maxPatterns {
			return c.dec.Expected("fewer patterns")
		}
		ok := c.dec.ExpectListMailbox(&text)
		l.Patterns = append(l.Patterns, names.NewPattern(names.Join(l.reference, text)))
		return ok
	}
	if c.dec.List(one) {
		l.extended = true
		return len(l.Patterns) > 0 || c.dec.Expected("a pattern")
	}
	return c.dec.Err() == nil && one()
}

// list writes the LIST responses.
func (c *conn) list(ctx context.Context, l *listing) error {
	if !l.extended && len(l.Patterns) == 1 && l.Patterns[0].Empty() {
		c.enc.Raw(`* LIST (\Noselect) "/" ""`).CRLF() // RFC 9051, section 6.3.9
		return nil
	}
	for _, prepare := range l.prepare {
		if err := prepare(ctx, c); err != nil {
			return err
		}
	}
	chosen, err := l.Choose(ctx, names.Of(c.identity.account))
	for _, e := range chosen {
		c.writeListEntry(l, e)
		for _, detail := range l.details {
			detail(c, e)
		}
	}
	return err
}

// writeListEntry writes a LIST response (RFC 9051, section 7.3.1). Special uses and the presence of inferiors are told to
// all clients, as RFC 6154, section 2, and RFC 5258, section 4, allow.
func (c *conn) writeListEntry(l *listing, e *names.Entry) {
	attributes := names.SpecialUses(e.Info.SpecialUse)
	if !e.Exists {
		attributes = append(attributes, `\NonExistent`, `\Noselect`)
	}
	if e.Inferiors {
		attributes = append(attributes, `\HasChildren`)
	} else {
		attributes = append(attributes, `\HasNoChildren`)
	}
	for _, attribute := range l.attributes {
		if a := attribute(e); a != "" {
			attributes = append(attributes, a)
		}
	}
	c.enc.Raw("* LIST ").Flags(attributes).Raw(` "/" `).Mailbox(e.Info.Name)
	if e.Below { // RFC 5258, section 3.5
		c.enc.Raw(` ("CHILDINFO" `)
		c.enc.List(len(l.Criteria), func(i int) { c.enc.Quoted(l.Criteria[i].Name) })
		c.enc.Byte(')')
	}
	if old := l.oldNames[e.Info.Name]; old != "" { // RFC 5465, section 5.4
		c.enc.Raw(` ("OLDNAME" (`).Mailbox(old).Raw("))")
	}
	c.enc.CRLF()
}

// parseLsub is LSUB (RFC 3501, section 6.3.9), for clients of IMAP4rev1: the subscriptions, and with \Noselect the levels above those
// that a % at the end of the pattern hides.
func parseLsub(c *conn) (action, error) {
	l, d := &listing{}, c.dec
	l.Selection = names.Selection{Criteria: []names.Criterion{names.IsSubscribed}, Subscribed: true}
	var text string
	if !d.ExpectSP() || !d.ExpectMailbox(&l.reference) || !d.ExpectSP() || !d.ExpectListMailbox(&text) {
		return nil, nil
	}
	l.Patterns, l.Recursive = []names.Pattern{names.NewPattern(names.Join(l.reference, text))}, strings.HasSuffix(text, "%")
	return func(ctx context.Context) (reply, error) {
		chosen, err := l.Choose(ctx, names.Of(c.identity.account))
		for _, e := range chosen {
			c.enc.Raw("* LSUB (")
			if !e.Meets {
				c.enc.Raw(`\Noselect`)
			}
			c.enc.Raw(`) "/" `).Mailbox(e.Info.Name).CRLF()
		}
		return reply{}, err
	}, nil
}
