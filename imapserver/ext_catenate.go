package imapserver

import (
	"strings"

	"github.com/mailhavn/mailhavn/storage"
)

// extCatenate makes a new message of texts and of pieces of messages that are there (RFC 4469), wherever a message is expected.
func extCatenate() extension {
	const rfc = "RFC 4469, section 3"
	return extension{
		file:         "catenate",
		capabilities: []capability{{name: "CATENATE", rfc: rfc}},
		appendForms:  []appendForm{{"CATENATE", rfc, (*conn).readCatenated}},
	}
}

// maxPieces bounds the pieces of one message.
const maxPieces = 1000

// readCatenated reads the list of pieces, after a space. Each is added as it comes.
func (c *conn) readCatenated(body *storage.Body) (err error) {
	d := c.dec
	if !d.ExpectSP() {
		return nil
	}
	pieces := 0
	d.ExpectList(func() bool {
		if pieces++; pieces > maxPieces {
			return d.Expected("fewer pieces")
		}
		switch {
		case d.Word("TEXT"):
			if d.ExpectSP() {
				err = c.readLiteral(body)
			}
		case d.Word("URL"):
			var url string
			if d.ExpectSP() && d.ExpectAString(&url) {
				err = c.copyURL(body, url)
			}
		case c.registry.appendForms["UTF8"].parse != nil && d.Word("UTF8"): // RFC 6855, section 4
			err = c.readUTF8(body)
		default:
			d.Expected("TEXT or URL")
		}
		return err == nil && d.Err() == nil
	})
	return err
}

// copyURL adds what a URL points to (RFC 4469, section 3).
func (c *conn) copyURL(body *storage.Body, url string) error {
	wrong := no("BADURL "+codeText(url), "Not a URL of a message, or of a part of one, that is here")
	u, ok := parseMessageURL(url)
	if !ok {
		return wrong
	}
	mbox, err := c.mailboxOf(u)
	if err != nil {
		return wrong
	}
	view, err := mbox.View(c.ctx)
	if err != nil {
		return err
	}
	seq, ok := view.Seq(u.uid)
	if !ok || u.validity != 0 && u.validity != view.Status().UIDValidity {
		return wrong
	}
	f := &fetching{reading: reading{conn: c, ctx: c.ctx, in: &selected{mbox: mbox}}}
	defer f.close()
	f.next(view.At(seq))
	if err := u.section.prepare(f); err != nil {
		return err
	}
	if u.section.missing {
		return wrong
	}
	if err := c.fits(body, u.section.length()); err != nil {
		return err
	}
	return u.section.copy(body, f)
}

// mailboxOf finds the mailbox of a URL, which may be relative to the selected one (RFC 4469, section 3; RFC 5092, section 7).
func (c *conn) mailboxOf(u messageURL) (*storage.Mailbox, error) {
	switch {
	case u.absolute:
		return c.mailbox(u.mailbox)
	case c.selected == nil:
		return nil, storage.ErrNoMailbox
	case u.mailbox == "":
		return c.selected.mbox, nil
	}
	info, ok := c.selected.mbox.Info()
	if !ok {
		return nil, storage.ErrNoMailbox
	}
	return c.mailbox(info.Name[:strings.LastIndexByte(info.Name, '/')+1] + u.mailbox)
}

// codeText is text as it may stand in a response code, where neither "]" nor control characters are allowed.
func codeText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f || r == ']' {
			return '?'
		}
		return r
	}, s)
}
