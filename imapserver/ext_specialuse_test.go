package imapserver

import "testing"

// TestSpecialUse checks LIST by use (RFC 6154).
func TestSpecialUse(t *testing.T) {
	c := newTestServer(t, nil).login(t, 1)[0]
	c.ok("CREATE Other")
	c.want(`LIST (SPECIAL-USE) "" "*"`,
		`* LIST (\Archive \HasNoChildren) "/" Archive`, `* LIST (\Drafts \HasNoChildren) "/" Drafts`,
		`* LIST (\Junk \HasNoChildren) "/" Junk`, `* LIST (\Sent \HasNoChildren) "/" Sent`,
		`* LIST (\Trash \HasNoChildren) "/" Trash`, ". OK …")
	c.want(`LIST "" T* RETURN (SPECIAL-USE)`, `* LIST (\Trash \HasNoChildren) "/" Trash`, ". OK …")
	c.ok("RENAME Trash Bin/Trash")
	c.want(`LIST (SPECIAL-USE RECURSIVEMATCH) "" "B%"`, `* LIST (\HasChildren) "/" Bin ("CHILDINFO" ("SPECIAL-USE"))`, ". OK …")
}
