package imapserver

import "testing"

// TestReplace checks REPLACE, by number and by UID, within a mailbox and into another (RFC 8508).
func TestReplace(t *testing.T) {
	c := newTestServer(t, nil).session(t, 3)
	c.want(`REPLACE 2 INBOX (\Draft) {3+}`+"\r\nnew", "* OK [APPENDUID … 4] …", "* 2 EXPUNGE", "* 3 EXISTS", ". OK …")
	c.want("FETCH 3 (UID FLAGS BODY.PEEK[])", `* 3 FETCH (UID 4 FLAGS (\Draft \Recent) BODY[] {3}`+"\r\nnew)", ". OK …")
	c.want("UID REPLACE 4 Sent {4+}\r\nsent", "* OK [APPENDUID … 1] …", "* 3 EXPUNGE", "* 2 RECENT", ". OK …")
	c.want("REPLACE 1 missing {1}", ". NO [TRYCREATE] …")
	c.want("REPLACE 3 INBOX {1}", ". BAD …")
	c.want("REPLACE 0 INBOX {1+}\r\nx", ". BAD …")
	c.want("REPLACE 1:2 INBOX {1+}\r\nx", ". BAD …")
	c.want("REPLACE 1,2 INBOX {1+}\r\nx", ". BAD …")
	c.want("UID REPLACE 2 INBOX {1}", ". NO [NONEXISTENT] …")
	c.want("UID REPLACE * INBOX {1+}\r\nx", "* OK [APPENDUID … 5] …", "* 2 EXPUNGE", "* 2 EXISTS", ". OK …")
	c.want("UID SEARCH ALL", "* SEARCH 1 5", ". OK …")
	c.want("SEARCH RETURN (SAVE) 1", ". OK …")
	c.want("REPLACE $ INBOX {1+}\r\ny", ". BAD …")
	c.ok("EXAMINE INBOX")
	c.want("REPLACE 1 INBOX {1}", ". NO …")
}
