package imapserver

import (
	"strings"

	"github.com/mailhavn/mailhavn/storage"
)

// extObjectID is identifiers of mailboxes and of messages that last (RFC 8474). A letter before the identifier of the storage says
// what it is of (RFC 8474, section 8.1). There are no THREADIDs, which is allowed: RFC 8474, section 5.2.
func extObjectID() extension {
	const items, keys = "RFC 8474, section 5.3", "RFC 8474, section 6"
	return extension{
		file:         "objectid",
		capabilities: []capability{{name: "OBJECTID", rfc: "RFC 8474, section 4"}},
		created:      func(m *storage.Mailbox) string { return mailboxID(m.ID()) },
		selected:     func(c *conn) { c.untaggedOK(mailboxID(c.selected.mbox.ID()), "Mailbox is always this") },
		statusItems: []statusItem{{
			name: "MAILBOXID", rfc: "RFC 8474, section 4.3",
			text: func(_ *conn, info *storage.MailboxInfo) string { return "(F" + info.ID.String() + ")" },
		}},
		fetchItems: []fetchItem{
			{"EMAILID", items, column(func(f *fetching) { f.conn.enc.Raw("EMAILID (M").Raw(f.m.EmailID.String()).Byte(')') })},
			{"THREADID", items, column(func(f *fetching) { f.conn.enc.Raw("THREADID NIL") })},
		},
		searchKeys: []searchKey{
			{"EMAILID", keys, func(c *conn, p *program) (predicate, error) {
				text, err := parseObjectID(c)
				id, wrong := storage.ParseID(strings.TrimPrefix(text, "M"))
				known := wrong == nil && strings.HasPrefix(text, "M")
				return predicate{test: func(m *candidate) (bool, error) { return known && m.m.EmailID == id, nil }}, err
			}},
			{"THREADID", keys, func(c *conn, _ *program) (predicate, error) {
				_, err := parseObjectID(c)
				return predicate{test: func(*candidate) (bool, error) { return false, nil }}, err
			}},
		},
	}
}

func mailboxID(id storage.ID) string { return "MAILBOXID (F" + id.String() + ")" }

// parseObjectID reads an identifier, after a space (RFC 8474, section 7).
func parseObjectID(c *conn) (id string, err error) {
	if !c.dec.ExpectSP() {
		return "", nil
	}
	column := c.dec.Column()
	if !c.dec.ExpectAtom(&id) {
		return "", nil
	}
	for _, b := range []byte(id) {
		letter := b|0x20 >= 'a' && b|0x20 <= 'z'
		if !letter && (b < '0' || b > '9') && b != '_' && b != '-' || len(id) > 255 {
			return "", badAt("expected an object identifier", column)
		}
	}
	return id, nil
}
