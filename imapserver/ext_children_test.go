package imapserver

import "testing"

// TestChildren checks \HasChildren and \HasNoChildren (RFC 3348; RFC 5258, section 4).
func TestChildren(t *testing.T) {
	c := newTestServer(t, nil).login(t, 1)[0]
	c.ok("CREATE a/b/c")
	c.want("LIST \"\" a*", `* LIST (\HasChildren) "/" a`, `* LIST (\HasChildren) "/" a/b`, `* LIST (\HasNoChildren) "/" a/b/c`, ". OK …")
	c.want("LIST \"\" a RETURN (CHILDREN)", `* LIST (\HasChildren) "/" a`, ". OK …")
	c.ok("DELETE a/b")
	c.want("LIST \"\" a*", `* LIST (\HasChildren) "/" a`, `* LIST (\NonExistent \Noselect \HasChildren) "/" a/b`,
		`* LIST (\HasNoChildren) "/" a/b/c`, ". OK …")
}
