package imapserver

import (
	"strings"
	"testing"
	"time"
)

// TestSaveDate checks that a message has the time at which it came into its mailbox, whatever its INTERNALDATE (RFC 8514).
func TestSaveDate(t *testing.T) {
	c := newTestServer(t, nil).session(t, 0)
	before := time.Now().UTC().Add(-time.Second)
	c.want(`APPEND INBOX "01-Feb-2020 10:00:00 +0000" {1+}`+"\r\nx", "* 1 EXISTS", "* 1 RECENT", ". OK …")
	line := c.ok("FETCH 1 SAVEDATE")[0]
	text := strings.TrimSuffix(strings.TrimPrefix(line, `* 1 FETCH (SAVEDATE "`), `")`)
	saved, err := time.Parse("_2-Jan-2006 15:04:05 -0700", text)
	if err != nil || saved.Before(before.Truncate(time.Second)) || saved.After(time.Now()) {
		t.Errorf("%q: %v", line, err)
	}
	today, tomorrow := saved.Format("2-Jan-2006"), saved.AddDate(0, 0, 1).Format("2-Jan-2006")
	for key, want := range map[string]string{
		"SAVEDON " + today: " 1", "SAVEDSINCE " + today: " 1", "SAVEDBEFORE " + today: "", "SAVEDBEFORE " + tomorrow: " 1",
		"SAVEDSINCE " + tomorrow: "", "SAVEDATESUPPORTED": " 1", "NOT SAVEDATESUPPORTED": "", "ON 1-Feb-2020": " 1",
	} {
		c.want("SEARCH "+key, "* SEARCH"+want, ". OK …")
	}
	c.want("SEARCH SAVEDON today", ". BAD …")
}
