package imapserver

import (
	"context"
	"errors"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
	"github.com/mailhavn/mailhavn/storage"
)

// fetch is a FETCH or UID FETCH command.
type fetch struct {
	set          wire.NumSet
	byUID        bool
	uid          bool // UID is asked for
	flags        bool // FLAGS is asked for
	modseq       bool // MODSEQ is asked for
	items        []fetchData
	setsSeen     bool           // as BODY[] does
	changedSince storage.ModSeq // if not 0: only messages with a higher MODSEQ
	vanished     bool           // also report what was removed since then
	partial      *page          // if not nil: only these of the messages
	enable       string         // what the command switches on
}

// A fetchItem is a FETCH data item.
type fetchItem struct {
	name string // as far as a "["
	rfc  string
	// parse reads what follows the name, and adds what the item needs.
	parse func(c *conn, f *fetch) error
}

func (i fetchItem) key() string { return i.name }

// fetchData answers one item, for one message after the other.
type fetchData struct {
	// prepare, if not nil, does what may fail; after an error the message is left out.
	prepare func(f *fetching) error
	// write writes name and value. An error that it meets ends the connection, since the client knows what was to come.
	write func(f *fetching)
}

// fetchMacros are short forms of lists of items (RFC 9051, section 6.4.5).
var fetchMacros = map[string][]string{
	"ALL":  {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"},
	"FAST": {"FLAGS", "INTERNALDATE", "RFC822.SIZE"},
	"FULL": {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"},
}

// maxFetchItems bounds the items of one FETCH.
const maxFetchItems = 1000

func parseFetch(c *conn) (action, error) {
	f, d := &fetch{byUID: c.byUID()}, c.dec
	if !c.parseSet(&f.set) || !d.ExpectSP() {
		return nil, nil
	}
	var err error
	item := func() bool {
		if len(f.items) == maxFetchItems {
			return d.Expected("fewer items")
		}
		err = c.parseFetchItem(f, false)
		return err == nil && d.Err() == nil
	}
	if column := d.Column(); !d.List(item) && d.Err() == nil && err == nil {
		err = c.parseFetchItem(f, true)
	} else if err == nil && f.empty() {
		err = badAt("expected a data item", column+1)
	}
	if err == nil && d.SP() {
		var found bool
		if found, err = parseModifiers(c, c.registry.fetchMods, f); !found && err == nil {
			d.Expected("modifiers")
		}
	}
	if f.vanished && f.changedSince == 0 && err == nil {
		err = badAt("expected CHANGEDSINCE with VANISHED", d.Column()) // RFC 7162, section 3.2.6
	}
	return func(ctx context.Context) (reply, error) { return reply{}, c.fetch(ctx, f) }, err
}

// empty tells whether nothing is asked for.
func (f *fetch) empty() bool { return !f.uid && !f.flags && !f.modseq && len(f.items) == 0 }

// parseFetchItem reads one item. A macro stands alone.
func (c *conn) parseFetchItem(f *fetch, macros bool) error {
	column := c.dec.Column()
	var name []byte
	if !c.dec.ExpectKeyword(&name, "a data item") {
		return nil
	}
	if names, ok := fetchMacros[string(name)]; ok && macros {
		for _, n := range names {
			if err := c.registry.fetchItems[n].parse(c, f); err != nil {
				return err
			}
		}
		return nil
	}
	item, ok := c.registry.fetchItems[string(name)]
	if !ok {
		return badAt("unknown data item", column)
	}
	return item.parse(c, f)
}

// seenBatch is how many messages a FETCH of texts marks \Seen in one step, before it sends them: few enough that a
// client that goes away in the middle finds little marked that it has not got.
const seenBatch = 32

// fetch runs a FETCH. Data of messages that others have removed come from the view; only where a text is wanted, the message
// is left out, and the answer is NO [EXPUNGEISSUED].
func (c *conn) fetch(ctx context.Context, f *fetch) error {
	if err := c.enable(ctx, f.enable); err != nil {
		return err
	}
	if f.vanished {
		if err := c.sync(ctx, true); err != nil {
			return err
		}
		c.writeVanished(f)
	}
	uids, err := c.selected.resolve(&f.set, f.byUID)
	if err != nil {
		return err
	}
	if f.partial != nil {
		uids = f.partial.uids(uids)
	}
	if f.changedSince > 0 {
		uids = c.selected.view.changed(uids, f.changedSince)
	}
	run := &fetching{fetch: f, reading: reading{conn: c, ctx: ctx, in: c.selected}}
	defer run.close()
	for len(uids) > 0 {
		batch := uids
		if uids = nil; f.setsSeen && !c.selected.readOnly {
			batch, uids = cut(batch, seenBatch)
			if err := run.markSeen(batch); err != nil {
				return err
			}
		}
		if err := run.messages(batch); err != nil {
			return err
		}
	}
	return run.failed
}

// writeVanished reports the messages of the set that were removed since a MODSEQ (RFC 7162, section 3.2.6).
func (c *conn) writeVanished(f *fetch) {
	s := c.selected
	asked := s.saved
	if !f.set.Saved() {
		asked = uidRanges(&f.set, s.view.highestUID())
	}
	c.writeVanishedEarlier(s.view.data.VanishedSince(f.changedSince).Intersect(asked))
}

// cut splits a set after n UIDs.
func cut(uids storage.UIDSet, n int) (head, rest storage.UIDSet) {
	for i, r := range uids {
		size := int(r.Last-r.First) + 1
		switch {
		case n <= 0:
			return uids[:i], uids[i:]
		case size > n:
			middle := r.First + storage.UID(n)
			head = append(head, uids[:i]...)
			head = append(head, storage.UIDRange{First: r.First, Last: middle - 1})
			rest = append(rest, storage.UIDRange{First: middle, Last: r.Last})
			return head, append(rest, uids[i+1:]...)
		}
		n -= size
	}
	return uids, nil
}

// messages answers for the messages of a set, which are in the view.
func (f *fetching) messages(uids storage.UIDSet) error {
	shown := f.conn.selected.view
	for seq, m := range shown.sel(uids) {
		f.next(m)
		err := f.prepare()
		switch {
		case errors.Is(err, storage.ErrExpunged):
			f.failed = errExpungeIssued
			continue
		case err != nil && f.ctx.Err() != nil:
			return err
		case err != nil:
			f.skip(err)
			continue
		}
		f.write(seq)
		if err := f.conn.enc.Err(); err != nil {
			return err
		}
	}
	return f.ctx.Err()
}

// prepare does what may fail for the present message.
func (f *fetching) prepare() error {
	for i := range f.items {
		if f.items[i].prepare != nil {
			if err := f.items[i].prepare(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// skip leaves a message out because of an error, which the answer will tell; the log has them all.
func (f *fetching) skip(err error) {
	if f.failed == nil {
		f.failed = err
		return
	}
	if _, hidden := wireError(err); hidden {
		f.conn.logger().Error("imap: cannot fetch a message", "uid", f.m.UID, "error", err)
	}
}

// write writes the FETCH response of the present message (RFC 9051, section 7.5.2).
func (f *fetching) write(seq int) {
	c := f.conn
	e := c.enc
	c.openFetch(seq, f.m)
	first := true
	space := func() {
		if !first {
			e.SP()
		}
		first = false
	}
	newlySeen := f.setsSeen && f.seen.Contains(f.m.UID)
	if f.uid || (f.byUID || newlySeen && c.condstore()) && !c.uidOnly() {
		space()
		e.Raw("UID ").Number(uint32(f.m.UID))
	}
	if f.flags || newlySeen {
		space()
		e.Raw("FLAGS ")
		c.writeFlags(f.m)
	}
	if f.modseq || newlySeen && c.condstore() {
		space()
		c.writeModSeq(f.m)
	}
	for i := range f.items {
		space()
		f.items[i].write(f)
	}
	e.Byte(')').CRLF()
}

// fetching is a FETCH while it runs.
type fetching struct {
	*fetch
	reading
	scratch []byte
	seen    storage.UIDSet // marked \Seen by this command
	failed  error          // why some messages were left out
}

// markSeen sets \Seen on messages whose text the client gets, as far as they have not got it (RFC 9051, section
// 6.4.5), and reports what else has changed.
func (f *fetching) markSeen(uids storage.UIDSet) error {
	c := f.conn
	s := c.selected
	var unseen storage.UIDSet
	for _, m := range s.view.sel(uids) {
		if m.Flags&storage.Seen == 0 {
			unseen = unseen.Append(m.UID)
		}
	}
	if len(unseen) == 0 {
		return nil
	}
	result, err := s.mbox.Store(f.ctx, unseen, storage.FlagChange{Op: storage.AddFlags, Flags: storage.Seen})
	if err != nil {
		return err
	}
	later, err := s.mbox.View(f.ctx)
	if err != nil {
		return err
	}
	f.seen = result.Changed
	c.show(later, false, func(m *storage.Message) bool { return f.seen.Contains(m.UID) })
	return nil
}
