package message

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func preview(t testing.TB, msg string) string {
	t.Helper()
	wire := crlf(msg)
	s, _ := SummarizeBytes(wire)
	if _, known := s.Preview(); known {
		t.Error("a preview before it was made")
	}
	with, err := s.WithPreview(bytes.NewReader(wire))
	if err != nil {
		t.Fatal(err)
	}
	text, known := with.Preview()
	if !known || !utf8.Valid(text) || utf8.RuneCount(text) > previewLength {
		t.Errorf("%q, known %v", text, known)
	}
	again, err := DecodeSummary(with.Bytes())
	if kept, known := again.Preview(); err != nil || !known || !bytes.Equal(kept, text) {
		t.Errorf("kept %q, %v, %v", kept, known, err)
	}
	if !bytes.Equal(again.AppendEnvelope(nil), s.AppendEnvelope(nil)) || !bytes.Equal(again.AppendBodyStructure(nil), s.AppendBodyStructure(nil)) {
		t.Error("the rest of the summary is another")
	}
	if twice, err := with.WithPreview(bytes.NewReader(nil)); err != nil || !bytes.Equal(twice.Bytes(), with.Bytes()) {
		t.Errorf("made once more: %v", err)
	}
	return string(text)
}

func TestPreview(t *testing.T) {
	const (
		html = "Content-Type: text/html; charset=utf-8\n\n"
		two  = "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\n%s\n--b\n" + html + "%s\n--b--\n"
	)
	alternative := func(plain, markup string) string {
		return strings.Replace(strings.Replace(two, "%s", plain, 1), "%s", markup, 1)
	}
	for _, test := range []struct{ name, message, want string }{
		{"plain", "\nHello,\n\n  this is\tthe text.\n", "Hello, this is the text."},
		{"no body", "Subject: x\n\n", ""},
		{"no text", "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n", ""},
		{"charset", "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe =\nan alle\n", "Grüße an alle"},
		{"base64", "MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\nSGVsbG8gd29ybGQ=\n", "Hello world"},
		{"no charset", "\nbroken \xff\xfe here\n", "broken \uFFFD\uFFFD here"},
		{"html", html + "<html><head><title>No</title><style>p { color: red }</style></head><body><p>One</p><p>Two &amp; thr<b>ee</b>&#8230;<script>alert(1)</script>", "One Two & three…"},
		{"comment", html + "a<!-- no -- no -->b<br>c", "ab c"},
		{"broken html", html + "a <b c <d>e", "a e"},
		{"padding", html + "Sale!&zwnj;&nbsp;&zwnj;&nbsp;&#847;&shy; now", "Sale! now"},
		{"joiner", "\n\U0001F468\u200D\U0001F469\u200D\U0001F467 family\n", "\U0001F468\u200D\U0001F469\u200D\U0001F467 family"},
		{"turned around", "\nexe.\u202Egpj\u202C\n", "exe.gpj"},
		{"plain first", alternative("from plain", "<p>from html"), "from plain"},
		{"empty plain", alternative("  ", "<p>from html"), "from html"},
		{"answer", "\nOn Monday, Anna wrote:\n> A question\n>> older\n\nMy answer.\n-- \nBerta\n", "My answer."},
		{"introduction", "\nThings to do:\nsleep\n", "Things to do: sleep"},
		{"nothing but a quotation", "\n> A question\n> and more\n", "A question and more"},
		{"quoted html", html + "<blockquote>old<blockquote>older</blockquote>old</blockquote>new", "new"},
		{"encrypted", "\n-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n", ""},
		{"signed", "\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nTrue words.\n-----BEGIN PGP SIGNATURE-----\n\niQEz\n", "True words."},
		{"forwarded", "Content-Type: message/rfc822\n\nSubject: inner\n\nInner text\n", "Inner text"},
		{"long", "\n" + strings.Repeat("word ", 100), strings.TrimSpace(strings.Repeat("word ", 40))},
		{"long word", "\n" + strings.Repeat("ü", 300), strings.Repeat("ü", 200)},
	} {
		if got := preview(t, test.message); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// FuzzPreview wants valid, short text without markup of any message.
func FuzzPreview(f *testing.F) {
	f.Add("\nplain\n")
	f.Add("Content-Type: text/html\n\n<p>a<!--b--><script>c</script>&lt;d")
	f.Fuzz(func(t *testing.T, msg string) {
		if text := preview(t, msg); strings.ContainsAny(text, "\x00\r\n\t") || strings.Contains(text, "  ") {
			t.Errorf("%q", text)
		}
	})
}
