package imapserver

// extESearch is SEARCH with result options (RFC 4731; RFC 9051, section 6.4.4).
func extESearch() extension {
	const rfc = "RFC 4731, section 3.1"
	option := func(name string, set func(*results)) searchReturn {
		return searchReturn{name, rfc, func(_ *conn, s *search) error {
			set(&s.result)
			return nil
		}}
	}
	return extension{
		file:         "esearch",
		capabilities: []capability{{name: "ESEARCH", rfc: rfc}},
		searchReturns: []searchReturn{
			option("MIN", func(r *results) { r.min = true }),
			option("MAX", func(r *results) { r.max = true }),
			option("ALL", func(r *results) { r.all = true }),
			option("COUNT", func(r *results) { r.count = true }),
		},
	}
}
