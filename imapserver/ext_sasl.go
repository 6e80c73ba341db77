package imapserver

// extSASL is what is said about logging in: initial responses of AUTHENTICATE (RFC 4959), and that LOGIN is of no use.
func extSASL() extension {
	return extension{
		file: "sasl",
		capabilities: []capability{
			{name: "SASL-IR", rfc: "RFC 4959, section 3"},
			{name: "LOGINDISABLED", rfc: "RFC 9051, section 6.2.3", when: func(c *conn) bool {
				return c.state == notAuthenticated && !c.offers("PLAIN")
			}},
		},
	}
}
