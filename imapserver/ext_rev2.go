package imapserver

const enableRev2 = "IMAP4REV2"

// extRev2 is IMAP4rev2. Most of it holds for every client; what differs from IMAP4rev1 holds for those that enable
// it: no \Recent, names in UTF-8, ESEARCH instead of SEARCH, a LIST response to SELECT (RFC 9051, appendix E).
func extRev2() extension {
	return extension{
		file:         "rev2",
		capabilities: []capability{{name: "IMAP4rev2", rfc: "RFC 9051, section 6.1.1"}},
		enables:      []enableFeature{{name: enableRev2, announced: "IMAP4rev2"}},
	}
}

func (c *conn) rev2() bool { return c.enabled[enableRev2] }
