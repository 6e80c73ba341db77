package imapservertest

import (
	"bufio"
	"fmt"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// fakeServer answers each command from a table: the lines after the command's text, "." being its tag. A line "!" ends the
// connection. Commands that are not in the table are answered OK.
func fakeServer(answers map[string]string) Server {
	return Server{
		Name: "fake", Timeout: 300 * time.Millisecond, Lacks: []string{"IMAP4rev2"},
		NewAccount: func(testing.TB) (string, string) { return "joe", "secret" },
		Dial: func() (net.Conn, error) {
			client, server := net.Pipe()
			go serveFake(server, answers)
			return client, nil
		},
	}
}

var fakeLiteral = regexp.MustCompile(`\{(\d+)\+?\}$`)

func serveFake(conn net.Conn, answers map[string]string) {
	defer conn.Close()
	fmt.Fprint(conn, "* OK ready\r\n")
	in := bufio.NewScanner(conn)
	for in.Scan() {
		tag, command, _ := strings.Cut(in.Text(), " ")
		for fakeLiteral.MatchString(in.Text()) { // the tests' literals are single lines
			if !strings.HasSuffix(in.Text(), "+}") {
				fmt.Fprint(conn, "+ go\r\n")
			}
			in.Scan()
		}
		answer, ok := answers[command]
		if !ok {
			answer = ". OK done"
		}
		for line := range strings.SplitSeq(answer, "\n") {
			if line == "!" {
				return
			}
			if rest, ok := strings.CutPrefix(line, ". "); ok {
				line = tag + " " + rest
			}
			fmt.Fprint(conn, strings.ReplaceAll(line, "TAGGED", tag)+"\r\n")
		}
	}
}

// selectTwo answers SELECT with a mailbox of two messages.
const selectTwo = `* FLAGS (\Seen)
* 2 EXISTS
* 0 RECENT
* OK [PERMANENTFLAGS (\*)] x
* OK [UIDVALIDITY 9] x
* OK [UIDNEXT 3] x
. OK [READ-WRITE] selected`

// TestConverse shows that scripts find what they are for: the judge is judged by servers with known faults.
func TestConverse(t *testing.T) {
	answers := map[string]string{
		"SELECT INBOX":             selectTwo,
		"EXAMINE INBOX":            strings.Replace(selectTwo, "UIDVALIDITY 9", "UIDVALIDITY 10", 1), // cannot be compared
		"SELECT stale":             selectTwo,
		"EXAMINE stale":            strings.Replace(selectTwo, "* 2 EXISTS", "* 3 EXISTS", 1),
		"FETCH 1:* (UID FLAGS)":    "* 1 FETCH (UID 1 FLAGS ())\n* 2 FETCH (UID 2 FLAGS ())\n. OK x",
		"FETCH 1 FLAGS":            "* 1 FETCH (FLAGS (\\Seen))\n. OK x",
		"FETCH 1 X":                "* 1 FETCH (X {3}\na\n)\n. OK x",
		"SEARCH ALL":               "* SEARCH 2 1\n. OK x",
		"LYING":                    "* 1 FETCH (UID 1 FLAGS (\\Draft))\n. OK x",
		"LATE":                     ". OK x\n* 5 EXISTS",
		"EXPUNGE":                  "* 1 EXPUNGE\n* 1 EXPUNGE\n. OK x",
		"SILENT":                   "* OK still thinking",
		"HANGUP":                   "* BYE x\n!",
		"CAPABILITY":               "* CAPABILITY IMAP4rev1 IDLE\n. OK x",
		"COPY 1 x":                 ". OK [COPYUID 9 1 7] x",
		"UID COPY 7 y":             ". NO [TRYCREATE] x",
		"LIST":                     "* LIST () \"/\" a\n* LIST () \"/\" b\n. OK x",
		"CREATE {3}":               ". OK x",
		"CREATE {3+}":              ". NO x",
		`LOGIN "joe" "wrong"`:      ". NO [AUTHENTICATIONFAILED] x",
		"AUTHENTICATE PLAIN AGpvZ": ". BAD x",
	}
	for _, c := range []struct{ name, script, broken string }{
		{"good", "A: . SELECT INBOX\nA< ...\nA< . OK [READ-WRITE]\nA: . SEARCH ALL\nA< FOUND 1:2\nA< . OK", ""},
		{"wrong number", "A: . SELECT INBOX\nA< ...\nA< * 3 EXISTS", "got: a2 OK"},
		{"wrong answer", "A: . NOOP\nA< . NO", "want: . NO"},
		{"wrong code", "A: . SELECT INBOX\nA< ...\nA< . OK [READ-ONLY]", "READ-WRITE"},
		{"missing", "A: . SILENT\nA< . OK", "nothing came"},
		{"too much", "A: . SELECT INBOX\nA< ...\nA< . OK\nA: . LATE\nA< . OK\nA quiet", "EXISTS"},
		{"left over", "A: . SELECT INBOX\nA< ...\nA< . OK\nA: . FETCH 1 FLAGS\nA< * 1 FETCH (FLAGS (\\Seen))\nA: . NOOP\nA< . OK", "at the end"},
		{"lying about flags", "A: . SELECT INBOX\nA< ...\nA< . OK\nA: . LYING\nA< ...\nA< . OK", `believed UID 1, flags "\\draft "`},
		{"another client sees more", "A: . SELECT stale\nA< ...\nA< . OK", "client counted 2 messages, there are 3"},
		{"expunged", "A: . SELECT INBOX\nA< ...\nA< . OK\nA: . EXPUNGE\nA< GONE 1:2\nA< . OK", ""},
		{"expunged others", "A: . SELECT INBOX\nA< ...\nA< . OK\nA: . EXPUNGE\nA< GONE 1\nA< . OK", "2 EXPUNGE|1 EXPUNGE"},
		{"found others", "A: . SELECT INBOX\nA< ...\nA< . OK\nA: . SEARCH ALL\nA< FOUND 1", "FOUND 1"},
		{"end", "A: . HANGUP\nA< * BYE\nA< <eof>", ""},
		{"no end", "A: . NOOP\nA< . OK\nA< <eof>", "connection closed"},
		{"literal", "A: . SELECT INBOX\nA< ...\nA< . OK\nA: . FETCH 1 X\nA< * 1 FETCH (X <<\"a\\r\\n\">>)\nA< . OK", ""},
		{"capture", "A: . COPY 1 x\nA< . OK [COPYUID <num> 1 ${uid}]\nA: . UID COPY ${uid} y\nA< . NO [TRYCREATE]", ""},
		{"any order", "A: . LIST\nA< {\nA< * LIST () \"/\" b\nA< * LIST () \"/\" a\nA< }\nA< . OK", ""},
		{"any order, one missing", "A: . LIST\nA< {\nA< * LIST () \"/\" b\nA< * LIST () \"/\" c\nA< }\nA< . OK", "any order"},
		{"any order, one too many", "A: . LIST\nA< {\nA< * LIST () \"/\" b\nA< }\nA< . OK", "LIST () \"/\" a"},
		{"any order, and others", "A: . LIST\nA< {\nA< * LIST () \"/\" b\nA< ...\nA< }\nA< . OK", ""},
		{"send literals", "A: . CREATE <<\"abc\">>\nA< . OK\nA: . CREATE <<+\"abc\">>\nA< . NO", ""},
		{"two sessions", "A: . NOOP\nB: . NOOP\nB< . OK\nA< . OK", ""},
		{"pipelined", "A:+ x NOOP\nA: y CREATE <<+\"abc\">>\nA< x OK\nA< y NO", ""},
		{"wrong order", "A:+ x NOOP\nA: y NOOP\nA< y OK", "got: x OK"},
		{"condition", "[!fake] A: . NOOP\n[rev1] A: . SILENT\n[other|fake] [rev1] A< . OK", "nothing came"},
		{"known to be lacking", "require IMAP4rev2\nA: . SILENT\nA< . OK", "fake lacks IMAP4rev2"},
		{"announced", "require IDLE\nA: . NOOP\nA< . OK", ""},
		{"not announced", "require MOVE", "MOVE is not announced"},
		{"other mode", "modes rev2\nA< . OK", "not for this mode"},
		{"no such variable", "A: . FETCH ${x} UID", "no value"},
		{"bad directive", "A dances", "unknown directive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conv, err := newConversation("test", []byte(c.script), nil)
			if err != nil {
				t.Fatal(err)
			}
			s := fakeServer(answers)
			r := newRunner(&s, conv, mode{name: "rev1"}, "joe", "secret")
			defer r.closeAll()
			err = r.run()
			if c.broken == "" && err != nil {
				t.Fatalf("%v\n%s", err, r.log)
			}
			for _, part := range strings.Split(c.broken, "|") {
				if err != nil && strings.Contains(err.Error(), part) {
					return
				}
			}
			if c.broken != "" {
				t.Fatalf("got %v, want %q\n%s", err, c.broken, r.log)
			}
		})
	}
}

func TestParseScriptErrors(t *testing.T) {
	for _, bad := range []string{
		"A< * OK [UNFINISHED", "A< {\nA< * 1 EXISTS", "A< {\nA: . NOOP\nA< }", "A< * 1 FETCH (BODY[] <<missing.eml>>)", `A< * LIST () "/`, "A<",
	} {
		if c, err := newConversation("x", []byte(bad), nil); err == nil {
			t.Errorf("%q: parsed as %+v", bad, c.lines)
		}
	}
}

func TestArchive(t *testing.T) {
	c, err := newConversation("x", []byte("A: . NOOP\r\n# note\n\n-- a.eml --\nX: y\n\nz\n-- b.b64 --\nAAH/\n-- empty --\n"), map[string][]byte{"shared": []byte("s")})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a.eml": "X: y\r\n\r\nz\r\n", "b.b64": "\x00\x01\xff", "empty": "", "shared": "s"} {
		if got, ok := c.files[name]; !ok || string(got) != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if len(c.lines) != 1 || c.lines[0].text != ". NOOP" {
		t.Errorf("got %+v", c.lines)
	}
}

// TestSimulationFinds shows that the simulation notices a server that loses an expunge.
func TestSimulationFinds(t *testing.T) {
	old := memory{validity: 9, highest: 5, messages: []message{{uid: 1, known: true}, {uid: 2, known: true}, {uid: 3, known: true}}}
	for _, c := range []struct{ name, lines, broken string }{
		{"all told", "S * 2 EXISTS\nS * VANISHED (EARLIER) 2", ""},
		{"new mail told", "S * 4 EXISTS\nS * 4 FETCH (UID 7 FLAGS () MODSEQ (9))", ""},
		{"an expunge is not told", "S * 2 EXISTS", "UID 3 is gone"},
		{"new mail is not told", "S * 4 EXISTS", "message 4 is neither"},
		{"told with a wrong number", "S * 3 EXISTS\nS * 2 FETCH (UID 3 FLAGS () MODSEQ (9))", "have UIDs"},
		{"new mail while it opens", "S * 3 EXISTS\nS * 4 EXISTS", ""},
	} {
		var m mirror
		lines := enabled + strings.Replace(opened, "S * 3 EXISTS", c.lines, 1)
		lines = strings.Replace(lines, "SELECT INBOX", "SELECT INBOX (QRESYNC (9 5))", 1)
		if err := play(t, &m, lines); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		s := &session{mirror: m}
		err := s.resynchronise(old)
		if c.broken == "" && err != nil || c.broken != "" && (err == nil || !strings.Contains(err.Error(), c.broken)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.broken)
		}
	}
}
