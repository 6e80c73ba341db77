package wire

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// read parses one token from a Decoder and returns what it holds, as text.
type read func(d *Decoder) (string, bool)

func str(f func(*Decoder, *string) bool) read {
	return func(d *Decoder) (string, bool) {
		s := "untouched"
		ok := f(d, &s)
		return s, ok
	}
}

func value[T any](f func(*Decoder, *T) bool) read {
	return func(d *Decoder) (string, bool) {
		var v T
		ok := f(d, &v)
		if b, isBytes := any(v).([]byte); isBytes {
			return string(b), ok
		}
		if set, isSet := any(v).(NumSet); isSet {
			return set.String(), ok
		}
		if at, isTime := any(v).(time.Time); isTime {
			return at.Format(time.RFC3339), ok
		}
		return fmt.Sprint(v), ok
	}
}

func only(f func(*Decoder) bool) read {
	return func(d *Decoder) (string, bool) { return "", f(d) }
}

func keyword(d *Decoder, dst *[]byte) bool { return d.ExpectKeyword(dst, "a command") }

func nstring(d *Decoder) (string, bool) {
	var s string
	var null bool
	ok := d.ExpectNString(&s, &null)
	return fmt.Sprint(s, " ", null), ok
}

func partial(d *Decoder) (string, bool) {
	var offset, count int64
	ok := d.Partial(&offset, &count) || d.Expected("a part")
	return fmt.Sprint(offset, " ", count), ok
}

func section(d *Decoder) (string, bool) {
	var path []uint32
	ok := d.SectionPart(&path) || d.Expected("a part")
	return fmt.Sprint(path), ok
}

func literal8(d *Decoder) (string, bool) {
	var s string
	ok := d.Literal8(&s) || d.Expected("a literal8")
	return s, ok
}

func streamed(d *Decoder) (string, bool) {
	var lit Literal
	var body io.Reader
	if !d.ExpectLiteral(&lit, &body) {
		return "", false
	}
	b, err := io.ReadAll(body)
	return fmt.Sprint(string(b), " ", lit.Size, lit.NonSync, lit.Binary, lit.Stream), err == nil
}

func flagList(d *Decoder, dst *[]string) bool { return d.ExpectFlagList(dst) }

func nested(d *Decoder) (string, bool) {
	var item func() bool
	out := ""
	item = func() bool {
		var s string
		if d.List(item) {
			out += ")"
			return true
		}
		ok := d.ExpectAString(&s)
		out += s + ","
		return ok
	}
	ok := d.ExpectList(item)
	return out, ok
}

// tokenTests: what a token reads from a line, what is left after it, or the error.
var tokenTests = []struct {
	name string
	read read
	in   string
	want string
	rest string
	err  string
}{
	{"tag", value((*Decoder).ExpectTag), "a1 NOOP", "a1", " NOOP", ""},
	{"tag", value((*Decoder).ExpectTag), "a]:[.~1 x", "a]:[.~1", " x", ""},
	{"tag with plus ends", value((*Decoder).ExpectTag), "a+1 x", "a", "+1 x", ""},
	{"tag", value((*Decoder).ExpectTag), "+ x", "", "", "expected a tag at column 1"},
	{"tag", value((*Decoder).ExpectTag), " a", "", "", "expected a tag at column 1"},
	{"tag", value((*Decoder).ExpectTag), "", "", "", "expected a tag at column 1"},
	{"tag", value((*Decoder).ExpectTag), "\x00a", "", "", "expected a tag at column 1"},
	{"tag 8-bit", value((*Decoder).ExpectTag), "\xc3\xa5 x", "", "", "expected a tag at column 1"},
	{"tag DEL", value((*Decoder).ExpectTag), "\x7f x", "", "", "expected a tag at column 1"},

	{"space", only((*Decoder).ExpectSP), " x", "", "x", ""},
	{"space", only((*Decoder).ExpectSP), "  x", "", " x", ""},
	{"space", only((*Decoder).ExpectSP), "\tx", "", "", "expected a space at column 1"},
	{"space", only((*Decoder).ExpectSP), "", "", "", "expected a space at column 1"},
	{"end", only((*Decoder).ExpectCRLF), "", "", "", ""},
	{"end", only((*Decoder).ExpectCRLF), "   ", "", "", ""},
	{"end", only((*Decoder).ExpectCRLF), " x", "", "", "expected the end of the command at column 1"},
	{"end CR", only((*Decoder).ExpectCRLF), "\r", "", "", "expected the end of the command at column 1"},
	{"end NUL", only((*Decoder).ExpectCRLF), "\x00", "", "", "expected the end of the command at column 1"},
	{"byte", only(func(d *Decoder) bool { return d.ExpectByte('[') }), "[x", "", "x", ""},
	{"byte", only(func(d *Decoder) bool { return d.ExpectByte('[') }), "]", "", "", `expected "[" at column 1`},

	{"keyword", value(keyword), "fetCH x", "FETCH", " x", ""},
	{"keyword", value(keyword), "body.peek[1]", "BODY.PEEK", "[1]", ""},
	{"keyword", value(keyword), "+flags.silent (", "+FLAGS.SILENT", " (", ""},
	{"keyword", value(keyword), "utf8=accept", "UTF8=ACCEPT", "", ""},
	{"keyword", value(keyword), "(", "", "", "expected a command at column 1"},
	{"word", only(func(d *Decoder) bool { return d.ExpectWord("RETURN") }), "return (", "", " (", ""},
	{"word", only(func(d *Decoder) bool { return d.ExpectWord("RETURN") }), "returns", "", "", "expected RETURN at column 1"},
	{"word", only(func(d *Decoder) bool { return d.ExpectWord("BODY") }), "body[", "", "[", ""},

	{"atom", str((*Decoder).ExpectAtom), "foo[bar] x", "foo[bar", "] x", ""},
	{"atom", str((*Decoder).ExpectAtom), "foo\rx", "foo", "\rx", ""},
	{"atom", str((*Decoder).ExpectAtom), "*", "", "", "expected an atom at column 1"},
	{"atom", str((*Decoder).ExpectAtom), "{1}", "", "", "expected an atom at column 1"},
	{"astring", str((*Decoder).ExpectAString), "foo]{x", "foo]", "{x", ""},
	{"astring", str((*Decoder).ExpectAString), `"" x`, "", " x", ""},
	{"astring NIL", str((*Decoder).ExpectAString), `NIL x`, "NIL", " x", ""},
	{"astring", str((*Decoder).ExpectAString), "(", "", "", "expected a string at column 1"},
	{"astring literal8", str((*Decoder).ExpectAString), "~{1}", "~", "{1}", ""},

	{"quoted", str((*Decoder).ExpectString), `"a b"c`, "a b", "c", ""},
	{"quoted", str((*Decoder).ExpectString), `"a\"\\b" `, `a"\b`, " ", ""},
	{"quoted", str((*Decoder).ExpectString), "\"\x01\t\x7f\"", "\x01\t\x7f", "", ""},
	{"quoted escape", str((*Decoder).ExpectString), `"a\n"`, "", "", "expected a quote or a backslash at column 4"},
	{"quoted escape", str((*Decoder).ExpectString), `"a\`, "", "", "expected a quote or a backslash at column 4"},
	{"quoted end", str((*Decoder).ExpectString), `"ab`, "", "", "expected a closing quote at column 4"},
	{"quoted end", str((*Decoder).ExpectString), `"`, "", "", "expected a closing quote at column 2"},
	{"quoted NUL", str((*Decoder).ExpectString), "\"a\x00\"", "", "", "expected a character that may be quoted at column 3"},
	{"quoted CR", str((*Decoder).ExpectString), "\"a\rb\"", "", "", "expected a character that may be quoted at column 3"},
	{"quoted 8-bit", str((*Decoder).ExpectString), "\"\xc3\xa5\"", "å", "", ""},
	{"quoted Latin-1", str((*Decoder).ExpectString), "\"\xe5\"", "", "", "expected valid UTF-8 at column 2"},
	{"string", str((*Decoder).ExpectString), "foo", "", "", "expected a string at column 1"},
	{"nstring", nstring, "nIl)", " true", ")", ""},
	{"nstring", nstring, `"NIL"`, "NIL false", "", ""},
	{"nstring", nstring, "NILS", "", "", "expected a string or NIL at column 1"},

	{"literal", str((*Decoder).ExpectString), "{3}\r\na\r\n x", "a\r\n", " x", ""},
	{"literal", str((*Decoder).ExpectString), "{0}\r\n x", "", " x", ""},
	{"literal plus", str((*Decoder).ExpectAString), "{3+}\r\nabc", "abc", "", ""},
	{"literal 8-bit", str((*Decoder).ExpectAString), "{2+}\r\n\xff\xfe", "\xff\xfe", "", ""},
	{"literal NUL", str((*Decoder).ExpectAString), "{2+}\r\n\x00a", "", "", "expected a literal without NUL at column 1"},
	{"literal zeros", str((*Decoder).ExpectString), "{00005}", "", "", "expected a literal at column 1"},
	{"literal minus", str((*Decoder).ExpectString), "{-1}", "", "", "expected a literal at column 1"},
	{"literal empty", str((*Decoder).ExpectString), "{}", "", "", "expected a literal at column 1"},
	{"literal 2^32", str((*Decoder).ExpectString), "{4294967296}", "", "", "expected a string of at most 16384 octets at column 1"},
	{"literal 2^64", str((*Decoder).ExpectString), "{18446744073709551616}", "", "", "expected a literal at column 1"},
	{"literal 2^63", str((*Decoder).ExpectString), "{9223372036854775808}", "", "", "expected a literal at column 1"},
	{"literal 2^63-1", str((*Decoder).ExpectString), "{9223372036854775807}", "", "", "expected a string of at most 16384 octets at column 1"},
	{"literal not at the end", str((*Decoder).ExpectString), "{1} ", "", "", "expected a literal at column 1"},
	{"literal twice", str((*Decoder).ExpectString), "{1}{2}", "", "", "expected a literal at column 1"},
	{"literal8", literal8, "~{2}\r\n\x00a)", "\x00a", ")", ""},
	{"literal8 plus", literal8, "~{2+}\r\n\x00a)", "\x00a", ")", ""},
	{"literal8", literal8, "{2}", "", "", "expected a literal8 at column 1"},
	{"streamed", streamed, "{2}\r\n\x00a)", "\x00a 2 false false true", ")", ""},
	{"streamed", streamed, "~{2+}\r\n\x00a)", "\x00a 2 true true true", ")", ""},
	{"streamed", streamed, "\"a\"", "", "", "expected a literal at column 1"},

	{"number", value((*Decoder).ExpectNumber), "0 ", "0", " ", ""},
	{"number", value((*Decoder).ExpectNumber), "007", "7", "", ""},
	{"number", value((*Decoder).ExpectNumber), "4294967295", "4294967295", "", ""},
	{"number", value((*Decoder).ExpectNumber), "4294967296", "", "", "expected a number below 2^32 at column 1"},
	{"number", value((*Decoder).ExpectNumber), "-1", "", "", "expected a number below 2^32 at column 1"},
	{"number", value((*Decoder).ExpectNumber), "+1", "", "", "expected a number below 2^32 at column 1"},
	{"nz-number", value((*Decoder).ExpectNZNumber), "10.", "10", ".", ""},
	{"nz-number", value((*Decoder).ExpectNZNumber), "0", "", "", "expected a number from 1 to 2^32-1 at column 1"},
	{"nz-number", value((*Decoder).ExpectNZNumber), "01", "", "", "expected a number from 1 to 2^32-1 at column 1"},
	{"number64", value((*Decoder).ExpectNumber64), "9223372036854775807>", "9223372036854775807", ">", ""},
	{"number64", value((*Decoder).ExpectNumber64), "9223372036854775808", "", "", "expected a number below 2^63 at column 1"},
	{"number64", value((*Decoder).ExpectNumber64), "99999999999999999999999", "", "", "expected a number below 2^63 at column 1"},
	{"modseq", value((*Decoder).ExpectModSeq), "0)", "0", ")", ""},
	{"modseq", value((*Decoder).ExpectModSeq), "9223372036854775807", "9223372036854775807", "", ""},
	{"modseq", value((*Decoder).ExpectModSeq), "9223372036854775808", "", "", "expected a mod-sequence at column 1"},

	{"list", nested, "()", "", "", ""},
	{"list", nested, "(a (b \"c\") d)x", "a,b,c,)d,", "x", ""},
	{"list", nested, "((a)(b))", "", "", `expected a space or ")" at column 5`},
	{"list", nested, "(a  b)", "", "", "expected a string at column 4"},
	{"list", nested, "(a )", "", "", "expected a string at column 4"},
	{"list", nested, "( a)", "", "", "expected a string at column 2"},
	{"list", nested, "(a", "", "", `expected a space or ")" at column 3`},
	{"list", nested, "a", "", "", `expected "(" at column 1`},
	{"lists beside each other", nested, "(" + strings.Repeat("() ", 40) + "a)", strings.Repeat(")", 40) + "a,", "", ""},
	{"list depth", nested, strings.Repeat("(", 33), "", "", "expected fewer nested lists at column 33"},
	{"list depth", nested, strings.Repeat("(", 32) + strings.Repeat(")", 32), strings.Repeat(")", 31), "", ""},

	{"mailbox", str((*Decoder).ExpectMailbox), "inBoX ", "INBOX", " ", ""},
	{"mailbox", str((*Decoder).ExpectMailbox), `"inBoX"`, "INBOX", "", ""},
	{"mailbox", str((*Decoder).ExpectMailbox), "{5+}\r\ninbox", "INBOX", "", ""},
	{"mailbox", str((*Decoder).ExpectMailbox), "inbox/a", "inbox/a", "", ""},
	{"mailbox", str((*Decoder).ExpectMailbox), "~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語", "", ""},
	{"mailbox", str((*Decoder).ExpectMailbox), `"a &- b"`, "a & b", "", ""},
	{"mailbox", str((*Decoder).ExpectMailbox), `"a & b"`, "", "", "expected a mailbox name at column 1"},
	{"mailbox NUL", str((*Decoder).ExpectMailbox), `&AAA-`, "", "", "expected a mailbox name at column 1"},
	{"mailbox 8-bit", str((*Decoder).ExpectMailbox), "{2+}\r\n\xc3\xa5", "å", "", ""},
	{"mailbox 8-bit with &", str((*Decoder).ExpectMailbox), "\"&AOU-\xc3\xa5\"", "&AOU-å", "", ""},
	{"mailbox Latin-1", str((*Decoder).ExpectMailbox), "{1+}\r\n\xe5", "", "", "expected a mailbox name at column 1"},
	{"mailbox", str((*Decoder).ExpectMailbox), "%", "", "", "expected a mailbox name at column 1"},
	{"pattern", str((*Decoder).ExpectListMailbox), "a%*[]", "a%*[]", "", ""},
	{"pattern", str((*Decoder).ExpectListMailbox), "inbox)", "INBOX", ")", ""},
	{"pattern", str((*Decoder).ExpectListMailbox), `"&AOU-*"`, "å*", "", ""},
	{"pattern", str((*Decoder).ExpectListMailbox), `(`, "", "", "expected a mailbox name or pattern at column 1"},

	{"flag", str((*Decoder).ExpectFlag), `\sEEN `, `\Seen`, " ", ""},
	{"flag", str((*Decoder).ExpectFlag), `\recent`, `\Recent`, "", ""},
	{"flag", str((*Decoder).ExpectFlag), `\Other)`, `\Other`, ")", ""},
	{"flag", str((*Decoder).ExpectFlag), `$Forwarded)`, `$Forwarded`, ")", ""},
	{"flag", str((*Decoder).ExpectFlag), `\*`, "", "", "expected a flag at column 1"},
	{"flag", str((*Decoder).ExpectFlag), `\`, "", "", "expected a flag at column 1"},
	{"flags", value(flagList), `(\answered a) x`, `[\Answered a]`, " x", ""},
	{"flags", value(flagList), `() x`, `[]`, " x", ""},
	{"flags", value(flagList), `a`, ``, "", "expected a list of flags at column 1"},
	{"flags", value(flagList), `(a "b")`, ``, "", "expected a flag at column 4"},
	{"store flags", value((*Decoder).ExpectFlags), `a \Seen`, `[a \Seen]`, "", ""},
	{"store flags", value((*Decoder).ExpectFlags), `a \Seen `, `[a \Seen]`, " ", ""},
	{"store flags", value((*Decoder).ExpectFlags), `(a \Seen)`, `[a \Seen]`, "", ""},
	{"store flags", value((*Decoder).ExpectFlags), `(a`, ``, "", `expected a space or ")" at column 3`},
	{"store flags", value((*Decoder).ExpectFlags), ``, ``, "", `expected a flag at column 1`},
	{"store flags", value((*Decoder).ExpectFlags), `a  b`, ``, "", `expected a flag at column 3`},

	{"sequence set", value((*Decoder).ExpectSeqSet), "4,2,3,7:5 x", "2:7", " x", ""},
	{"sequence set", value((*Decoder).ExpectSeqSet), "*:4,1)", "1,4:*", ")", ""},
	{"sequence set", value((*Decoder).ExpectSeqSet), "$ x", "$", " x", ""},
	{"sequence set", value((*Decoder).ExpectSeqSet), "1,,2", "", "", "expected a sequence set at column 1"},
	{"sequence set", value((*Decoder).ExpectSeqSet), "0", "", "", "expected a sequence set at column 1"},
	{"sequence set", value((*Decoder).ExpectSeqSet), "1:", "", "", "expected a sequence set at column 1"},
	{"sequence set", value((*Decoder).ExpectSeqSet), "1,", "", "", "expected a sequence set at column 1"},
	{"sequence set", value((*Decoder).ExpectSeqSet), "1a", "", "", "expected a sequence set at column 1"},
	{"sequence set", value((*Decoder).ExpectSeqSet), "$1", "", "", "expected a sequence set at column 1"},
	{"sequence set", value((*Decoder).ExpectSeqSet), "1,$", "", "", "expected a sequence set at column 1"},
	{"sequence set", value((*Decoder).ExpectSeqSet), "4294967296", "", "", "expected a sequence set at column 1"},
	{"sequence set", value((*Decoder).ExpectSeqSet), strings.Repeat("2,", 5000) + "7", "2,7", "", ""},
	{"sequence set bound", value((*Decoder).ExpectSeqSet), strings.Repeat("1,", 8000) + "1", "1", "", ""},
	{"sequence set bound", value((*Decoder).ExpectSeqSet), strings.Repeat("1,", 8191) + "1", "1", "", ""},
	{"uid set", value((*Decoder).ExpectUIDSet), "3:1", "1:3", "", ""},
	{"uid set", value((*Decoder).ExpectUIDSet), "3:*", "", "", "expected a set of UIDs at column 1"},
	{"uid set", value((*Decoder).ExpectUIDSet), "$", "", "", "expected a set of UIDs at column 1"},

	{"date", value((*Decoder).ExpectDate), "1-feb-2026 ", "2026-02-01T00:00:00Z", " ", ""},
	{"date", value((*Decoder).ExpectDate), `"29-FEB-2024")`, "2024-02-29T00:00:00Z", ")", ""},
	{"date", value((*Decoder).ExpectDate), `01-Feb-2026`, "2026-02-01T00:00:00Z", "", ""},
	{"date", value((*Decoder).ExpectDate), `29-Feb-2026`, "", "", "expected a date at column 1"},
	{"date", value((*Decoder).ExpectDate), `0-Jan-2026`, "", "", "expected a date at column 1"},
	{"date", value((*Decoder).ExpectDate), ` 1-Jan-2026`, "", "", "expected a date at column 1"},
	{"date", value((*Decoder).ExpectDate), `1-Jan-202`, "", "", "expected a date at column 1"},
	{"date", value((*Decoder).ExpectDate), `1-Foo-2026`, "", "", "expected a date at column 1"},
	{"date", value((*Decoder).ExpectDate), `"1-Jan-2026`, "", "", "expected a date at column 1"},
	{"date", value((*Decoder).ExpectDate), `"`, "", "", "expected a date at column 1"},
	{"date-time", value((*Decoder).ExpectDateTime), `" 1-Feb-2026 12:34:56 +0130" {`, "2026-02-01T12:34:56+01:30", " {", ""},
	{"date-time", value((*Decoder).ExpectDateTime), `"31-dec-1999 23:59:59 -0800"`, "1999-12-31T23:59:59-08:00", "", ""},
	{"date-time", value((*Decoder).ExpectDateTime), `"01-Feb-2026 00:00:00 +0000"`, "2026-02-01T00:00:00Z", "", ""},
	{"date-time", value((*Decoder).ExpectDateTime), `"30-Feb-2026 00:00:00 +0000"`, "", "", "expected a date and time at column 1"},
	{"date-time", value((*Decoder).ExpectDateTime), `" 1-Feb-2026 24:00:00 +0000"`, "", "", "expected a date and time at column 1"},
	{"date-time", value((*Decoder).ExpectDateTime), `" 1-Feb-2026 00:60:00 +0000"`, "", "", "expected a date and time at column 1"},
	{"date-time", value((*Decoder).ExpectDateTime), `" 1-Feb-2026 00:00:00 +0060"`, "", "", "expected a date and time at column 1"},
	{"date-time", value((*Decoder).ExpectDateTime), `" 1-Feb-2026 00:00:00  0000"`, "", "", "expected a date and time at column 1"},
	{"date-time", value((*Decoder).ExpectDateTime), `" 1-Feb-2026T00:00:00 +0000"`, "", "", "expected a date and time at column 1"},
	{"date-time", value((*Decoder).ExpectDateTime), `"1-Feb-2026 00:00:00 +0000"`, "", "", "expected a date and time at column 1"},
	{"date-time", value((*Decoder).ExpectDateTime), `" 1-Feb-2026 00:00:00 +0000`, "", "", "expected a date and time at column 1"},

	{"section", section, "1.2.3]", "[1 2 3]", "]", ""},
	{"section", section, "1.2.HEADER]", "[1 2]", ".HEADER]", ""},
	{"section", section, "12", "[12]", "", ""},
	{"section", section, "1.0", "[1]", ".0", ""},
	{"section", section, "TEXT", "", "", "expected a part at column 1"},
	{"section", section, strings.Repeat("1.", 32) + "1", "", "", "expected a shorter part number at column 1"},
	{"partial", partial, "<0.100>)", "0 100", ")", ""},
	{"partial", partial, "<0.0>)", "", "", "expected a number above 0 at column 5"},
	{"partial", partial, "<0>", "", "", `expected "." at column 3`},
	{"partial", partial, "<0.1", "", "", `expected ">" at column 5`},
	{"partial", partial, "0", "", "", `expected a part at column 1`},
	{"partial", partial, "<.1>", "", "", `expected a number below 2^63 at column 2`},

	{"base64", value((*Decoder).ExpectBase64), "AGFiYw==", "\x00abc", "", ""},
	{"base64", value((*Decoder).ExpectBase64), "", "", "", ""},
	{"base64", value((*Decoder).ExpectBase64), "=", "", "", ""},
	{"base64", value((*Decoder).ExpectBase64), "YWJj  ", "abc", "  ", ""},
	{"base64", value((*Decoder).ExpectBase64), "YWJ", "", "", "expected base64 at column 1"},
	{"base64 padding bits", value((*Decoder).ExpectBase64), "AGFiYx==", "", "", "expected base64 at column 1"},
	{"base64 no padding", value((*Decoder).ExpectBase64), "AGFiYw", "", "", "expected base64 at column 1"},
	{"base64 space", value((*Decoder).ExpectBase64), "YW Jj", "", "", "expected base64 at column 1"},
	{"base64 CR", value((*Decoder).ExpectBase64), "YW\rJj", "", "", "expected base64 at column 1"},
	{"base64 after the end", value((*Decoder).ExpectBase64), "YQ==YQ==", "", "", "expected base64 at column 1"},
	{"base64 cancel", value((*Decoder).ExpectBase64), "*", "", "", "expected base64 at column 1"},
	{"base64 url", value((*Decoder).ExpectBase64), "_-__", "", "", "expected base64 at column 1"},
}

func TestTokens(t *testing.T) {
	for _, tt := range tokenTests {
		for _, src := range sources("xy" + tt.in + "\r\n") {
			d := NewDecoder(src)
			if err := d.Next(); err != nil {
				t.Fatalf("%s %q: %v", tt.name, tt.in, err)
			}
			got, ok := "", d.Byte('x') && d.Byte('y')
			if ok {
				got, ok = tt.read(d)
			}
			if tt.err != "" {
				if ok || d.Err() == nil || d.Err().Error() != shift(tt.err, 2) {
					t.Errorf("%s %q: got %q, %v, want %v", tt.name, tt.in, got, d.Err(), shift(tt.err, 2))
				}
				continue
			}
			if !ok || got != tt.want {
				t.Errorf("%s %q: got %q, %v, want %q", tt.name, tt.in, got, d.Err(), tt.want)
			}
			if rest := string(d.rest()); rest != tt.rest {
				t.Errorf("%s %q: left %q, want %q", tt.name, tt.in, rest, tt.rest)
			}
		}
	}
}

// shift moves the column in the text of an error by n.
func shift(text string, n int) string {
	i := strings.LastIndexByte(text, ' ') + 1
	var column int
	fmt.Sscan(text[i:], &column)
	return fmt.Sprint(text[:i], column+n)
}

// sources returns the input in several ways: at once, an octet at a time, through a small buffer.
func sources(in string) []Source {
	return []Source{
		bufio.NewReader(strings.NewReader(in)),
		bufio.NewReader(iotest.OneByteReader(strings.NewReader(in))),
		bufio.NewReaderSize(iotest.HalfReader(strings.NewReader(in)), 16),
	}
}

// A try that fails reads nothing, and leaves no error unless the token began rightly.
func TestTriesConsumeNothing(t *testing.T) {
	var s string
	var b []byte
	var u uint32
	var i int64
	var m uint64
	var null bool
	var set NumSet
	var at time.Time
	var flags []string
	var path []uint32
	var lit Literal
	var body io.Reader
	tries := map[string]func(d *Decoder) bool{
		"Tag":         func(d *Decoder) bool { return d.Tag(&b) },
		"SP":          func(d *Decoder) bool { return d.SP() },
		"CRLF":        func(d *Decoder) bool { return d.CRLF() },
		"Byte":        func(d *Decoder) bool { return d.Byte('!') },
		"OpenList":    func(d *Decoder) bool { return d.OpenList() },
		"List":        func(d *Decoder) bool { return d.List(func() bool { return false }) },
		"Atom":        func(d *Decoder) bool { return d.Atom(&s) },
		"Keyword":     func(d *Decoder) bool { return d.Keyword(&b) },
		"Word":        func(d *Decoder) bool { return d.Word("NIL") },
		"String":      func(d *Decoder) bool { return d.String(&s) },
		"AString":     func(d *Decoder) bool { return d.AString(&s) },
		"NString":     func(d *Decoder) bool { return d.NString(&s, &null) },
		"Literal8":    func(d *Decoder) bool { return d.Literal8(&s) },
		"Literal":     func(d *Decoder) bool { return d.Literal(&lit, &body) },
		"Number":      func(d *Decoder) bool { return d.Number(&u) },
		"NZNumber":    func(d *Decoder) bool { return d.NZNumber(&u) },
		"Number64":    func(d *Decoder) bool { return d.Number64(&i) },
		"ModSeq":      func(d *Decoder) bool { return d.ModSeq(&m) },
		"SectionPart": func(d *Decoder) bool { return d.SectionPart(&path) },
		"Partial":     func(d *Decoder) bool { return d.Partial(&i, &i) },
		"Base64":      func(d *Decoder) bool { return d.Base64(&b) },
		"Mailbox":     func(d *Decoder) bool { return d.Mailbox(&s) },
		"ListMailbox": func(d *Decoder) bool { return d.ListMailbox(&s) },
		"Flag":        func(d *Decoder) bool { return d.Flag(&s) },
		"FlagList":    func(d *Decoder) bool { return d.FlagList(&flags) },
		"SeqSet":      func(d *Decoder) bool { return d.SeqSet(&set) },
		"UIDSet":      func(d *Decoder) bool { return d.UIDSet(&set) },
		"Date":        func(d *Decoder) bool { return d.Date(&at) },
		"DateTime":    func(d *Decoder) bool { return d.DateTime(&at) },
	}
	for name, try := range tries {
		d := NewDecoder(bufio.NewReader(strings.NewReader("ab)\x01\r\n")))
		if err := d.Next(); err != nil {
			t.Fatal(err)
		}
		if !d.Byte('a') || !d.Byte('b') || !d.CloseList() {
			t.Fatal(d.Err())
		}
		if try(d) || d.Err() != nil || d.Column() != 4 {
			t.Errorf("%s: error %v, column %d", name, d.Err(), d.Column())
		}
		if d.ExpectAtom(&s); d.Err().Error() != "expected an atom at column 4" {
			t.Errorf("%s: %v", name, d.Err())
		}
		if try(d) || d.Err().Error() != "expected an atom at column 4" {
			t.Errorf("%s after an error: %v", name, d.Err())
		}
	}
}

func TestUTF8(t *testing.T) {
	tests := []struct {
		read read
		in   string
		want string
		err  string
	}{
		{str((*Decoder).ExpectString), "\"b\xc3\xa5\"", "bå", ""},
		{str((*Decoder).ExpectString), "\"\xf0\x9f\x93\xa7\\\"\"", "📧\"", ""},
		{str((*Decoder).ExpectString), "\"b\xc3\"", "", "expected valid UTF-8 at column 3"},
		{str((*Decoder).ExpectString), "\"\xed\xa0\x80\"", "", "expected valid UTF-8 at column 2"},
		{str((*Decoder).ExpectString), "\"\xc0\x80\"", "", "expected valid UTF-8 at column 2"},
		{str((*Decoder).ExpectMailbox), "\"b\xc3\xa5 & &AOU-\"", "bå & &AOU-", ""},
		{str((*Decoder).ExpectMailbox), "{2+}\r\n\xc3\xa5", "å", ""},
		{str((*Decoder).ExpectMailbox), "{2+}\r\n\xc3\xc3", "", "expected a mailbox name at column 1"},
		{str((*Decoder).ExpectMailbox), "\xc3\xa5", "", "expected a mailbox name at column 1"},
		{str((*Decoder).ExpectListMailbox), "\"\xc3\xa5%\"", "å%", ""},
		{str((*Decoder).ExpectMailbox), "inbox", "INBOX", ""},
	}
	for _, tt := range tests {
		d := NewDecoder(bufio.NewReader(strings.NewReader(tt.in + "\r\n")))
		d.UTF8 = true
		if err := d.Next(); err != nil {
			t.Fatal(err)
		}
		got, ok := tt.read(d)
		if ok != (tt.err == "") || ok && got != tt.want || !ok && d.Err().Error() != tt.err {
			t.Errorf("%q: got %q, %v, want %q %s", tt.in, got, d.Err(), tt.want, tt.err)
		}
	}
}
