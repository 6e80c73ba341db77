package imapserver

import (
	"context"
	"slices"
	"strings"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
	"github.com/mailhavn/mailhavn/storage"
)

// store is a STORE or UID STORE command.
type store struct {
	set    wire.NumSet
	change storage.FlagChange
	silent bool
	enable string // what the command switches on
}

// storeItems are the data items of STORE (RFC 9051, section 6.4.6).
var storeItems = map[string]struct {
	op     storage.StoreOp
	silent bool
}{
	"FLAGS":         {storage.SetFlags, false},
	"FLAGS.SILENT":  {storage.SetFlags, true},
	"+FLAGS":        {storage.AddFlags, false},
	"+FLAGS.SILENT": {storage.AddFlags, true},
	"-FLAGS":        {storage.RemoveFlags, false},
	"-FLAGS.SILENT": {storage.RemoveFlags, true},
}

func parseStore(c *conn) (action, error) {
	st, d := &store{}, c.dec
	if !c.parseSet(&st.set) || !d.ExpectSP() {
		return nil, nil
	}
	found, err := parseModifiers(c, c.registry.storeMods, st)
	if err != nil || found && !d.ExpectSP() {
		return nil, err
	}
	var item []byte
	var names []string
	column := d.Column()
	if !d.ExpectKeyword(&item, "FLAGS, +FLAGS or -FLAGS") {
		return nil, nil
	}
	kind, ok := storeItems[string(item)]
	if !ok {
		return nil, badAt("expected FLAGS, +FLAGS or -FLAGS", column)
	}
	if !d.ExpectSP() {
		return nil, nil
	}
	if column = d.Column(); !d.ExpectFlags(&names) {
		return nil, nil
	}
	st.change.Op, st.silent = kind.op, kind.silent
	if st.change.Flags, st.change.Keywords, err = parseFlags(names, column); err != nil {
		return nil, err
	}
	byUID := c.byUID()
	return func(ctx context.Context) (reply, error) { return c.store(ctx, st, byUID) }, nil
}

// store changes flags and answers with those of the messages that were named (RFC 9051, section 6.4.6; conditionally:
// RFC 7162, section 3.1.3).
func (c *conn) store(ctx context.Context, st *store, byUID bool) (reply, error) {
	s := c.selected
	if err := c.enable(ctx, st.enable); err != nil {
		return reply{}, err
	}
	uids, err := s.resolve(&st.set, byUID)
	if err != nil {
		return reply{}, err
	}
	before := s.view
	result, err := s.mbox.Store(ctx, uids, st.change)
	if err != nil {
		return reply{}, err
	}
	later, err := s.mbox.View(ctx)
	if err != nil {
		return reply{}, err
	}
	// What this command did is answered below, in order; show reports what others did.
	own := func(m *storage.Message) bool {
		return m.ModSeq == result.ModSeq && result.Changed.Contains(m.UID) && asExpected(&before, m, st.change)
	}
	c.show(later, false, func(m *storage.Message) bool { return own(m) || !st.silent && uids.Contains(m.UID) })
	for seq, m := range s.view.sel(uids) {
		switch {
		case !st.silent:
			c.writeChange(seq, m)
		case c.condstore() && own(m):
			c.writeSilentChange(seq, m)
		}
	}
	if len(result.Modified) > 0 {
		return reply{code: "MODIFIED " + s.numbers(result.Modified, byUID).String(), text: "Conditional STORE failed"}, nil
	}
	if !byUID && len(s.view.gone().Intersect(uids)) > 0 {
		return reply{}, errExpungeIssued
	}
	return reply{}, nil
}

// asExpected tells whether a client that knows what the message was before knows what it is after its own change.
func asExpected(before *view, m *storage.Message, change storage.FlagChange) bool {
	seq, ok := before.data.Seq(m.UID)
	if !ok {
		return false
	}
	old := before.data.At(seq)
	flags := change.Flags
	switch change.Op {
	case storage.AddFlags:
		flags |= old.Flags
	case storage.RemoveFlags:
		flags = old.Flags &^ flags
	}
	if flags != m.Flags {
		return false
	}
	if len(change.Keywords) == 0 && change.Op != storage.SetFlags {
		return old.Keywords == m.Keywords
	}
	return sameKeywords(expectedKeywords(before.data.Keywords(old.Keywords), change), before.data.Keywords(m.Keywords))
}

// expectedKeywords returns what keywords are after a change.
func expectedKeywords(old []string, change storage.FlagChange) []string {
	switch change.Op {
	case storage.SetFlags:
		return change.Keywords
	case storage.AddFlags:
		return slices.Concat(old, change.Keywords)
	}
	return slices.DeleteFunc(slices.Clone(old), func(k string) bool { return hasKeyword(change.Keywords, k) })
}

// sameKeywords compares sets of keywords, which may have doubles.
func sameKeywords(a, b []string) bool {
	within := func(a, b []string) bool {
		return !slices.ContainsFunc(a, func(k string) bool { return !hasKeyword(b, k) })
	}
	return within(a, b) && within(b, a)
}

// hasKeyword compares without regard to case (RFC 9051, section 2.3.2).
func hasKeyword(set []string, keyword string) bool {
	return slices.ContainsFunc(set, func(k string) bool { return strings.EqualFold(k, keyword) })
}

// writeSilentChange writes the MODSEQ that a silent STORE gave a message (RFC 7162, section 3.1.3).
func (c *conn) writeSilentChange(seq int, m *storage.Message) {
	c.openFetch(seq, m)
	c.writeUID(m)
	c.writeModSeq(m)
	c.enc.Byte(')').CRLF()
}
