package imapserver

import (
	"fmt"
	"strings"
	"testing"
)

// TestSections checks sections of a message with parts, whole and in pieces (RFC 9051, section 6.4.5.1).
func TestSections(t *testing.T) {
	c := newTestServer(t, nil).session(t, 0)
	const inner = "Subject: inner\r\n\r\ninner text\r\n"
	const message = "Subject: outer\r\nTo: a@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n" +
		"--b\r\nContent-Type: text/plain\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner + "\r\n--b--\r\n"
	c.append("INBOX", "", message)
	_, body, _ := strings.Cut(message, "\r\n\r\n")
	for section, want := range map[string]string{
		"BODY.PEEK[]":                                    "BODY[] " + lit(message),
		"BODY.PEEK[TEXT]":                                "BODY[TEXT] " + lit(body),
		"BODY.PEEK[1]":                                   "BODY[1] " + lit("one"),
		"BODY.PEEK[1.MIME]":                              "BODY[1.MIME] " + lit("Content-Type: text/plain\r\n\r\n"),
		"BODY.PEEK[2]":                                   "BODY[2] " + lit(inner),
		"BODY.PEEK[2.HEADER]":                            "BODY[2.HEADER] " + lit("Subject: inner\r\n\r\n"),
		"BODY.PEEK[2.TEXT]":                              "BODY[2.TEXT] " + lit("inner text\r\n"),
		"BODY.PEEK[2.1]":                                 "BODY[2.1] " + lit("inner text\r\n"),
		"BODY.PEEK[3]":                                   "BODY[3] NIL",
		"BODY.PEEK[1.HEADER]":                            "BODY[1.HEADER] NIL",
		"BODY.PEEK[]<3.5>":                               "BODY[]<3> " + lit(message[3:8]),
		"BODY.PEEK[]<100000.5>":                          "BODY[]<100000> " + lit(""),
		"BODY.PEEK[1]<1.9223372036854775807>":            "BODY[1]<1> " + lit("ne"),
		"BODY.PEEK[HEADER.FIELDS (subject x)]":           "BODY[HEADER.FIELDS (subject x)] " + lit("Subject: outer\r\n\r\n"),
		`BODY.PEEK[HEADER.FIELDS ("To")]<4.3>`:           "BODY[HEADER.FIELDS (To)]<4> " + lit("a@e"),
		"BODY.PEEK[HEADER.FIELDS.NOT (To Content-Type)]": "BODY[HEADER.FIELDS.NOT (To Content-Type)] " + lit("Subject: outer\r\n\r\n"),
		"BODY.PEEK[2.HEADER.FIELDS (Subject)]":           "BODY[2.HEADER.FIELDS (Subject)] " + lit("Subject: inner\r\n\r\n"),
		"BODY.PEEK[2.HEADER.FIELDS.NOT (Subject)]<0.1>":  "BODY[2.HEADER.FIELDS.NOT (Subject)]<0> " + lit("\r"),
		"RFC822.HEADER":                                  "RFC822.HEADER " + lit(strings.TrimSuffix(message, body)),
		"(BODY.PEEK[1] RFC822.SIZE)":                     "BODY[1] " + lit("one") + fmt.Sprintf(" RFC822.SIZE %d", len(message)),
	} {
		c.want("FETCH 1 "+section, "* 1 FETCH ("+want+")", ". OK …")
	}
	for _, section := range []string{"BODY[0]", "BODY[1.]", "BODY[MIME]", "BODY[1.NONSENSE]", "BODY[NONSENSE]", "BODY[HEADER.FIELDS]",
		"BODY[HEADER.FIELDS ()]", "BODY[", "BODY[]<1>", "BODY[]<1.0>", "BODY[]<-1.2>", "BODY.PEEK", "RFC822.PEEK", "(ALL)", "()"} {
		c.want("FETCH 1 "+section, ". BAD …")
	}
	c.want("FETCH 1 FLAGS", `* 1 FETCH (FLAGS (\Recent))`, ". OK …") // PEEK has set nothing
	c.want("FETCH 1 RFC822.TEXT", `* 1 FETCH (FLAGS (\Seen \Recent) RFC822.TEXT `+lit(body)+")", ". OK …")
	c.want("FETCH 1 BODY[1]", `* 1 FETCH (BODY[1] `+lit("one")+")", ". OK …")
}

func lit(s string) string { return fmt.Sprintf("{%d}\r\n%s", len(s), s) }

// TestLargeHeader checks fields of a header that is too large to be kept in memory.
func TestLargeHeader(t *testing.T) {
	c := newTestServer(t, nil).session(t, 0)
	var fields strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&fields, "X-Field: %d %s\r\n", i, strings.Repeat("y", 60))
	}
	wanted := fields.String() + "\r\n"
	if len(wanted) <= maxCollected {
		t.Fatal("the header is not large")
	}
	c.append("INBOX", "", "Subject: x\r\n"+wanted+"text\r\n")
	c.want("FETCH 1 BODY.PEEK[HEADER.FIELDS (X-Field)]", "* 1 FETCH (BODY[HEADER.FIELDS (X-Field)] "+lit(wanted)+")", ". OK …")
	c.want("FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (Subject)]<200000.1000>",
		"* 1 FETCH (BODY[HEADER.FIELDS.NOT (Subject)]<200000> "+lit(wanted[200000:201000])+")", ". OK …")
	c.want("SEARCH HEADER X-Field 39", "* SEARCH 1", ". OK …")
}

// TestSeen checks that texts of many messages are marked in steps, and news of others told beside.
func TestSeen(t *testing.T) {
	c := newTestServer(t, nil).session(t, 0)
	n := 2*seenBatch + 5
	for range n {
		c.append("INBOX", "", "x")
	}
	c.ok(`STORE 3 +FLAGS.SILENT (\Seen)`)
	lines := c.ok("FETCH 1:* BODY[]")
	for i := range n {
		want := fmt.Sprintf(`* %d FETCH (FLAGS (\Seen \Recent) BODY[] {1}`+"\r\nx)", i+1)
		if i == 2 {
			want = "* 3 FETCH (BODY[] {1}\r\nx)"
		}
		if lines[i] != want {
			t.Errorf("%q, want %q", lines[i], want)
		}
	}
	c.want("STATUS INBOX (UNSEEN)", "* STATUS INBOX (UNSEEN 0)", ". OK …")
}
