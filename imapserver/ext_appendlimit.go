package imapserver

import (
	"strconv"

	"github.com/mailhavn/mailhavn/storage"
)

// extAppendLimit tells the size of the largest message that APPEND takes (RFC 7889). It is the same for all mailboxes; without a limit
// the capability has no number, and STATUS answers NIL.
func extAppendLimit() extension {
	return extension{
		file: "appendlimit",
		capabilities: []capability{{name: "APPENDLIMIT", rfc: "RFC 7889, section 2", value: func(c *conn) string {
			if c.server.limits.MessageSize == noSize {
				return ""
			}
			return "=" + strconv.FormatInt(c.server.limits.MessageSize, 10)
		}}},
		statusItems: []statusItem{{
			name: "APPENDLIMIT", rfc: "RFC 7889, section 3.1",
			text: func(c *conn, _ *storage.MailboxInfo) string {
				if c.server.limits.MessageSize == noSize {
					return "NIL"
				}
				return strconv.FormatInt(c.server.limits.MessageSize, 10)
			},
		}},
	}
}
