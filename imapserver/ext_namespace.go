package imapserver

import "context"

// extNamespace is the NAMESPACE command (RFC 2342; RFC 9051, section 6.3.10): all mailboxes are personal.
func extNamespace() extension {
	return extension{
		file:         "namespace",
		capabilities: []capability{{name: "NAMESPACE", rfc: "RFC 2342, section 5"}},
		commands:     []command{{"NAMESPACE", "RFC 2342, section 5", loggedIn, maySendExpunge, parseNamespace}},
	}
}

func parseNamespace(c *conn) (action, error) {
	return func(context.Context) (reply, error) {
		c.enc.Raw(`* NAMESPACE (("" "/")) NIL NIL`).CRLF()
		return reply{}, nil
	}, nil
}
