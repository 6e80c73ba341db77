package message

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
)

// tooLong is far more than linear work takes on a slow and busy machine, far less than quadratic
// work takes on a fast one.
const tooLong = 30 * time.Second

// attacks are messages made to exhaust a reader.
var attacks = []struct {
	name string
	make func() string
}{
	{"multiparts nested 10,000 deep", func() string {
		var b strings.Builder
		for i := range 10_000 {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		}
		return b.String()
	}},
	{"100,000 parts", func() string {
		return "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", 100_000) + "--b--\n"
	}},
	{"100,000 parts without content", func() string {
		return "Content-Type: multipart/digest; boundary=b\n\n" + strings.Repeat("--b\n", 100_000)
	}},
	{"messages nested 10,000 deep", func() string { return strings.Repeat("Content-Type: message/rfc822\n\n", 10_000) }},
	{"500,000 address fields", func() string { return strings.Repeat("To: a@b\n", 500_000) + "\n" }},
	{"one header field of 8 MiB", func() string { return "Subject: " + strings.Repeat("x", 8<<20) + "\n\n" }},
	{"1,000,000 folded lines", func() string { return "To: a\n" + strings.Repeat(" b\n", 1_000_000) + "\n" }},
	{"8 MiB of name without colon", func() string { return strings.Repeat("n", 8<<20) }},
	{"100,000 pieces of a parameter", func() string {
		var b strings.Builder
		b.WriteString("Content-Type: a/b")
		for i := range 100_000 {
			fmt.Fprintf(&b, ";\n name*%d*=x", 99_999-i)
		}
		return b.String() + "\n\n"
	}},
	{"equal pieces of a parameter", func() string { return "Content-Type: a/b" + strings.Repeat("; n*0*=x", 200_000) + "\n\n" }},
	{"boundary of 1 MiB", func() string {
		boundary := strings.Repeat("b", 1<<20)
		return "Content-Type: multipart/mixed; boundary=" + boundary + "\n\n--" + boundary + "\n\nx\n--" + boundary + "--\n"
	}},
	{"lines that almost are delimiters of 98 open multiparts", func() string {
		var b strings.Builder
		for i := range 98 {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=\"%s%d\"\n\n--%[1]s%[2]d\n", strings.Repeat("b", 70), i+100)
		}
		return b.String() + "\n" + strings.Repeat("--"+strings.Repeat("b", 70)+"\n", 20_000)
	}},
	{"comments nested 500,000 deep", func() string {
		return "To: " + strings.Repeat("(", 500_000) + "\nContent-Type: a/b; " + strings.Repeat("((", 100_000) + "\n\n"
	}},
	{"quoted pairs", func() string { return "To: \"" + strings.Repeat(`\"`, 500_000) + "\n\n" }},
	{"groups in groups", func() string { return "To: " + strings.Repeat("a:", 500_000) + "\n\n" }},
	{"unclosed strings", func() string { return "To: " + strings.Repeat(`"a,`, 100_000) + "\n\n" }},
	{"commas", func() string { return "From: " + strings.Repeat(",", 200_000) + "\n\n" }},
	{"encoded words", func() string { return "Subject: " + strings.Repeat("=?utf-8?q?a?= ", 70_000) + "\n\n" }},
	{"languages", func() string {
		return "Content-Type: a/b\nContent-Language: " + strings.Repeat("a,", 100_000) + "\n\n"
	}},
	{"many headers of many parts", func() string {
		return "Content-Type: multipart/digest; boundary=b\n\n" + strings.Repeat("--b\n\nFrom: a,b,c,d,e,f,g,h\n\nx\n", 12_000)
	}},
}

// TestAttacks demands bounded memory and linear time, and a summary that keeps its promises.
func TestAttacks(t *testing.T) {
	for _, attack := range attacks {
		t.Run(attack.name, func(t *testing.T) {
			msg := []byte(attack.make())
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			s, stats, err := Summarize(bytes.NewReader(msg), int64(len(msg)))
			elapsed := time.Since(start)
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			if elapsed > tooLong {
				t.Errorf("took %v", elapsed)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
				t.Errorf("allocated %d MiB", used>>20)
			}
			if stats.Parts > maxParts {
				t.Errorf("%d parts", stats.Parts)
			}
			inMemory, _ := SummarizeBytes(msg)
			if !bytes.Equal(s.Bytes(), inMemory.Bytes()) {
				t.Error("other summary in memory")
			}
			checkRendered(t, s)
			checkRanges(t, s, AppendWire(nil, msg))
		})
	}
}

func TestLimits(t *testing.T) {
	nested := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%04d\n\n--b%04d\n", i, i)
		}
		return b.String() + "\nx\n"
	}
	parts := func(n int) string {
		return "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", n) + "--b--\n"
	}
	tests := []struct {
		name     string
		message  string
		parts    int
		overflow bool
	}{
		{"deep", nested(maxDepth - 1), maxDepth, false},
		{"too deep", nested(maxDepth), maxDepth, true},
		{"far too deep", nested(maxDepth + 10), maxDepth, true},
		{"messages too deep", strings.Repeat("Content-Type: message/rfc822\n\n", maxDepth+5), maxDepth, true},
		{"many", parts(maxParts - 2), maxParts - 1, false},
		{"too many", parts(maxParts + 5), maxParts, true},
		{"message as the last part", "Content-Type: multipart/digest; boundary=b\n\n" + strings.Repeat("--b\n\n\nx\n", maxParts), maxParts, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			checkSummary(t, []byte(test.message))
			_, stats := SummarizeBytes([]byte(test.message))
			if stats.Parts != test.parts || stats.Overflow != test.overflow {
				t.Errorf("%+v, want %d parts, overflow %v", stats, test.parts, test.overflow)
			}
		})
	}
}

// TestAttacksOnDecoders is for headers and text as SEARCH reads them.
func TestAttacksOnDecoders(t *testing.T) {
	for name, body := range map[string]string{
		"words":            strings.Repeat("=?utf-8?q?a?= ", 30_000),
		"charsets":         strings.Repeat("=?iso-8859-1?q?a?= =?koi8-r?q?a?=", 10_000),
		"unknown charsets": strings.Repeat("=?x?q?a?= =?y?q?a?=", 20_000),
		"beginnings":       strings.Repeat("=?", 500_000),
		"half words":       strings.Repeat("=?utf-8?q?", 200_000),
		"almost ends":      "=?utf-8?q?" + strings.Repeat("a=?", 300_000),
	} {
		start := time.Now()
		DecodeHeader(nil, []byte(body))
		ParseParams([]byte("a/b; c*0*=" + body))
		if elapsed := time.Since(start); elapsed > tooLong {
			t.Errorf("%s took %v", name, elapsed)
		}
	}
	blanks := io.LimitReader(repeatReader(' '), 4<<20)
	r, _ := BinaryReader(blanks, QuotedPrintable)
	if n, err := io.Copy(io.Discard, r); err != nil || n > 4<<20 {
		t.Errorf("blanks: %d, %v", n, err)
	}
}

type repeatReader byte

func (c repeatReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c)
	}
	return len(p), nil
}

// longHeader is a message that never leaves its header.
type longHeader struct{ line []byte }

func (h longHeader) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		n += copy(p[n:], h.line[(off+int64(n))%int64(len(h.line)):])
	}
	return n, nil
}

// TestMemoryOfLargeHeader reads 64 MiB of header in bounded memory.
func TestMemoryOfLargeHeader(t *testing.T) {
	for _, line := range []string{strings.Repeat("x", 1<<20), strings.Repeat("x", 1<<10) + "\n", "To: a@b\n", " folded\n"} {
		const size = 64 << 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, stats, err := Summarize(longHeader{[]byte(line)}, size)
		runtime.ReadMemStats(&after)
		if err != nil || stats.StoredSize != size || stats.Parts != 1 {
			t.Fatalf("%.10q: %+v, %v", line, stats, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 24<<20 {
			t.Errorf("%.10q: allocated %d MiB", line, used>>20)
		}
	}
}
