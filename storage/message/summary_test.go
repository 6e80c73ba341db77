package message

import (
	"bytes"
	"strings"
	"testing"
)

func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

func TestSummaryOfPlainMessage(t *testing.T) {
	msg := "From: Alice <alice@example.org>\nTo: bob@example.net\nSubject: Hi\n there\n" +
		"Date: Mon, 7 Feb 1994 21:52:25 -0800\nMessage-ID: <1@example.org>\n\nHello\n"
	s, stats := SummarizeBytes([]byte(msg))
	if stats.WireSize != int64(len(crlf(msg))) || s.Size() != stats.WireSize {
		t.Errorf("wire size %d, want %d", stats.WireSize, len(crlf(msg)))
	}
	const envelope = `("Mon, 7 Feb 1994 21:52:25 -0800" "Hi there" ` +
		`(("Alice" NIL "alice" "example.org")) (("Alice" NIL "alice" "example.org")) ` +
		`(("Alice" NIL "alice" "example.org")) ((NIL NIL "bob" "example.net")) NIL NIL NIL "<1@example.org>")`
	if got := string(s.AppendEnvelope(nil)); got != envelope {
		t.Errorf("envelope\n got %s\nwant %s", got, envelope)
	}
	const body = `("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 7 1`
	if got := string(s.AppendBody(nil)); got != body+")" {
		t.Errorf("body %s", got)
	}
	if got := string(s.AppendBodyStructure(nil)); got != body+" NIL NIL NIL NIL)" {
		t.Errorf("bodystructure %s", got)
	}
	header, complete := s.AppendHeader(nil, NewFieldSet("SUBJECT", "x-nothing"))
	if want := "Subject: Hi\r\n there\r\n\r\n"; string(header) != want || !complete {
		t.Errorf("header %q complete %v", header, complete)
	}
	crlfSummary, _ := SummarizeBytes(crlf(msg))
	if !bytes.Equal(s.Bytes(), crlfSummary.Bytes()) {
		t.Error("LF and CRLF give different summaries")
	}
	fromFile, _, err := Summarize(strings.NewReader(msg), int64(len(msg)))
	if err != nil || !bytes.Equal(s.Bytes(), fromFile.Bytes()) {
		t.Errorf("reader and bytes give different summaries, error %v", err)
	}
}
