// Package names has what the protocol calls things that the storage has: names of mailboxes as LIST chooses them, special uses, flags.
package names

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/mailhavn/mailhavn/storage"
)

// Entry is a name of the hierarchy: of a mailbox, of a subscription, or only of a level above one of them.
type Entry struct {
	Info       storage.MailboxInfo // only the name, where there is no mailbox
	Exists     bool
	Subscribed bool
	Inferiors  bool // has mailboxes below it

	Meets bool // the criteria
	Below bool // a name below it meets the criteria

	matches bool // a pattern
	hidden  bool // of the names below that meet the criteria, one is not listed, as it matches no pattern
}

// Hierarchy is the entries by name.
type Hierarchy map[string]*Entry

// Of returns all names of an account.
func Of(account *storage.Account) Hierarchy {
	h := Hierarchy{}
	for info := range account.Mailboxes() {
		e := h.Entry(info.Name)
		e.Info, e.Exists = info, true
		for up := range h.above(info.Name) {
			up.Inferiors = true
		}
	}
	for _, name := range account.Subscriptions() {
		h.Entry(name).Subscribed = true
		for range h.above(name) {
		}
	}
	return h
}

// Entry returns the entry of a name, which it makes where it is missing.
func (h Hierarchy) Entry(name string) *Entry {
	e := h[name]
	if e == nil {
		e = &Entry{Info: storage.MailboxInfo{Name: name}}
		h[name] = e
	}
	return e
}

// above yields the entries of the levels above a name, which it makes where they are missing.
func (h Hierarchy) above(name string) iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		for name = Superior(name); name != ""; name = Superior(name) {
			if !yield(h.Entry(name)) {
				return
			}
		}
	}
}

// Selection says which entries LIST chooses (RFC 9051, section 6.3.9; RFC 5258, section 3).
type Selection struct {
	Patterns []Pattern
	// Criteria are what a mailbox has to meet, beside a pattern. With Recursive, those that have a descendant that meets them
	// are listed, too.
	Criteria   []Criterion
	Subscribed bool // subscriptions are listed, instead of mailboxes
	Recursive  bool
}

// Criterion is a selection option that restricts the list (RFC 5258, section 3.1).
type Criterion struct {
	Name string
	Met  func(*Entry) bool
}

// The selection options that restrict the list.
var (
	IsSubscribed  = Criterion{"SUBSCRIBED", func(e *Entry) bool { return e.Subscribed }}
	HasSpecialUse = Criterion{"SPECIAL-USE", func(e *Entry) bool { return e.Info.SpecialUse != 0 }}
)

// Choose returns the entries to be listed, INBOX first, then by name. A hierarchy is chosen from once.
func (s *Selection) Choose(ctx context.Context, h Hierarchy) ([]*Entry, error) {
	for _, e := range h {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e.matches = slices.ContainsFunc(s.Patterns, func(p Pattern) bool { return p.Match(e.Info.Name) })
		e.Meets = e.Exists || s.Subscribed || len(s.Criteria) == 0 && e.Inferiors
		for _, criterion := range s.Criteria {
			e.Meets = e.Meets && criterion.Met(e)
		}
	}
	var names []string
	for name, e := range h {
		names = append(names, name)
		if e.Meets && s.Recursive {
			for up := range h.above(name) {
				up.Below = true
				up.hidden = up.hidden || !e.matches
			}
		}
	}
	slices.SortFunc(names, Compare)
	var out []*Entry
	for _, name := range names {
		if e := h[name]; e.matches && (e.Meets || e.hidden) {
			out = append(out, e)
		}
	}
	return out, nil
}

// Compare orders names with INBOX before others.
func Compare(a, b string) int {
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

// Join interprets a pattern in the context of a reference name. A pattern that begins with the separator counts from the root.
func Join(reference, pattern string) string {
	if strings.HasPrefix(pattern, string(Separator)) || pattern == "" {
		return pattern
	}
	return reference + pattern
}

// Superior returns the name of the level above, "" at the top.
func Superior(name string) string { return name[:max(strings.LastIndexByte(name, Separator), 0)] }

// TrimSeparator removes one separator at the end of a name.
func TrimSeparator(name string) string {
	if len(name) > 1 {
		return strings.TrimSuffix(name, string(Separator))
	}
	return name
}
