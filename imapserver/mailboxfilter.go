package imapserver

import "github.com/mailhavn/mailhavn/imapserver/internal/names"

// mailboxFilter says which mailboxes a command is about (RFC 5465, section 6; RFC 7377, section 2.2).
type mailboxFilter struct {
	kind  string          // a row of mailboxFilters
	names map[string]bool // where the kind takes names
}

// mailboxFilters are the kinds of filters. Those without match mean the selected mailbox.
var mailboxFilters = map[string]struct {
	named  bool   // takes names
	except string // the command that lacks it
	match  func(of map[string]bool, name string, subscribed bool) bool
}{
	"SELECTED":         {},
	"SELECTED-DELAYED": {except: "ESEARCH"},
	"PERSONAL":         {match: anyMailbox},
	"INBOXES":          {match: anyMailbox}, // mail can be delivered to all (RFC 5465, section 6.3)
	"SUBSCRIBED":       {match: func(_ map[string]bool, _ string, subscribed bool) bool { return subscribed }},
	"MAILBOXES":        {named: true, match: func(of map[string]bool, name string, _ bool) bool { return of[name] }},
	"SUBTREE": {named: true, match: func(of map[string]bool, name string, _ bool) bool {
		for ; name != ""; name = names.Superior(name) {
			if of[name] {
				return true
			}
		}
		return false
	}},
	"SUBTREE-ONE": {named: true, except: "NOTIFY", match: func(of map[string]bool, name string, _ bool) bool {
		return of[name] || of[names.Superior(name)]
	}},
}

func anyMailbox(map[string]bool, string, bool) bool { return true }

// maxFilterNames bounds the names of one filter.
const maxFilterNames = 1000

// parseMailboxFilter reads a filter.
func (c *conn) parseMailboxFilter() (f mailboxFilter, err error) {
	d := c.dec
	column := d.Column()
	var kind []byte
	if !d.ExpectKeyword(&kind, "a mailbox filter") {
		return f, nil
	}
	f.kind = string(kind)
	row, ok := mailboxFilters[f.kind]
	if !ok || row.except == c.running.name {
		return f, badAt("unknown mailbox filter", column)
	}
	if !row.named || !d.ExpectSP() {
		return f, nil
	}
	f.names = map[string]bool{}
	one := func() bool {
		var name string
		if len(f.names) == maxFilterNames {
			return d.Expected("fewer mailbox names")
		}
		if !d.ExpectMailbox(&name) {
			return false
		}
		f.names[name] = true
		return true
	}
	if column := d.Column(); !d.List(one) && d.Err() == nil {
		one()
	} else if len(f.names) == 0 {
		err = badAt("expected a mailbox name", column+1)
	}
	return f, err
}

// selected tells whether the filter means the selected mailbox.
func (f *mailboxFilter) selected() bool { return mailboxFilters[f.kind].match == nil }

// match tells whether the filter means the mailbox with a name.
func (f *mailboxFilter) match(name string, subscribed bool) bool {
	match := mailboxFilters[f.kind].match
	return match != nil && match(f.names, name, subscribed)
}
