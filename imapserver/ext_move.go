package imapserver

import (
	"context"

	"github.com/mailhavn/mailhavn/storage"
)

// extMove is MOVE and UID MOVE (RFC 6851; RFC 9051, section 6.4.8).
func extMove() extension {
	const flags = writes | maySendExpunge | changesMailbox
	return extension{
		file:         "move",
		capabilities: []capability{{name: "MOVE", rfc: "RFC 6851, section 1"}},
		commands: []command{
			{"MOVE", "RFC 6851, section 3.1", selectedState, flags | byNumber, parseMove},
			{"UID MOVE", "RFC 6851, section 3.2", selectedState, flags | byUID, parseMove},
		},
	}
}

// parseMove is MOVE: the storage copies and removes in one step. COPYUID comes before the removals, which the dispatcher
// reports (RFC 6851, section 4.3).
func parseMove(c *conn) (action, error) {
	run, err := c.parseTransfer((*storage.Mailbox).Move)
	if run == nil {
		return nil, err
	}
	return func(ctx context.Context) (reply, error) {
		r, err := run(ctx)
		if err != nil || len(r.From) == 0 {
			return reply{}, err
		}
		c.untaggedOK(copyUID(r), "Moved")
		return reply{}, nil
	}, nil
}
