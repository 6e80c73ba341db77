package imapserver

import "github.com/mailhavn/mailhavn/imapserver/internal/names"

// extSpecialUse is LIST of mailboxes by their use (RFC 6154). The attributes themselves are in every LIST response.
func extSpecialUse() extension {
	return extension{
		file:         "specialuse",
		capabilities: []capability{{name: "SPECIAL-USE", rfc: "RFC 6154, section 2"}},
		listSelects: []listOption{{"SPECIAL-USE", "RFC 6154, section 2", func(_ *conn, l *listing) error {
			l.Criteria = append(l.Criteria, names.HasSpecialUse)
			return nil
		}}},
		listReturns: []listOption{{"SPECIAL-USE", "RFC 6154, section 2", func(*conn, *listing) error { return nil }}},
	}
}
