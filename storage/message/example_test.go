package message_test

import (
	"fmt"

	"github.com/mailhavn/mailhavn/storage/message"
)

func ExampleSummarizeBytes() {
	stored := []byte("From: Alice <alice@example.org>\nSubject: Lunch\n" +
		"Content-Type: multipart/mixed; boundary=b\n\n" +
		"--b\n\nAt noon?\n--b\nContent-Type: image/png\n\n...\n--b--\n")
	s, stats := message.SummarizeBytes(stored)
	fmt.Println(stats.StoredSize, "bytes,", stats.WireSize, "in wire form")
	fmt.Printf("%s\n", s.AppendEnvelope(nil))
	fmt.Printf("%s\n", s.AppendBody(nil))

	wire := message.AppendWire(nil, stored)
	if offset, size, ok := s.Section([]int{1}, message.Whole); ok {
		fmt.Printf("%s\n", wire[offset:offset+size])
	}
	for part := range s.Parts() {
		fmt.Println(part.Depth, part.MediaType)
	}
	// Output:
	// 143 bytes, 155 in wire form
	// (NIL "Lunch" (("Alice" NIL "alice" "example.org")) (("Alice" NIL "alice" "example.org")) (("Alice" NIL "alice" "example.org")) NIL NIL NIL NIL NIL)
	// (("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 8 0)("image" "png" NIL NIL NIL "7bit" 3) "mixed")
	// At noon?
	// 0 multipart/mixed
	// 1 text/plain
	// 1 image/png
}

func ExampleDecodeHeader() {
	fmt.Printf("%s\n", message.DecodeHeader(nil, []byte("=?utf-8?q?Gr=C3=BC=C3=9Fe?= aus\r\n =?iso-8859-1?b?S/ZsbiE=?=")))
	// Output: Grüße aus Köln!
}

func ExampleMatcher() {
	m := message.NewMatcher("grüße")
	fmt.Println(m.Match([]byte("Schöne GRÜSSE")), m.Match([]byte("Schöne GRÜẞE")))
	// Output: false true
}
