package imapservertest

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestReadResponse(t *testing.T) {
	for _, c := range []struct{ in, name, body string }{
		{"* 3 EXISTS\r\n", "EXISTS", "3 EXISTS"},
		{"* OK [UIDNEXT 4] next\r\n", "OK", "OK [UIDNEXT 4] next"},
		{"* OK [BADCHARSET (utf-8 \"x\")] no\r\n", "OK", `OK [BADCHARSET (utf-8 "x")] no`},
		{"a1 OK done ] here\r\n", "OK", "OK done ] here"},
		{"+ go {3} on\r\n", "", "go {3} on"},
		{"* 1 FETCH (BODY[] {3}\r\na\r\n UID 7)\r\n", "FETCH", `1 FETCH (BODY[] "a\r\n" UID 7)`},
		{"* 1 FETCH (BINARY[1] ~{2}\r\n\x00\xff)\r\n", "FETCH", `1 FETCH (BINARY[1] "\x00\xff")`},
		{"* 1 FETCH (BODY[HEADER.FIELDS (TO \"X Y\")]<0> NIL)\r\n", "FETCH", `1 FETCH (BODY[HEADER.FIELDS (TO "X Y")]<0> NIL)`},
		{"* LIST (\\HasChildren) \"/\" {4}\r\na\"\\b\r\n", "LIST", `LIST (\HasChildren) "/" "a\"\\b"`},
		{"* 1 FETCH (BODY (\"a\" \"b\" NIL)(\"c\" \"d\" NIL) FLAGS ())\r\n", "FETCH", ""},
	} {
		r, err := readResponse(bufio.NewReader(strings.NewReader(c.in)))
		if c.body == "" { // an odd number of values is for the rules, not for the reader
			if err != nil {
				t.Errorf("%q: %v", c.in, err)
			}
			continue
		}
		if err != nil || join(r.body) != c.body || c.name != "" && r.name() != c.name {
			t.Errorf("%q: got %s %q, %v; want %s %q", c.in, r.name(), join(r.body), err, c.name, c.body)
		}
	}
}

func TestReadResponseMalformed(t *testing.T) {
	for _, in := range []string{
		"* 3 EXISTS\n", "\r\n", "*\r\n", "* \r\n", "* 1 FETCH (FLAGS\r\n", "* 1 FETCH FLAGS)\r\n", "* LIST () \"/ x\r\n",
		"* 1  EXISTS\r\n", "* 1 EXISTS \r\n", "* 1 FETCH (UID  3)\r\n", "* 1 FETCH ( UID 3)\r\n", "* OK [UIDNEXT 3\r\n", "* x\x01y z\r\n",
		"* LIST () \"/\" \"a\\b\"\r\n", "* 1 FETCH (X {9999999999999}\r\n", "* a\"b\" c\r\n",
		"* " + strings.Repeat("(", 5000) + strings.Repeat(")", 5000) + "\r\n",
	} {
		if r, err := readResponse(bufio.NewReader(strings.NewReader(in))); !errors.Is(err, errSyntax) {
			t.Errorf("%.60q: got %v, %v", in, r.body, err)
		}
	}
	for _, in := range []string{"* 3 EXI", "* 1 FETCH (BODY[] {5}\r\nab"} {
		if _, err := readResponse(bufio.NewReader(strings.NewReader(in))); err == nil || err == io.EOF {
			t.Errorf("%q: got %v, want an error other than io.EOF", in, err)
		}
	}
	if _, err := readResponse(bufio.NewReader(strings.NewReader(""))); err != io.EOF {
		t.Errorf("end of the connection: got %v", err)
	}
}

func FuzzReadResponse(f *testing.F) {
	for _, seed := range []string{
		"* 1 FETCH (BODY[] {3}\r\na\r\n UID 7 FLAGS (\\Seen) MODSEQ (3))\r\n", "* OK [COPYUID 1 2:3 4,5] x\r\n", "* ESEARCH (TAG \"a\") UID ALL 1:3\r\n",
		"* VANISHED (EARLIER) 1:3\r\n", "a OK\r\n* 2 EXPUNGE\r\n", "* LIST (\\A) \"/\" x (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		r := bufio.NewReader(strings.NewReader(in))
		m := mirror{qresync: true}
		m.send(newCommand("a SELECT INBOX (QRESYNC (1 1))"))
		for {
			resp, err := readResponse(r)
			if err != nil {
				return
			}
			m.apply(resp)
			if !resp.tagged() && resp.tag != "+" && len(resp.body) == 0 {
				t.Fatalf("%q: empty response without an error", resp.raw)
			}
			known := vars{}
			if !match(resp, resp, known, "a") && resp.tag != "+" && !strings.ContainsAny(in, "<>$!|.") {
				t.Logf("%q does not match itself", resp.raw)
			}
		}
	})
}
