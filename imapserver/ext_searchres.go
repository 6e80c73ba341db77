package imapserver

// extSearchRes keeps the result of a SEARCH for use as "$" (RFC 5182; RFC 9051, section 6.4.4.1). Wherever a set is
// allowed, the base commands take "$".
func extSearchRes() extension {
	return extension{
		file:         "searchres",
		needs:        "ESEARCH",
		capabilities: []capability{{name: "SEARCHRES", rfc: "RFC 5182, section 2"}},
		searchReturns: []searchReturn{{"SAVE", "RFC 5182, section 2.1", func(_ *conn, s *search) error {
			s.save = true
			return nil
		}}},
	}
}
