package imapserver

import "testing"

// TestMove checks MOVE, by number and by UID, also within one mailbox (RFC 6851).
func TestMove(t *testing.T) {
	c := newTestServer(t, nil).session(t, 4)
	c.want("MOVE 2:3 Trash", "* OK [COPYUID … 2:3 1:2] …", "* 2 EXPUNGE", "* 2 EXPUNGE", "* 2 RECENT", ". OK …")
	c.want("UID MOVE 2 Trash", ". OK …")
	c.want("MOVE 1 missing", ". NO [TRYCREATE] …")
	c.want("MOVE 3 Trash", ". BAD …")
	c.want("UID MOVE 1 INBOX", "* OK [COPYUID … 1 5] …", "* 1 EXPUNGE", "* 2 EXISTS", ". OK …")
	c.want("UID SEARCH ALL", "* SEARCH 4 5", ". OK …")
}
