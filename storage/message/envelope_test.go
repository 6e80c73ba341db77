package message

import (
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	const missing = `"MISSING_MAILBOX" "MISSING_DOMAIN")`
	tests := []struct{ in, want string }{
		{"", ""},
		{" (only a comment) ", ""},
		{"a@b", `(NIL NIL "a" "b")`},
		{"<a@b>", `(NIL NIL "a" "b")`},
		{"Alice <a@b>", `("Alice" NIL "a" "b")`},
		{`"Alice \"A\" B." <a@b>`, `("Alice \"A\" B." NIL "a" "b")`},
		{"a@b (Alice)", `("Alice" NIL "a" "b")`},
		{"a@b (nested (comment) \\) x)", `("nested (comment) ) x" NIL "a" "b")`},
		{"Alice   B.\r\n\tC <a@b>", `("Alice B. C" NIL "a" "b")`},
		{`"Alice,` + "\r\n" + ` B" <a@b>`, `("Alice, B" NIL "a" "b")`},
		{"a @ b . c", `(NIL NIL "a" "b.c")`},
		{"a(x)@(y)b(z)", `("z" NIL "a" "b")`},
		{"a@[192.0.2.1]", `(NIL NIL "a" "[192.0.2.1]")`},
		{`"a b"@c`, `(NIL NIL "a b" "c")`},
		{"a..b.@c", `(NIL NIL "a..b." "c")`},
		{"a@b, c@d , E <e@f>", `(NIL NIL "a" "b")(NIL NIL "c" "d")("E" NIL "e" "f")`},
		{"a@b,, c@d", `(NIL NIL "a" "b")(NIL NIL ` + missing + `(NIL NIL "c" "d")`},
		{"<@x,@y:a@b>", `(NIL "@x,@y" "a" "b")`},
		{"<@x a@b>", `(NIL "INVALID_ROUTE" "a" "b")`},
		{"X <a@b", `("X" NIL "a" "SYNTAX_ERROR")`},
		{"<>", `(NIL NIL ` + missing},
		{"X <>", `("X" NIL ` + missing},
		{"user", `(NIL NIL "user" "MISSING_DOMAIN")`},
		{"two words", `("two words" NIL ` + missing},
		{`"quoted"`, `("quoted" NIL ` + missing},
		{"@b", `(NIL NIL "MISSING_MAILBOX" "b")`},
		{"a@", `(NIL NIL "a" "MISSING_DOMAIN")`},
		{"a@b c@d", `(NIL NIL "a" "b")`},
		{"x@y; z@w", `(NIL NIL "x" "y")`},
		{"undisclosed-recipients:;", `(NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL)`},
		{"G H: a@b, C <c@d>; e@f", `(NIL NIL "G H" NIL)(NIL NIL "a" "b")("C" NIL "c" "d")(NIL NIL NIL NIL)`},
		{"G: a@b;, e@f", `(NIL NIL "G" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL)(NIL NIL "e" "f")`},
		{"G: a@b", `(NIL NIL "G" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL)`},
		{"G: H: a@b;;", `(NIL NIL "G" NIL)(NIL NIL "H" "MISSING_DOMAIN")(NIL NIL NIL NIL)`},
		{"(unclosed a@b", ""},
		{`"unclosed a@b`, `(NIL NIL ` + missing},
		{"a@b (unclosed", `(NIL NIL "a" "MISSING_DOMAIN")`},
		{"\xc3\xa9 <a@b>", "({2}\r\n\xc3\xa9 NIL \"a\" \"b\")"},
		{"\"a\x00b\" <a@b>", "({5}\r\na\uFFFDb NIL \"a\" \"b\")"},
		{"=?utf-8?q?A?= <a@b>", `("=?utf-8?q?A?=" NIL "a" "b")`},
	}
	for _, test := range tests {
		list := addressList{left: maxAddresses}
		if got := string(list.parse(nil, []byte(test.in))); got != test.want {
			t.Errorf("%q\n got %s\nwant %s", test.in, got, test.want)
		}
	}
}

func TestEnvelope(t *testing.T) {
	tests := []struct{ name, header, want string }{
		{"nothing", "X: y\n", nilEnvelope},
		// RFC 9051, section 8, with the date as in the message.
		{"RFC 9051", `Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
From: Terry Gray <gray@cac.washington.edu>
Subject: IMAP4rev2 WG mtg summary and minutes
To: imap@cac.washington.edu
cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
Message-Id: <B27397-0100000@cac.washington.edu>
`, `("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" ` +
			`(("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) ` +
			`(("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) ` +
			`((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "<B27397-0100000@cac.washington.edu>")`},
		{"own sender and reply-to", "From: a@b\nSender: c@d\nReply-To: e@f\n",
			`(NIL NIL ((NIL NIL "a" "b")) ((NIL NIL "c" "d")) ((NIL NIL "e" "f")) NIL NIL NIL NIL NIL)`},
		{"empty sender", "From: a@b\nSender:\nReply-To: ()\n",
			`(NIL NIL ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL)`},
		{"sender written as from", "Sender: a@b\nFrom: a@b\n",
			`(NIL NIL ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL)`},
		{"repeated fields", "To: a@b\nSubject: 1\nTo: c@d\nSubject: 2\nDate: x\nDate: y\n",
			`("y" "2" NIL NIL NIL ((NIL NIL "a" "b")(NIL NIL "c" "d")) NIL NIL NIL NIL)`},
		{"white space", "Subject:  a\n\t b  \nMessage-ID: <a\n @b>\nIn-Reply-To:\n <c>\n",
			`(NIL "a b" NIL NIL NIL NIL NIL NIL " <c>" "<a @b>")`},
		{"name with space before the colon", "Subject : x\n", `(NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL)`},
		{"empty subject", "Subject:\n", `(NIL "" NIL NIL NIL NIL NIL NIL NIL NIL)`},
		{"8-bit subject", "Subject: \xff\n", "(NIL {1}\r\n\xff NIL NIL NIL NIL NIL NIL NIL NIL)"},
		{"specials", `Subject: a "b" \c` + "\n", `(NIL "a \"b\" \\c" NIL NIL NIL NIL NIL NIL NIL NIL)`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := checkSummary(t, []byte(test.header+"\n"))
			if got := string(s.AppendEnvelope(nil)); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestParseDate(t *testing.T) {
	tests := []struct {
		in   string
		unix int64
		zone int
		day  string // as written
	}{
		{"Thu, 1 Jan 1970 00:00:00 +0000", 0, 0, "1970-01-01"},
		{"1 Jan 1970 00:00 GMT", 0, 0, "1970-01-01"},
		{"Wed, 31 Dec 1969 23:59:59 -0100", 3599, -60, "1969-12-31"},
		{"Mon, 29 Feb 2016 12:00:00 +0530 (IST)", 1456727400, 330, "2016-02-29"},
		{"29 feb 16 12.00 PST", 1456776000, -480, "2016-02-29"},
		{"Fri, 21 Nov 97 09(comment):55 : 06 -0600", 880127706, -360, "1997-11-21"},
		{"1 January 1970 00:00 nowhere", 0, 0, "1970-01-01"},
		{"1 Jan 1970 00:00", 0, 0, "1970-01-01"},
		{"", -1, 0, ""},
		{"today", -1, 0, ""},
		{"Thu 1 Jan 1970 00:00:00 +0000", -1, 0, ""},
		{"31 Feb 1970 00:00", -1, 0, ""},
		{"29 Feb 1900 00:00", -1, 0, ""},
		{"1 Jan 1899 00:00", -1, 0, ""},
		{"1 Foo 1970 00:00", -1, 0, ""},
		{"1 Jan 1970 24:00", -1, 0, ""},
		{"1 Jan 1970 00:60", -1, 0, ""},
		{"1 Jan 197 00:00", -1, 0, ""},
		{"1 Jan 99999999999999999999 00:00", -1, 0, ""},
	}
	for _, test := range tests {
		d, ok := ParseDate([]byte(test.in))
		if !ok {
			if test.day != "" {
				t.Errorf("%q cannot be read", test.in)
			}
			continue
		}
		if d.Unix != test.unix || d.Zone != test.zone || dayString(d.Day()) != test.day {
			t.Errorf("%q: %+v, day %s", test.in, d, dayString(d.Day()))
		}
	}
}

func TestSent(t *testing.T) {
	s, _ := SummarizeBytes([]byte("Date: 1 Jan 1970 00:00 +0100\nDate: 2 Jan 2000 00:00\n\n"))
	if d, ok := s.Sent(); !ok || d.Unix != -3600 || d.Day() != 0 {
		t.Errorf("%+v %v: not the first Date", d, ok)
	}
	s, _ = SummarizeBytes([]byte("Date: soon\n\n"))
	if _, ok := s.Sent(); ok {
		t.Error("a date from nothing")
	}
}

func TestAddressLimit(t *testing.T) {
	s := checkSummary(t, []byte("To: "+strings.Repeat("a,", 2*maxAddresses)+"\n\n"))
	if n := strings.Count(string(s.AppendEnvelope(nil)), `"a"`); n != maxAddresses {
		t.Errorf("%d addresses", n)
	}
}
