package imapserver

import (
	"context"

	"github.com/mailhavn/mailhavn/storage"
)

const enableCondstore = "CONDSTORE"

// extCondstore is conditional STORE and FETCH by MODSEQ (RFC 7162, section 3.1).
func extCondstore() extension {
	return extension{
		file:         "condstore",
		capabilities: []capability{{name: "CONDSTORE", rfc: "RFC 7162, section 3.1.1"}},
		enables:      []enableFeature{{name: enableCondstore, announced: "CONDSTORE", on: tellHighestModSeq}},
		fetchItems:   []fetchItem{{"MODSEQ", "RFC 7162, section 3.1.4.2", parseFetchModSeq}},
		fetchMods:    []modifier[fetch]{{"CHANGEDSINCE", parseChangedSince}},
		storeMods:    []modifier[store]{{"UNCHANGEDSINCE", parseUnchangedSince}},
		searchKeys:   []searchKey{{"MODSEQ", "RFC 7162, section 3.1.5", parseSearchModSeq}},
		statusItems: []statusItem{{
			name: "HIGHESTMODSEQ", rfc: "RFC 7162, section 3.1.7",
			value: func(_ *conn, info *storage.MailboxInfo, _ *storage.Mailbox) uint64 { return uint64(info.HighestModSeq) },
			asked: func(ctx context.Context, c *conn) error { return c.enable(ctx, enableCondstore) },
		}},
		selectParams: []modifier[selection]{{"CONDSTORE", func(_ *conn, s *selection) error {
			s.enable = enableCondstore
			return nil
		}}},
	}
}

// condstore tells whether the client has shown that it understands MODSEQ.
func (c *conn) condstore() bool { return c.enabled[enableCondstore] }

// tellHighestModSeq is what the first command that shows it is answered with, where a mailbox is selected
// (RFC 7162, section 3.1).
func tellHighestModSeq(_ context.Context, c *conn) error {
	if c.selected != nil {
		c.untaggedOK(codeNumber("HIGHESTMODSEQ", c.selected.view.highestModSeq()), "CONDSTORE is enabled")
	}
	return nil
}

// modSeqCode returns the response code that a command has to be answered with where removals were reported (RFC 7162,
// section 3.2.7), or have not been reported yet: if the connection breaks then, the client must not take higher MODSEQs
// that it has seen for the state that it knows (RFC 7162, sections 3.2 and 6).
func (c *conn) modSeqCode() string {
	s := c.selected
	if s == nil || !c.condstore() || !s.view.withholds() && !s.removed {
		return ""
	}
	s.removed = false
	return codeNumber("HIGHESTMODSEQ", s.view.highestModSeq())
}

func (c *conn) writeModSeq(m *storage.Message) {
	c.enc.Raw("MODSEQ (").Uint64(uint64(m.ModSeq)).Byte(')')
}

func parseFetchModSeq(c *conn, f *fetch) error {
	f.enable = enableCondstore
	f.modseq = true
	return nil
}

// parseChangedSince reads a MODSEQ above which messages are fetched (RFC 7162, section 3.1.4.1).
func parseChangedSince(c *conn, f *fetch) error {
	var modseq uint64
	column := c.dec.Column()
	if c.dec.ExpectSP() && c.dec.ExpectModSeq(&modseq) && modseq == 0 {
		return badAt("expected a mod-sequence above 0", column)
	}
	f.enable = enableCondstore
	f.modseq = true
	f.changedSince = storage.ModSeq(modseq)
	return nil
}

func parseUnchangedSince(c *conn, s *store) error {
	var modseq uint64
	if c.dec.ExpectSP() && c.dec.ExpectModSeq(&modseq) {
		since := storage.ModSeq(modseq)
		s.change.UnchangedSince = &since
		s.enable = enableCondstore
	}
	return nil
}

// parseSearchModSeq reads MODSEQ, with the name and type of a metadata item, which do not matter since messages have one MODSEQ
// for all of them (RFC 7162, section 3.1.5).
func parseSearchModSeq(c *conn, p *program) (key predicate, err error) {
	var entry, kind string
	var modseq uint64
	d := c.dec
	if !d.ExpectSP() {
		return key, nil
	}
	if d.String(&entry) && (!d.ExpectSP() || !d.ExpectAtom(&kind) || !d.ExpectSP()) {
		return key, nil
	}
	d.ExpectModSeq(&modseq)
	p.enable = enableCondstore
	p.modseq = true
	key.test = func(m *candidate) (bool, error) { return uint64(m.m.ModSeq) >= modseq, nil }
	return key, nil
}
