package message

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
)

// structureTest is a message with LF line ends; the sections are of the wire form.
type structureTest struct {
	name     string
	message  string
	body     string            // BODYSTRUCTURE
	sections map[string]string // part number and specifier -> text, "absent" if there is none
}

const (
	ext7 = ` NIL NIL "7bit" `
	noX  = ` NIL NIL NIL NIL)`
)

func plainPart(size, lines int) string {
	return fmt.Sprintf(`("text" "plain" ("charset" "us-ascii")%s%d %d%s`, ext7, size, lines, noX)
}

const nilEnvelope = `(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)`

var structureTests = []structureTest{
	{"empty", "", plainPart(0, 0), map[string]string{"": "", "1": "", "HEADER": "", "2": "absent", "1.1": "absent"}},
	{"only an empty line", "\n", plainPart(0, 0), map[string]string{"HEADER": "\r\n", "TEXT": ""}},
	{"no empty line", "Subject: x\nno field\nTo: y", plainPart(0, 0),
		map[string]string{"HEADER": "Subject: x\r\nno field\r\nTo: y", "TEXT": ""}},
	{"body without line end", "A: b\n\nx", plainPart(1, 0), map[string]string{"1": "x", "1.MIME": "A: b\r\n\r\n", "1.TEXT": "absent"}},
	{"begins with an empty line", "\nFrom: x\n", plainPart(9, 1), map[string]string{"TEXT": "From: x\r\n"}},
	{"begins with white space", " folded\nSubject: x\n\nb\n", plainPart(3, 1), nil},
	{"bare CR is no line end", "A: b\rC: d\n\nx\ry\n", plainPart(5, 1), map[string]string{"HEADER": "A: b\rC: d\r\n\r\n"}},
	{"Content-* without MIME-Version and Content-Type",
		"Content-Transfer-Encoding: base64\nContent-Description: d\n\nx\n", plainPart(3, 1), nil},
	{"MIME-Version alone makes Content-* count",
		"MIME-Version: 1.0\nContent-Transfer-Encoding: base64\nContent-Description: d\n\nx\n",
		`("text" "plain" ("charset" "us-ascii") NIL "d" "base64" 3 1` + noX, nil},
	{"all extension fields", `Content-Type: application/x-thing; name="a b"; (c) size = 3
Content-ID: <id@x>
Content-Description: two
	lines
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
Content-Disposition: attachment; filename=x.bin; size="17"
Content-Language: de, (the) en-GB , fr
Content-Location: http://example.org/
	very/long

x`,
		`("application" "x-thing" ("name" "a b" "size" "3") "<id@x>" "two	lines" "7bit" 1 "Q2hlY2sgSW50ZWdyaXR5IQ==" ` +
			`("attachment" ("filename" "x.bin" "size" "17")) ("de" "en-GB" "fr") "http://example.org/	very/long")`, nil},
	{"type without subtype", "Content-Type: text\n\nx", `("text" "" ("charset" "us-ascii")` + ext7 + `1 0` + noX, nil},
	{"multipart without subtype", "Content-Type: multipart\n\nx", `("application" "octet-stream" NIL` + ext7 + `1` + noX, nil},
	{"empty type", "Content-Type:\n\nx", `("" "" NIL` + ext7 + `1` + noX, nil},
	{"rubbish behind the type", "Content-Type: text/html charset=x\n\nx", `("" "" NIL` + ext7 + `1` + noX, nil},
	{"broken parameters are passed over", "Content-Type: text/html; ; =; a; b=c/d; charset=utf-8; e=\"f\n\nx",
		`("text" "html" ("charset" "utf-8")` + ext7 + `1 0` + noX, nil},
	{"parameter without value", "Content-Type: text/html; a=; b==?utf-8?q?x?=\n\nx",
		`("text" "html" ("a" "" "b" "=?utf-8?q?x?=" "charset" "us-ascii")` + ext7 + `1 0` + noX, nil},
	{"first Content-Type counts", "Content-Type: text/html\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n--b--\n",
		`("text" "html" ("charset" "us-ascii")` + ext7 + `14 3` + noX, nil},
	{"second disposition replaces one without parameters",
		"Content-Type: a/b\nContent-Disposition: inline\nContent-Disposition: attachment; filename=x\n\n",
		`("a" "b" NIL` + ext7 + `0 NIL ("attachment" ("filename" "x")) NIL NIL)`, nil},
	{"rubbish encoding is not shown", "Content-Type: a/b\nContent-Transfer-Encoding: base64 or so\n\n", `("a" "b" NIL` + ext7 + `0` + noX, nil},
	{"comments in encoding", "Content-Type: a/b\nContent-Transfer-Encoding: (x) Base64 (y)\n\n", `("a" "b" NIL NIL NIL "Base64" 0` + noX, nil},
	{"RFC 2231 pieces", "Content-Type: a/b; t*1=two; u*=utf-8''%41; t*0=one; v*0*=x''a%; v*1=b%\n\n",
		`("a" "b" ("t" "onetwo" "u*" "utf-8''%41" "v*" "x''a%b%25")` + ext7 + `0` + noX, nil},
	{"RFC 2231 piece missing", "Content-Type: a/b; t*0=one; t*2=three\n\n",
		`("a" "b" ("t*0" "one" "t*2" "three")` + ext7 + `0` + noX, nil},
	{"RFC 2231 parameter twice", "Content-Type: a/b; t*=''one; t*=''two\n\n",
		`("a" "b" ("t*0*" "''one" "t*0*" "''two")` + ext7 + `0` + noX, nil},
	{"8-bit parameter", "Content-Type: a/b; n=\"\xc3\xa9\"\n\n", "(\"a\" \"b\" (\"n\" {2}\r\n\xc3\xa9)" + ext7 + `0` + noX, nil},

	{"multipart", `Content-Type: multipart/mixed; boundary="b 1"

preamble
--b 1

one
--b 1
Content-Type: text/html

two

--b 1--
epilogue
`, `(` + plainPart(3, 0) + `("text" "html" ("charset" "us-ascii")` + ext7 + `5 1` + noX + ` "mixed" ("boundary" "b 1") NIL NIL NIL)`,
		map[string]string{"1": "one", "1.MIME": "\r\n", "2": "two\r\n", "2.MIME": "Content-Type: text/html\r\n\r\n",
			"1.HEADER": "absent", "3": "absent", "0": "absent", "1.1": "one", "2.2": "absent"}},
	{"multipart without boundary", "Content-Type: multipart/mixed\n\n--\n\nx\n",
		`(` + plainPart(0, 0) + ` "mixed" NIL NIL NIL NIL)`, map[string]string{"1": "", "1.MIME": "", "1.1": "", "1.HEADER": "absent", "2": "absent", "TEXT": "--\r\n\r\nx\r\n"}},
	{"multipart without delimiter", "Content-Type: multipart/mixed; boundary=b\n\ntext\n",
		`(` + plainPart(0, 0) + ` "mixed" ("boundary" "b") NIL NIL NIL)`, map[string]string{"1": "", "2": "absent", "1.1.1": "absent"}},
	{"multipart without empty line", "Content-Type: multipart/mixed; boundary=b\n--b\n",
		`(` + plainPart(0, 0) + ` "mixed" ("boundary" "b") NIL NIL NIL)`, nil},
	{"empty boundary", "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nx\n----\n",
		`(` + plainPart(1, 0) + ` "mixed" ("boundary" "") NIL NIL NIL)`, map[string]string{"1": "x"}},
	{"no closing delimiter", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n",
		`(` + plainPart(3, 1) + ` "mixed" ("boundary" "b") NIL NIL NIL)`, map[string]string{"1": "x\r\n"}},
	{"delimiter at the end without line end", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b",
		`(` + plainPart(1, 0) + ` "mixed" ("boundary" "b") NIL NIL NIL)`, nil},
	{"delimiter is the last line", "Content-Type: multipart/mixed; boundary=b\n\n--b\n",
		`(` + plainPart(0, 0) + ` "mixed" ("boundary" "b") NIL NIL NIL)`, map[string]string{"1": "", "1.MIME": ""}},
	{"delimiter with more behind it", "Content-Type: multipart/mixed; boundary=b\n\n--bcd\n\nx\n--b--e\n--b\n\n",
		`(` + plainPart(1, 0) + ` "mixed" ("boundary" "b") NIL NIL NIL)`, nil},
	{"delimiter after white space is none", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n --b--\n",
		`(` + plainPart(11, 2) + ` "mixed" ("boundary" "b") NIL NIL NIL)`, nil},
	{"part without header and empty line", "Content-Type: multipart/mixed; boundary=b\n\n--b\nx: y\n--b\n--b--\n",
		`(` + plainPart(0, 0) + plainPart(0, 0) + ` "mixed" ("boundary" "b") NIL NIL NIL)`,
		map[string]string{"1.MIME": "x: y", "1": "", "2.MIME": ""}},
	{"empty part after its empty line", "Content-Type: multipart/mixed; boundary=b\n\n--b\nx: y\n\n--b--\n",
		`(` + plainPart(0, 0) + ` "mixed" ("boundary" "b") NIL NIL NIL)`, map[string]string{"1.MIME": "x: y\r\n", "1": ""}},
	{"boundary that another begins with", `Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/mixed; boundary=bb

--bb

in

--bb--
--b

out
--b--
`, `((` + plainPart(4, 1) + ` "mixed" ("boundary" "bb") NIL NIL NIL)` + plainPart(3, 0) + ` "mixed" ("boundary" "b") NIL NIL NIL)`,
		map[string]string{"1.1": "in\r\n", "2": "out", "1": "--bb\r\n\r\nin\r\n\r\n--bb--"}},
	{"same boundary inside", `Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/mixed; boundary=b

--b

in
--b--
--b

out
--b--
`, `((` + plainPart(2, 0) + ` "mixed" ("boundary" "b") NIL NIL NIL)` + plainPart(3, 0) + ` "mixed" ("boundary" "b") NIL NIL NIL)`, nil},
	{"outer delimiter ends the inner multipart", `Content-Type: multipart/mixed; boundary=out

--out
Content-Type: multipart/mixed; boundary=in

--in

one
--out

two
--out--
`, `((` + plainPart(3, 0) + ` "mixed" ("boundary" "in") NIL NIL NIL)` + plainPart(3, 0) + ` "mixed" ("boundary" "out") NIL NIL NIL)`,
		map[string]string{"1.1": "one", "2": "two"}},

	{"message in a message", `Content-Type: message/rfc822

Subject: in
From: a@b

text
`, `("message" "rfc822" NIL` + ext7 + `32 (NIL "in" ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL) ` +
		plainPart(6, 1) + ` 4` + noX,
		map[string]string{"1": "Subject: in\r\nFrom: a@b\r\n\r\ntext\r\n", "1.HEADER": "Subject: in\r\nFrom: a@b\r\n\r\n",
			"1.TEXT": "text\r\n", "1.1": "text\r\n", "1.1.MIME": "Subject: in\r\nFrom: a@b\r\n\r\n", "1.2": "absent"}},
	{"message at the end of its header", "Content-Type: message/rfc822\n",
		`("message" "rfc822" NIL` + ext7 + `0 ` + nilEnvelope + ` ` + plainPart(0, 0) + ` 0` + noX, nil},
	{"digest", `Content-Type: multipart/digest; boundary=b

--b

Subject: 1

x
--b
Content-Type: text/plain

y
--b--
`, `(("message" "rfc822" NIL` + ext7 + `15 (NIL "1" NIL NIL NIL NIL NIL NIL NIL NIL) ` + plainPart(1, 0) + ` 2` + noX +
		plainPart(1, 0) + ` "digest" ("boundary" "b") NIL NIL NIL)`, map[string]string{"1.1": "x", "1.HEADER": "Subject: 1\r\n\r\n"}},
	{"Content-* of a message in a message needs MIME",
		"Content-Type: message/rfc822\n\nContent-Transfer-Encoding: base64\n\nx",
		`("message" "rfc822" NIL` + ext7 + `38 ` + nilEnvelope + ` ` + plainPart(1, 0) + ` 2` + noX, nil},
	{"delimiter in the header of a message in a message", `Content-Type: multipart/mixed; boundary=b

--b
Content-Type: message/rfc822

Subject: x
--b--
`, `(("message" "rfc822" NIL` + ext7 + `12 (NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL) ` + plainPart(0, 0) + ` 1` + noX +
		` "mixed" ("boundary" "b") NIL NIL NIL)`, map[string]string{"1.HEADER": "Subject: x"}},

	{"the example of RFC 3501, section 6.4.5", rfc3501Example, "", map[string]string{
		"HEADER": "Content-Type: multipart/mixed; boundary=m\r\n\r\n", "1": "[1]", "2": "[2]",
		"3.HEADER": "Subject: 3\r\nContent-Type: multipart/mixed; boundary=m3\r\n\r\n",
		"3.1":      "[3.1]", "3.2": "[3.2]", "3.2.MIME": "Content-Type: application/octet-stream\r\n\r\n",
		"4.MIME":   "Content-Type: multipart/mixed; boundary=m4\r\n\r\n",
		"4.1.MIME": "Content-Type: image/gif\r\n\r\n", "4.1": "[4.1]",
		"4.2.MIME": "Content-Type: message/rfc822\r\n\r\n", "4.2.HEADER": "Subject: 4.2\r\nContent-Type: multipart/mixed; boundary=m42\r\n\r\n",
		"4.2.1": "[4.2.1]", "4.2.2.1": "[4.2.2.1]", "4.2.2.2": "[4.2.2.2]", "4.2.2.3": "absent", "5": "absent",
	}},
}

const rfc3501Example = `Content-Type: multipart/mixed; boundary=m

--m
Content-Type: text/plain

[1]
--m
Content-Type: application/octet-stream

[2]
--m
Content-Type: message/rfc822

Subject: 3
Content-Type: multipart/mixed; boundary=m3

--m3

[3.1]
--m3
Content-Type: application/octet-stream

[3.2]
--m3--

--m
Content-Type: multipart/mixed; boundary=m4

--m4
Content-Type: image/gif

[4.1]
--m4
Content-Type: message/rfc822

Subject: 4.2
Content-Type: multipart/mixed; boundary=m42

--m42

[4.2.1]
--m42
Content-Type: multipart/alternative; boundary=m422

--m422

[4.2.2.1]
--m422
Content-Type: text/richtext

[4.2.2.2]
--m422--
--m42--
--m4--
--m--
`

// parsePath splits "1.2.MIME".
func parsePath(t *testing.T, section string) (path []int, what Specifier) {
	for _, word := range strings.Split(section, ".") {
		switch word {
		case "":
		case "HEADER":
			what = Header
		case "TEXT":
			what = Text
		case "MIME":
			what = MIME
		default:
			n, err := strconv.Atoi(word)
			if err != nil {
				t.Fatalf("section %q: %v", section, err)
			}
			path = append(path, n)
		}
	}
	return path, what
}

func TestStructure(t *testing.T) {
	for _, test := range structureTests {
		t.Run(test.name, func(t *testing.T) {
			wire := crlf(test.message)
			s, stats := SummarizeBytes([]byte(test.message))
			if stats.WireSize != int64(len(wire)) {
				t.Errorf("wire size %d, want %d", stats.WireSize, len(wire))
			}
			if got := string(s.AppendBodyStructure(nil)); test.body != "" && got != test.body {
				t.Errorf("BODYSTRUCTURE\n got %s\nwant %s", got, test.body)
			}
			for section, want := range test.sections {
				path, what := parsePath(t, section)
				off, size, ok := s.Section(path, what)
				got := "absent"
				if ok {
					got = string(wire[off : off+size])
				}
				if got != want {
					t.Errorf("BODY[%s] %q, want %q", section, got, want)
				}
			}
			checkSummary(t, []byte(test.message))
		})
	}
}

// shortReader reads a few bytes at a time.
type shortReader struct {
	r io.ReaderAt
	n int
}

func (s shortReader) ReadAt(p []byte, off int64) (int, error) {
	return s.r.ReadAt(p[:min(len(p), s.n)], off)
}

// checkSummary checks what must hold for the summary of any message.
func checkSummary(t *testing.T, msg []byte) Summary {
	t.Helper()
	s, stats := SummarizeBytes(msg)
	wire := AppendWire(nil, msg)
	if s.Size() != int64(len(wire)) || stats.WireSize != s.Size() || stats.StoredSize != int64(len(msg)) {
		t.Fatalf("sizes %d %+v, want %d", s.Size(), stats, len(wire))
	}
	for _, variant := range []struct {
		name string
		r    io.ReaderAt
		size int
	}{
		{"wire form", bytes.NewReader(wire), len(wire)},
		{"reader", bytes.NewReader(msg), len(msg)},
		{"short reads", shortReader{bytes.NewReader(msg), 7}, len(msg)},
	} {
		other, _, err := Summarize(variant.r, int64(variant.size))
		if err != nil || !bytes.Equal(other.Bytes(), s.Bytes()) {
			t.Fatalf("%s: other summary, error %v\n%q\n%q", variant.name, err, other.Bytes(), s.Bytes())
		}
	}
	checkRendered(t, s)
	checkRanges(t, s, wire)
	if again, err := DecodeSummary(s.Bytes()); err != nil || again.NumParts() != stats.Parts {
		t.Fatalf("decoding: %v, %d parts", err, again.NumParts())
	}
	return s
}

// checkRendered checks the syntax of what is rendered.
func checkRendered(t *testing.T, s Summary) {
	t.Helper()
	envelope, rest, err := parseIMAP(s.AppendEnvelope(nil))
	if err == nil && len(rest) == 0 {
		err = checkEnvelope(envelope)
	}
	if err != nil || len(rest) != 0 {
		t.Fatalf("ENVELOPE %q: %v, rest %q", s.AppendEnvelope(nil), err, rest)
	}
	for _, extended := range []bool{true, false} {
		rendered := s.AppendBody(nil)
		if extended {
			rendered = s.AppendBodyStructure(nil)
		}
		body, rest, err := parseIMAP(rendered)
		if err == nil && len(rest) == 0 {
			_, err = checkBody(body, extended)
		}
		if err != nil || len(rest) != 0 {
			t.Fatalf("body %q: %v, rest %q", rendered, err, rest)
		}
	}
}

// checkRanges checks that parts lie in their parents, one after the other, and that lines are
// counted right.
func checkRanges(t *testing.T, s Summary, wire []byte) {
	t.Helper()
	var ends []int64 // of the bodies of the parts around
	var last int64
	for p := range s.Parts() {
		end := p.BodyOffset + p.BodySize
		if p.Depth > len(ends) || p.HeaderOffset < last || p.BodyOffset != p.HeaderOffset+p.HeaderSize {
			t.Fatalf("part %+v after offset %d at depth %d", p, last, len(ends))
		}
		ends = ends[:p.Depth]
		if len(ends) > 0 && end > ends[len(ends)-1] || end > int64(len(wire)) {
			t.Fatalf("part %+v ends behind its parent %v", p, ends)
		}
		if n := bytes.Count(wire[p.BodyOffset:end], []byte("\n")); p.Lines != int64(n) {
			t.Fatalf("part %+v has %d lines", p, n)
		}
		ends = append(ends, end)
		if last = end; p.Multipart || p.Message {
			last = p.BodyOffset
		}
	}
}
