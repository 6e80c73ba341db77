package imapserver

import "testing"

// TestListStatus checks that STATUS responses follow the LIST responses of mailboxes, and only of those (RFC 5819).
func TestListStatus(t *testing.T) {
	c := newTestServer(t, nil).login(t, 1)[0]
	c.append("Sent", "", "x")
	c.ok("CREATE S/x")
	c.ok("DELETE S")
	c.want(`LIST "" S% RETURN (STATUS (MESSAGES UNSEEN SIZE))`,
		`* LIST (\NonExistent \Noselect \HasChildren) "/" S`,
		`* LIST (\Sent \HasNoChildren) "/" Sent`, "* STATUS Sent (MESSAGES 1 UNSEEN 1 SIZE 1)", ". OK …")
	c.want(`LIST "" % RETURN (STATUS)`, ". BAD …")
	c.want(`LIST "" % RETURN (STATUS (NONSENSE))`, ". BAD …")
}
