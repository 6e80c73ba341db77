package imapserver

import "testing"

// TestPartial checks pieces of results, from both ends, alone and with other options (RFC 9394).
func TestPartial(t *testing.T) {
	c := newTestServer(t, nil).session(t, 10)
	c.ok(`STORE 3 +FLAGS (\Deleted)`)
	c.ok("UID EXPUNGE 3") // sequence numbers 3 to 9 have the UIDs 4 to 10
	for _, s := range []struct{ options, want string }{
		{"PARTIAL 1:3", "PARTIAL (1:3 1:2,4)"},
		{"PARTIAL 3:1", "PARTIAL (3:1 1:2,4)"},
		{"PARTIAL 8:500", "PARTIAL (8:500 9:10)"},
		{"PARTIAL 10:20", "PARTIAL (10:20 NIL)"},
		{"PARTIAL -1:-2", "PARTIAL (-1:-2 9:10)"},
		{"PARTIAL -2:-1", "PARTIAL (-2:-1 9:10)"},
		{"PARTIAL -8:-4000000000", "PARTIAL (-8:-4000000000 1:2)"},
		{"PARTIAL -10:-11", "PARTIAL (-10:-11 NIL)"},
		{"MIN PARTIAL 4:4 MAX", "MIN 1 MAX 10 PARTIAL (4:4 5)"},
		{"COUNT PARTIAL 4:4", "COUNT 9 PARTIAL (4:4 5)"},
	} {
		c.want("UID SEARCH RETURN ("+s.options+") ALL", "* ESEARCH (TAG …) UID "+s.want, ". OK …")
	}
	c.want("SEARCH RETURN (PARTIAL 3:4) ALL", "* ESEARCH (TAG …) PARTIAL (3:4 3:4)", ". OK …")
	c.want("SEARCH RETURN (PARTIAL 1:2) DELETED", "* ESEARCH (TAG …) PARTIAL (1:2 NIL)", ". OK …")
	for _, options := range []string{"PARTIAL", "PARTIAL 0:1", "PARTIAL 1", "PARTIAL -1:2", "PARTIAL 1:-2", "ALL PARTIAL 1:2", "PARTIAL 1:2 PARTIAL 3:4"} {
		c.want("SEARCH RETURN ("+options+") ALL", ". BAD …")
	}
	// What is saved: RFC 9394, section 3.2.
	for _, s := range []struct{ options, want string }{
		{"SAVE PARTIAL 2:3", " 2 4"}, {"SAVE PARTIAL 2:3 MIN", " 1 2 4"}, {"SAVE PARTIAL 2:3 MAX", " 2 4 10"},
		{"SAVE PARTIAL 2:3 MIN MAX", " 1 2 4 10"}, {"SAVE PARTIAL 2:3 COUNT", " 1 2 4 5 6 7 8 9 10"},
	} {
		c.ok("UID SEARCH RETURN (" + s.options + ") ALL")
		c.want("UID SEARCH $", "* SEARCH"+s.want, ". OK …")
	}
	c.want("UID FETCH 4:8 UID (PARTIAL 1:2)", "* 3 FETCH (UID 4)", "* 4 FETCH (UID 5)", ". OK …")
	c.want("UID FETCH 1:* UID (PARTIAL -1:-1)", "* 9 FETCH (UID 10)", ". OK …")
	c.want("UID FETCH 1:* UID (PARTIAL 20:30)", ". OK …")
	c.want("FETCH 1:* UID (PARTIAL 1:2)", ". BAD …")
}
