package imapservertest

import (
	"strings"
	"testing"
)

// uidOnlySession is in a mailbox of three messages with UIDs 4, 6 and 9.
func uidOnlySession(t *testing.T) *session {
	t.Helper()
	s := &session{translates: true}
	if err := play(t, &s.mirror, opened+"S * 1 FETCH (UID 4)\nS * 2 FETCH (UID 6)\nS * 3 FETCH (UID 9)\nC e ENABLE UIDONLY\nS * ENABLED UIDONLY\nS e OK x"); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestByUID checks what becomes of commands with message numbers.
func TestByUID(t *testing.T) {
	s := uidOnlySession(t)
	for _, c := range []struct{ sent, want string }{
		{"a FETCH 1:3 (FLAGS)", "a UID FETCH 4,6,9 (FLAGS)"},
		{"a FETCH 3,1 BODY[1]", "a UID FETCH 9,4 BODY[1]"},
		{"a FETCH 2:* FLAGS", "a UID FETCH 6:* FLAGS"},
		{"a fetch * FLAGS", "a UID fetch * FLAGS"},
		{"a FETCH $ FLAGS", "a UID FETCH $ FLAGS"},
		{"a FETCH 0 FLAGS", "a UID FETCH 0 FLAGS"},
		{"a FETCH 4294967296 FLAGS", "a UID FETCH 4294967296 FLAGS"},
		{"a STORE 2 +FLAGS (2)", "a UID STORE 6 +FLAGS (2)"},
		{"a COPY 1:2 3", "a UID COPY 4,6 3"},
		{"a REPLACE 3 INBOX <<+\"x 1\">>", "a UID REPLACE 9 INBOX <<+\"x 1\">>"},
		{"a SEARCH 2 LARGER 3 UID 1", "a UID SEARCH UID 6 LARGER 3 UID 1"},
		{"a SEARCH RETURN (PARTIAL 1:2) CHARSET 1 NOT (OR 1 2:*)", "a UID SEARCH RETURN (PARTIAL 1:2) CHARSET 1 NOT (OR UID 4 UID 6:*)"},
		{"a SEARCH SUBJECT \"1 \\\" 2\" HEADER 1 <<\"2 3\">> 3", "a UID SEARCH SUBJECT \"1 \\\" 2\" HEADER 1 <<\"2 3\">> UID 9"},
		{"a SEARCH MODSEQ 1 MODSEQ \"/flags/\\\\seen\" all 2 3", "a UID SEARCH MODSEQ 1 MODSEQ \"/flags/\\\\seen\" all 2 UID 9"},
		{"a UID SORT RETURN () (DATE) UTF-8 1", "a UID SORT RETURN () (DATE) UTF-8 UID 4"},
		{"a THREAD REFERENCES UTF-8 2", "a UID THREAD REFERENCES UTF-8 UID 6"},
		{"a UID FETCH 1 FLAGS", "a UID FETCH 1 FLAGS"},
		{"a STATUS 1 (MESSAGES)", "a STATUS 1 (MESSAGES)"},
	} {
		if got, err := s.byUID(c.sent); err != nil || got != c.want {
			t.Errorf("%s: got %s, %v, want %s", c.sent, got, err, c.want)
		}
	}
	for _, sent := range []string{"a FETCH 4 FLAGS", "a SEARCH OR SEEN 2:4"} {
		if got, err := s.byUID(sent); err == nil {
			t.Errorf("%s: became %s, though there are three messages", sent, got)
		}
	}
}

// TestNumbered checks what becomes of what is told by UID, and that no message numbers pass.
func TestNumbered(t *testing.T) {
	for _, c := range []struct{ sent, told, want, broken string }{
		{"NOOP", "* 6 UIDFETCH (FLAGS ())", "2 FETCH (UID 6 FLAGS ())", ""},
		{"FETCH 2 UID", "* 6 UIDFETCH (UID 6)", "2 FETCH (UID 6)", ""},
		{"FETCH 2 UID", "* 2 UIDFETCH (UID 6)", "", "UID 2"},
		{"FETCH 2 UID", "* 2 FETCH (UID 6)", "", "after ENABLE UIDONLY"},
		{"EXPUNGE", "* 2 EXPUNGE", "", "after ENABLE UIDONLY"},
		{"SELECT x", "* OK [UNSEEN 2] x", "", "after ENABLE UIDONLY"},
		{"SEARCH 1:2", "* SEARCH 4 6 (MODSEQ 9)", "SEARCH 1 2 (MODSEQ 9)", ""},
		{"SEARCH 1:2", "* SEARCH 1 2", "", "no message"},
		{"UID SEARCH 1:2", "* SEARCH 4 6", "SEARCH 4 6", ""},
		{"SORT (DATE) UTF-8 ALL", "* SORT 9 4", "SORT 3 1", ""},
		{"THREAD REFERENCES UTF-8 ALL", "* THREAD (4 (6)(9))", "THREAD (1 (2) (3))", ""},
		{"SEARCH RETURN () ALL", "* ESEARCH (TAG a) UID MIN 4 ALL 4:9 COUNT 3 MODSEQ 9", "ESEARCH (TAG a) MIN 1 ALL 1:3 COUNT 3 MODSEQ 9", ""},
		{"SEARCH RETURN () ALL", "* ESEARCH (TAG a) UID PARTIAL (-1:-2 9,6) ADDTO (0 4)", "ESEARCH (TAG a) PARTIAL (-1:-2 3,2) ADDTO (0 1)", ""},
		{"SEARCH RETURN () ALL", "* ESEARCH (TAG a) ALL 1:3", "", "message numbers after ENABLE UIDONLY"},
		{"UID SEARCH RETURN () ALL", "* ESEARCH (TAG a) UID ALL 4:9", "ESEARCH (TAG a) UID ALL 4:9", ""},
		{"STORE 1:3 (UNCHANGEDSINCE 1) FLAGS ()", "a OK [MODIFIED 4,9] x", "OK [MODIFIED 1,3] x", ""},
	} {
		s := uidOnlySession(t)
		line, err := s.byUID("a " + c.sent)
		if err != nil {
			t.Fatal(err)
		}
		s.mirror.send(newCommand(line))
		r, err := parseResponse([]byte(c.told))
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.mirror.numbered(r)
		switch {
		case c.broken != "" && (err == nil || !strings.Contains(err.Error(), c.broken)):
			t.Errorf("%s, %s: got %s, %v, want %q", c.sent, c.told, join(got.body), err, c.broken)
		case c.broken == "" && (err != nil || join(got.body) != c.want):
			t.Errorf("%s, %s: got %s, %v, want %s", c.sent, c.told, join(got.body), err, c.want)
		}
	}
}

// TestLearn checks where new UIDs go: to the messages at the end that have none, while one that is gone still counts.
func TestLearn(t *testing.T) {
	b := &mailbox{messages: []message{{uid: 4}, {uid: 6}, {uid: 9}, {}, {}}}
	r, err := parseResponse([]byte("* SEARCH 4 9 11 12 15"))
	if err != nil {
		t.Fatal(err)
	}
	b.append(r.body[1:])
	if got := b.numbersOf(numSet{{11, 15}}).String(); got != "4:5" || b.messages[3].uid != 11 || b.messages[4].uid != 12 {
		t.Errorf("got %s of %v", got, b.messages)
	}
}
