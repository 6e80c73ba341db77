package imapserver

import (
	"context"
	"iter"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
	"github.com/mailhavn/mailhavn/storage"
)

const enableQresync = "QRESYNC"

// extQresync is quick resynchronisation: SELECT and UID FETCH tell what changed and what vanished since a MODSEQ, and removals
// are reported by UID (RFC 7162, section 3.2).
func extQresync() extension {
	return extension{
		file:         "qresync",
		needs:        "CONDSTORE",
		capabilities: []capability{{name: "QRESYNC", rfc: "RFC 7162, section 3.2.2"}},
		enables: []enableFeature{{
			name: enableQresync, announced: "QRESYNC", implies: []string{enableCondstore},
		}},
		fetchMods:    []modifier[fetch]{{"VANISHED", parseVanished}},
		selectParams: []modifier[selection]{{"QRESYNC", parseQresync}},
	}
}

func (c *conn) qresync() bool { return c.enabled[enableQresync] }

var errNotEnabled = bad("QRESYNC has not been enabled")

// parseVanished reads the modifier of UID FETCH (RFC 7162, section 3.2.6). That CHANGEDSINCE comes with it, in whatever order, is
// checked when all modifiers are known.
func parseVanished(c *conn, f *fetch) error {
	switch {
	case !c.qresync():
		return errNotEnabled
	case !f.byUID:
		return badAt("expected no VANISHED: it is for UID FETCH only", c.dec.Column())
	}
	f.vanished = true
	return nil
}

// resync is the QRESYNC parameter of SELECT.
type resync struct {
	validity uint32
	since    storage.ModSeq
	known    wire.NumSet // UIDs that the client has; empty: all
	seqs     wire.NumSet // of some messages the client knows the sequence numbers
	uids     wire.NumSet // and UIDs
}

// parseQresync reads (uidvalidity modseq [known-uids] [(seqs uids)]) (RFC 7162, section 3.2.5).
func parseQresync(c *conn, s *selection) error {
	if !c.qresync() {
		return errNotEnabled
	}
	r, d := &resync{}, c.dec
	var modseq uint64
	if !d.ExpectSP() || !d.ExpectOpenList() || !d.ExpectNZNumber(&r.validity) || !d.ExpectSP() || !d.ExpectModSeq(&modseq) {
		return nil
	}
	more := d.SP()
	column := d.Column()
	if more && d.UIDSet(&r.known) {
		more = d.SP()
	}
	if more && (!d.ExpectOpenList() || !d.ExpectUIDSet(&r.seqs) || !d.ExpectSP() || !d.ExpectUIDSet(&r.uids) || !d.ExpectCloseList()) {
		return nil
	}
	d.ExpectCloseList()
	if !r.seqs.Empty() && c.uidOnly() {
		return errUIDRequired // RFC 9586, section 3
	}
	if r.seqs.Len() != r.uids.Len() {
		return badAt("expected as many sequence numbers as UIDs", column)
	}
	r.since = storage.ModSeq(modseq)
	s.after = func(context.Context) error {
		c.resynchronise(r)
		return nil
	}
	return nil
}

// resynchronise tells what has vanished and changed since the client saw the mailbox last. Nothing is told where
// UIDVALIDITY is another: the client has to begin anew.
func (c *conn) resynchronise(r *resync) {
	s := c.selected
	st := s.view.data.Status()
	if r.validity != st.UIDValidity {
		return
	}
	known := everyUID
	if !r.known.Empty() {
		known = uidRanges(&r.known, 0)
	}
	vanished := s.view.data.VanishedSince(r.since).Intersect(known)
	if matched := r.matched(s.view.data); matched > 0 {
		vanished = vanished.Intersect(storage.UIDSet{{First: matched + 1, Last: everyUID[0].Last}})
	}
	c.writeVanishedEarlier(vanished)
	for seq, m := range s.view.sel(known) {
		if m.ModSeq > r.since {
			c.writeChange(seq, m)
		}
	}
}

// matched returns the highest UID up to which the client has the same messages: a pair of sequence number and UID that is right says
// so for all below (RFC 7162, section 3.2.5.2). 0 if there is none.
func (r *resync) matched(v *storage.View) (uid storage.UID) {
	next, stop := iter.Pull(r.uids.All())
	defer stop()
	for seq := range r.seqs.All() {
		u, ok := next()
		if !ok || int(seq) > v.Len() || v.At(int(seq)).UID != storage.UID(u) {
			break
		}
		uid = storage.UID(u)
	}
	return uid
}

// writeVanishedEarlier writes VANISHED (EARLIER): these messages were removed before the client was told of them in this
// session (RFC 7162, section 3.2.10.1).
func (c *conn) writeVanishedEarlier(uids storage.UIDSet) {
	if len(uids) > 0 {
		c.enc.Raw("* VANISHED (EARLIER) ").Raw(uids.String()).CRLF()
	}
}
