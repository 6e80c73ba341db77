package imapserver

import (
	"strings"
	"testing"
)

// TestOldViews checks that a silent session is ended when it alone keeps too much of how a mailbox was, and no sooner.
func TestOldViews(t *testing.T) {
	const messages = 200
	for _, test := range []struct {
		name  string
		limit int64
		ends  bool
	}{
		{"over the limit", 1, true},
		{"below the limit", 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newTestServer(t, func(s *Server) { s.Limits.OldViews = test.limit })
			both := s.login(t, 2)
			silent, busy := both[0], both[1]
			for range messages {
				busy.append("INBOX", "", "x")
			}
			silent.ok("SELECT INBOX")
			busy.ok("SELECT INBOX")
			for i := range changesPerSweep/messages + 1 {
				busy.ok([]string{`STORE 1:* +FLAGS.SILENT (\Seen)`, `STORE 1:* -FLAGS.SILENT (\Seen)`}[i%2])
			}
			busy.ok("NOOP")
			if !test.ends {
				silent.ok("NOOP")
				return
			}
			if got := silent.gone(); !strings.HasPrefix(got[len(got)-1], "* BYE [LIMIT]") {
				t.Errorf("%q", got)
			}
		})
	}
}
