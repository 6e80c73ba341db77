package imapserver

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
	"github.com/mailhavn/mailhavn/storage"
)

// parseAppend is APPEND (RFC 9051, section 6.3.12). The message goes from the connection to the storage as it comes; whether it
// will be taken is found out before the client sends it.
func parseAppend(c *conn) (action, error) {
	var name string
	var flags []string
	var date time.Time
	d := c.dec
	if !d.ExpectSP() || !d.ExpectMailbox(&name) || !d.ExpectSP() {
		return nil, nil
	}
	if d.FlagList(&flags) && !d.ExpectSP() {
		return nil, nil
	}
	if d.DateTime(&date) && !d.ExpectSP() {
		return nil, nil
	}
	if d.Err() != nil {
		return nil, nil
	}
	msg := storage.NewMessage{InternalDate: date}
	var err error
	if msg.Flags, msg.Keywords, err = parseFlags(flags); err != nil {
		return nil, err
	}
	mbox, err := c.mailbox(name)
	if err != nil {
		return nil, tryCreate(err)
	}
	if msg.Body, err = c.readMessage(); err != nil || msg.Body == nil {
		return nil, err
	}
	return func(ctx context.Context) (reply, error) {
		uids, err := mbox.Append(ctx, msg)
		if err != nil {
			return reply{}, tryCreate(err)
		}
		info, _ := mbox.Info()
		return reply{code: "APPENDUID " + strconv.FormatUint(uint64(info.UIDValidity), 10) + " " +
			storage.NewUIDSet(uids...).String()}, nil
	}, nil
}

// readMessage reads a message that comes as a literal. What is not stored is discarded when the command ends. A nil Body
// without an error means that the decoder has one.
func (c *conn) readMessage() (*storage.Body, error) {
	d := c.dec
	limit := c.server.limits.MessageSize
	usual := d.OnLiteral
	d.OnLiteral = func(lit wire.Literal) error {
		switch {
		case lit.Size > limit:
			return no("TOOBIG", "Message is larger than "+strconv.FormatInt(limit, 10)+" octets")
		case lit.Size == 0:
			return no("", "An empty message cannot be stored")
		}
		return usual(lit)
	}
	defer func() { d.OnLiteral = usual }()
	var lit wire.Literal
	var octets io.Reader
	if !d.ExpectLiteral(&lit, &octets) {
		return nil, nil
	}
	body := c.identity.account.NewBody()
	c.bodies = append(c.bodies, body)
	if _, err := io.Copy(body, octets); err != nil && d.Err() == nil { // else the client is gone
		return nil, err
	}
	return body, nil
}
