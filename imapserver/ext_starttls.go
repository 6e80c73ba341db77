package imapserver

// extStartTLS announces STARTTLS where it is possible. The command is part of the base.
func extStartTLS() extension {
	return extension{
		file: "starttls",
		capabilities: []capability{{name: "STARTTLS", rfc: "RFC 9051, section 6.2.1", when: func(c *conn) bool {
			return c.state == notAuthenticated && c.tls == nil && c.server.TLS != nil
		}}},
	}
}
