package imapserver

// extSpecialUse is LIST of mailboxes by their use (RFC 6154). The attributes themselves are in every LIST response.
func extSpecialUse() extension {
	return extension{
		file:         "specialuse",
		capabilities: []capability{{name: "SPECIAL-USE", rfc: "RFC 6154, section 2"}},
		listSelects: []listOption{{"SPECIAL-USE", "RFC 6154, section 2", func(_ *conn, l *listing) error {
			l.criteria = append(l.criteria, criterion{"SPECIAL-USE", func(e *listEntry) bool { return e.info.SpecialUse != 0 }})
			return nil
		}}},
		listReturns: []listOption{{"SPECIAL-USE", "RFC 6154, section 2", func(*conn, *listing) error { return nil }}},
	}
}
