package names

import (
	"strings"

	"github.com/mailhavn/mailhavn/storage"
)

// SystemFlags are the names of the system flags, in the order in which they are written (RFC 9051, section 2.3.2).
var SystemFlags = [...]struct {
	Flag storage.Flags
	Name string
}{
	{storage.Answered, `\Answered`},
	{storage.Flagged, `\Flagged`},
	{storage.Deleted, `\Deleted`},
	{storage.Seen, `\Seen`},
	{storage.Draft, `\Draft`},
}

// specialUses are the names of the special uses (RFC 6154, section 2).
var specialUses = [...]struct {
	use  storage.SpecialUse
	name string
}{
	{storage.UseAll, `\All`},
	{storage.UseArchive, `\Archive`},
	{storage.UseDrafts, `\Drafts`},
	{storage.UseFlagged, `\Flagged`},
	{storage.UseJunk, `\Junk`},
	{storage.UseSent, `\Sent`},
	{storage.UseTrash, `\Trash`},
}

// virtualUses are the uses of mailboxes that show messages of others, which there are none of.
const virtualUses = storage.UseAll | storage.UseFlagged

// SpecialUses returns the names of uses.
func SpecialUses(use storage.SpecialUse) []string {
	var names []string
	for _, s := range specialUses {
		if use&s.use != 0 {
			names = append(names, s.name)
		}
	}
	return names
}

// PossibleUse returns the use with the name, in whatever case; 0 if there is none that a mailbox can be given.
func PossibleUse(name string) storage.SpecialUse {
	for _, s := range specialUses {
		if strings.EqualFold(s.name, name) {
			return s.use &^ virtualUses
		}
	}
	return 0
}
