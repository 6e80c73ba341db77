package imapserver

import (
	"regexp"
	"strings"
	"testing"
)

// TestQresync checks what a client learns that comes back (RFC 7162, section 3.2.5).
func TestQresync(t *testing.T) {
	s := newTestServer(t, nil)
	two := s.login(t, 2)
	a, b := two[0], two[1]
	for range 6 {
		a.append("INBOX", "", "x")
	}
	all := strings.Join(a.ok("SELECT INBOX"), "\n")
	since := modseqOf(t, all)
	validity := regexp.MustCompile(`UIDVALIDITY (\d+)`).FindStringSubmatch(all)[1]
	b.ok("SELECT INBOX")
	b.ok(`STORE 2,4 +FLAGS.SILENT (\Deleted)`)
	b.ok("EXPUNGE")
	b.ok(`STORE 3 +FLAGS.SILENT (\Seen)`) // UID 5

	a.want("SELECT INBOX (QRESYNC ("+validity+" "+since+"))", ". BAD …")
	a.want("UID FETCH 1:* FLAGS (CHANGEDSINCE "+since+" VANISHED)", ". BAD …")
	a.ok("UNSELECT")
	a.ok("ENABLE QRESYNC")
	head := func(more ...string) []string {
		return append([]string{"* FLAGS …", "* OK [PERMANENTFLAGS …", "* 4 EXISTS", "* 0 RECENT", "* OK [UNSEEN 1] …",
			"* OK [UIDVALIDITY …", "* OK [UIDNEXT 7] …", "* OK [HIGHESTMODSEQ …", "* OK [MAILBOXID …"}, append(more, ". OK [READ-WRITE] …")...)
	}
	selects := func(parameter string, more ...string) {
		t.Helper()
		a.want("SELECT INBOX (QRESYNC ("+validity+" "+since+parameter+"))", head(more...)...)
		a.ok("UNSELECT")
	}
	const changed = `* 3 FETCH (UID 5 FLAGS (\Seen) MODSEQ (…))`
	selects("", "* VANISHED (EARLIER) 2,4", changed)
	selects(" 1:3", "* VANISHED (EARLIER) 2")
	selects(" 1:6 (1,2 1,3)", "* VANISHED (EARLIER) 4", changed)
	selects(" (1:3 1,3,5)", changed)
	a.want("SELECT INBOX (QRESYNC (1 "+since+"))", head()...)
	a.want("SELECT INBOX (QRESYNC (1))", ". BAD …")
}

// TestVanished checks that removals are told by UID, those before the session apart from those within it (RFC 7162, sections 3.2.6
// and 3.2.10).
func TestVanished(t *testing.T) {
	s := newTestServer(t, nil)
	two := s.login(t, 2)
	a, b := two[0], two[1]
	for range 4 {
		a.append("INBOX", "", "x")
	}
	a.ok("ENABLE QRESYNC")
	since := modseqOf(t, strings.Join(a.ok("SELECT INBOX"), "\n"))
	b.ok("SELECT INBOX")
	b.ok(`STORE 1:2 +FLAGS.SILENT (\Deleted)`)
	b.ok("UID EXPUNGE 1")
	a.want("UID FETCH 1:4 UID (CHANGEDSINCE "+since+" VANISHED)", "* VANISHED 1", "* 3 RECENT",
		`* 1 FETCH (UID 2 FLAGS (\Deleted \Recent) MODSEQ (…))`, "* VANISHED (EARLIER) 1", "* 1 FETCH (UID 2 MODSEQ (…))", ". OK [HIGHESTMODSEQ …] …")
	a.want("EXPUNGE", "* VANISHED 2", "* 2 RECENT", ". OK [HIGHESTMODSEQ …] …")
	a.want("FETCH 1 UID (VANISHED CHANGEDSINCE 1)", ". BAD …")
	a.want("UID FETCH 1 UID (VANISHED)", ". BAD …")
	a.want("CLOSE", ". OK CLOSE completed")
}
