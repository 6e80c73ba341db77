package imapserver

import "testing"

// TestESearch checks the result options (RFC 4731).
func TestESearch(t *testing.T) {
	c := newTestServer(t, nil).session(t, 5)
	c.ok(`STORE 3 +FLAGS.SILENT (\Deleted)`)
	c.ok("EXPUNGE")
	c.want("SEARCH RETURN () ALL", `* ESEARCH (TAG "…") ALL 1:4`, ". OK …")
	c.want("UID SEARCH RETURN (MIN MAX COUNT ALL) UNDELETED", `* ESEARCH (TAG "…") UID MIN 1 MAX 5 COUNT 4 ALL 1:2,4:5`, ". OK …")
	c.want("SEARCH RETURN (MIN COUNT) DELETED", `* ESEARCH (TAG "…") COUNT 0`, ". OK …")
	c.want("SEARCH RETURN (NONSENSE) ALL", ". BAD …")
	c.want("UID SEARCH RETURN (MAX) MODSEQ 1", "* OK [HIGHESTMODSEQ …", `* ESEARCH (TAG "…") UID MAX 5 MODSEQ …`, ". OK …")
}
