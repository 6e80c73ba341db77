package imapserver

import (
	"context"
	"strings"
)

// extID is the ID command, by which both sides say what program they are (RFC 2971).
func extID() extension {
	return extension{
		file:         "id",
		capabilities: []capability{{name: "ID", rfc: "RFC 2971, section 3.1"}},
		commands:     []command{{"ID", "RFC 2971, section 3.1", anyState, preTLS | maySendExpunge, parseID}},
	}
}

// maxIDFields bounds what a client may say (RFC 2971, section 3.3).
const maxIDFields = 30

func parseID(c *conn) (action, error) {
	d := c.dec
	if !d.ExpectSP() {
		return nil, nil
	}
	var fields []any // names and values in turn
	client := map[string]string{}
	if !d.Word("NIL") {
		d.ExpectList(func() bool {
			var name, value string
			var null bool
			if len(fields) == 2*maxIDFields {
				return d.Expected("fewer fields")
			}
			ok := d.ExpectString(&name) && d.ExpectSP() && d.ExpectNString(&value, &null)
			fields = append(fields, name, value)
			client[strings.ToLower(name)] = value
			return ok
		})
	}
	return func(context.Context) (reply, error) {
		c.logger().Debug("imap: client identifies itself", "id", fields)
		c.client = client
		c.hide()
		own := c.server.ServerID
		if own == nil {
			own = []string{"name", "mailhavn"}
		}
		c.enc.Raw("* ID ")
		if n := len(own) / 2 * 2; n == 0 {
			c.enc.Nil()
		} else {
			c.enc.List(n, func(i int) { c.enc.String(own[i]) })
		}
		c.enc.CRLF()
		return reply{}, nil
	}, nil
}
