package message

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"mime/quotedprintable"
	"strings"
	"testing"
	"testing/iotest"
)

func TestDecodeHeader(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"plain", "plain"},
		{"folded\r\n text\n\there", "folded text here"},
		{"raw \xc3\xa9", "raw é"},
		{"latin \xe9", "latin \uFFFD"},
		// RFC 2047, section 8
		{"=?ISO-8859-1?Q?a?=", "a"},
		{"=?ISO-8859-1?Q?a?= b", "a b"},
		{"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"},
		{"=?ISO-8859-1?Q?a?=  \r\n  =?ISO-8859-1?Q?b?=", "ab"},
		{"=?ISO-8859-1?Q?a_b?=", "a b"},
		{"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"},
		{"=?US-ASCII*EN?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"},
		{"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
			"If you can read this you understand the example."},
		{"=?utf-8?q?caf=C3?= =?utf-8?q?=A9?=", "café"},
		{"=?UTF-8?b?w6k?=", "é"},
		{"=?iso-8859-15?q?=A4?=", "€"},
		{"=?iso-2022-jp?B?GyRCJUYlOSVIGyhC?=", "テスト"},
		{"=?gb2312?B?1tDOxA==?=", "中文"},
		{"=?koi8-r?Q?=F4=C5=D3=D4?=", "Тест"},
		{"=?utf-8?q?bad=C3?= x", "bad\uFFFD x"},
		{"=?utf-8?q?a b?=", "a b"},
		{"a=?utf-8?q?b?=c", "abc"},
		{"=?utf-8?q?=?=", "="},
		{"=?utf-8?q?=4?=", "=4"},
		{"=?utf-8?q?=XY?=", "=XY"},
		// not decodable: as they are
		{"=?nowhere?q?a?= =?utf-8?q?b?=", "=?nowhere?q?a?= b"},
		{"=?nowhere?q?a?= =?nowhere?q?b?=", "=?nowhere?q?a?= =?nowhere?q?b?="},
		{"=?utf-7?q?+AOk-?=", "=?utf-7?q?+AOk-?="},
		{"=?utf-8?x?a?=", "=?utf-8?x?a?="},
		{"=?utf-8?q?a", "=?utf-8?q?a"},
		{"=?utf-8?q?a?", "=?utf-8?q?a?"},
		{"=??q?a?=", "=??q?a?="},
		{"=?utf-8?q?a\x00?=", "=?utf-8?q?a\x00?="},
		{"=?=?utf-8?q?a?=", "=?a"},
		{"=?utf-8?q?a=?utf-8?q?b?=", "=?utf-8?q?ab"},
		{"=?utf-8?q?a?= =?utf-8?x?b?=", "a =?utf-8?x?b?="},
	}
	for _, test := range tests {
		if got := string(DecodeHeader([]byte("> "), []byte(test.in))); got != "> "+test.want {
			t.Errorf("%q: %q, want %q", test.in, got, test.want)
		}
	}
}

func TestParseParams(t *testing.T) {
	tests := []struct {
		in     string
		value  string
		params map[string]string
	}{
		{"Text/HTML; Charset=UTF-8", "text/html", map[string]string{"charset": "UTF-8"}},
		{"attachment (c); filename=\"a \\\"b\\\".txt\"", "attachment", map[string]string{"filename": `a "b".txt`}},
		// RFC 2231, section 4.1
		{"application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
			"application/x-stuff", map[string]string{"title": "This is even more ***fun*** isn't it!"}},
		{"attachment; filename=x; filename*=utf-8''%C3%A9.txt", "attachment", map[string]string{"filename": "é.txt"}},
		{"attachment; filename*=iso-8859-1'de'%E9", "attachment", map[string]string{"filename": "é"}},
		{"attachment; filename*=nowhere''%41%zz%4", "attachment", map[string]string{"filename": "A%zz%4"}},
		{"attachment; filename*=%41", "attachment", map[string]string{"filename": "A"}},
		{"attachment; filename=\"=?utf-8?q?=C3=A9?=\"", "attachment", map[string]string{"filename": "é"}},
		{"attachment; a=1; A=2", "attachment", map[string]string{"a": "1"}},
		{"", "", map[string]string{}},
	}
	for _, test := range tests {
		value, params := ParseParams([]byte(test.in))
		if value != test.value || !maps.Equal(params, test.params) {
			t.Errorf("%q: %q %v, want %q %v", test.in, value, params, test.value, test.params)
		}
	}
}

func TestBinaryReader(t *testing.T) {
	tests := []struct {
		encoding Encoding
		in, want string
	}{
		{SevenBit, "as it is\r\n", "as it is\r\n"},
		{Binary, "\x00\xff", "\x00\xff"},
		{Base64, "", ""},
		{Base64, "SGVs\r\nbG8=\r\n", "Hello"},
		{Base64, "SGVsbG8", "Hello"},
		{Base64, "SGVs bG8h!", "Hello!"},
		{Base64, "SGk=SGk=", "HiHi"},
		{Base64, "S", ""},
		{Base64, "AP8=", "\x00\xff"},
		{QuotedPrintable, "a=3D=3d=C3=A9\r\n", "a==é\r\n"},
		{QuotedPrintable, "soft =\r\nbreak =  \t\r\nagain=\nlf", "soft break againlf"},
		{QuotedPrintable, "trailing  \t\r\nblanks  ", "trailing\r\nblanks"},
		{QuotedPrintable, "in  the\tmiddle", "in  the\tmiddle"},
		{QuotedPrintable, "bad =XY =4 ==41 =\rx =", "bad =XY =4 =A =\rx "},
		{QuotedPrintable, "end =4", "end =4"},
		{QuotedPrintable, "a = b", "a = b"},
		{QuotedPrintable, "=20\r\n", " \r\n"},
		{QuotedPrintable, strings.Repeat(" ", 2*maxBlanks) + "x", strings.Repeat(" ", 2*maxBlanks) + "x"},
	}
	for _, test := range tests {
		for name, body := range map[string]io.Reader{
			"whole":  strings.NewReader(test.in),
			"bytes":  iotest.OneByteReader(strings.NewReader(test.in)),
			"at EOF": iotest.DataErrReader(strings.NewReader(test.in)),
		} {
			r, err := BinaryReader(body, test.encoding)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != nil || string(got) != test.want {
				t.Errorf("%v %.50q (%s): %.80q, %v, want %.80q", test.encoding, test.in, name, got, err, test.want)
			}
		}
	}
	if _, err := BinaryReader(strings.NewReader(""), UnknownEncoding); !errors.Is(err, ErrUnknownEncoding) {
		t.Errorf("unknown encoding: %v", err)
	}
	r, _ := BinaryReader(iotest.TimeoutReader(strings.NewReader(strings.Repeat("QUJD", 10_000))), Base64)
	if got, err := io.ReadAll(r); err != iotest.ErrTimeout || len(got) == 0 {
		t.Errorf("read error: %d bytes, %v", len(got), err)
	}
}

// TestQuotedPrintableRoundTrip decodes what the standard library encodes.
func TestQuotedPrintableRoundTrip(t *testing.T) {
	text := strings.Repeat("Zeile mit Umläuten = äöü und Leerzeichen  \r\n\tund mehr\r\n", 500)
	var encoded bytes.Buffer
	w := quotedprintable.NewWriter(&encoded)
	io.WriteString(w, text)
	w.Close()
	r, _ := BinaryReader(&encoded, QuotedPrintable)
	if got, err := io.ReadAll(r); err != nil || string(got) != text {
		t.Errorf("%v, other text of %d bytes", err, len(got))
	}
}

func TestDecodedText(t *testing.T) {
	tests := []struct {
		part     PartInfo
		in, want string
	}{
		{PartInfo{}, "caf\xc3\xa9", "café"},
		{PartInfo{}, "caf\xe9", "caf\uFFFD"},
		{PartInfo{Charset: "us-ascii"}, "caf\xc3\xa9", "café"},
		{PartInfo{Charset: "iso-8859-1", Encoding: QuotedPrintable}, "caf=E9", "café"},
		{PartInfo{Charset: "iso-8859-1\xe9\xff", Encoding: QuotedPrintable}, "caf=E9", "café"},
		{PartInfo{Charset: "utf-8", Encoding: Base64}, "Y2Fmw6k=", "café"},
		{PartInfo{Charset: "iso-2022-jp", Encoding: EightBit}, "\x1b$B%F%9%H\x1b(B", "テスト"},
		{PartInfo{Charset: "utf-16be", Encoding: Base64}, "AGEA6Q==", "aé"},
		{PartInfo{Charset: "utf-7"}, "+AOk-", "+AOk-"},
		{PartInfo{Charset: "nowhere"}, "caf\xc3\xa9", "café"},
		{PartInfo{Encoding: UnknownEncoding}, "text", "text"},
	}
	for _, test := range tests {
		got, err := io.ReadAll(DecodedText(iotest.OneByteReader(strings.NewReader(test.in)), test.part))
		if err != nil || string(got) != test.want {
			t.Errorf("%+v %q: %q, %v, want %q", test.part, test.in, got, err, test.want)
		}
	}
}

func TestMatcher(t *testing.T) {
	long := strings.Repeat("x", 8<<10-3)
	tests := []struct {
		text, in string
		want     bool
	}{
		{"", "", true},
		{"", "x", true},
		{"a", "", false},
		{"needle", "in the NEEDLEs", true},
		{"needle", "need le", false},
		{"ÄÖ", "xäöx", true},
		{"straße", "STRASSE", false}, // full folding is not done
		{"ſ", "S", true},
		{"k", "\u212A", true}, // Kelvin sign
		{"Σίσυφος", "σίσυφοσ", true},
		{"needle", long + "Needle", true},
		{"äöü", long + "ÄÖÜ", true},
		{"äöü", long + "aÄÖÜ", true},
		{"äöü", long + "ab\xc3", false},
		{"\uFFFD", "\xff", true},
		{long + "y", long + long + "y", true},
		{"aaab", strings.Repeat("a", 100_000) + "B", true},
	}
	for _, test := range tests {
		m := NewMatcher(test.text)
		if got := m.Match([]byte(test.in)); got != test.want {
			t.Errorf("%.20q in %.20q: %v", test.text, test.in, got)
		}
		got, err := m.MatchReader(iotest.OneByteReader(strings.NewReader(test.in)))
		if got != test.want || err != nil {
			t.Errorf("%.20q in %.20q, streamed: %v, %v", test.text, test.in, got, err)
		}
	}
	if _, err := NewMatcher("x").MatchReader(iotest.ErrReader(iotest.ErrTimeout)); err != iotest.ErrTimeout {
		t.Errorf("read error: %v", err)
	}
}

func FuzzDecodeHeader(f *testing.F) {
	f.Add([]byte("=?utf-8?q?a?= =?iso-2022-jp?b?GyRC?="))
	f.Add([]byte("=?utf-7?q?=?utf-8*x?B?====?=\r\n \xff"))
	f.Fuzz(func(t *testing.T, body []byte) {
		out := DecodeHeader(nil, body)
		if !bytes.Equal(out, bytes.ToValidUTF8(out, nil)) {
			t.Fatalf("%q is not UTF-8", out)
		}
		if len(out) > 8*len(body)+8 {
			t.Fatalf("%d bytes from %d", len(out), len(body))
		}
		ParseParams(body)
	})
}

func FuzzDecodedText(f *testing.F) {
	f.Add([]byte("a=\r\n=C3=A9"), uint8(3), "utf-8")
	f.Add([]byte("AGEA6Q=="), uint8(4), "utf-16be")
	f.Fuzz(func(t *testing.T, body []byte, encoding uint8, charset string) {
		part := PartInfo{Encoding: Encoding(encoding % 6), Charset: charset}
		whole, err := io.ReadAll(DecodedText(bytes.NewReader(body), part))
		if err != nil {
			t.Fatal(err)
		}
		pieces, err := io.ReadAll(DecodedText(iotest.OneByteReader(bytes.NewReader(body)), part))
		if err != nil || !bytes.Equal(whole, pieces) {
			t.Fatalf("whole %q, in pieces %q, %v", whole, pieces, err)
		}
		if !bytes.Equal(whole, bytes.ToValidUTF8(whole, nil)) {
			t.Fatalf("%q is not UTF-8", whole)
		}
	})
}
