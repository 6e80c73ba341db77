package imapservertest

import "testing"

func TestMatch(t *testing.T) {
	known := vars{"uid": "7", "h": "10"}
	for _, c := range []struct {
		pattern, response string
		want              bool
	}{
		{"* 3 EXISTS", "* 3 EXISTS", true},
		{"* 3 EXISTS", "* 4 EXISTS", false},
		{"* <num> EXISTS", "* 4 EXISTS", true},
		{"* ${new} EXISTS", "* 4 EXISTS", true},
		{"* ${h} EXISTS", "* 4 EXISTS", false},
		{"* ${n>h} EXISTS", "* 11 EXISTS", true},
		{"* ${n>h} EXISTS", "* 10 EXISTS", false},
		{"* ${n<=h} EXISTS", "* 10 EXISTS", true},
		{"* 1 FETCH (UID ${uid} FLAGS (\\Seen kw))", "* 1 FETCH (FLAGS (KW \\SEEN) MODSEQ (3) UID 7)", true},
		{"* 1 FETCH (FLAGS (\\Seen))", "* 1 FETCH (FLAGS (\\Seen kw))", false},
		{"* 1 FETCH (FLAGS (\\Seen ...))", "* 1 FETCH (FLAGS (kw \\Seen) UID 3)", true},
		{"* 1 FETCH (FLAGS (\\Seen) !MODSEQ)", "* 1 FETCH (FLAGS (\\Seen) MODSEQ (3))", false},
		{"* 1 FETCH (UID 7)", "* 1 FETCH (UID 7 FLAGS ())", false},
		{"* 1 FETCH (UID 7 ...)", "* 1 FETCH (UID 7 FLAGS ())", true},
		{"* 1 FETCH (UID 7 FLAGS ())", "* 1 FETCH (UID 7)", false},
		{`* 1 FETCH (BODY[TEXT] "x")`, "* 1 FETCH (BODY[TEXT] x)", false},
		{`* 1 FETCH (BODY[TEXT] <<"x\r\n">>)`, "* 1 FETCH (BODY[TEXT] {3}\r\nx\r\n)", true},
		{`* 1 FETCH (BODY[TEXT] <str>)`, "* 1 FETCH (BODY[TEXT] NIL)", false},
		{`* 1 FETCH (BODY[HEADER.FIELDS (TO)] <any>)`, `* 1 FETCH (BODY[HEADER.FIELDS ("To")] "")`, true},
		{`* 1 FETCH (INTERNALDATE "01-Feb-2020 10:00:00 +0000")`, `* 1 FETCH (INTERNALDATE " 1-Feb-2020 11:00:00 +0100")`, true},
		{`* 1 FETCH (INTERNALDATE "01-Feb-2020 10:00:00 +0000")`, `* 1 FETCH (INTERNALDATE " 1-Feb-2020 10:00:00 +0100")`, false},
		{"* OK [UIDNEXT 3]", "* OK [UIDNEXT 3] whatever", true},
		{"* OK [UIDNEXT 3]", "* OK whatever", false},
		{"* NO|BAD", "* BAD x", true},
		{"* NO|BAD", "* OK x", false},
		{"* OK [!TRYCREATE]", "* OK [TRYCREATE] x", false},
		{"* OK [!TRYCREATE]", "* OK x", true},
		{"* OK [COPYUID 1 1:2 5:6]", "* OK [COPYUID 1 1,2 5,6] x", true},
		{"* OK [COPYUID 1 1:2 5:6]", "* OK [COPYUID 1 1,2 6,5] x", false},
		{"* OK [PERMANENTFLAGS (\\* \\Seen ...)]", "* OK [PERMANENTFLAGS (\\Seen a \\*)] x", true},
		{"* VANISHED 1:3", "* VANISHED 3,1:2", true},
		{"* VANISHED (EARLIER) 1:3", "* VANISHED 1:3", false},
		{"* LIST (\\A \\B) \"/\" x", "* LIST (\\b \\a) \"/\" \"x\"", true},
		{"* LIST (\\A ...) \"/\" X", "* LIST (\\a) \"/\" x", false},
		{"* LIST () \"/\" inbox", "* LIST () \"/\" INBOX", true},
		{"* LIST (\\A|\\B) \"/\" x", "* LIST (\\B) \"/\" x", true},
		{"* LIST () \"/\" x", "* LIST () NIL x", false},
		{"* STATUS x (MESSAGES 1 UIDNEXT 2)", "* STATUS \"x\" (UIDNEXT 2 MESSAGES 1)", true},
		{"* STATUS x (MESSAGES 1)", "* STATUS x (MESSAGES 1 UIDNEXT 2)", false},
		{"* ESEARCH (TAG .) COUNT 3 MIN 1", `* ESEARCH (TAG "t") MIN 1 COUNT 3`, true},
		{"* ESEARCH (TAG .) COUNT 3", `* ESEARCH (TAG "u") COUNT 3`, false},
		{"* ESEARCH (TAG .) UID ALL 1:3", `* ESEARCH (TAG "t") ALL 1:3`, false},
		{"* SEARCH 3 1 2", "* SEARCH 1 2 3", true},
		{"* SEARCH", "* SEARCH 1", false},
		{"* CAPABILITY IDLE ...", "* CAPABILITY IMAP4rev1 IDLE", true},
		{"* CAPABILITY IDLE", "* CAPABILITY IMAP4rev1 IDLE", false},
		{"+", "+ ok", true},
		{"+ ok", "+ no", false},
	} {
		pattern, err := parsePattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		r, err := parseResponse([]byte(c.response))
		if err != nil {
			t.Errorf("%s: %v", c.response, err)
			continue
		}
		copied := vars{}
		for k, v := range known {
			copied[k] = v
		}
		if got := pattern.tag == r.tag && match(pattern, r, copied, "t"); got != c.want {
			t.Errorf("%s against %s: got %v", c.pattern, c.response, got)
		}
		if !c.want && len(copied) != len(known) {
			t.Errorf("%s against %s: captured %v although it does not match", c.pattern, c.response, copied)
		}
	}
}

func TestExpand(t *testing.T) {
	v := vars{"n": "41", "box": "x", "size:a.eml": "3"}
	for in, want := range map[string]string{
		"STORE ${n} FLAGS ($Junk $)": "STORE 41 FLAGS ($Junk $)", "FETCH ${n+1}": "FETCH 42", "${box}/${size:a.eml}": "x/3",
	} {
		if got, err := v.expand(in); err != nil || got != want {
			t.Errorf("%s: got %s, %v", in, got, err)
		}
	}
	for _, bad := range []string{"${missing}", "${box+1}"} {
		if got, err := v.expand(bad); err == nil {
			t.Errorf("%s: got %s", bad, got)
		}
	}
}
