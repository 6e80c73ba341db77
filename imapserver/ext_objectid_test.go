package imapserver

import (
	"regexp"
	"strings"
	"testing"
)

// TestObjectID checks that identifiers are those of the storage, stay, and are found (RFC 8474).
func TestObjectID(t *testing.T) {
	c := newTestServer(t, nil).session(t, 2)
	id := func(line, item string) string {
		t.Helper()
		m := regexp.MustCompile(item + ` \(([A-Za-z0-9_-]+)\)`).FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("no %s in %q", item, line)
		}
		return m[1]
	}
	lines := c.ok("CREATE box")
	box := id(lines[0], "MAILBOXID")
	c.ok("RENAME box other")
	c.want("STATUS other (MAILBOXID)", "* STATUS other (MAILBOXID ("+box+"))", ". OK …")
	lines = c.ok("FETCH 1:2 (EMAILID THREADID)")
	one, two := id(lines[0], "EMAILID"), id(lines[1], "EMAILID")
	if one == two || !strings.HasSuffix(lines[0], " THREADID NIL)") {
		t.Errorf("%q", lines)
	}
	c.want("SEARCH EMAILID "+two, "* SEARCH 2", ". OK …")
	c.want("SEARCH OR EMAILID "+two+" EMAILID "+one, "* SEARCH 1 2", ". OK …")
	c.want("SEARCH EMAILID "+strings.ToLower(two), "* SEARCH", ". OK …") // case counts
	c.want("SEARCH EMAILID "+two[1:], "* SEARCH", ". OK …")
	c.want("SEARCH THREADID T1", "* SEARCH", ". OK …")
	c.want("SEARCH EMAILID a.b", ". BAD …")
	c.want("SEARCH EMAILID "+strings.Repeat("a", 256), ". BAD …")
	c.ok("COPY 2 other")
	if lines := c.ok("SELECT other"); !strings.Contains(strings.Join(lines, "\n"), "* OK [MAILBOXID ("+box+")]") {
		t.Errorf("%q", lines)
	}
	c.want("FETCH 1 EMAILID", "* 1 FETCH (EMAILID ("+two+"))", ". OK …")
}
