package imapserver

import (
	"regexp"
	"strings"
	"testing"
)

// TestUIDOnly checks that no message sequence number is taken or sent (RFC 9586), alone and with other extensions.
func TestUIDOnly(t *testing.T) {
	s := newTestServer(t, nil)
	two := s.login(t, 2)
	c, other := two[0], two[1]
	for range 4 {
		c.append("INBOX", "", "Subject: x\r\n\r\ntext")
	}
	other.ok("SELECT INBOX")
	other.ok("UID STORE 1 +FLAGS (\\Deleted)")
	other.ok("EXPUNGE")
	c.want("ENABLE UIDONLY", "* ENABLED UIDONLY", ". OK …")
	for _, line := range c.ok("SELECT INBOX") {
		if strings.Contains(line, "[UNSEEN") {
			t.Errorf("%q has a sequence number", line)
		}
	}
	c.want("UID FETCH 1:3 FLAGS", `* 2 UIDFETCH (FLAGS ())`, `* 3 UIDFETCH (FLAGS ())`, ". OK …")
	c.want("UID FETCH 4 (UID BODY[TEXT])", "* 4 UIDFETCH (UID 4 FLAGS (\\Seen) BODY[TEXT] {4}\r\ntext)", ". OK …")
	c.want("UID STORE 2 +FLAGS (\\Flagged)", "* 2 UIDFETCH (FLAGS (\\Flagged))", ". OK …")
	c.want("UID SEARCH RETURN (SAVE) UID 3", ". OK …")
	c.want("UID FETCH $ FLAGS", "* 3 UIDFETCH (FLAGS ())", ". OK …")
	for _, command := range []string{"FETCH 1 FLAGS", "STORE 1 FLAGS ()", "COPY 1 Sent", "MOVE 1 Sent", "SEARCH ALL", "SORT (DATE) UTF-8 ALL",
		"THREAD REFERENCES UTF-8 ALL", "REPLACE 1 INBOX {1+}\r\nx", "UID SEARCH 1:2", "UID SEARCH NOT (OR SEEN *)", "UID SORT (DATE) UTF-8 1"} {
		c.want(command, ". BAD [UIDREQUIRED] …")
	}
	// What others do.
	other.ok("UID STORE 3 +FLAGS (\\Seen)")
	other.ok("UID STORE 2 +FLAGS (\\Deleted)")
	other.ok("EXPUNGE")
	other.append("INBOX", "", "y")
	c.want("NOOP", "* VANISHED 2", "* 3 EXISTS", "* 3 UIDFETCH (FLAGS (\\Seen))", ". OK …")
	// With CONDSTORE and QRESYNC.
	c.ok("ENABLE QRESYNC")
	c.want("UID STORE 3 FLAGS.SILENT ()", "* 3 UIDFETCH (MODSEQ (…))", ". OK …")
	c.want("UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)", "* VANISHED (EARLIER) 1:2", "* 3 UIDFETCH (FLAGS () MODSEQ (…))",
		"* 4 UIDFETCH (FLAGS (\\Seen) MODSEQ (…))", "* 5 UIDFETCH (FLAGS () MODSEQ (…))", ". OK …")
	c.want("UID MOVE 5 Sent", "* OK [COPYUID … 5 1] …", "* VANISHED 5", ". OK …")
	validity := regexp.MustCompile(`UIDVALIDITY (\d+)`).FindStringSubmatch(c.ok("STATUS INBOX (UIDVALIDITY)")[0])[1]
	c.want("SELECT INBOX (QRESYNC ("+validity+" 1 1:4 (1 3)))", ". BAD [UIDREQUIRED] …")
	c.ok("SELECT INBOX (QRESYNC (" + validity + " 1 1:4))")
	c.want("UID REPLACE 3 INBOX {1+}\r\nz", "* OK [APPENDUID … 6] …", "* VANISHED 3", "* 2 EXISTS", "* 1 RECENT", ". OK [HIGHESTMODSEQ …] …")
	c.want("UID SEARCH RETURN (PARTIAL -1:-1) ALL", "* ESEARCH (TAG …) UID PARTIAL (-1:-1 6)", ". OK …")
	c.want("UNAUTHENTICATE", ". OK …")
}
