package imapserver

import (
	"strings"
	"testing"
)

// TestStoreSilent checks that a silent STORE is silent about what the client can know, and about nothing else (RFC 9051, section
// 6.4.6).
func TestStoreSilent(t *testing.T) {
	s := newTestServer(t, nil)
	two := s.login(t, 2)
	a, b := two[0], two[1]
	a.append("INBOX", "", "x")
	a.append("INBOX", "", "y")
	a.ok("SELECT INBOX")
	b.ok("SELECT INBOX")
	a.want(`STORE 1 +FLAGS.SILENT (\Seen One)`, "* FLAGS …", "* OK [PERMANENTFLAGS …", ". OK …")
	a.want(`STORE 1 -FLAGS.SILENT (one \Draft)`, ". OK …")
	b.want(`STORE 1:2 +FLAGS (\Flagged)`, "* FLAGS …", "* OK [PERMANENTFLAGS …", `* 1 FETCH (FLAGS (\Flagged \Seen))`,
		`* 2 FETCH (FLAGS (\Flagged))`, ". OK …")
	// What a set here says nothing of what b set.
	a.want(`STORE 1 +FLAGS.SILENT (\Answered)`,
		`* 1 FETCH (FLAGS (\Answered \Flagged \Seen \Recent))`, `* 2 FETCH (FLAGS (\Flagged \Recent))`, ". OK …")
	a.want(`STORE 2 FLAGS.SILENT (two)`, "* FLAGS …", "* OK [PERMANENTFLAGS …", ". OK …")
	a.want(`STORE 2 FLAGS (\Seen TWO)`, `* 2 FETCH (FLAGS (\Seen \Recent two))`, ". OK …")
	a.want(`STORE 2 FLAGS ()`, `* 2 FETCH (FLAGS (\Recent))`, ". OK …")
	a.want(`STORE 2 FLAGS \Seen`, `* 2 FETCH (FLAGS (\Seen \Recent))`, ". OK …") // without parentheses
	a.want(`UID STORE 2,99 FLAGS ()`, `* 2 FETCH (UID 2 FLAGS (\Recent))`, ". OK …")
	a.want(`STORE 3 FLAGS ()`, ". BAD …")
	a.want(`STORE 1 FLAGS (\Recent)`, ". BAD …")
	a.want(`STORE 1 FLAGS (\Nonsense)`, ". BAD …")
	a.want(`STORE 1 NONSENSE ()`, ". BAD …")
	a.want(`STORE 1 FLAGS (`+strings.Repeat("k", 300)+")", ". NO [LIMIT] …")
}
