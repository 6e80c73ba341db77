package imapserver

import "context"

// extUnselect is UNSELECT: CLOSE that removes nothing (RFC 3691; RFC 9051, section 6.4.2).
func extUnselect() extension {
	return extension{
		file:         "unselect",
		capabilities: []capability{{name: "UNSELECT", rfc: "RFC 3691, section 2"}},
		commands: []command{{"UNSELECT", "RFC 3691, section 2", selectedState, 0, func(c *conn) (action, error) {
			return func(context.Context) (reply, error) {
				c.change(didUnselect)
				return reply{}, nil
			}, nil
		}}},
	}
}
