package imapserver

import (
	"maps"
	"slices"

	"github.com/mailhavn/mailhavn/storage"
)

// news is what a client wants to be told of new messages without asking for it.
type news struct {
	uids storage.UIDSet
	what *fetch
}

// wantNews notes what is to be told when all changes are.
func (s *selected) wantNews(uids storage.UIDSet, what *fetch) {
	if len(uids) > 0 {
		s.news = append(s.news, news{uids, what})
	}
}

// tellNews sends one FETCH response for each new message with what is wanted of it (RFC 5465, section 5.2), and with UID and MODSEQ
// where the client understands that, since it did not send FETCH (RFC 7162, sections 3.1 and 3.2.4).
func (c *conn) tellNews() {
	if len(c.selected.news) == 0 {
		return
	}
	wanted := map[storage.UID]*fetch{}
	for _, n := range c.selected.news {
		for _, m := range c.selected.view.sel(n.uids) {
			if f := wanted[m.UID]; f != nil {
				wanted[m.UID] = f.and(n.what)
			} else {
				wanted[m.UID] = n.what
			}
		}
	}
	c.selected.news = nil
	always := &fetch{uid: c.condstore(), modseq: c.condstore()}
	for _, uid := range slices.Sorted(maps.Keys(wanted)) {
		f := &fetching{fetch: wanted[uid].and(always), reading: reading{conn: c, ctx: c.ctx, in: c.selected}}
		if err := f.messages(storage.NewUIDSet(uid)); err != nil || f.failed != nil {
			c.logger().Debug("imap: cannot tell of a new message", "uid", uid, "error", err, "failed", f.failed)
		}
		f.close()
	}
}

// and returns what f or g asks for.
func (f *fetch) and(g *fetch) *fetch {
	return &fetch{uid: f.uid || g.uid, flags: f.flags || g.flags, modseq: f.modseq || g.modseq, items: slices.Concat(f.items, g.items)}
}
