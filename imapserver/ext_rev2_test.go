package imapserver

import "testing"

// TestRev2 checks what ENABLE IMAP4rev2 changes (RFC 9051, appendix E).
func TestRev2(t *testing.T) {
	c := newTestServer(t, nil).session(t, 1)
	c.want("SEARCH ALL", "* SEARCH 1", ". OK …")
	c.want(`CREATE "b&AOU-t"`, ". OK …")
	c.want("FETCH 1 FLAGS", `* 1 FETCH (FLAGS (\Recent))`, ". OK …")
	c.want("ENABLE IMAP4rev2", "* ENABLED IMAP4rev2", ". OK …")
	c.want("SEARCH ALL", `* ESEARCH (TAG "…") ALL 1`, ". OK …")
	c.want("FETCH 1 FLAGS", `* 1 FETCH (FLAGS ())`, ". OK …")
	c.want(`LIST "" "båt"`, `* LIST (\HasNoChildren) "/" "båt"`, ". OK …")
	c.want("SELECT INBOX", "* OK [CLOSED] …", "* FLAGS …", "* OK [PERMANENTFLAGS …", "* 1 EXISTS", "* OK [UIDVALIDITY …",
		"* OK [UIDNEXT 2] …", "* OK [HIGHESTMODSEQ …", "* OK [MAILBOXID …", `* LIST () "/" INBOX`, ". OK [READ-WRITE] …")
}
