package imapserver

// extChildren announces that LIST tells which mailboxes have inferiors, in every response (RFC 3348), as one can also ask
// for it to do (RFC 5258, section 4).
func extChildren() extension {
	return extension{
		file:         "children",
		capabilities: []capability{{name: "CHILDREN", rfc: "RFC 3348, section 3"}},
		listReturns: []listOption{{"CHILDREN", "RFC 5258, section 4", func(*conn, *listing) error {
			return nil
		}}},
	}
}
