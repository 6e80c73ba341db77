package wire

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestSmoke(t *testing.T) {
	d := NewDecoder(bufio.NewReader(strings.NewReader("a1 append inbox (\\seen foo) \" 1-Feb-2026 12:00:00 +0100\" {5}\r\nhello\r\nb UID FETCH 1,2,3,9:7,5:* (FLAGS BODY.PEEK[1.2.HEADER]<0.5>)  \r\n")))
	var tag, kw []byte
	var mb string
	var flags []string
	var lit Literal
	var body io.Reader
	if d.Next() != nil || !(d.ExpectTag(&tag) && d.ExpectSP() && d.ExpectKeyword(&kw, "x") && d.ExpectSP() && d.ExpectMailbox(&mb) && d.ExpectSP() && d.FlagList(&flags)) {
		t.Fatal(d.Err())
	}
	var b bytes.Buffer
	e := NewEncoder(&b)
	e.Flags(flags).SP().Mailbox("Blåbær & co").Flush()
	if d.Literal(&lit, &body) {
		t.Fatal("literal")
	}
	t.Log(mb, flags, b.String(), d.Err())
	if err := d.Next(); err != nil {
		t.Fatal(err)
	}
	d.ExpectTag(&tag)
	t.Log(string(tag))
	_ = d.Next()
	var set NumSet
	ok := d.ExpectTag(&tag) && d.ExpectSP() && d.Word("uid") && d.SP() && d.Word("FETCH") && d.SP() && d.SeqSet(&set) && d.SP()
	t.Log(ok, set.String(), d.Err(), d.Expected("x"), d.Err())
}
