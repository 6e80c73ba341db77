package imapserver

import (
	"strings"
	"testing"
)

// comes compares responses that come without a command.
func (c *client) comes(patterns ...string) {
	c.t.Helper()
	var lines []string
	for range patterns {
		lines = append(lines, c.line())
	}
	c.compare("without a command", lines, patterns)
}

// still checks that nothing has come but the answer to NOOP and what it tells.
func (c *client) still(patterns ...string) {
	c.t.Helper()
	c.want("NOOP", append(patterns, ". OK …")...)
}

// TestNotifySelected is told of the selected mailbox without asking (RFC 5465, section 6.1).
func TestNotifySelected(t *testing.T) {
	c, other := twoSessions(t, 3)
	c.want("NOTIFY SET (SELECTED (MessageNew (UID BODY.PEEK[HEADER.FIELDS (Subject)]) MessageExpunge FlagChange))", ". OK …")
	other.append("INBOX", "", "Subject: hello\r\n\r\ntext\r\n")
	c.comes("* 4 EXISTS", "* 4 FETCH (UID 4 BODY[HEADER.FIELDS (Subject)] {18}…Subject: hello…)")
	other.ok(`STORE 2 +FLAGS.SILENT (\Deleted)`)
	c.comes(`* 2 FETCH (UID 2 FLAGS (\Deleted))`)
	other.ok("EXPUNGE")
	c.comes("* 2 EXPUNGE")
	// What it does itself is no news.
	c.want("APPEND INBOX {1+}\r\nx", "* 4 EXISTS", ". OK …")
	c.want("UID COPY 1 INBOX", "* 5 EXISTS", ". OK …")
	// A search that is followed: the result, then the data of both in one response.
	c.ok("UID SEARCH RETURN (UPDATE (RFC822.SIZE)) UNSEEN")
	other.append("INBOX", "", "Subject: hello\r\n\r\n")
	c.comes("* 6 EXISTS", `* ESEARCH (TAG "…") UID ADDTO (0 7)`, "* 6 FETCH (UID 7 BODY[HEADER.FIELDS (Subject)] {18}… RFC822.SIZE 18)")
	// Another mailbox, and back.
	c.ok("SELECT Drafts")
	other.append("INBOX", "", "x")
	other.append("Drafts", "", "x")
	c.comes("* 1 EXISTS", "* 1 FETCH (UID 1 BODY…")
	c.ok("SELECT INBOX")
	c.still()
}

// TestNotifyDelayed gets removals only with a command that allows it, or in IDLE (RFC 5465, sections 6.1.2 and 4).
func TestNotifyDelayed(t *testing.T) {
	c, other := twoSessions(t, 4)
	other.ok(`STORE 2,4 +FLAGS.SILENT (\Deleted)`)
	c.want("NOTIFY SET (selected-delayed (MessageNew MessageExpunge))", `* 2 FETCH …`, `* 4 FETCH …`, ". OK …")
	other.ok("UID EXPUNGE 2")
	other.append("INBOX", "", "x")
	c.comes("* 5 EXISTS")
	c.want("FETCH 2 UID", "* 2 FETCH (UID 2)", ". OK …")
	c.still("* 2 EXPUNGE")
	tag := c.send("IDLE")
	c.comes("+ idling")
	other.ok("EXPUNGE")
	c.comes("* 3 EXPUNGE")
	c.write("DONE\r\n")
	c.compare("DONE", c.answer(tag), []string{". OK …"})
	// Changes of flags alone are not wanted: they wait for a command.
	other.ok(`STORE 1 +FLAGS.SILENT (\Seen)`)
	other.append("Sent", "", "x")
	c.still(`* 1 FETCH (FLAGS (\Seen))`)
}

// TestNotifyNone is told nothing without a command, also in IDLE.
func TestNotifyNone(t *testing.T) {
	c, other := twoSessions(t, 1)
	c.ok("NOTIFY NONE")
	tag := c.send("IDLE")
	c.comes("+ idling")
	other.append("INBOX", "", "x")
	c.write("DONE\r\n")
	c.compare("DONE", c.answer(tag), []string{"* 2 EXISTS", ". OK …"})
}

// TestNotifyOthers is told of mailboxes that are not selected (RFC 5465, sections 5 and 6).
func TestNotifyOthers(t *testing.T) {
	c, other := twoSessions(t, 1)
	c.ok("SUBSCRIBE Drafts")
	c.want("NOTIFY SET STATUS (mailboxes (Sent Nothing) (MessageNew MessageExpunge)) (subtree Work (MessageNew FlagChange MessageExpunge MailboxName)) "+
		"(subscribed (MailboxName)) (personal (SubscriptionChange)) (mailboxes Trash NONE)", "* STATUS Sent (MESSAGES 0 UIDNEXT 1 UIDVALIDITY …)", ". OK …")
	other.append("Sent", "", "x")
	c.comes("* STATUS Sent (UIDNEXT 2 MESSAGES 1)")
	other.append("Drafts", "", "x")
	other.append("INBOX", "", "x") // selected: not by these groups
	other.ok("CREATE Work")
	c.comes(`* LIST (\HasNoChildren) "/" Work`, "* STATUS Work (UIDNEXT 1 MESSAGES 0 UIDVALIDITY …)")
	other.append("Work", "", "x")
	c.comes("* STATUS Work (UIDNEXT 2 MESSAGES 1 UNSEEN 1 UIDVALIDITY …)")
	other.ok("SELECT Work")
	other.ok(`STORE 1 +FLAGS.SILENT (\Flagged)`) // neither CONDSTORE nor \Seen: nothing to be told
	other.ok(`STORE 1 +FLAGS.SILENT (\Seen)`)
	c.comes("* STATUS Work (UNSEEN 0 UIDVALIDITY …)")
	other.ok("CREATE Work/Old/Older")
	c.comes(`* LIST (\HasChildren) "/" Work`, `* LIST (\HasChildren) "/" Work/Old`, `* LIST (\HasNoChildren) "/" Work/Old/Older`,
		"* STATUS Work/Old (…)", "* STATUS Work/Old/Older (…)")
	other.ok("RENAME Work/Old Work/New")
	c.comes(`* LIST (\HasChildren) "/" Work/New ("OLDNAME" (Work/Old))`)
	other.ok("DELETE Work/New/Older")
	c.comes(`* LIST (\HasNoChildren) "/" Work/New`, `* LIST (\NonExistent \Noselect \HasNoChildren) "/" Work/New/Older`)
	other.ok("SUBSCRIBE Work/New")
	c.comes(`* LIST (\HasNoChildren \Subscribed) "/" Work/New`)
	other.ok("UNSUBSCRIBE Drafts") // no more one of the subscribed, but still a personal one
	c.comes(`* LIST (\Drafts \HasNoChildren) "/" Drafts`)
	other.ok("RENAME Trash Bin") // in no group that wants names
	other.ok("SUBSCRIBE Nowhere")
	c.comes(`* LIST (\NonExistent \Noselect \HasNoChildren \Subscribed) "/" Nowhere`)
	// In the place of another, with another UIDVALIDITY.
	other.ok("CLOSE")
	other.ok("DELETE Work/New")
	c.comes(`* LIST (\HasNoChildren) "/" Work`, `* LIST (\NonExistent \Noselect \HasNoChildren \Subscribed) "/" Work/New`)
	other.ok("CREATE Work/New")
	c.comes(`* LIST (\HasChildren) "/" Work`, `* LIST (\HasNoChildren \Subscribed) "/" Work/New`, "* STATUS Work/New (UIDNEXT 1 MESSAGES 0 UIDVALIDITY …)")
	// With CONDSTORE every change of flags is told.
	c.ok("ENABLE CONDSTORE")
	other.ok("SELECT Work")
	other.ok(`STORE 1 +FLAGS.SILENT (\Answered)`)
	c.comes("* STATUS Work (HIGHESTMODSEQ … UIDVALIDITY …)")
	other.ok(`STORE 1 +FLAGS.SILENT (\Deleted)`)
	c.comes("* STATUS Work (HIGHESTMODSEQ …")
	other.ok("EXPUNGE")
	c.comes("* STATUS Work (UIDNEXT 2 MESSAGES 0 HIGHESTMODSEQ … UIDVALIDITY …)")
	c.still()
	c.ok("NOTIFY NONE")
	other.append("Sent", "", "x")
	c.still()
	// Without a mailbox selected, and after another login nothing of it is left.
	c.ok("CLOSE")
	c.ok("NOTIFY SET (inboxes (MessageNew MessageExpunge))")
	other.append("INBOX", "", "x")
	c.comes("* STATUS INBOX (UIDNEXT 4 MESSAGES 3 HIGHESTMODSEQ …)")
	c.ok("UNAUTHENTICATE")
}

// TestNotifyGone loses the selected mailbox between two commands.
func TestNotifyGone(t *testing.T) {
	c, other := twoSessions(t, 1)
	other.ok("CREATE Work")
	c.ok("SELECT Work")
	c.ok("NOTIFY SET (selected (MessageNew MessageExpunge))")
	other.ok("DELETE Work")
	if said := c.gone(); !strings.HasPrefix(said[len(said)-1], "* BYE") {
		t.Errorf("%q", said)
	}
}

// TestNotifyRefused checks the answers to what cannot be (RFC 5465, sections 3.1 and 5).
func TestNotifyRefused(t *testing.T) {
	c := newTestServer(t, nil).session(t, 1)
	for _, bad := range []string{
		"", " ", " SET", " SET STATUS", " ALL", " SET ()", " SET (selected)", " SET (selected ())", " SET (selected MessageNew)",
		" SET (selected (MessageNew))", " SET (selected (MessageExpunge FlagChange))", " SET (personal (FlagChange))",
		" SET (selected (MailboxName))", " SET (selected NONE) (selected-delayed NONE)", " SET (personal (MessageNew (UID) MessageExpunge))",
		" SET (subtree-one INBOX NONE)", " SET (mailboxes () NONE)", " SET (everything NONE)", " SET (selected (MessageNew () MessageExpunge))",
		" SET (selected (MessageNew (NONSENSE) MessageExpunge))", " SET (selected NONE)x",
	} {
		c.want("NOTIFY"+bad, ". BAD …")
	}
	for _, event := range []string{"AnnotationChange", "MailboxMetadataChange", "ServerMetadataChange", "Nonsense"} {
		c.want("NOTIFY SET (personal ("+event+"))", ". NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange)] …")
	}
	c.want("NOTIFY SET"+strings.Repeat(" (personal NONE)", maxEventGroups+1), ". NO [NOTIFICATIONOVERFLOW] …")
}
