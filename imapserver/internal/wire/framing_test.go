package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// simple reads a whole command of tokens that are separated by single spaces.
func simple(d *Decoder) (string, bool) {
	var tag []byte
	out := ""
	ok := d.ExpectTag(&tag)
	for ok && !d.CRLF() {
		var s string
		ok = d.ExpectSP() && d.ExpectAString(&s)
		out += " " + s
	}
	return string(tag) + out, ok
}

// conversation reads commands until none is left, and returns each, or its error.
func conversation(d *Decoder) (lines []string) {
	for {
		if err := d.Next(); err != nil {
			return append(lines, fmt.Sprint("close: ", err))
		}
		got, ok := simple(d)
		if !ok {
			got = d.Err().Error()
		}
		lines = append(lines, got)
	}
}

func TestFraming(t *testing.T) {
	const long = 9000 // octets of Limits.Line in this test
	x := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		name string
		in   string
		want []string
	}{
		{"commands", "a NOOP\r\nb NOOP\r\n", []string{"a NOOP", "b NOOP", "close: EOF"}},
		{"spaces at the end", "a NOOP   \r\nb NOOP\r\n", []string{"a NOOP", "b NOOP", "close: EOF"}},
		{"empty", "", []string{"close: EOF"}},
		{"empty line", "\r\nb X\r\n", []string{"expected a tag at column 1", "b X", "close: EOF"}},
		{"cut off", "a NOOP\r\nb NO", []string{"a NOOP", "close: unexpected EOF"}},
		{"cut off in the line end", "a NOOP\r", []string{"close: unexpected EOF"}},
		{"cut off in a literal", "a {3}\r\nab", []string{"unexpected EOF", "close: unexpected EOF"}},
		{"cut off after a literal", "a {3}\r\nabc", []string{"unexpected EOF", "close: unexpected EOF"}},

		{"only LF", "a X\nb {1}\ny\nc Z\n", []string{"a X", "b y", "c Z", "close: EOF"}},
		{"LF, then CRLF", "a X\nb Y\r\n", []string{"a X", "b Y", "close: EOF"}},
		{"LF after CRLF", "a X\r\nb Y\nc Z\r\n", []string{"a X", "close: " + ErrLostSync.Error()}},
		{"LF after CRLF, after a literal", "a {1}\r\nx\nb Y\r\n", []string{"expected CR before LF at column 6", "close: " + ErrLostSync.Error()}},
		{"LF after CRLF, when skipping", "a ( {1+}\r\nx\nb Y\r\n", []string{"expected a string at column 3", "close: " + ErrLostSync.Error()}},
		{"CR in the middle", "a X\rb NOOP\r\nc X\r\n", []string{"expected a space at column 4", "c X", "close: EOF"}},
		{"CR CR LF", "a X\r\r\nc X\r\n", []string{"expected a space at column 4", "c X", "close: EOF"}},
		{"NUL", "a X\x00\r\nc X\r\n", []string{"expected a space at column 4", "c X", "close: EOF"}},
		{"quoted line", "a \"x\r\nc X\"\r\nd X\r\n", []string{"expected a closing quote at column 5", `expected a space at column 4`, "d X", "close: EOF"}},

		{"literals", "a {2}\r\n\r\n {0}\r\n {1+}\r\nx\r\nb X\r\n", []string{"a \r\n  x", "b X", "close: EOF"}},
		{"columns go on after a literal", "a {2}\r\nxx (\r\nb X\r\n", []string{"expected a string at column 7", "b X", "close: EOF"}},
		{"literal without a space after it", "a {1}\r\nxy\r\nb X\r\n", []string{"expected a space at column 6", "b X", "close: EOF"}},

		{"refused synchronising", "a {2000}\r\nb X\r\n", []string{"expected a string of at most 1000 octets at column 3", "b X", "close: EOF"}},
		{"refused non-synchronising", "a {1001+}\r\n" + x(1001) + "\r\nb X\r\n", []string{"expected a string of at most 1000 octets at column 3", "b X", "close: EOF"}},
		{"too big for LITERAL-", "a {4097+}\r\n" + x(4097) + "\r\nb X\r\n", []string{"expected a non-synchronising literal of at most 4096 octets at column 3", "b X", "close: EOF"}},
		{"error before a non-synchronising literal", "a ( {9+}\r\nz DELETE\n\r\nb X\r\n", []string{"expected a string at column 3", "b X", "close: EOF"}},
		{"error before two", "a ( {9+}\r\nz DELETE\n ~{8+}\r\nz DELETE\r\nb X\r\n", []string{"expected a string at column 3", "b X", "close: EOF"}},
		{"error before one of each", "a ( {9+}\r\nz DELETE\n {8}\r\nb X\r\n", []string{"expected a string at column 3", "b X", "close: EOF"}},
		{"error before a synchronising literal", "a ( {8}\r\nb X\r\n", []string{"expected a string at column 3", "b X", "close: EOF"}},
		{"error after a literal", "a {1+}\r\nx ( {8+}\r\nz DELETE\r\nb X\r\n", []string{"expected a string at column 8", "b X", "close: EOF"}},
		{"literal with NUL", "a {1+}\r\n\x00 {8+}\r\nz DELETE\r\nb X\r\n", []string{"expected a literal without NUL at column 3", "b X", "close: EOF"}},
		{"literal in an open quote", "a \"x {8+}\r\nz DELETE\r\nb X\r\n", []string{"expected a closing quote at column 10", "b X", "close: EOF"}},
		{"looks like a literal", "a x+}\r\nb X\r\n", []string{"a x+}", "b X", "close: EOF"}},
		{"looks like a literal, after an error", "a ( x+}\r\nb X\r\n", []string{"expected a string at column 3", "b X", "close: EOF"}},
		{"looks like a literal, quoted", "a \"{8+}\"\r\nb X\r\n", []string{"a {8+}", "b X", "close: EOF"}},
		{"octets after a literal", "a ( {8+} \r\nb X\r\n", []string{"expected a string at column 3", "b X", "close: EOF"}},
		{"leading zeros, +", "a {00005+}\r\nb X\r\n", []string{"expected a literal at column 3", "close: " + ErrLostSync.Error()}},
		{"leading zeros", "a {00005}\r\nb X\r\n", []string{"expected a literal at column 3", "b X", "close: EOF"}},
		{"minus, +", "a {-1+}\r\nb X\r\n", []string{"expected a literal at column 3", "close: " + ErrLostSync.Error()}},
		{"minus", "a {-1}\r\nb X\r\n", []string{"expected a literal at column 3", "b X", "close: EOF"}},
		{"nothing, +", "a {+}\r\nb X\r\n", []string{"expected a literal at column 3", "close: " + ErrLostSync.Error()}},
		{"2^32, +", "a {4294967296+}\r\nb X\r\n", []string{"expected a non-synchronising literal of at most 4096 octets at column 3", "close: " + ErrLostSync.Error()}},
		{"2^32", "a {4294967296}\r\nb X\r\n", []string{"expected a string of at most 1000 octets at column 3", "b X", "close: EOF"}},
		{"2^64, +", "a {18446744073709551616+}\r\nb X\r\n", []string{"expected a literal at column 3", "close: " + ErrLostSync.Error()}},
		{"2^64+5, +", "a {18446744073709551621+}\r\nb X\r\n", []string{"expected a literal at column 3", "close: " + ErrLostSync.Error()}},
		{"2^64", "a {18446744073709551616}\r\nb X\r\n", []string{"expected a literal at column 3", "b X", "close: EOF"}},

		{"longest line", "a " + x(long-2) + "\r\nb X\r\n", []string{"a " + x(long-2), "b X", "close: EOF"}},
		{"line too long", "a " + x(long-1) + "\r\nb X\r\n", []string{"expected a shorter line at column 9002", "b X", "close: EOF"}},
		{"line far too long", "a " + x(3*long) + "\r\nb X\r\n", nil},
		{"line far too long with a literal", "a " + x(3*long) + "{8+}\r\nb X\r\n", nil},
		{"line far too long with a synchronising literal", "a " + x(3*long) + "{8}\r\nb X\r\n", nil},
		{"many literals", "a" + strings.Repeat(" {900+}\r\n"+x(900), 12) + "\r\nb X\r\n", []string{"expected a command of at most 10000 octets at column 80", "b X", "close: EOF"}},
		{"more than can be thrown away", "a (" + strings.Repeat(" {900+}\r\n"+x(900), 23) + "\r\nb X\r\n", []string{"expected a string at column 3", "close: " + ErrLostSync.Error()}},
		{"more lines than can be thrown away", "a (" + strings.Repeat(" {0+}\r\n", 5000) + "\r\nb X\r\n", []string{"expected a string at column 3", "close: " + ErrLostSync.Error()}},
		{"many lines", "a" + strings.Repeat(" {0+}\r\n", 2500) + "\r\nb X\r\n", []string{"expected a shorter line at column 9998", "b X", "close: EOF"}},
		{"a long line that never ends", "a (" + x(50000), nil},
	}
	for _, tt := range tests {
		for i, src := range sources(tt.in) {
			d := NewDecoder(src)
			d.Limits = Limits{Line: long, Literal: 1000, Command: 10000, Discard: 20000}
			got := conversation(d)
			want := tt.want
			if want == nil {
				want = farTooLong(got[0], tt.in)
			}
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
				t.Errorf("%s (source %d): got %.300q, want %.300q", tt.name, i, got, want)
			}
		}
	}
}

// farTooLong is what is wanted after a line of which the Decoder saw only a beginning, as long as its source's buffer makes it.
func farTooLong(first, in string) []string {
	if !strings.HasPrefix(first, "expected a shorter line at column ") {
		first = "expected a shorter line"
	}
	if strings.Contains(in, "+}") || !strings.Contains(in, "\n") {
		return []string{first, "close: " + ErrLostSync.Error()}
	}
	return []string{first, "b X", "close: EOF"}
}

// Wherever the part of a long line ends that is kept, the literal announced at its end is seen, and none before.
func TestLiteralsOfLongLines(t *testing.T) {
	for n := range 40 {
		in := "a " + strings.Repeat("x", 20+n) + "{8+}\r\nz DELETE\r\nb X\r\n"
		d := NewDecoder(bufio.NewReaderSize(strings.NewReader(in), 16))
		d.Limits.Line = 16
		if got := conversation(d)[1]; got != "b X" && got != "close: "+ErrLostSync.Error() {
			t.Errorf("%q: got %q", in, got)
		}
		in = strings.Repeat("x", n) + " {5} (\r\nb X\r\n"
		d = NewDecoder(bufio.NewReaderSize(strings.NewReader(in), 16))
		d.Limits.Line = 4
		d.OnLiteral = func(lit Literal) error {
			t.Errorf("%q: asked for %v", in, lit)
			return nil
		}
		if got := conversation(d); got[len(got)-1] != "close: EOF" {
			t.Errorf("%q: got %q", in, got)
		}
	}
}

// The octets of a non-synchronising literal are never taken for a command, wherever and for whatever reason the command that
// holds it is refused; and the command after it is (attack: command smuggling by literals).
func TestNoSmuggling(t *testing.T) {
	const evil = "z DELETE INBOX\r\n"
	lit := fmt.Sprintf("{%d+}\r\n%s", len(evil), evil)
	commands := []string{
		"a LOGIN " + lit + " " + lit + "\r\n",
		"a APPEND x (a b) ~" + lit + "\r\n",
		"a SEARCH (OR (TEXT " + lit + ") BODY " + lit + ") 1:*\r\n",
		"a X \"quoted\" 12 (\\Seen) " + lit + "" + lit + "\r\n",
		"a )( \x00\x80 \r \"open " + lit + " )) " + lit + "\r\n",
	}
	errRefused := errors.New("refused")
	for _, command := range commands {
		for stop := 0; stop < 12; stop++ { // after that many tokens the owner gives up
			for refuse := 0; refuse < 3; refuse++ { // the literal that it refuses
				for _, limit := range []int64{0, 4} {
					d := NewDecoder(bufio.NewReaderSize(strings.NewReader(command+"b NOOP\r\n"), 16))
					d.Limits.Literal = limit
					count := 0
					d.OnLiteral = func(Literal) error {
						if count++; count > refuse {
							return errRefused
						}
						return nil
					}
					if err := d.Next(); err != nil {
						t.Fatal(err)
					}
					if !anyTokens(d, stop, stop%2 == 0) && d.Err() == nil {
						t.Errorf("%q: no error", command)
					}
					if err := d.Next(); err != nil {
						t.Fatalf("%q: %v", command, err)
					}
					if got, ok := simple(d); !ok || got != "b NOOP" {
						t.Fatalf("%q, stop %d, refuse %d: next command is %q, %v", command, stop, refuse, got, d.Err())
					}
				}
			}
		}
	}
}

// anyTokens reads up to n tokens of any kind.
func anyTokens(d *Decoder, n int, stream bool) bool {
	for range n {
		var s string
		var lit Literal
		var body io.Reader
		switch {
		case d.CRLF():
			return true
		case d.SP(), d.OpenList(), d.CloseList(), d.AString(&s) && !stream, d.Flag(&s):
		case d.Literal(&lit, &body):
			io.CopyN(io.Discard, body, lit.Size/2)
		default:
			return d.Expected("a token")
		}
	}
	return true
}

func TestOnLiteral(t *testing.T) {
	errTooBig := errors.New("[TOOBIG] no")
	var asked []Literal
	in := "a {3}\r\nabc {4}\r\nb APPEND ~{5+}\r\nab\x00\r\n (\r\nc APPEND {99}\r\nd {8192+}\r\n" + strings.Repeat("x", 8192) + "\r\n"
	d := NewDecoder(bufio.NewReader(strings.NewReader(in)))
	d.OnLiteral = func(lit Literal) error {
		asked = append(asked, lit)
		if lit.Size == 4 || lit.Size == 99 {
			return errTooBig
		}
		return nil
	}
	next := func() {
		t.Helper()
		if err := d.Next(); err != nil {
			t.Fatal(err)
		}
	}
	next()
	if got, ok := simple(d); ok || d.Err() != errTooBig {
		t.Errorf("got %q, %v", got, d.Err())
	}
	next()
	var s string
	var lit Literal
	var body io.Reader
	if !(d.Byte('b') && d.SP() && d.Word("append") && d.SP() && d.ExpectLiteral(&lit, &body)) {
		t.Fatal(d.Err())
	}
	var got [2]byte
	if _, err := io.ReadFull(body, got[:]); err != nil || string(got[:]) != "ab" {
		t.Errorf("body: %q, %v", got, err)
	}
	if d.ExpectSP(); d.ExpectCRLF() || d.Err().Error() != "expected the end of the command at column 16" {
		t.Errorf("the rest of the literal is skipped: %v", d.Err())
	}
	next()
	if d.Byte('c') && d.SP() && d.Word("append") && d.SP() && d.Literal(&lit, &body) || d.Err() != errTooBig {
		t.Errorf("refused: %v", d.Err())
	}
	next()
	var bad *SyntaxError
	if d.Byte('d'); d.SP() && d.AString(&s) || !errors.As(d.Err(), &bad) || !bad.TooBig || bad.Column != 3 {
		t.Errorf("LITERAL-: %v", d.Err())
	}
	if err := d.Next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	want := []Literal{{Size: 3}, {Size: 4}, {Size: 5, NonSync: true, Binary: true, Stream: true}, {Size: 99, Stream: true}}
	if fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("asked %v, want %v", asked, want)
	}
}

func TestStreamedLiteralIsNotBounded(t *testing.T) {
	const size = 3 << 20
	in := fmt.Sprintf("a {%d+}\r\n%s\r\nb X\r\n", size, strings.Repeat("m", size))
	for _, whole := range []bool{true, false} {
		d := NewDecoder(bufio.NewReader(strings.NewReader(in)))
		d.Limits.NonSync = Unlimited
		var lit Literal
		var body io.Reader
		if d.Next() != nil || !d.Byte('a') || !d.SP() || !d.ExpectLiteral(&lit, &body) {
			t.Fatal(d.Err())
		}
		if whole {
			if n, err := io.Copy(io.Discard, body); n != size || err != nil || !d.ExpectCRLF() {
				t.Fatal(n, err, d.Err())
			}
		}
		if err := d.Next(); err != nil {
			t.Fatal(err)
		}
		if got, ok := simple(d); !ok || got != "b X" {
			t.Errorf("next command: %q, %v", got, d.Err())
		}
		if cap(d.line)+cap(d.buf) > keptBuffer {
			t.Errorf("kept %d octets", cap(d.line)+cap(d.buf))
		}
	}
}

// An announced size costs nothing before its octets come, and what is thrown away is not kept.
func TestAllocationIsBounded(t *testing.T) {
	for _, in := range []string{
		"a {16385}\r\n", "a {2147483647}\r\n", "a {9223372036854775807+}\r\n", "a {99999999999999999999+}\r\n",
		"a " + strings.Repeat("(", 1<<20), "a ( " + strings.Repeat("{0+}\r\n ", 1<<18), "a " + strings.Repeat("{0+}\r\n ", 1<<18),
		"a {1024+}\r\n" + strings.Repeat(strings.Repeat("x", 1024)+" {1024+}\r\n", 1000),
		"a " + strings.Repeat("1,", 1<<20),
	} {
		src := bufio.NewReader(strings.NewReader(in))
		d := NewDecoder(src)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for d.Next() == nil {
			anyTokens(d, 1<<20, false)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 256<<10 {
			t.Errorf("%.20q...: %d octets allocated", in, got)
		}
	}
}

func TestNoPrefixIsACommand(t *testing.T) {
	commands := []string{
		"a1 NOOP\r\n",
		"a LOGIN \"us er\" {3+}\r\npw\r\r\n",
		"a APPEND inbox {5}\r\na\r\nb\r {2+}\r\n\r\n\r\n",
		"a X {0}\r\n\r\n",
	}
	for _, command := range commands {
		for n := range len(command) {
			d := NewDecoder(bufio.NewReader(strings.NewReader(command[:n])))
			if d.Next() != nil {
				continue
			}
			if got, ok := simple(d); ok {
				t.Errorf("%q is the command %q", command[:n], got)
			}
		}
		d := NewDecoder(bufio.NewReader(strings.NewReader(command)))
		if d.Next() != nil {
			t.Fatal("no line")
		}
		if _, ok := simple(d); !ok {
			t.Errorf("%q: %v", command, d.Err())
		}
	}
}

func TestSourceErrors(t *testing.T) {
	errBroken := errors.New("broken")
	in := "a {4}\r\nabcd X\r\n"
	for n := range len(in) {
		d := NewDecoder(bufio.NewReader(io.MultiReader(strings.NewReader(in[:n]), brokenReader{errBroken})))
		err := d.Next()
		if err == nil {
			_, ok := simple(d)
			if err = d.Err(); ok {
				t.Fatalf("%q is a command", in[:n])
			}
		}
		if err != errBroken || d.Next() != errBroken || d.Discard() != errBroken {
			t.Errorf("after %q: %v", in[:n], err)
		}
	}
}

func TestStreamedLiteralIsCutOff(t *testing.T) {
	d := NewDecoder(bufio.NewReader(strings.NewReader("a {5}\r\nabc")))
	var lit Literal
	var body io.Reader
	if d.Next() != nil || !d.Byte('a') || !d.SP() || !d.ExpectLiteral(&lit, &body) {
		t.Fatal(d.Err())
	}
	got, err := io.ReadAll(body)
	if string(got) != "abc" || err != io.ErrUnexpectedEOF {
		t.Errorf("got %q, %v", got, err)
	}
	if n, err := body.Read(make([]byte, 1)); n != 0 || err != io.ErrUnexpectedEOF || d.CRLF() || d.Next() != io.ErrUnexpectedEOF {
		t.Errorf("after the end: %d, %v, %v", n, err, d.Err())
	}
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

func TestLimits(t *testing.T) {
	d := NewDecoder(bufio.NewReader(strings.NewReader("1,3,5 ((( 1.1.1\r\n" + strings.Repeat("x", 70000) + "\r\n")))
	d.Limits = Limits{Set: 2, Depth: 2, Line: Unlimited, Command: Unlimited}
	var set NumSet
	if err := d.Next(); err != nil {
		t.Fatal(err)
	}
	if d.SeqSet(&set) || d.Err().Error() != "expected a smaller set of numbers at column 1" {
		t.Errorf("set: %v", d.Err())
	}
	var s string
	if d.Next() != nil || !d.ExpectAtom(&s) || len(s) != 70000 || !d.ExpectCRLF() {
		t.Errorf("unlimited: %v", d.Err())
	}
	if !bytes.Equal(d.rest(), nil) {
		t.Error("after the end there is nothing")
	}
}

func TestSetSource(t *testing.T) {
	d := NewDecoder(bufio.NewReader(strings.NewReader("a X\r\nb smuggled\r\n")))
	if d.Next() != nil {
		t.Fatal(d.Err())
	}
	if _, ok := simple(d); !ok {
		t.Fatal(d.Err())
	}
	d.SetSource(bufio.NewReader(strings.NewReader("c X\r\n")))
	d.Release()
	if got := conversation(d); fmt.Sprint(got) != "[c X close: EOF]" {
		t.Errorf("got %q", got)
	}
}
