package imapserver

import (
	"fmt"
	"strings"
	"testing"
)

// TestPreview makes previews once, of long and of foreign text, and together with what changes how FETCH answers.
func TestPreview(t *testing.T) {
	s := newTestServer(t, nil)
	c := s.session(t, 0)
	c.append("INBOX", "", "Content-Type: text/html; charset=koi8-r\r\n\r\n<p>\xf0\xd2\xc9\xd7\xc5\xd4\r\n")
	c.append("INBOX", "", "Subject: long\r\n\r\n"+strings.Repeat("ever and ", 1000))
	c.ok("NOOP")
	long := strings.TrimSpace(strings.Repeat("ever and ", 22)) + " ev"
	c.want("FETCH 1:2 (PREVIEW (LAZY))", "* 1 FETCH (PREVIEW NIL)", "* 2 FETCH (PREVIEW NIL)", ". OK …")
	c.want("FETCH 1:2 (PREVIEW)", "* 1 FETCH (PREVIEW {12}\r\nПривет)", fmt.Sprintf("* 2 FETCH (PREVIEW %q)", long), ". OK …")
	c.ok("ENABLE CONDSTORE")
	c.want("FETCH 2 PREVIEW (CHANGEDSINCE 1)", "* 2 FETCH (MODSEQ (9) PREVIEW …", ". OK …")
	c.ok("ENABLE UIDONLY")
	c.want("UID FETCH 1:* (PREVIEW) (PARTIAL -1:-1)", "* 2 UIDFETCH (PREVIEW …", ". OK …")
	c.want("UID FETCH 1 PREVIEW (LAZY)", "* 1 UIDFETCH (PREVIEW {12}\r\nПривет)", ". OK …")
	c.want("UID FETCH 1 (PREVIEW ())", ". BAD …")
}
