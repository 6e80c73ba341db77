package imapserver

import (
	"fmt"
	"strings"
	"testing"
)

// TestCatenate makes several messages at once, replaces one by its own pieces, and meets the limits.
func TestCatenate(t *testing.T) {
	s := newTestServer(t, func(s *Server) { s.Limits.MessageSize = 100_000 })
	c := s.session(t, 0)
	large := "Subject: large\r\n\r\n" + strings.Repeat("x", 60_000)
	c.append("INBOX", "", large)
	c.ok("NOOP")
	c.want(`APPEND INBOX CATENATE (URL ";UID=1" URL ";UID=1")`, ". NO [TOOBIG] …")
	c.want(`APPEND INBOX CATENATE (URL ";UID=1" TEXT {50000}`, ". NO [TOOBIG] …")
	c.want("APPEND INBOX CATENATE (TEXT {0+}\r\n)", ". NO …")
	c.want("APPEND INBOX CATENATE (URL \";UID=1/;SECTION=HEADER\" URL \";UID=1/;PARTIAL=18.3\") (\\Seen) {5+}\r\nS: x\n", "* 3 EXISTS", "* 3 RECENT", ". OK [APPENDUID …")
	c.want("FETCH 2:3 (BODY.PEEK[])", "* 2 FETCH (BODY[] {21}\r\nSubject: large\r\n\r\nxxx)", "* 3 FETCH (BODY[] {6}\r\nS: x\r\n)", ". OK …")
	lines := c.ok("REPLACE 2 INBOX CATENATE (URL \";UID=2\" TEXT {1+}\r\ny)")
	if all := strings.Join(lines, "\n"); !strings.Contains(all, "* 2 EXPUNGE") || !strings.Contains(all, "[APPENDUID ") {
		t.Errorf("%q", lines)
	}
	c.want("UID FETCH 4 (BODY.PEEK[])", "* 3 FETCH (UID 4 BODY[] {22}\r\nSubject: large\r\n\r\nxxxy)", ". OK …")
	c.want(fmt.Sprintf("APPEND INBOX CATENATE (%s)", strings.TrimSpace(strings.Repeat(`URL ";UID=4/;PARTIAL=0.1" `, 1001))), ". BAD …")
	c.want(`APPEND INBOX CATENATE (URL ";UID=4/;SECTION=1/]")`, ". NO [BADURL ;UID=4/;SECTION=1/?] …")
	c.ok("ENABLE UIDONLY")
	c.ok("APPEND INBOX CATENATE (URL \";UID=4\")")
}

func TestMessageURL(t *testing.T) {
	for _, url := range []string{"", "/", "/;UID=1", "INBOX", "/INBOX", "/INBOX;UID=1", "/INBOX/;UID=0", "/INBOX/;UID=+1", "/INBOX/;UID=99999999999", "/INBOX;UIDVALIDITY=0/;UID=1",
		"/INBOX/;UID=1/;SECTION=NONSENSE", "/INBOX/;UID=1/;SECTION=1%0D%0A", "/INBOX/;UID=1/;SECTION=HEADER.FIELDS%20({1}", "/INBOX/;UID=1/;PARTIAL=1.0",
		"/INBOX/;UID=1/;PARTIAL=x", "/IN%BOX/;UID=1", "/a%00/;UID=1", "imap://example.org/INBOX/;UID=1/;SECTION=;", "/INBOX/;UID=1;URLAUTH=anonymous"} {
		if u, ok := parseMessageURL(url); ok && !strings.HasPrefix(url, "imap:") {
			t.Errorf("%q: %+v", url, u)
		}
	}
	u, ok := parseMessageURL("/gr%C3%B6%C3%9Fe/sub;uidvalidity=7/;uid=8/;section=1.2.MIME/;partial=10.20")
	if !ok || !u.absolute || u.mailbox != "größe/sub" || u.validity != 7 || u.uid != 8 || len(u.section.path) != 2 || u.section.partial != (partial{10, 20}) {
		t.Errorf("%+v", u)
	}
}

func FuzzMessageURL(f *testing.F) {
	f.Add("/INBOX;UIDVALIDITY=1/;UID=2/;SECTION=1.HEADER.FIELDS%20(To)/;PARTIAL=0.100")
	f.Add(";UID=2/;SECTION=")
	f.Fuzz(func(t *testing.T, url string) {
		if u, ok := parseMessageURL(url); ok && u.uid == 0 {
			t.Errorf("%+v", u)
		}
	})
}
