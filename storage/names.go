package storage

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	inbox = "INBOX"

	maxNameBytes = 1024
	maxLevels    = 32
	maxMailboxes = 10000
)

// standardMailboxes are made with every account, with their special uses (RFC 6154).
var standardMailboxes = []struct {
	name string
	use  SpecialUse
}{
	{inbox, 0},
	{"Drafts", UseDrafts},
	{"Sent", UseSent},
	{"Junk", UseJunk},
	{"Trash", UseTrash},
	{"Archive", UseArchive},
}

// CanonicalName returns the form of a mailbox name in which it is stored: INBOX in any case, alone or as the first
// level, is "INBOX" (RFC 9051, section 5.1). It refuses with ErrInvalidName what cannot be a mailbox: empty names or
// levels, control characters, bytes that are not UTF-8, more than 1024 bytes or 32 levels.
func CanonicalName(name string) (string, error) {
	bad := func(why string) (string, error) {
		return "", fmt.Errorf("mailbox name %q %s: %w", name, why, ErrInvalidName)
	}
	levels := strings.Split(name, "/")
	switch {
	case name == "":
		return bad("is empty")
	case len(name) > maxNameBytes:
		return bad(fmt.Sprintf("is longer than %d bytes", maxNameBytes))
	case !utf8.ValidString(name):
		return bad("is not UTF-8")
	case len(levels) > maxLevels:
		return bad(fmt.Sprintf("has more than %d levels", maxLevels))
	}
	for _, level := range levels {
		if level == "" {
			return bad("has an empty level")
		}
	}
	for _, r := range name {
		// RFC 9051, section 5.1, item 3, and RFC 5198, section 2: no control characters, no line separators.
		if r < 0x20 || 0x7f <= r && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return bad(fmt.Sprintf("contains the character U+%04X", r))
		}
	}
	if strings.EqualFold(levels[0], inbox) {
		levels[0] = inbox
	}
	return strings.Join(levels, "/"), nil
}

// superiors returns the names above a mailbox, the highest first.
func superiors(name string) []string {
	var out []string
	for i := range name {
		if name[i] == '/' {
			out = append(out, name[:i])
		}
	}
	return out
}

// isBelow tells whether name is an inferior of top.
func isBelow(name, top string) bool {
	return len(name) > len(top) && name[len(top)] == '/' && name[:len(top)] == top
}
