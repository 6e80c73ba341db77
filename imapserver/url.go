package imapserver

import (
	"bufio"
	"net/url"
	"strconv"
	"strings"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
	"github.com/mailhavn/mailhavn/storage"
)

// messageURL is a relative IMAP URL of a message or of a part of one (RFC 5092, sections 6 and 7):
// /mailbox;UIDVALIDITY=1/;UID=2/;SECTION=1.2/;PARTIAL=0.100. Without the first slash, the mailbox is relative to the selected one; it
// may then be left out, with the slash behind it.
type messageURL struct {
	absolute bool
	mailbox  string
	validity uint32 // 0: any
	uid      storage.UID
	section  section
}

// parseMessageURL reads a URL. It is not ok if it is none of the kind.
func parseMessageURL(s string) (u messageURL, ok bool) {
	s, u.absolute = strings.CutPrefix(s, "/")
	place, message, found := cutFold(s, "/;UID=")
	if !found {
		place, message, found = cutFold(s, ";UID=")
		found = found && place == "" && !u.absolute
	} else {
		found = place != ""
	}
	if !found {
		return u, false
	}
	message, piece, partial := cutFold(message, "/;PARTIAL=")
	message, section, sectioned := cutFold(message, "/;SECTION=")
	place, validity, valid := cutFold(place, ";UIDVALIDITY=")
	var uid uint32
	var err error
	if u.mailbox, err = url.PathUnescape(place); err != nil || strings.ContainsRune(u.mailbox, 0) {
		return u, false
	}
	ok = urlNumber(message, &uid) && uid > 0 && (!valid || urlNumber(validity, &u.validity) && u.validity > 0) &&
		(!sectioned || u.section.parseURL(section)) && (!partial || u.section.partial.parseURL(piece))
	u.uid = storage.UID(uid)
	return u, ok
}

// cutFold is strings.Cut, in any case of letters.
func cutFold(s, sep string) (before, after string, found bool) {
	for i := 0; i+len(sep) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(sep)], sep) {
			return s[:i], s[i+len(sep):], true
		}
	}
	return s, "", false
}

func urlNumber(s string, n *uint32) bool {
	v, err := strconv.ParseUint(s, 10, 32)
	*n = uint32(v)
	return err == nil && s[0] != '+'
}

// parseURL reads a section as FETCH has it, but escaped.
func (s *section) parseURL(text string) bool {
	text, err := url.PathUnescape(text)
	if err != nil {
		return false
	}
	d := wire.NewDecoder(bufio.NewReader(strings.NewReader(text + "]\r\n")))
	if err := d.Next(); err != nil {
		return false
	}
	err = s.parse(d, new(strings.Builder))
	return err == nil && d.ExpectCRLF()
}

// parseURL reads an offset, and the number of octets if it is not all the rest.
func (p *partial) parseURL(text string) bool {
	first, count, counted := strings.Cut(text, ".")
	var offset, n uint32
	if !urlNumber(first, &offset) || counted && (!urlNumber(count, &n) || n == 0) {
		return false
	}
	p.offset, p.count = int64(offset), int64(n)
	if !counted {
		p.count = noSize
	}
	return true
}
