package message

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestFilterHeader(t *testing.T) {
	const header = "To: a\r\nX-Long: 1\r\n 2\r\n\t3\r\nno colon\r\nSubject : s\r\nto:b\r\nTobago: c\r\n\r\nTo: body\r\n"
	tests := []struct {
		header string
		names  []string
		not    bool
		want   string
	}{
		{header, []string{"TO"}, false, "To: a\r\nto:b\r\n\r\n"},
		{header, []string{"x-long", "nothing"}, false, "X-Long: 1\r\n 2\r\n\t3\r\n\r\n"},
		{header, []string{"Subject"}, false, "Subject : s\r\n\r\n"},
		{header, nil, false, "\r\n"},
		{header, []string{"To", "X-Long"}, true, "no colon\r\nSubject : s\r\nTobago: c\r\n\r\n"},
		{header, nil, true, header[:strings.Index(header, "\r\n\r\n")+4]},
		{"To: a", []string{"To"}, false, "To: a\r\n\r\n"},
		{"To: a\r\n", []string{"To"}, false, "To: a\r\n\r\n"},
		{"To: a", []string{"Cc"}, false, "\r\n"},
		{"To: a\r\n", []string{"To"}, true, ""},
		{"To: a", []string{"Cc"}, true, "To: a"},
		{"", []string{"To"}, false, "\r\n"},
		{"\r\n", []string{"To"}, true, "\r\n"},
		{" a\r\nTo: b\r\n\r\n", []string{"To"}, false, "To: b\r\n\r\n"},
		{"To\t : a\r\n\r\n", []string{"To"}, false, "To\t : a\r\n\r\n"},
		{strings.Repeat("n", maxFieldName+1) + ": v\r\n\r\n", []string{strings.Repeat("n", maxFieldName+1)}, false, "\r\n"},
		{"A: " + strings.Repeat("x", 20_000) + "\r\nB: c\r\n\r\n", []string{"A"}, true, "B: c\r\n\r\n"},
	}
	for _, test := range tests {
		set := NewFieldSet(test.names...)
		if got := string(AppendFields(nil, []byte(test.header), set, test.not)); got != test.want {
			t.Errorf("%.50q %v not %v in memory\n got %q\nwant %q", test.header, test.names, test.not, got, test.want)
		}
		var got bytes.Buffer
		err := FilterHeader(&got, iotest.OneByteReader(strings.NewReader(test.header)), set, test.not)
		if err != nil || got.String() != test.want {
			t.Errorf("%.50q %v not %v streamed\n got %q, %v\nwant %q", test.header, test.names, test.not, got.String(), err, test.want)
		}
	}
}

func TestFields(t *testing.T) {
	const header = "A: 1\r\nno colon\r\n more\r\nB :\t2\r\n 3 \r\nC:\n\n4: body"
	var got []string
	for name, body := range Fields([]byte(header)) {
		got = append(got, fmt.Sprintf("%s=%s", name, body))
	}
	if want := []string{"A=1", "=no colon\r\n more", "B=2\r\n 3 ", "C="}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for range Fields([]byte(header)) {
		break
	}
}

func TestFilterHeaderErrors(t *testing.T) {
	set := NewFieldSet("A")
	if err := FilterHeader(&bytes.Buffer{}, iotest.ErrReader(iotest.ErrTimeout), set, true); err != iotest.ErrTimeout {
		t.Errorf("reading: %v", err)
	}
	if err := FilterHeader(badWriter{}, strings.NewReader("A: b\r\n\r\n"), set, false); err != iotest.ErrTimeout {
		t.Errorf("writing: %v", err)
	}
}

type badWriter struct{}

func (badWriter) Write([]byte) (int, error) { return 0, iotest.ErrTimeout }

func TestSummaryHeader(t *testing.T) {
	msg := "Received: x\nFROM: a\nTo: b\n\tc\nX-Mailer: m\nto: d\nReferences: " + strings.Repeat("<a@b> ", maxStoredField/6) +
		"\n <c@d>\nSubject: s\n\nbody\n"
	tests := []struct {
		names []string
		want  string // "" if the summary cannot tell
	}{
		{[]string{"from"}, "FROM: a\r\n\r\n"},
		{[]string{"SUBJECT", "To"}, "To: b\r\n\tc\r\nto: d\r\nSubject: s\r\n\r\n"},
		{[]string{"Cc", "X-Nowhere"}, "\r\n"},
		{nil, "\r\n"},
		{[]string{"From", "X-Mailer"}, ""},   // there, but not kept
		{[]string{"From", "References"}, ""}, // too large
	}
	s := checkSummary(t, []byte(msg))
	for _, test := range tests {
		got, complete := s.AppendHeader(nil, NewFieldSet(test.names...))
		if string(got) != test.want || complete != (test.want != "") {
			t.Errorf("%v: %q, complete %v", test.names, got, complete)
		}
		if complete {
			end := bytes.Index(crlf(msg), []byte("\r\n\r\n")) + 4
			if want := AppendFields(nil, crlf(msg)[:end], NewFieldSet(test.names...), false); !bytes.Equal(got, want) {
				t.Errorf("%v: %q, from the message %q", test.names, got, want)
			}
		}
	}
}

func TestSummaryHeaderOfManyFields(t *testing.T) {
	var b strings.Builder
	b.WriteString("From: a\n")
	for i := range maxOtherNames + 1 {
		fmt.Fprintf(&b, "X-%d: v\n", i)
	}
	s := checkSummary(t, []byte(b.String()+"\n"))
	if _, complete := s.AppendHeader(nil, NewFieldSet("From")); complete {
		t.Error("complete, although names were forgotten")
	}
	s = checkSummary(t, []byte("From: a\nX: "+strings.Repeat("x", maxHeader)+"\nFrom: b\n\n"))
	if _, complete := s.AppendHeader(nil, NewFieldSet("From")); complete {
		t.Error("complete, although the header was not read to its end")
	}
	s = checkSummary(t, []byte("From: a"))
	if _, complete := s.AppendHeader(nil, NewFieldSet("From")); complete {
		t.Error("complete, although the field has no line end")
	}
}

func TestKeptNamesFit(t *testing.T) {
	n := 0
	for _, names := range keptFields.byLength {
		n += len(names)
	}
	if n == 0 || n > maxKeptNames {
		t.Errorf("%d names, room for %d", n, maxKeptNames)
	}
}
