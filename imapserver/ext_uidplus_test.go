package imapserver

import "testing"

// TestUIDPlus checks UID EXPUNGE, APPENDUID and COPYUID (RFC 4315).
func TestUIDPlus(t *testing.T) {
	c := newTestServer(t, nil).session(t, 3)
	c.ok(`STORE 1,3 +FLAGS.SILENT (\Deleted)`)
	c.want("UID EXPUNGE 2:4294967295", "* 3 EXPUNGE", "* 2 RECENT", ". OK …")
	c.want("UID EXPUNGE 7", ". OK …")
	c.want("UID EXPUNGE x", ". BAD …")
	c.want("APPEND INBOX {1+}\r\nx", "* 3 EXISTS", "* 3 RECENT", ". OK [APPENDUID … 4] …")
	c.want("UID COPY 1,2,4 Trash", ". OK [COPYUID … 1:2,4 1:3] …")
	c.want("UID COPY 99 Trash", ". OK UID COPY completed")
	c.want("EXAMINE INBOX", "* OK [CLOSED] …", "* FLAGS …", "* OK [PERMANENTFLAGS ()] …", "* 3 EXISTS", "* 0 RECENT",
		"* OK [UNSEEN 1] …", "* OK [UIDVALIDITY …", "* OK [UIDNEXT 5] …", "* OK [HIGHESTMODSEQ …", "* OK [MAILBOXID …", ". OK [READ-ONLY] …")
	c.want("UID EXPUNGE 1:*", ". NO …")
}
