package imapserver

import (
	"fmt"
	"strings"
	"testing"
)

// TestMultiAppend checks that several messages are added in one step, each with its flags and date, or none (RFC 3502).
func TestMultiAppend(t *testing.T) {
	c := newTestServer(t, func(s *Server) { s.Limits.MessageSize = 100 << 10 }).session(t, 0)
	c.want(`APPEND INBOX (\Seen) {3+}`+"\r\none"+` (\Flagged new) "01-Feb-2020 10:00:00 +0000" {3+}`+"\r\ntwo {5+}\r\nthree",
		"* FLAGS …", "* OK [PERMANENTFLAGS …", "* 3 EXISTS", "* 3 RECENT", ". OK [APPENDUID … 1:3] …")
	c.want("FETCH 1:3 (FLAGS RFC822.SIZE)", `* 1 FETCH (FLAGS (\Seen \Recent) RFC822.SIZE 3)`,
		`* 2 FETCH (FLAGS (\Flagged \Recent new) RFC822.SIZE 3)`, `* 3 FETCH (FLAGS (\Recent) RFC822.SIZE 5)`, ". OK …")
	c.want("FETCH 2 INTERNALDATE", `* 2 FETCH (INTERNALDATE " 1-Feb-2020 10:00:00 +0000")`, ". OK …")
	// What is wrong with one is wrong with all.
	c.want("APPEND INBOX {3+}\r\none {102401}", ". NO [TOOBIG] …")
	c.want("APPEND INBOX {3+}\r\none {0+}\r\n", ". NO …")
	c.want(`APPEND INBOX {3+}`+"\r\none"+` (\Nonsense) {3+}`+"\r\ntwo", ". BAD …")
	c.want("APPEND missing {3+}\r\none {3+}\r\ntwo", ". NO [TRYCREATE] …")
	c.want("STATUS INBOX (MESSAGES)", "* STATUS INBOX (MESSAGES 3)", ". OK …")
	// Many and large ones.
	var b strings.Builder
	for i := range 60 {
		text := fmt.Sprintf("Subject: %d\r\n\r\n%s", i, strings.Repeat("x", 50<<10))
		fmt.Fprintf(&b, " {%d+}\r\n%s", len(text), text)
	}
	c.want("APPEND INBOX"+b.String(), "* 63 EXISTS", "* 63 RECENT", ". OK [APPENDUID … 4:63] …")
	c.want("FETCH 63 BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "* 63 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {15}\r\nSubject: 59\r\n\r\n)", ". OK …")
}
