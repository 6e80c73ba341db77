package imapserver

import "testing"

// TestCreateSpecialUse checks CREATE with USE (RFC 6154, section 3).
func TestCreateSpecialUse(t *testing.T) {
	c := newTestServer(t, nil).login(t, 1)[0]
	c.want(`CREATE Mine (USE (\Drafts))`, ". NO [USEATTR] …") // there is Drafts
	c.want(`CREATE Mine (USE (\All))`, ". NO [USEATTR] …")
	c.want(`CREATE Mine (USE (\Unheard-Of))`, ". NO [USEATTR] …")
	c.want(`CREATE Mine (USE (Drafts))`, ". BAD …")
	c.want(`CREATE Mine (USE \Drafts)`, ". BAD …")
	c.want(`CREATE Mine (COLOUR blue)`, ". BAD …")
	c.want(`CREATE Mine ()`, ". OK …")
	c.want(`LIST "" Mine`, `* LIST (\HasNoChildren) "/" Mine`, ". OK …")
	c.ok("DELETE Drafts")
	c.ok("DELETE Sent")
	c.ok(`CREATE "Both of them" (USE (\drafts \Sent))`)
	c.want(`LIST (SPECIAL-USE) "" B*`, `* LIST (\Drafts \Sent \HasNoChildren) "/" "Both of them"`, ". OK …")
}
