package imapserver

// extLiteral is the non-synchronising literal: up to 4096 octets before login, of any size after (RFC 7888).
func extLiteral() extension {
	return extension{
		file: "literal",
		capabilities: []capability{
			{name: "LITERAL-", rfc: "RFC 7888, section 5", when: func(c *conn) bool { return c.state == notAuthenticated }},
			{name: "LITERAL+", rfc: "RFC 7888, section 4", when: func(c *conn) bool { return c.state != notAuthenticated }},
		},
	}
}
