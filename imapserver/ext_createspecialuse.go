package imapserver

import (
	"strings"

	"github.com/mailhavn/mailhavn/imapserver/internal/names"
)

// extCreateSpecialUse is CREATE of a mailbox for a special use (RFC 6154, section 3).
func extCreateSpecialUse() extension {
	return extension{
		file:         "createspecialuse",
		needs:        "SPECIAL-USE",
		capabilities: []capability{{name: "CREATE-SPECIAL-USE", rfc: "RFC 6154, section 3"}},
		createParams: []modifier[creation]{{"USE", parseUse}},
	}
}

// parseUse reads the uses. One that is unknown, cannot be given, or has its mailbox already, is refused (RFC 6154, section 3).
func parseUse(c *conn, cr *creation) error {
	var given []string
	column := c.dec.Column() + 1
	if !c.dec.ExpectSP() || !c.dec.ExpectFlagList(&given) {
		return nil
	}
	for _, name := range given {
		use := names.PossibleUse(name)
		switch {
		case !strings.HasPrefix(name, `\`):
			return badAt("expected attributes of special uses", column)
		case use == 0:
			return no("USEATTR", "Special use "+name+" is not possible here")
		}
		cr.use |= use
	}
	for info := range c.identity.account.Mailboxes() {
		if taken := info.SpecialUse & cr.use; taken != 0 {
			return no("USEATTR", "Another mailbox is for "+strings.Join(names.SpecialUses(taken), " "))
		}
	}
	return nil
}
