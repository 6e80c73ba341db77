package message

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
)

// searchTexts returns the texts of a message; fields that SEARCH BODY does not look into begin with "-".
func searchTexts(t *testing.T, text string) []string {
	t.Helper()
	s, _ := SummarizeBytes([]byte(text))
	var out []string
	err := s.SearchTexts(bytes.NewReader([]byte(text)), func(x SearchText) (bool, error) {
		one := string(x.Field)
		if x.Part != nil {
			b, err := io.ReadAll(x.Part)
			if err != nil {
				t.Fatal(err)
			}
			one = string(b)
		} else if !strings.HasSuffix(one, string(x.Value)) {
			one += " / " + string(x.Value)
		}
		if x.Outer {
			one = "-" + one
		}
		out = append(out, strings.TrimSpace(one))
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSearchTexts(t *testing.T) {
	got := searchTexts(t, "Subject: =?utf-8?q?=C3=BC?=\r\nX:=?utf-8?q?=C3=BC?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"+
		"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=FC\r\n"+
		"--b\r\nContent-Type: image/png\r\n\r\nnot text\r\n"+
		"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nalso text\r\n--b--\r\n")
	want := []string{"-Subject: ü", "-X:ü", "-Content-Type: multipart/mixed; boundary=b",
		"-Content-Type: text/plain; charset=iso-8859-1", "-Content-Transfer-Encoding: quoted-printable", "ü",
		"-Content-Type: image/png", "-Content-Type: message/rfc822", "Subject: inner", "also text"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// TestSearchTextsOfBadType checks that a part is text if its type cannot be read (RFC 2045, section 5.2).
func TestSearchTextsOfBadType(t *testing.T) {
	for _, header := range []string{"Content-Type: text; charset=us-ascii", "Content-Type: plain", "Content-Type:"} {
		if got := searchTexts(t, header+"\r\n\r\na text\r\n"); got[len(got)-1] != "a text" {
			t.Errorf("%s: %q", header, got)
		}
	}
}

// TestSearchTextsBelowLimits checks that text is found however deep it lies.
func TestSearchTextsBelowLimits(t *testing.T) {
	text := strings.Repeat("Content-Type: message/rfc822\r\n\r\n", maxDepth+50) + "Subject: deep\r\n\r\ndeepest\r\n"
	if got := searchTexts(t, text); !strings.Contains(got[len(got)-1], "deepest") {
		t.Errorf("%q", got[len(got)-1])
	}
}
