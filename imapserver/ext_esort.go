package imapserver

// extESort is SORT with result options (RFC 5267, section 3), which are those of SEARCH. First and last are those of the order.
func extESort() extension {
	return extension{
		file:         "esort",
		needs:        "SORT",
		capabilities: []capability{{name: "ESORT", rfc: "RFC 5267, section 3"}},
	}
}
