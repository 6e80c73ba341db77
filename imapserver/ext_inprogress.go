package imapserver

import (
	"fmt"
	"time"
)

// extInProgress tells how far long commands have come, so that clients do not give up (RFC 9585).
func extInProgress() extension {
	return extension{
		file:         "inprogress",
		capabilities: []capability{{name: "INPROGRESS", rfc: "RFC 9585, section 4"}},
		progress: func(c *conn, done, goal int) error {
			if time.Since(c.told) < c.server.timeouts.Progress {
				return nil
			}
			c.told = time.Now()
			c.untaggedOK(fmt.Sprintf("INPROGRESS (\"%s\" %d %d)", c.tag, done, goal), "Still at work")
			return c.flush()
		},
	}
}
