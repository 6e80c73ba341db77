package imapserver

import "testing"

// TestSearchRes checks "$" (RFC 5182; RFC 9051, section 6.4.4.1).
func TestSearchRes(t *testing.T) {
	s := newTestServer(t, nil)
	c := s.session(t, 5)
	c.want("FETCH $ UID", ". OK …") // empty, but allowed
	c.want("SEARCH RETURN (SAVE) 2:4", ". OK …")
	c.want("FETCH $ UID", "* 2 FETCH (UID 2)", "* 3 FETCH (UID 3)", "* 4 FETCH (UID 4)", ". OK …")
	c.want("UID STORE 3 +FLAGS.SILENT (\\Deleted)", ". OK …")
	c.want("UID EXPUNGE $", "* 3 EXPUNGE", "* 4 RECENT", ". OK …")
	c.want("UID SEARCH UID $", "* SEARCH 2 4", ". OK …")
	c.want("UID SEARCH OR $ 1", "* SEARCH 1 2 4", ". OK …")
	c.want("SEARCH RETURN (SAVE MIN MAX) ALL", `* ESEARCH (TAG "…") MIN 1 MAX 4`, ". OK …")
	c.want("UID SEARCH $", "* SEARCH 1 5", ". OK …")
	c.want("SEARCH RETURN (SAVE COUNT MIN) ALL", `* ESEARCH (TAG "…") MIN 1 COUNT 4`, ". OK …")
	c.want("UID COPY $ Trash", ". OK [COPYUID … 1:2,4:5 1:4] …")
	c.want("SEARCH RETURN (SAVE) CHARSET NONSENSE ALL", ". NO [BADCHARSET …")
	c.want("SEARCH $", "* SEARCH", ". OK …")
	c.want("SEARCH RETURN (SAVE) ALL", ". OK …")
	c.ok("SELECT INBOX")
	c.want("SEARCH $", "* SEARCH", ". OK …")
}
