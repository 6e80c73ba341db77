package imapserver

import (
	"regexp"
	"strings"
	"testing"
)

// modseqOf returns the MODSEQ in a response.
func modseqOf(t *testing.T, line string) string {
	t.Helper()
	m := regexp.MustCompile(`MODSEQ \(?(\d+)`).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("no MODSEQ in %q", line)
	}
	return m[1]
}

// TestCondstore checks conditional STORE, and what tells the client of MODSEQs (RFC 7162, section 3.1).
func TestCondstore(t *testing.T) {
	s := newTestServer(t, nil)
	two := s.login(t, 2)
	a, b := two[0], two[1]
	for range 3 {
		a.append("INBOX", "", "x")
	}
	lines := a.ok("SELECT INBOX (CONDSTORE)")
	since := modseqOf(t, strings.Join(lines, "\n"))
	b.ok("SELECT INBOX")
	b.want(`STORE 2 +FLAGS.SILENT (\Flagged)`, ". OK …")
	b.want("FETCH 2 MODSEQ", "* OK [HIGHESTMODSEQ …", "* 2 FETCH (MODSEQ (…))", ". OK …")
	a.want("STORE 1:3 (UNCHANGEDSINCE "+since+`) FLAGS.SILENT (\Seen)`,
		`* 2 FETCH (UID 2 FLAGS (\Flagged \Recent) MODSEQ (…))`, "* 1 FETCH (UID 1 MODSEQ (…))", "* 3 FETCH (UID 3 MODSEQ (…))",
		". OK [MODIFIED 2] …")
	a.want("FETCH 1:* (UID) (CHANGEDSINCE "+since+")", "* 1 FETCH (UID 1 MODSEQ (…))", "* 2 FETCH (UID 2 MODSEQ (…))",
		"* 3 FETCH (UID 3 MODSEQ (…))", ". OK …")
	a.want("FETCH 1 FLAGS (CHANGEDSINCE 0)", ". BAD …")
	a.want("STORE 1 (UNCHANGEDSINCE 0) +FLAGS (x)", `* 1 FETCH (UID 1 FLAGS (\Seen \Recent) MODSEQ (…))`, ". OK [MODIFIED 1] …")
	a.want("STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 1) FLAGS ()", ". BAD …")
	a.want("SEARCH MODSEQ \"/flags/\\\\Seen\" all "+since, "* SEARCH 1 2 3 (MODSEQ …)", ". OK …")
	a.want("SEARCH MODSEQ 9999999", "* SEARCH", ". OK …")
	a.want("STATUS INBOX (HIGHESTMODSEQ)", "* STATUS INBOX (HIGHESTMODSEQ …)", ". OK …")
}

// TestWithheldModSeq checks that a client is not led to believe that it knows of removals which have not been told (RFC 7162,
// sections 3.2 and 6).
func TestWithheldModSeq(t *testing.T) {
	s := newTestServer(t, nil)
	two := s.login(t, 2)
	a, b := two[0], two[1]
	a.append("INBOX", "", "x")
	a.append("INBOX", `\Deleted`, "y")
	low := modseqOf(t, strings.Join(a.ok("SELECT INBOX (CONDSTORE)"), "\n"))
	b.ok("SELECT INBOX")
	b.ok("EXPUNGE")
	a.want(`STORE 1 +FLAGS (\Seen)`, `* 1 FETCH (UID 1 FLAGS (\Seen \Recent) MODSEQ (…))`, ". OK [HIGHESTMODSEQ "+low+"] …")
	a.want(`STORE 2 +FLAGS (\Seen)`, `* 2 FETCH (UID 2 FLAGS (\Deleted \Recent) MODSEQ (…))`, "* OK [HIGHESTMODSEQ "+low+"] …",
		". NO [EXPUNGEISSUED] …")
	a.want("NOOP", "* 2 EXPUNGE", "* 1 RECENT", ". OK [HIGHESTMODSEQ …] …")
	a.want("NOOP", ". OK NOOP completed")
}
