package imapserver

import (
	"strings"
	"testing"
)

// TestHide checks that what is hidden is as if it were not built in: for some users, and for some clients.
func TestHide(t *testing.T) {
	s := newTestServer(t, func(s *Server) {
		s.Hide = func(user string, client map[string]string) []string {
			switch {
			case strings.HasPrefix(client["name"], "Broken"):
				return []string{"condstore", "SORT", "No-Such-Thing"}
			case user == "user1@example.com":
				return []string{"MOVE"}
			}
			return nil
		}
	})
	usual := s.session(t, 1)
	restricted := s.session(t, 1)
	announced := func(c *client, name string) bool {
		return strings.Contains(c.ok("CAPABILITY")[0]+" ", " "+name+" ")
	}
	usual.want("MOVE 1 Sent", "* OK [COPYUID …", "* 1 EXPUNGE", "* 0 RECENT", ". OK …")
	if announced(restricted, "MOVE") || !announced(restricted, "QRESYNC") || !announced(usual, "MOVE") {
		t.Error("MOVE is hidden from the wrong one")
	}
	restricted.want("MOVE 1 Sent", ". BAD …")
	restricted.want("UID MOVE 1 Sent", ". BAD …")
	restricted.want("FETCH 1 MODSEQ", "* OK [HIGHESTMODSEQ …", "* 1 FETCH (MODSEQ (…))", ". OK …")

	c := s.login(t, 1)[0]
	c.append("INBOX", "", "x")
	c.ok(`ID ("NAME" "Broken Mail" "version" "1")`)
	for _, name := range []string{"CONDSTORE", "QRESYNC", "SORT", "SORT=DISPLAY", "ESORT"} {
		if announced(c, name) {
			t.Errorf("%s is announced", name)
		}
	}
	c.want("ENABLE QRESYNC CONDSTORE", "* ENABLED", ". OK …")
	c.want("SELECT INBOX (CONDSTORE)", ". BAD …")
	c.ok("SELECT INBOX")
	c.want("FETCH 1 MODSEQ", ". BAD …")
	c.want("SORT (DATE) UTF-8 ALL", ". BAD …")
	c.want("SEARCH MODSEQ 1", ". BAD …")
	c.want("STATUS INBOX (HIGHESTMODSEQ)", ". BAD …")
	c.want("MOVE 1 Sent", "* OK [COPYUID …", "* 1 EXPUNGE", "* 0 RECENT", ". OK …")
	c.ok(`ID ("name" "Better Mail")`)
	if !announced(c, "SORT") {
		t.Error("SORT stays hidden")
	}
}

// TestNeedsExist checks that what extensions need is announced by another.
func TestNeedsExist(t *testing.T) {
	for _, e := range extensions() {
		if e.needs == "" {
			continue
		}
		if left := visible(extensions(), []string{e.needs}); len(left) > len(extensions())-2 {
			t.Errorf("%s needs %s, and hiding that hides %d extensions", e.file, e.needs, len(extensions())-len(left))
		}
	}
}
