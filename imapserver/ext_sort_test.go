package imapserver

import (
	"fmt"
	"testing"
)

// sortable are messages that differ in what SORT looks at; the third has no header.
var sortable = []struct{ date, header string }{
	{"01-Jan-2020 00:00:00 +0000", "Date: Wed, 1 Jan 2020 12:00:00 +0000\r\nFrom: Zoë <anna@x.org>\r\nTo: b@x.org\r\nCc: c@x.org\r\nSubject: Re: harbour\r\n"},
	{"03-Jan-2020 00:00:00 +0000", "Date: Wed, 1 Jan 2020 12:00:00 +0900\r\nFrom: berta@x.org\r\nTo: =?utf-8?q?=C3=84nne?= <z@x.org>\r\nSubject: apple\r\n"},
	{"02-Jan-2020 00:00:00 +0000", ""},
	{"02-Jan-2020 00:00:00 +0000", "Date: nonsense\r\nFrom: Adam <Carl@x.org>, d@x.org\r\nTo: a@x.org\r\nCc: B@x.org\r\nSubject: [list] HARBOUR (fwd)\r\n"},
}

// sortSession is a session that has selected the sortable messages.
func sortSession(t *testing.T) *client {
	c := newTestServer(t, nil).login(t, 1)[0]
	for i, m := range sortable {
		text := m.header + "\r\n" + fmt.Sprintf("%0*d", 10-i, 0)
		c.ok(fmt.Sprintf("APPEND INBOX %q {%d+}\r\n%s", m.date, len(text), text))
	}
	c.ok("SELECT INBOX")
	return c
}

// TestSort checks each criterion (RFC 5256, section 3).
func TestSort(t *testing.T) {
	c := sortSession(t)
	for _, s := range []struct{ args, want string }{
		{"(ARRIVAL) UTF-8 ALL", " 1 3 4 2"},
		{"(REVERSE ARRIVAL) UTF-8 ALL", " 2 3 4 1"}, // equal ones stay in the order of the mailbox
		{"(DATE) UTF-8 ALL", " 2 1 3 4"},            // by UTC; without one by INTERNALDATE
		{"(SIZE) US-ASCII ALL", " 3 4 2 1"},
		{"(SUBJECT) UTF-8 ALL", " 3 2 1 4"},
		{"(SUBJECT REVERSE DATE) UTF-8 ALL", " 3 2 4 1"},
		{"(FROM) UTF-8 ALL", " 3 1 2 4"},
		{"(TO) UTF-8 ALL", " 3 4 1 2"},
		{"(CC) UTF-8 ALL", " 2 3 4 1"},
		{"(reverse from size) utf-8 all", " 4 2 1 3"},
		{"(DATE) UTF-8 SUBJECT harbour", " 1 4"},
		{"(DATE) UTF-8 2:3 UID 1:2", " 2"},
		{"(DATE) UTF-8 DELETED", ""},
	} {
		c.want("SORT "+s.args, "* SORT"+s.want, ". OK …")
	}
	c.want("UID SORT (REVERSE SIZE) UTF-8 ALL", "* SORT 1 2 4 3", ". OK …")
	c.want("SORT () UTF-8 ALL", ". BAD …")
	c.want("SORT (COLOUR) UTF-8 ALL", ". BAD …")
	c.want("SORT (REVERSE) UTF-8 ALL", ". BAD …")
	c.want("SORT (DATE) ALL", ". BAD …")
	c.want("SORT (DATE) X-NONSENSE ALL", ". NO [BADCHARSET …")
	c.ok("ENABLE CONDSTORE")
	c.want("SORT (SIZE) UTF-8 MODSEQ 1", "* SORT 3 4 2 1 (MODSEQ …)", ". OK …")
}
