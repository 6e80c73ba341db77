package imapserver

import (
	"testing"
	"time"
)

// TestWithin checks SEARCH by age (RFC 5032).
func TestWithin(t *testing.T) {
	c := newTestServer(t, nil).session(t, 0)
	for _, age := range []time.Duration{time.Hour, 48 * time.Hour} {
		date := time.Now().Add(-age).UTC().Format(`"02-Jan-2006 15:04:05 +0000"`)
		c.want("APPEND INBOX "+date+" {1+}\r\nx", "* … EXISTS", "* … RECENT", ". OK …")
	}
	for _, s := range []struct{ key, want string }{
		{"YOUNGER 3000", ""}, {"YOUNGER 4000", " 1"}, {"YOUNGER 4000000000", " 1 2"},
		{"OLDER 3000", " 1 2"}, {"OLDER 4000", " 2"}, {"OLDER 4000000000", ""}, {"OLDER 3000 YOUNGER 4000", " 1"}, {"NOT OLDER 4000", " 1"},
	} {
		c.want("SEARCH "+s.key, "* SEARCH"+s.want, ". OK …")
	}
	c.want("SEARCH OLDER 0", ". BAD …")
	c.want("SEARCH YOUNGER", ". BAD …")
}
