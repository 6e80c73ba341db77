package imapserver

// extI18NLevel says that SEARCH, SORT and THREAD compare texts by i;unicode-casemap (RFC 5255, section 4.2), which package message does:
// there is nothing else to it.
func extI18NLevel() extension {
	return extension{
		file:         "i18nlevel",
		capabilities: []capability{{name: "I18NLEVEL=1", rfc: "RFC 5255, section 4.2"}},
	}
}
