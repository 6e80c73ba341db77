package imapserver

import (
	"context"
	"io"
	"strconv"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
	"github.com/mailhavn/mailhavn/storage"
)

// parseAppend is APPEND (RFC 9051, section 6.3.12), of several messages: RFC 3502, section 3. Each message goes from the connection to the storage as
// it comes; whether it will be taken is found out before the client sends it.
func parseAppend(c *conn) (action, error) {
	var name string
	d := c.dec
	if !d.ExpectSP() || !d.ExpectMailbox(&name) || !d.ExpectSP() {
		return nil, nil
	}
	var mbox *storage.Mailbox
	var msgs []storage.NewMessage
	for {
		msg, err := c.parseMessage(func() (err error) {
			if mbox == nil {
				mbox, err = c.mailbox(name)
			}
			return tryCreate(err)
		})
		if err != nil || msg.Body == nil {
			return nil, err
		}
		if msgs = append(msgs, msg); !c.anotherMessage(msgs) {
			break
		}
	}
	return func(ctx context.Context) (reply, error) {
		uids, err := mbox.Append(ctx, msgs...)
		if err != nil {
			return reply{}, tryCreate(err)
		}
		return reply{code: c.appendUID(mbox, uids...)}, nil
	}, nil
}

// appendUID is the response code that tells the UIDs of new messages (RFC 4315, section 3).
func (c *conn) appendUID(mbox *storage.Mailbox, uids ...storage.UID) string {
	info, _ := mbox.Info()
	set := storage.NewUIDSet(uids...)
	c.made(mbox, set)
	return "APPENDUID " + strconv.FormatUint(uint64(info.UIDValidity), 10) + " " + set.String()
}

// parseMessage reads flags, date and octets of a message. permit is asked before the client sends the octets. A nil Body
// without an error means that the decoder has one.
func (c *conn) parseMessage(permit func() error) (msg storage.NewMessage, err error) {
	var flags []string
	d := c.dec
	column := d.Column()
	if d.FlagList(&flags) && !d.ExpectSP() || d.DateTime(&msg.InternalDate) && !d.ExpectSP() || d.Err() != nil {
		return msg, nil
	}
	if msg.Flags, msg.Keywords, err = parseFlags(flags, column); err != nil {
		return msg, err
	}
	if err := permit(); err != nil {
		return msg, err
	}
	msg.Body, err = c.readMessage()
	return msg, err
}

// An appendForm is a form of the data of a message in APPEND beside the literal (RFC 4466, section 2.7).
type appendForm struct {
	name string
	rfc  string
	// parse reads what follows the name, with the space before it, and adds it to body.
	parse func(c *conn, body *storage.Body) error
}

func (f appendForm) key() string { return f.name }

var errEmptyMessage = no("", "An empty message cannot be stored")

// readMessage reads the data of a message, in any form. What is not stored is discarded when the command ends. A nil Body
// without an error means that the decoder has one.
func (c *conn) readMessage() (*storage.Body, error) {
	d := c.dec
	body := c.identity.account.NewBody()
	c.bodies = append(c.bodies, body)
	var name []byte
	column := d.Column()
	var err error
	if d.At("{") || d.At("~{") || !d.Keyword(&name) {
		err = c.readLiteral(body)
	} else if form, ok := c.registry.appendForms[string(name)]; ok {
		err = form.parse(c, body)
	} else {
		err = badAt("expected a literal", column)
	}
	switch {
	case err != nil || d.Err() != nil:
		return nil, err
	case body.Size() == 0:
		return nil, errEmptyMessage
	}
	return body, nil
}

// readLiteral adds a literal to a message.
func (c *conn) readLiteral(body *storage.Body) error {
	d := c.dec
	usual := d.OnLiteral
	d.OnLiteral = func(lit wire.Literal) error {
		if err := c.fits(body, lit.Size); err != nil {
			return err
		}
		return usual(lit)
	}
	defer func() { d.OnLiteral = usual }()
	var lit wire.Literal
	var octets io.Reader
	if !d.ExpectLiteral(&lit, &octets) {
		return nil
	}
	if _, err := io.Copy(body, octets); err != nil && d.Err() == nil { // else the client is gone
		return err
	}
	return nil
}

// fits tells whether a message may have n octets more. What counts is what the client sends, whatever a [storage.Transform] makes of it.
func (c *conn) fits(body *storage.Body, n int64) error {
	if err := body.Err(); err != nil { // it will not be taken, so there is no need to send it
		return err
	}
	if limit := c.server.limits.MessageSize; n > limit-body.Size() {
		return no("TOOBIG", "Message is larger than "+strconv.FormatInt(limit, 10)+" octets")
	}
	return nil
}
