package imapserver

import (
	"context"

	"github.com/mailhavn/mailhavn/imapserver/internal/names"
)

// extListStatus is LIST that answers with STATUS responses, too (RFC 5819).
func extListStatus() extension {
	return extension{
		file:         "liststatus",
		needs:        "LIST-EXTENDED",
		capabilities: []capability{{name: "LIST-STATUS", rfc: "RFC 5819, section 2"}},
		listReturns:  []listOption{{"STATUS", "RFC 5819, section 2", parseListStatus}},
	}
}

func parseListStatus(c *conn, l *listing) error {
	if !c.dec.ExpectSP() {
		return nil
	}
	items, err := c.parseStatusItems()
	if err != nil {
		return err
	}
	l.prepare = append(l.prepare, func(ctx context.Context, c *conn) error { return c.askStatus(ctx, items) })
	l.details = append(l.details, func(c *conn, e *names.Entry) {
		if !e.Exists || !e.Meets {
			return
		}
		if mbox, err := c.mailbox(e.Info.Name); err == nil { // else it has just been removed
			c.writeStatus(items, &e.Info, mbox)
		}
	})
	return nil
}
