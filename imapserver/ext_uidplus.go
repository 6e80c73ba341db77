package imapserver

import (
	"context"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
)

// extUIDPlus is UID EXPUNGE (RFC 4315; RFC 9051, section 6.4.9). The response codes APPENDUID and COPYUID are in
// the answers of APPEND, COPY and MOVE.
func extUIDPlus() extension {
	return extension{
		file:         "uidplus",
		capabilities: []capability{{name: "UIDPLUS", rfc: "RFC 4315, section 1"}},
		commands: []command{{
			"UID EXPUNGE", "RFC 4315, section 2.1", selectedState, byUID | writes | maySendExpunge | changesMailbox, parseUIDExpunge,
		}},
	}
}

func parseUIDExpunge(c *conn) (action, error) {
	var set wire.NumSet
	if !c.parseSet(&set) {
		return nil, nil
	}
	return func(ctx context.Context) (reply, error) {
		uids, err := c.selected.resolve(&set, true)
		if err != nil {
			return reply{}, err
		}
		return c.expunge(ctx, uids)
	}, nil
}
