package imapserver

import (
	"fmt"
	"testing"
)

// TestI18NLevel checks that texts are compared by i;unicode-casemap: without regard to case, and to whether characters are composed
// (RFC 5255, section 4.2).
func TestI18NLevel(t *testing.T) {
	c := newTestServer(t, nil).login(t, 1)[0]
	for _, subject := range []string{"Ärger", "A\u0308RGER again", "ΣΊΣΥΦΟΣ", "ﬁne", "zebra", "_under"} {
		text := "Subject: " + subject + "\r\n\r\n" + subject
		c.ok(fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(text), text))
	}
	c.ok("SELECT INBOX")
	search := func(key, text, want string) {
		t.Helper()
		c.want(fmt.Sprintf("SEARCH CHARSET UTF-8 %s {%d+}\r\n%s", key, len(text), text), "* SEARCH"+want, ". OK …")
	}
	for _, key := range []string{"SUBJECT", "TEXT"} {
		search(key, "äRG", " 1 2")
		search(key, "a\u0308rg", " 1 2")
		search(key, "σίσυφος", " 3")
		search(key, "FINE", " 4")
	}
	c.want("SORT (SUBJECT) UTF-8 ALL", "* SORT 1 2 4 5 6 3", ". OK …") // "_" follows "Z"
}
