package imapserver

import "testing"

// TestMultiSearch checks which mailboxes are searched, and what is told of them (RFC 7377).
func TestMultiSearch(t *testing.T) {
	c := newTestServer(t, nil).session(t, 3)
	for _, name := range []string{"Work", "Work/Old", "Work/Old/Older", "Workshop"} {
		c.ok("CREATE " + name)
		c.ok(`COPY 1:2 ` + name)
	}
	c.ok("SUBSCRIBE Work/Old")
	for _, name := range []string{"INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"} {
		c.ok("UNSUBSCRIBE " + name)
	}
	const inbox, work, old, older, workshop = "INBOX", "Work", "Work/Old", "Work/Old/Older", "Workshop"
	for _, s := range []struct {
		in   string
		want []string
	}{
		{"", []string{inbox}},
		{"IN (selected) ", []string{inbox}},
		{"IN (mailboxes work) ", nil},
		{"IN (mailboxes (Work Workshop none)) ", []string{work, workshop}},
		{"IN (subtree Work) ", []string{work, old, older}},
		{"IN (subtree-one Work) ", []string{work, old}},
		{"IN (subtree-one (Work Work/Old) mailboxes Work) ", []string{work, old, older}},
		{"IN (personal) ", []string{work, old, older, workshop, inbox}},
		{"IN (Inboxes selected) ", []string{work, old, older, workshop, inbox}},
		{"IN (subscribed) ", []string{old}},
		{"in (subscribed selected) ", []string{old, inbox}},
	} {
		var want []string
		for _, name := range s.want {
			want = append(want, `* ESEARCH (TAG "…" MAILBOX `+name+` UIDVALIDITY …) UID ALL 1:2`)
		}
		c.want("ESEARCH "+s.in+"1:2", append(want, ". OK …")...)
	}
	c.want("ESEARCH IN (subtree Work) RETURN (MIN COUNT) 2:40", "* ESEARCH (TAG … MAILBOX Work UIDVALIDITY …) UID MIN 2 COUNT 1",
		"* ESEARCH (TAG … MAILBOX Work/Old UIDVALIDITY …) UID MIN 2 COUNT 1", "* ESEARCH (TAG … MAILBOX Work/Old/Older UIDVALIDITY …) UID MIN 2 COUNT 1", ". OK …")
	c.want("ESEARCH IN (personal) RETURN (COUNT) DELETED", ". OK …")
	c.want("ESEARCH RETURN (SAVE) 2", ". OK …")
	c.want("UID SEARCH $", "* SEARCH 2", ". OK …")
	for _, bad := range []string{"", " IN () ALL", " IN (selected-delayed) ALL", " IN (mailboxes) ALL", " IN (mailboxes ()) ALL", " IN (personal (x y)) ALL",
		" IN (nowhere) ALL", " IN selected ALL", " IN (personal) RETURN (SAVE) ALL", " IN (personal)"} {
		c.want("ESEARCH"+bad, ". BAD …")
	}
}

// TestMultiSearchKeywords searches mailboxes in which the same keywords have other numbers.
func TestMultiSearchKeywords(t *testing.T) {
	c := newTestServer(t, nil).session(t, 2)
	c.ok("STORE 1 +FLAGS ($One)")
	c.ok("STORE 2 +FLAGS ($Two)")
	c.ok("CREATE Other")
	c.ok("COPY 2 Other")
	c.ok("COPY 1 Other")
	c.want("ESEARCH IN (personal) KEYWORD $One", "* ESEARCH (TAG … MAILBOX Other UIDVALIDITY …) UID ALL 2",
		"* ESEARCH (TAG … MAILBOX INBOX UIDVALIDITY …) UID ALL 1", ". OK …")
	c.ok("CLOSE")
	c.want("ESEARCH IN (mailboxes Other) KEYWORD $One", "* ESEARCH (TAG … MAILBOX Other UIDVALIDITY …) UID ALL 2", ". OK …")
	c.want("ESEARCH KEYWORD $One", ". BAD …")
}
