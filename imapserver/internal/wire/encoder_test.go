package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// write returns what f writes.
func write(utf8 bool, f func(e *Encoder)) string {
	var b bytes.Buffer
	e := NewEncoder(&b)
	e.UTF8 = utf8
	f(e)
	if err := e.Flush(); err != nil {
		return err.Error()
	}
	return b.String()
}

func TestEncoder(t *testing.T) {
	long := strings.Repeat("x", longestQuoted+1)
	set, _ := ParseNumSet("1:3,7,9:*")
	saved, _ := ParseNumSet("$")
	at := time.Date(2026, time.February, 1, 2, 3, 4, 999, time.FixedZone("", -5400))
	tests := []struct {
		name string
		f    func(e *Encoder)
		want string
		utf8 string // where it differs with UTF8
	}{
		{"raw", func(e *Encoder) { e.Raw("* OK").SP().Byte('x').CRLF() }, "* OK x\r\n", ""},
		{"tag", func(e *Encoder) { e.Tag([]byte("a1")).SP().Tag(nil).Tag([]byte{}) }, "a1 **", ""},
		{"numbers", func(e *Encoder) { e.Number(4294967295).SP().Uint64(1<<63 - 1).SP().Int64(0) }, "4294967295 9223372036854775807 0", ""},
		{"nil", func(e *Encoder) { e.Nil().SP().NString("", true).SP().NString("", false) }, `NIL NIL ""`, ""},
		{"string", func(e *Encoder) { e.String("a b") }, `"a b"`, ""},
		{"string", func(e *Encoder) { e.String("a\"\\b\t\x7f") }, "\"a\\\"\\\\b\t\x7f\"", ""},
		{"string", func(e *Encoder) { e.String("å") }, "{2}\r\nå", `"å"`},
		{"string, not UTF-8", func(e *Encoder) { e.String("\xe5") }, "{1}\r\n\xe5", ""},
		{"string with CR", func(e *Encoder) { e.String("a\rb") }, "{3}\r\na\rb", ""},
		{"string with LF", func(e *Encoder) { e.String("a\nb") }, "{3}\r\na\nb", ""},
		{"string with NUL", func(e *Encoder) { e.String("a\x00b") }, "{3}\r\na?b", ""},
		{"long string", func(e *Encoder) { e.String(long) }, "{1001}\r\n" + long, ""},
		{"longest in quotes", func(e *Encoder) { e.String(long[1:]) }, `"` + long[1:] + `"`, ""},
		{"astring", func(e *Encoder) { e.AString("abc") }, "abc", ""},
		{"astring", func(e *Encoder) { e.AString("") }, `""`, ""},
		{"astring", func(e *Encoder) { e.AString("nil") }, `"nil"`, ""},
		{"astring", func(e *Encoder) { e.AString("a]") }, `"a]"`, ""},
		{"astring", func(e *Encoder) { e.AString("a%") }, `"a%"`, ""},
		{"astring", func(e *Encoder) { e.AString("a\r\n* BYE") }, "{8}\r\na\r\n* BYE", ""},
		{"quoted", func(e *Encoder) { e.Quoted("/").Quoted("\\").Quoted("a\r\n\x00å\"") }, `"/""\\""a?????\""`, ""},
		{"quoted", func(e *Encoder) { e.Quoted("å") }, `"??"`, `"å"`},
		{"mailbox", func(e *Encoder) { e.Mailbox("INBOX").SP().Mailbox("a b").SP().Mailbox("") }, `INBOX "a b" ""`, ""},
		{"mailbox", func(e *Encoder) { e.Mailbox("å & x") }, `"&AOU- &- x"`, `"å & x"`},
		{"mailbox", func(e *Encoder) { e.Mailbox("å&x") }, `&AOU-&-x`, `"å&x"`},
		{"mailbox", func(e *Encoder) { e.Mailbox("a\r\nb") }, `a&AA0ACg-b`, "{4}\r\na\r\nb"},
		{"text", func(e *Encoder) { e.Text("fine, å\r\n* BYE\x00\x7f") }, "fine, ????* BYE??", "fine, å??* BYE??"},
		{"text, not UTF-8", func(e *Encoder) { e.Text("\xff") }, "?", ""},
		{"code", func(e *Encoder) { e.Code("ALERT").Text("x") }, "[ALERT] x", ""},
		{"code", func(e *Encoder) { e.OpenCode("COPYUID").SP().Number(1).SP().NumSet(&set).CloseCode() }, "[COPYUID 1 1:3,7,9:*] ", ""},
		{"status", func(e *Encoder) { e.Status([]byte("a"), "NO", "TRYCREATE", "no such mailbox") }, "a NO [TRYCREATE] no such mailbox\r\n", ""},
		{"status", func(e *Encoder) { e.Status(nil, "BYE", "", "x\r\ny") }, "* BYE x??y\r\n", ""},
		{"continue", func(e *Encoder) { e.Continue("go\n") }, "+ go?\r\n", ""},
		{"continue", func(e *Encoder) { e.Continue("") }, "+ \r\n", ""},
		{"flags", func(e *Encoder) { e.Flags(nil).Flags([]string{`\Seen`}).Flags([]string{`\Seen`, "a"}) }, `()(\Seen)(\Seen a)`, ""},
		{"list", func(e *Encoder) { e.List(3, func(i int) { e.Number(uint32(i)) }).List(0, nil) }, "(0 1 2)()", ""},
		{"sets", func(e *Encoder) { e.NumSet(&set).SP().NumSet(&saved) }, "1:3,7,9:* $", ""},
		{"date-time", func(e *Encoder) { e.DateTime(at) }, `" 1-Feb-2026 02:03:04 -0130"`, ""},
		{"date-time", func(e *Encoder) { e.DateTime(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)) }, `" 1-Jan-1970 00:00:00 +0000"`, ""},
		{"literal", func(e *Encoder) { e.Literal(3).Copy(strings.NewReader("abcd"), 3) }, "{3}\r\nabc", ""},
		{"literal8", func(e *Encoder) { e.Literal8(2).Write([]byte{0, 1}) }, "~{2}\r\n\x00\x01", ""},
	}
	for _, tt := range tests {
		if got := write(false, tt.f); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if tt.utf8 == "" {
			tt.utf8 = tt.want
		}
		if got := write(true, tt.f); got != tt.utf8 {
			t.Errorf("%s with UTF8: got %q, want %q", tt.name, got, tt.utf8)
		}
	}
}

// What the Encoder writes the Decoder reads.
func TestEncodeDecode(t *testing.T) {
	values := []string{
		"", "a", "NIL", "nil", "a b", `"`, `\`, `a"b\c`, "å", "📧", "\xff", "a]b", "a[b", "(a)", "{1}", "{1+}", "~{1}", "*", "%",
		"\r\n", "\n", "x\r\ny NOOP\r\n", "\t\x01\x7f", strings.Repeat("long ", 1000), "INBOX", "a/b.c", "&", "&AOU-", "+", "=",
	}
	for _, want := range values {
		for _, utf8 := range []bool{false, true} {
			in := write(utf8, func(e *Encoder) { e.String(want).SP().AString(want).SP().NString(want, false).CRLF() })
			d := NewDecoder(bufio.NewReader(strings.NewReader(in)))
			d.UTF8 = utf8
			var s, a, n string
			null := true
			if d.Next() != nil || !(d.ExpectString(&s) && d.ExpectSP() && d.ExpectAString(&a) && d.ExpectSP() && d.ExpectNString(&n, &null) && d.ExpectCRLF()) {
				t.Errorf("%q, written %q: %v", want, in, d.Err())
			}
			if s != want || a != want || n != want || null {
				t.Errorf("%q is read as %q, %q, %q", want, s, a, n)
			}
		}
	}
	for _, want := range []string{"INBOX", "a b", "å & ä", "&AOU-", "台北/日本語", "", "x\r\ny", `q"\`} {
		for _, utf8 := range []bool{false, true} {
			in := write(utf8, func(e *Encoder) { e.Mailbox(want).CRLF() })
			d := NewDecoder(bufio.NewReader(strings.NewReader(in)))
			d.UTF8 = utf8
			var got string
			if d.Next() != nil || !d.ExpectMailbox(&got) || !d.ExpectCRLF() || got != want {
				t.Errorf("%q, written %q, is read as %q: %v", want, in, got, d.Err())
			}
		}
	}
}

func TestDateTimeRoundTrip(t *testing.T) {
	for _, in := range []string{
		`" 1-Feb-2026 00:00:00 +0000"`, `"31-Dec-1999 23:59:59 -0800"`, `"29-Feb-2024 12:00:00 +0545"`, `" 9-Sep-0001 09:09:09 +1400"`,
		`" 1-Jan-0000 00:00:00 +2359"`, `"31-Dec-9999 00:00:00 -2359"`,
	} {
		d := NewDecoder(bufio.NewReader(strings.NewReader(in + "\r\n")))
		var at time.Time
		if d.Next() != nil || !d.ExpectDateTime(&at) {
			t.Fatal(d.Err())
		}
		if got := write(false, func(e *Encoder) { e.DateTime(at) }); got != in {
			t.Errorf("%s is written %s", in, got)
		}
	}
}

// limitedWriter fails after some octets, and remembers the longest write.
type limitedWriter struct {
	left, longest int
	err           error
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	w.longest = max(w.longest, len(p))
	if w.left -= len(p); w.left < 0 {
		return 0, w.err
	}
	return len(p), nil
}

func TestEncoderBufferIsBounded(t *testing.T) {
	w := &limitedWriter{left: 1 << 30}
	e := NewEncoder(w)
	var set NumSet
	flags := make([]string, 20000)
	for i := range flags {
		flags[i] = "keyword"
		set.Add(uint32(3 * (i + 1)))
	}
	big := strings.Repeat("x", 1<<20)
	e.NumSet(&set).SP().Flags(flags).SP().String(big).SP().AString(big).SP().Literal(1<<20).Copy(strings.NewReader(big), 1<<20)
	for range 10000 {
		e.Status(nil, "OK", "", "still here")
	}
	if w.longest > 2*bufferSize || cap(e.buf) > 3*bufferSize {
		t.Errorf("longest write %d, buffer %d", w.longest, cap(e.buf))
	}
	if e.Write([]byte(big)); w.longest != 1<<20 {
		t.Errorf("large writes should go past the buffer: %d", w.longest)
	}
	e.Raw("x").Release()
	if e.Buffered() != 1 || e.Flush() != nil || e.Buffered() != 0 {
		t.Errorf("buffered %d", e.Buffered())
	}
	if e.Release(); cap(e.buf) != 0 {
		t.Error("the buffer was not given back")
	}
}

func TestEncoderErrorsStay(t *testing.T) {
	errBroken := errors.New("broken")
	for _, left := range []int{0, 10, bufferSize, 3 * bufferSize} {
		w := &limitedWriter{left: left, err: errBroken}
		e := NewEncoder(w)
		for range 20 {
			e.Literal(10000).Copy(strings.NewReader(strings.Repeat("x", 10000)), 10000)
			e.Write(make([]byte, 5000))
			e.CRLF()
		}
		if e.Flush() != errBroken || e.Err() != errBroken || e.Flush() != errBroken || cap(e.buf) > 3*bufferSize {
			t.Errorf("after %d octets: %v", left, e.Err())
		}
		if n, err := e.Write([]byte("x")); n != 0 || err != errBroken {
			t.Errorf("Write: %d, %v", n, err)
		}
	}
}

func TestCopyOfTooFew(t *testing.T) {
	errRead := errors.New("cannot read")
	for _, tt := range []struct {
		r    io.Reader
		want error
	}{
		{strings.NewReader("ab"), io.ErrUnexpectedEOF},
		{io.MultiReader(strings.NewReader("ab"), iotest.ErrReader(errRead)), errRead},
	} {
		var b bytes.Buffer
		e := NewEncoder(&b)
		if err := e.Literal(3).Copy(tt.r, 3); err != tt.want || e.Flush() != tt.want {
			t.Errorf("got %v, want %v", err, tt.want)
		}
		if b.Len() > 0 {
			t.Errorf("wrote %q", b.String())
		}
	}
	if got := write(false, func(e *Encoder) { e.Copy(iotest.DataErrReader(strings.NewReader("abc")), 3) }); got != "abc" {
		t.Errorf("got %q", got)
	}
}

func TestSetWriter(t *testing.T) {
	var a, b bytes.Buffer
	e := NewEncoder(&a)
	e.Raw("x").Flush()
	e.SetWriter(&b)
	e.Raw("y").Flush()
	if a.String() != "x" || b.String() != "y" {
		t.Errorf("wrote %q and %q", a.String(), b.String())
	}
}
