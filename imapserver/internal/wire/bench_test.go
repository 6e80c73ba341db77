package wire

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
)

func fetchLine(e *Encoder, seq uint32, flags []string) {
	e.Tag(nil).SP().Number(seq).Raw(" FETCH (UID ").Number(seq + 1000).Raw(" FLAGS ").Flags(flags).
		Raw(" MODSEQ (").Uint64(1 << 40).Raw("))").CRLF()
}

// writeHotPath writes what FETCH of many messages writes.
func writeHotPath(e *Encoder, set *NumSet, flags []string, at time.Time) {
	fetchLine(e, 12, flags)
	e.Raw("* 13 FETCH (INTERNALDATE ").DateTime(at).Raw(" RFC822.SIZE ").Int64(1234).Byte(')').CRLF()
	e.Raw("* LIST ").Flags(flags).SP().Quoted("/").SP().Mailbox("Archive/2026").CRLF()
	e.Raw("* 14 FETCH (ENVELOPE (").String("Re: hello").SP().NString("", true).SP().AString("a@b.example").Raw("))").CRLF()
	e.Raw("* VANISHED ").NumSet(set).CRLF()
	e.Raw("* 15 FETCH (BODY[] ").Literal(5).Write(body)
	e.Byte(')').CRLF()
	e.Flush()
}

var body = []byte("hello")

func TestEncoderAllocatesNothing(t *testing.T) {
	e := NewEncoder(io.Discard)
	set, _ := ParseNumSet("1:3,7,9:12")
	flags := []string{`\Seen`, `\Answered`, "$Forwarded"}
	at := time.Now()
	if n := testing.AllocsPerRun(100, func() { writeHotPath(e, &set, flags, at) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDecoderAllocatesNothing(t *testing.T) {
	in := []byte("a1 NOOP\r\na2 uid fetch 7 (FLAGS BODY.PEEK[1.2]<0.100>)\r\n")
	src := bufio.NewReader(nil)
	d := NewDecoder(src)
	r := bytes.NewReader(in)
	var tag, kw []byte
	var part []uint32
	var offset, count int64
	n := testing.AllocsPerRun(100, func() {
		r.Reset(in)
		src.Reset(r)
		ok := d.Next() == nil && d.ExpectTag(&tag) && d.ExpectSP() && d.ExpectKeyword(&kw, "a command") && d.ExpectCRLF()
		ok = ok && d.Next() == nil && d.ExpectTag(&tag) && d.ExpectSP() && d.Word("UID") && d.SP() && d.ExpectKeyword(&kw, "a command") &&
			d.ExpectSP() && d.ExpectNumber(new(uint32)) && d.ExpectSP() && d.ExpectOpenList() && d.Word("FLAGS") && d.SP() &&
			d.ExpectKeyword(&kw, "an item") && d.Byte('[') && d.SectionPart(&part) && d.ExpectByte(']') && d.Partial(&offset, &count) &&
			d.ExpectCloseList() && d.ExpectCRLF()
		if !ok {
			t.Fatal(d.Err())
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkEncodeFetchFlags(b *testing.B) {
	e := NewEncoder(io.Discard)
	flags := []string{`\Seen`, `\Answered`}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		fetchLine(e, uint32(i), flags)
	}
	b.SetBytes(int64(len("* 1234567 FETCH (UID 1235567 FLAGS (\\Seen \\Answered) MODSEQ (1099511627776))\r\n")))
}

func BenchmarkEncodeBody(b *testing.B) {
	const size = 1 << 20
	e := NewEncoder(io.Discard)
	message := bytes.NewReader(make([]byte, size))
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		message.Seek(0, io.SeekStart)
		e.Raw("* 1 FETCH (BODY[] ").Literal(size).Copy(message, size)
		e.Byte(')').CRLF()
	}
}

func benchmarkDecode(b *testing.B, command string, f func(d *Decoder) bool) {
	in := []byte(command)
	src := bufio.NewReader(nil)
	d := NewDecoder(src)
	r := bytes.NewReader(nil)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(in)
		src.Reset(r)
		if d.Next() != nil || !f(d) {
			b.Fatal(d.Err())
		}
	}
}

func BenchmarkDecodeNoop(b *testing.B) {
	var tag, kw []byte
	benchmarkDecode(b, "A001 NOOP\r\n", func(d *Decoder) bool {
		return d.ExpectTag(&tag) && d.ExpectSP() && d.ExpectKeyword(&kw, "a command") && d.ExpectCRLF()
	})
}

func BenchmarkDecodeUIDFetch(b *testing.B) {
	var tag, kw []byte
	var set NumSet
	item := func(d *Decoder) func() bool { return func() bool { return d.ExpectKeyword(&kw, "an item") } }
	benchmarkDecode(b, "A001 UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ)\r\n", func(d *Decoder) bool {
		return d.ExpectTag(&tag) && d.ExpectSP() && d.ExpectWord("UID") && d.ExpectSP() && d.ExpectKeyword(&kw, "a command") && d.ExpectSP() &&
			d.ExpectSeqSet(&set) && d.ExpectSP() && d.ExpectList(item(d)) && d.ExpectCRLF()
	})
}

func BenchmarkDecodeLargeSet(b *testing.B) {
	var set NumSet
	var all NumSet
	for n := uint32(1); n < 2000; n++ {
		all.Add(1000000 + 2*n)
	}
	benchmarkDecode(b, all.String()+"\r\n", func(d *Decoder) bool { return d.ExpectSeqSet(&set) && d.ExpectCRLF() })
}

func BenchmarkDecodeAppend(b *testing.B) {
	const size = 1 << 20
	var lit Literal
	var r io.Reader
	benchmarkDecode(b, "{1048576}\r\n"+strings.Repeat("x", size)+"\r\n", func(d *Decoder) bool {
		if !d.ExpectLiteral(&lit, &r) {
			return false
		}
		n, err := io.Copy(io.Discard, r)
		return n == size && err == nil && d.ExpectCRLF()
	})
}
