package imapserver

import "github.com/mailhavn/mailhavn/storage"

const enableUTF8 = "UTF8=ACCEPT"

// extUTF8 is UTF8=ACCEPT (RFC 6855). IMAP4rev2 has most of it for every client that enables that.
//
// One rule is not followed: RFC 6855, section 4, has a message with 8-bit header fields refused where the client has not enabled
// UTF8=ACCEPT. There is much old mail of the kind, and a user who moves it here with a usual program would lose it.
func extUTF8() extension {
	return extension{
		file:         "utf8",
		needs:        "ENABLE",
		capabilities: []capability{{name: "UTF8=ACCEPT", rfc: "RFC 6855, section 3"}},
		enables:      []enableFeature{{name: enableUTF8, announced: "UTF8=ACCEPT"}},
		appendForms:  []appendForm{{"UTF8", "RFC 6855, section 4", (*conn).readUTF8}},
	}
}

// readUTF8 reads a literal8 in parentheses, after a space.
func (c *conn) readUTF8(body *storage.Body) error {
	d := c.dec
	if !d.ExpectSP() || !d.ExpectOpenList() {
		return nil
	}
	if !d.At("~") {
		d.Expected("a literal8")
		return nil
	}
	if err := c.readLiteral(body); err != nil {
		return err
	}
	d.ExpectCloseList()
	return nil
}

// utf8 tells whether the client writes and reads UTF-8 in quoted strings and mailbox names.
func (c *conn) utf8() bool { return c.rev2() || c.enabled[enableUTF8] }
