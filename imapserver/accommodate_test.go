package imapserver

import (
	"net"
	"regexp"
	"strings"
	"testing"
)

// TestAccommodations sends what real programs send a little wrong: with the accommodation it works, without it is BAD.
func TestAccommodations(t *testing.T) {
	lenient := newTestServer(t, nil)
	cases := map[string][]struct{ command, answer string }{
		straySpaces: {
			{"SELECT  INBOX", ". OK"}, {"FETCH  1  (UID  FLAGS)", ". OK"}, {"FETCH 1 ( UID FLAGS )", ". OK"}, {"STORE 1 +FLAGS ( \\Seen )", ". OK"},
			{"FETCH 1 BODY.PEEK[HEADER.FIELDS ( Subject  From )]", ". OK"}, {`LIST  ""  %`, ". OK"}, {"STATUS INBOX ( MESSAGES )", ". OK"},
		},
		trailingSeparators: {
			{"STATUS Sent/ (MESSAGES)", ". OK"}, {"COPY 1 Sent/", ". OK"}, {"APPEND Sent/ {1+}\r\nx", ". OK"}, {"SELECT Sent/", ". OK"},
			{"EXAMINE Drafts/", ". OK"}},
		shortDates: {{`APPEND INBOX "1-Feb-2026 12:00:00 +0100" {1+}` + "\r\nx", ". OK"}},
		office365:  {{`ID ("name" "Microsoft Office 365" "version" "15.20.9160.4")`, ". OK"}, {"ENABLE UIDONLY", ". OK"}, {"FETCH 1 FLAGS", ". OK"}},
		emptyLines: {{"\r\n", ""}},
	}
	for _, a := range Accommodations() {
		if len(cases[a.Name]) == 0 || a.Fault == "" || a.Help == "" {
			t.Errorf("%s has no test", a.Name)
		}
		strict := newTestServer(t, func(s *Server) { s.Strict = []string{a.Name} })
		kind, strictly := lenient.session(t, 2), strict.session(t, 2)
		refused := 0
		for _, s := range cases[a.Name] {
			if s.answer == "" {
				kind.write(s.command)
				kind.want("NOOP", ". OK …")
				strictly.write(s.command)
				if !strings.HasPrefix(strictly.line(), "* BAD ") {
					t.Errorf("%s: %q is not refused", a.Name, s.command)
				}
				refused++
				continue
			}
			kind.want(s.command, append(untagged(kind.do(s.command)), s.answer+" …")...)
			lines := strictly.do(s.command)
			if last := lines[len(lines)-1]; !strings.HasPrefix(last, ". OK") {
				refused++
			}
		}
		if want := len(cases[a.Name]); refused != want && a.Name != office365 || refused == 0 {
			t.Errorf("%s: without it %d of %d are refused", a.Name, refused, want)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	wrong := &Server{Auth: lenient.Auth, Open: lenient.Open, Strict: []string{"nonsense"}}
	if err := wrong.Serve(listener); err == nil || !strings.Contains(err.Error(), `"nonsense"`) {
		t.Errorf("an unknown name: %v", err)
	}
}

// TestRobustReading sends what is right, and what programs get wrong elsewhere: it works without any accommodation.
func TestRobustReading(t *testing.T) {
	var all []string
	for _, a := range Accommodations() {
		all = append(all, a.Name)
	}
	c := newTestServer(t, func(s *Server) { s.Strict = all }).session(t, 1)
	c.want("noop ", ". OK …")
	c.want("fetch 1 uid", "* 1 FETCH (UID 1)", ". OK …")
	c.want("Fetch 1 (Uid body.peek[header.fields (subject)])", "* 1 FETCH (UID 1 BODY[HEADER.FIELDS (…)] …", ". OK …")
	c.want("store 1 +flags \\seen", "* 1 FETCH (FLAGS (\\Seen…))", ". OK …")
	c.want("select inbox", append(untagged(c.do("select InBoX")), ". OK …")...)
	c.want(`search subject "`+"mess\u00e4ge"+`"`, "* SEARCH", ". OK …") // without CHARSET: UTF-8
	// iOS sends DONE and the next command in one packet.
	tag := c.send("IDLE")
	c.comes("+ idling")
	c.write("DONE\r\nnext NOOP\r\n")
	c.compare("IDLE", c.answer(tag), []string{". OK …"})
	c.compare("NOOP", c.answer("next"), []string{". OK …"})
	tag = c.send("IDLE")
	c.comes("+ idling")
	c.write("done\r\n")
	c.compare("IDLE", c.answer(tag), []string{". OK …"})
}

// TestTrailingSeparators removes and renames mailboxes by names with a separator at the end.
func TestTrailingSeparators(t *testing.T) {
	c := newTestServer(t, nil).session(t, 0)
	c.want("RENAME Junk/ Spam/", ". OK …")
	c.want("DELETE Spam/", ". OK …")
	c.want("DELETE Junk/", ". NO [NONEXISTENT] …")
}

func untagged(lines []string) []string {
	var out []string
	for range lines[:len(lines)-1] {
		out = append(out, "* …")
	}
	return out
}

// TestBadTellsWhere damages commands in every way that one token can be damaged: each answer but OK and NO tells what was expected, and where.
func TestBadTellsWhere(t *testing.T) {
	s := newTestServer(t, func(s *Server) { s.Limits.BadCommands = Unlimited })
	c := s.session(t, 2)
	c.ok("ENABLE QRESYNC")
	where := regexp.MustCompile(`^\. BAD (\[[^]]*\] )?.* at column \d+$`)
	other := regexp.MustCompile(`^\. (OK|NO|BAD No message with such a number|BAD .* is not possible in this state)`)
	bad := 0
	for _, command := range []string{
		"SELECT INBOX", `LIST (SUBSCRIBED) "" (a b) RETURN (CHILDREN)`, "STATUS INBOX (MESSAGES UIDNEXT)", `LSUB "" %`, "RENAME a b", "SUBSCRIBE a",
		"FETCH 1:2 (FLAGS BODY.PEEK[HEADER.FIELDS (A)]<0.10>) (CHANGEDSINCE 1)", "UID FETCH 1:* (UID) (PARTIAL 1:2)", "STORE 1 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Seen a)",
		"SEARCH RETURN (MIN COUNT) CHARSET UTF-8 OR (FROM a NOT SEEN) SINCE 1-Jan-2020", "UID SORT (REVERSE DATE SUBJECT) UTF-8 LARGER 5", "THREAD REFERENCES UTF-8 ALL",
		"COPY 1 INBOX", "MOVE 1 INBOX", "UID EXPUNGE 1:2", `ID ("name" "x")`, "ENABLE CONDSTORE", "NOTIFY SET (SELECTED (MessageNew (UID) MessageExpunge)) (MAILBOXES a NONE)",
		"ESEARCH IN (SUBTREE (a b)) RETURN (ALL) UNSEEN", `CANCELUPDATE "x"`, "CREATE a (USE (\\Sent))", "EXAMINE INBOX (QRESYNC (1 2 3:4 (1 1)))", "COMPRESS X", "NOOP", "IDLE x",
	} {
		tokens := regexp.MustCompile(`[A-Za-z0-9.\\:*+<>-]+|.`).FindAllString(command, -1)
		for i := range tokens {
			for _, instead := range []string{"", " ", "(", ")", `"`, "]", "\x01", "{", "4294967296", `"x"`, "x"} {
				damaged := strings.Join(tokens[:i], "") + instead + strings.Join(tokens[i+1:], "")
				if strings.HasPrefix(strings.ToUpper(damaged), "IDLE") && !strings.Contains(damaged, "x") {
					continue
				}
				lines := c.do(damaged)
				last := lines[len(lines)-1]
				switch {
				case where.MatchString(last):
					bad++
				case !other.MatchString(last):
					t.Errorf("%q: %s", damaged, last)
				}
			}
		}
		c.do("NOTIFY NONE")
		c.ok("SELECT INBOX")
	}
	if bad < 1000 {
		t.Errorf("only %d were refused", bad)
	}
	t.Logf("%d damaged commands were refused", bad)
}
