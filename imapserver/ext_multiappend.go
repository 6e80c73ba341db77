package imapserver

import "github.com/mailhavn/mailhavn/storage"

// extMultiAppend is APPEND of several messages, all or none (RFC 3502). The syntax is that of the base command.
func extMultiAppend() extension {
	return extension{
		file:         "multiappend",
		capabilities: []capability{{name: "MULTIAPPEND", rfc: "RFC 3502, section 2"}},
	}
}

const (
	// maxMessages bounds the messages of one APPEND.
	maxMessages = 1000
	// spooledFrom is after how many octets the messages of one APPEND are kept in files until it is complete.
	spooledFrom = 1 << 20
)

// anotherMessage tells whether a message follows those that were read. Many do not stay in memory.
func (c *conn) anotherMessage(msgs []storage.NewMessage) bool {
	if !c.dec.SP() {
		return false
	}
	if len(msgs) == maxMessages {
		return c.dec.Expected("fewer messages")
	}
	total := int64(0)
	for _, msg := range msgs {
		total += msg.Body.Size()
	}
	if total > spooledFrom {
		if err := msgs[len(msgs)-1].Body.Spool(); err != nil {
			c.logger().Warn("imap: cannot put a message into a file", "error", err) // Append meets the error itself
		}
	}
	return true
}
