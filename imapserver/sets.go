package imapserver

import (
	"math"

	"github.com/mailhavn/mailhavn/imapserver/internal/names"
	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
	"github.com/mailhavn/mailhavn/storage"
)

// everyUID is the set of all UIDs.
var everyUID = storage.UIDSet{{First: 1, Last: math.MaxUint32}}

// resolve returns the messages of the view that a set names: a set of UIDs if byUID, else of message sequence numbers; "$" is the
// result of the last SEARCH (RFC 5182). A sequence number without a message is an error (RFC 9051, section
// 6.4: BAD); a UID without one is passed over (RFC 9051, section 6.4.9).
func (s *selected) resolve(set *wire.NumSet, byUID bool) (storage.UIDSet, error) {
	if n := s.view.len(); !byUID && !set.Saved() && (set.Largest() > uint32(n) || set.HasStar() && n == 0) {
		return nil, bad("No message with such a number")
	}
	return s.existing(set, byUID), nil
}

// existing is resolve where numbers without a message are passed over, as in SEARCH (RFC 7377, section 2).
func (s *selected) existing(set *wire.NumSet, byUID bool) storage.UIDSet {
	switch {
	case set.Saved():
		return s.view.existing(s.saved)
	case byUID:
		return s.view.existing(uidRanges(set, s.view.highestUID()))
	}
	n := s.view.len()
	var uids storage.UIDSet
	resolved := set.Resolve(uint32(n))
	for _, r := range resolved.Ranges() {
		if last := min(int(r.Last), n); int(r.First) <= last {
			uids = append(uids, s.view.uids(int(r.First), last)...)
		}
	}
	return storage.NormaliseUIDs(uids)
}

// uidRanges returns a set of UIDs as it is, also those that no message has; "*" is highest.
func uidRanges(set *wire.NumSet, highest storage.UID) storage.UIDSet {
	resolved := set.Resolve(uint32(highest))
	var uids storage.UIDSet
	for _, r := range resolved.Ranges() {
		uids = append(uids, storage.UIDRange{First: storage.UID(r.First), Last: storage.UID(r.Last)})
	}
	return uids
}

// numbers returns UIDs as a set for the client: of UIDs, or of sequence numbers.
func (s *selected) numbers(uids storage.UIDSet, byUID bool) *wire.NumSet {
	set := &wire.NumSet{}
	if byUID {
		for _, r := range uids {
			set.AddRange(uint32(r.First), uint32(r.Last))
		}
		return set
	}
	for seq := range s.view.sel(uids) {
		set.Add(uint32(seq))
	}
	return set
}

// parseSet reads the set that a command begins its arguments with, after a space.
func (c *conn) parseSet(set *wire.NumSet) bool { return c.dec.ExpectSP() && c.dec.ExpectSeqSet(set) }

// parseFlags turns the names of flags into system flags and keywords. \Recent cannot be set, and other names with a
// backslash are reserved (RFC 9051, section 2.3.2). The list begins at column.
func parseFlags(given []string, column int) (flags storage.Flags, keywords []string, err error) {
given:
	for _, name := range given {
		for _, f := range names.SystemFlags {
			if f.Name == name {
				flags |= f.Flag
				continue given
			}
		}
		switch {
		case name == `\Recent`:
			return 0, nil, badAt(`expected no \Recent: it cannot be changed`, column)
		case name[0] == '\\':
			return 0, nil, badAt("expected system flags that are known", column)
		case len(name) > maxKeyword:
			return 0, nil, no("LIMIT", "Keyword is too long")
		}
		keywords = append(keywords, name)
	}
	return flags, keywords, nil
}
