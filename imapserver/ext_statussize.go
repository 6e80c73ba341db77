package imapserver

import "github.com/mailhavn/mailhavn/storage"

// extStatusSize is the SIZE item of STATUS (RFC 8438): the sum of RFC822.SIZE of all messages.
func extStatusSize() extension {
	return extension{
		file:         "statussize",
		capabilities: []capability{{name: "STATUS=SIZE", rfc: "RFC 8438, section 3"}},
		statusItems: []statusItem{{
			name: "SIZE", rfc: "RFC 8438, section 3",
			value: func(_ *conn, info *storage.MailboxInfo, _ *storage.Mailbox) uint64 { return uint64(info.Size) },
		}},
	}
}
