package imapserver

import (
	"fmt"
	"testing"
)

// twoSessions are those of one account with messages in INBOX, which both have selected.
func twoSessions(t *testing.T, messages int) (a, b *client) {
	t.Helper()
	both := newTestServer(t, nil).login(t, 2)
	a, b = both[0], both[1]
	for i := range messages {
		a.append("INBOX", "", fmt.Sprintf("Subject: message %d\r\n\r\ntext\r\n", i+1))
	}
	for _, c := range both {
		c.ok("ENABLE IMAP4rev2") // without RECENT
		c.ok("SELECT INBOX")
	}
	return a, b
}

// lastTag is the tag of the last command.
func lastTag(c *client) string { return fmt.Sprint("t", c.tags) }

// TestContext follows searches while another session changes the mailbox (RFC 5267, section 4.3).
func TestContext(t *testing.T) {
	c, other := twoSessions(t, 4)
	c.want("SEARCH RETURN (UPDATE COUNT) UNDELETED", `* ESEARCH (TAG "…") COUNT 4`, ". OK …")
	number := lastTag(c)
	c.want("UID SEARCH RETURN (UPDATE CONTEXT) FLAGGED", `* ESEARCH (TAG "…") UID`, ". OK …")
	byUID := lastTag(c)
	other.ok(`STORE 2 +FLAGS.SILENT (\Flagged)`)
	c.want("NOOP", `* 2 FETCH (FLAGS (\Flagged))`, `* ESEARCH (TAG "`+byUID+`") UID ADDTO (0 2)`, ". OK …")
	c.want(`STORE 1,3 +FLAGS.SILENT (\Deleted \Flagged)`, `* ESEARCH (TAG "`+number+`") REMOVEFROM (0 1,3)`, `* ESEARCH (TAG "`+byUID+`") UID ADDTO (0 1,3)`, ". OK …")
	// What is gone is told at once, by numbers that are still valid; then the removals.
	other.ok("EXPUNGE")
	other.ok(`STORE 1 +FLAGS.SILENT (\Deleted)`)
	other.ok("EXPUNGE")
	c.want("FETCH 4 UID", "* 4 FETCH (UID 4)", `* ESEARCH (TAG "`+number+`") REMOVEFROM (0 2)`, `* ESEARCH (TAG "`+byUID+`") UID REMOVEFROM (0 1:3)`, ". OK …")
	c.want("NOOP", "* 1 EXPUNGE", "* 1 EXPUNGE", "* 1 EXPUNGE", ". OK …")
	c.want(`CANCELUPDATE "`+byUID+`"`, ". OK …")
	other.append("INBOX", "", "x")
	other.append("INBOX", "", "y")
	c.want("NOOP", "* 3 EXISTS", `* ESEARCH (TAG "`+number+`") ADDTO (0 2:3)`, ". OK …")
	c.want(`CANCELUPDATE "`+byUID+`"`, ". BAD …")
	c.want(`CANCELUPDATE`, ". BAD …")
	c.want(`CANCELUPDATE "`+number+`" "nothing"`, ". BAD …")
	c.want(`CANCELUPDATE "`+number+`"`, ". OK …")
	other.ok(`STORE 1:* +FLAGS.SILENT (\Deleted)`)
	c.want("NOOP", "* 1 FETCH …", "* 2 FETCH …", "* 3 FETCH …", ". OK …")
}

// TestContextSets follows searches in sets: numbers mean the messages that they meant at first, UIDs also those to come (RFC 5267, section 4.3).
func TestContextSets(t *testing.T) {
	c, other := twoSessions(t, 3)
	c.ok("SEARCH RETURN (UPDATE) 2:* UNSEEN")
	numbers := lastTag(c)
	c.ok("UID SEARCH RETURN (UPDATE) UID 3:* UNSEEN")
	uids := lastTag(c)
	c.ok(`STORE 1 +FLAGS.SILENT (\Deleted)`)
	c.want("EXPUNGE", "* 1 EXPUNGE", ". OK …")
	other.append("INBOX", "", "Subject: new\r\n\r\n")
	c.want("NOOP", "* 3 EXISTS", `* ESEARCH (TAG "`+uids+`") UID ADDTO (0 4)`, ". OK …")
	c.want(`STORE 1:3 +FLAGS.SILENT (\Seen)`, `* ESEARCH (TAG "`+numbers+`") REMOVEFROM (0 1:2)`, `* ESEARCH (TAG "`+uids+`") UID REMOVEFROM (0 3:4)`, ". OK …")
}

// TestContextLimits checks what is refused.
func TestContextLimits(t *testing.T) {
	c := newTestServer(t, nil).session(t, 1)
	c.want("SORT RETURN (UPDATE COUNT) (DATE) UTF-8 ALL", `* ESEARCH (TAG "…") COUNT 1`, `* NO [NOUPDATE "…"] …`, ". OK …")
	for range maxLive {
		c.want("SEARCH RETURN (UPDATE COUNT) ALL", `* ESEARCH (TAG "…") COUNT 1`, ". OK …")
	}
	c.want("SEARCH RETURN (UPDATE COUNT) ALL", `* ESEARCH (TAG "…") COUNT 1`, `* NO [NOUPDATE "…"] …`, ". OK …")
	c.ok("SELECT INBOX")
	c.write("same SEARCH RETURN (UPDATE) ALL\r\n")
	c.compare("the first", c.answer("same"), []string{`* ESEARCH (TAG "same") ALL 1`, ". OK …"})
	c.write("same SEARCH RETURN (UPDATE) ALL\r\n")
	c.compare("the second", c.answer("same"), []string{". BAD …"})
	for _, bad := range []string{"UPDATE ()", "UPDATE (NONSENSE)", "UPDATE UID"} {
		c.want("SEARCH RETURN ("+bad+") ALL", ". BAD …")
	}
	c.ok("CLOSE")
	c.want("ESEARCH IN (personal) RETURN (UPDATE) ALL", ". BAD …")
}

// TestContextNews asks for data of new messages (RFC 5465, section 7).
func TestContextNews(t *testing.T) {
	c, other := twoSessions(t, 1)
	c.ok(`UID SEARCH RETURN (UPDATE (UID RFC822.SIZE)) UNFLAGGED`)
	tag := lastTag(c)
	c.ok(`UID SEARCH RETURN (UPDATE (FLAGS)) ALL`)
	all := lastTag(c)
	other.append("INBOX", "", "Subject: new\r\n\r\n")
	c.want("NOOP", "* 2 EXISTS", `* ESEARCH (TAG "`+tag+`") UID ADDTO (0 2)`, `* ESEARCH (TAG "`+all+`") UID ADDTO (0 2)`,
		`* 2 FETCH (UID 2 FLAGS () RFC822.SIZE …)`, ". OK …")
	// Nothing of it for what is in a result only now.
	c.ok(`STORE 2 +FLAGS.SILENT (\Flagged)`)
	other.ok(`STORE 2 FLAGS.SILENT ()`)
	c.want("NOOP", `* 2 FETCH (FLAGS ())`, `* ESEARCH (TAG "`+tag+`") UID ADDTO (0 2)`, ". OK …")
}
