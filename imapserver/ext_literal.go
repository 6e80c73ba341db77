package imapserver

// extLiteral is the non-synchronising literal: up to 4096 octets before login, of any size after (RFC 7888).
func extLiteral() extension {
	return extension{
		file: "literal",
		capabilities: []capability{
			{"LITERAL-", "RFC 7888, section 5", func(c *conn) bool { return c.state == notAuthenticated }},
			{"LITERAL+", "RFC 7888, section 4", func(c *conn) bool { return c.state != notAuthenticated }},
		},
	}
}
