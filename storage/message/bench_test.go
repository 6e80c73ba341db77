package message

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

// typicalMessage is an ordinary message of about the given size: trace fields, a multipart with a
// text and an encoded attachment.
func typicalMessage(size int) []byte {
	var b strings.Builder
	for i := range 4 {
		fmt.Fprintf(&b, "Received: from relay%d.example.net (relay%d.example.net [192.0.2.%d])\n"+
			"\tby mx.example.org with ESMTPS id 4ABCDEFG%d\n"+
			"\tfor <bob@example.org>; Tue, 13 Jan 2026 10:0%d:02 +0100 (CET)\n", i, i, i, i, i)
	}
	b.WriteString(`DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.net; s=sel;
	h=from:to:subject:date:message-id; bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
	b=dGhpcyBpcyBub3QgYSByZWFsIHNpZ25hdHVyZSBidXQgbG9va3MgbGlrZSBvbmUgZm9yIHRlc3Rz
Return-Path: <alice@example.net>
From: Alice Example <alice@example.net>
To: Bob Example <bob@example.org>
Subject: Minutes of the meeting on Tuesday
Date: Tue, 13 Jan 2026 10:05:02 +0100
Message-ID: <20260113090502.4711@mail.example.net>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_b9c31a7e2f"
X-Mailer: Example Mail 12.1

--=_b9c31a7e2f
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

`)
	for range 20 {
		b.WriteString("The quick brown fox jumps over the lazy dog, again and again.\n")
	}
	b.WriteString("--=_b9c31a7e2f\nContent-Type: application/pdf; name=\"minutes.pdf\"\n" +
		"Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=\"minutes.pdf\"\n\n")
	for b.Len() < size-100 {
		b.WriteString("JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRlci9GbGF0\n")
	}
	b.WriteString("--=_b9c31a7e2f--\n")
	return crlf(b.String())
}

func benchmarkSummarize(b *testing.B, msg []byte) {
	var z Summarizer
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		z.SummarizeBytes(msg)
	}
}

func BenchmarkSummarize4K(b *testing.B)  { benchmarkSummarize(b, typicalMessage(4<<10)) }
func BenchmarkSummarize24K(b *testing.B) { benchmarkSummarize(b, typicalMessage(24<<10)) }
func BenchmarkSummarize1M(b *testing.B)  { benchmarkSummarize(b, typicalMessage(1<<20)) }

func BenchmarkSummarizeFile24K(b *testing.B) {
	msg := typicalMessage(24 << 10)
	var z Summarizer
	r := bytes.NewReader(msg)
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := z.Summarize(r, int64(len(msg))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeAndFetch(b *testing.B) {
	s, _ := SummarizeBytes(typicalMessage(24 << 10))
	raw := s.Bytes()
	set := NewFieldSet("From", "To", "Subject", "Date", "Message-ID", "X-Priority", "References")
	var buf []byte
	b.ReportAllocs()
	b.ReportMetric(float64(len(raw)), "summary-bytes")
	for b.Loop() {
		s, err := DecodeSummary(raw)
		if err != nil {
			b.Fatal(err)
		}
		buf = s.AppendEnvelope(buf[:0])
		buf = s.AppendBodyStructure(buf)
		buf, _ = s.AppendHeader(buf, set)
	}
}

func BenchmarkMatcher(b *testing.B) {
	text := bytes.Repeat([]byte("The quick brown fox jumps over the lazy dog. Größe und Maß.\r\n"), 400)
	m := NewMatcher("nowhere to be found")
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if m.Match(text) {
			b.Fatal("found")
		}
	}
}

func BenchmarkDecodedText(b *testing.B) {
	for name, test := range map[string]struct {
		part PartInfo
		text []byte
	}{
		"base64":  {PartInfo{Encoding: Base64}, bytes.Repeat([]byte("JVBERi0xLjQKJSAgIDMgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRlci9GbGF0ICAg\r\n"), 400)},
		"qp":      {PartInfo{Encoding: QuotedPrintable}, bytes.Repeat([]byte("The quick brown fox =3D jumps over the lazy dog =C3=A4, the=\r\n"), 400)},
		"latin1":  {PartInfo{Charset: "iso-8859-1"}, bytes.Repeat([]byte("The quick brown fox jumps over the lazy dog \xe4.\r\n"), 400)},
		"default": {PartInfo{}, bytes.Repeat([]byte("The quick brown fox jumps over the lazy dog.\r\n"), 400)},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(test.text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.Copy(io.Discard, DecodedText(bytes.NewReader(test.text), test.part)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWireReader(b *testing.B) {
	stored := bytes.Repeat([]byte("The quick brown fox jumps over the lazy dog, again and again.\n"), 400)
	var w WireCounter
	w.Write(stored)
	b.SetBytes(w.Wire())
	b.ReportAllocs()
	for b.Loop() {
		r := NewWireReader(bytes.NewReader(stored), w.Stored(), w.Wire())
		if _, err := io.Copy(io.Discard, io.NewSectionReader(r, 0, r.Size())); err != nil {
			b.Fatal(err)
		}
	}
}
