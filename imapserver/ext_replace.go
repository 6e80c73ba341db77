package imapserver

import (
	"context"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
	"github.com/mailhavn/mailhavn/storage"
)

// extReplace is APPEND and removal of another message in one step (RFC 8508).
func extReplace() extension {
	const flags = writes | maySendExpunge | changesMailbox
	return extension{
		file:         "replace",
		capabilities: []capability{{name: "REPLACE", rfc: "RFC 8508, section 3.1"}},
		commands: []command{
			{"REPLACE", "RFC 8508, section 3.2", selectedState, flags | byNumber, parseReplace},
			{"UID REPLACE", "RFC 8508, section 3.3", selectedState, flags | byUID, parseReplace},
		},
	}
}

// parseReplace reads which message is to be replaced, and the new one. Whether it can be done is found out before the client sends
// it. APPENDUID comes before the removal, which the dispatcher reports (RFC 8508, section 4.3).
func parseReplace(c *conn) (action, error) {
	var set wire.NumSet
	var name string
	column := c.dec.Column() + 1
	if !c.parseSet(&set) || !c.dec.ExpectSP() || !c.dec.ExpectMailbox(&name) || !c.dec.ExpectSP() {
		return nil, nil
	}
	if !set.Single() {
		return nil, badAt("expected the number of one message", column)
	}
	var old storage.UID
	var to *storage.Mailbox
	msg, err := c.parseMessage(func() error {
		uids, err := c.selected.resolve(&set, c.byUID())
		switch {
		case err != nil:
			return err
		case len(uids) == 0:
			return no("NONEXISTENT", "No such message")
		}
		old = uids[0].First
		to, err = c.mailbox(name)
		return tryCreate(err)
	})
	if err != nil || msg.Body == nil {
		return nil, err
	}
	return func(ctx context.Context) (reply, error) {
		uid, err := c.selected.mbox.Replace(ctx, old, to, msg)
		if err != nil {
			return reply{}, tryCreate(err)
		}
		c.untaggedOK(c.appendUID(to, uid), "Replaced")
		return reply{}, nil
	}, nil
}
