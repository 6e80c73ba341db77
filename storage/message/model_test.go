package message

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// node is a part of a message made at random: what a reader must find.
type node struct {
	header   string // with its empty line, LF line ends
	body     string // what is between the header and the delimiter
	children []*node
	message  bool // message/rfc822; its child is the message
}

// maker makes messages at random whose structure is known.
type maker struct {
	rnd   *rand.Rand
	count int // boundaries so far
}

func (m *maker) pick(words ...string) string { return words[m.rnd.IntN(len(words))] }

// part makes a part; fields are put into its header.
func (m *maker) part(depth int, fields string) *node {
	kind := m.rnd.IntN(6)
	if depth >= 4 {
		kind = 0
	}
	switch kind {
	case 4, 5:
		return m.multipart(depth, fields)
	case 3:
		inner := m.part(depth+1, m.pick("", "From: a@b (c)\n", "Subject: in\n folded\nTo: x:y@z;\n"))
		return &node{
			header: fields + "Content-Type: message/rfc822\n\n", body: inner.header + inner.body,
			children: []*node{inner}, message: true,
		}
	}
	return &node{
		header: fields + m.pick("Content-Type: text/plain\n\n", "CONTENT-TYPE: image/png; name=x\n\n", "content-type: text/html;\n\tcharset=utf-8\n\n"),
		body:   m.text(),
	}
}

// text has lines that look like delimiters.
func (m *maker) text() string {
	var b strings.Builder
	for range m.rnd.IntN(6) {
		b.WriteString(m.pick("line\n", "\n", "--\n", "-- \n", "--=\n", "----=_9\n", " --=_1\n", "Content-Type: multipart/mixed; boundary=x\n", "caf\xc3\xa9\r"))
	}
	return b.String() + "."
}

func (m *maker) multipart(depth int, fields string) *node {
	m.count++
	// Boundaries that begin with others are part of the game.
	boundary := "=_" + strings.Repeat("b", m.rnd.IntN(3)) + fmt.Sprintf("%04d", m.count) + m.pick("", "--", "x y")
	n := &node{header: fmt.Sprintf("%sContent-Type: multipart/%s; boundary=\"%s\"\n\n", fields, m.pick("mixed", "alternative", "related"), boundary)}
	body := m.pick("", "preamble\n", "\n--\n")
	for range 1 + m.rnd.IntN(3) {
		child := m.part(depth+1, m.pick("", "X-Field: y\n", "Content-ID: <z>\n"))
		n.children = append(n.children, child)
		body += "--" + boundary + m.pick("\n", "  \n") + child.header + child.body + "\n"
	}
	epilogue := m.pick("", "\n.", "\nepilogue\n\n.")
	n.body = body + "--" + boundary + "--" + epilogue
	return n
}

// TestKnownStructure reads messages whose structure is known, with both kinds of line ends.
func TestKnownStructure(t *testing.T) {
	for seed := range uint64(400) {
		m := &maker{rnd: rand.New(rand.NewPCG(seed, 0))}
		root := m.part(0, "MIME-Version: 1.0\nSubject: s\n")
		msg := root.header + root.body
		s := checkSummary(t, []byte(msg))
		checkNode(t, s, naiveWire([]byte(msg)), root, nil)
		if t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, msg)
		}
	}
}

// checkNode looks for a part and all in it at its number.
func checkNode(t *testing.T, s Summary, wire []byte, n *node, path []int) {
	t.Helper()
	section := func(path []int, what Specifier) string {
		off, size, ok := s.Section(path, what)
		if !ok {
			return "absent"
		}
		return string(wire[off : off+size])
	}
	header, text := string(naiveWire([]byte(n.header))), string(naiveWire([]byte(n.body)))
	if len(path) == 0 {
		if got := section(nil, Header) + section(nil, Text); got != header+text {
			t.Errorf("message: %q, want %q", got, header+text)
		}
	} else if got := section(path, MIME) + section(path, Whole); got != header+text {
		t.Errorf("part %v: %q, want %q", path, got, header+text)
	}
	p, ok := s.Part(path)
	if !ok || p.Message != n.message || p.Multipart != (len(n.children) > 0 && !n.message) {
		t.Errorf("part %v: %+v, found %v", path, p, ok)
	}
	switch {
	case n.message:
		inner := n.children[0]
		at := path
		if len(path) == 0 {
			at = []int{1} // a message that is a message has it as its part 1
		}
		if got := section(at, Header) + section(at, Text); got != string(naiveWire([]byte(inner.header+inner.body))) {
			t.Errorf("message in %v: %q", at, got)
		}
		if len(inner.children) > 0 && !inner.message {
			checkChildren(t, s, wire, inner, at)
		} else {
			checkNode(t, s, wire, inner, append(slices.Clip(at), 1))
		}
	case len(n.children) > 0:
		checkChildren(t, s, wire, n, path)
	}
}

func checkChildren(t *testing.T, s Summary, wire []byte, n *node, path []int) {
	t.Helper()
	for i, child := range n.children {
		checkNode(t, s, wire, child, append(slices.Clip(path), i+1))
	}
	if _, ok := s.Part(append(slices.Clip(path), len(n.children)+1)); ok {
		t.Errorf("%v has more than %d parts", path, len(n.children))
	}
}

// TestDamagedMessages changes messages at random; whatever comes out must keep the promises.
func TestDamagedMessages(t *testing.T) {
	pieces := []string{"\n", "\r\n", "\r", "--", "--b", "--b--\n", "\"", "(", ")", "<", "@", ";", ":", "\\", "\x00", "\xff", "=?utf-8?q?", "*0*=", " ", "",
		"Content-Type: message/rfc822\n", "Content-Type: multipart/digest; boundary=b\n\n", "From: a, b: c;\n"}
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 1500 {
		test := structureTests[rnd.IntN(len(structureTests))]
		msg := []byte(test.message)
		for range 1 + rnd.IntN(4) {
			at := rnd.IntN(len(msg) + 1)
			cut := min(rnd.IntN(8), len(msg)-at)
			piece := pieces[rnd.IntN(len(pieces))]
			msg = slices.Concat(msg[:at], []byte(piece), msg[at+cut:])
		}
		checkSummary(t, msg)
	}
}

// TestSummarizerReuse demands that nothing of a message stays in a Summarizer.
func TestSummarizerReuse(t *testing.T) {
	var z Summarizer
	var kept []Summary
	var want [][]byte
	for range 2 {
		for _, test := range structureTests {
			fresh, freshStats := SummarizeBytes([]byte(test.message))
			s, stats := z.SummarizeBytes([]byte(test.message))
			if !bytes.Equal(s.Bytes(), fresh.Bytes()) || stats != freshStats {
				t.Fatalf("%s: other summary from a used Summarizer", test.name)
			}
			s, stats, err := z.Summarize(strings.NewReader(test.message), int64(len(test.message)))
			if err != nil || !bytes.Equal(s.Bytes(), fresh.Bytes()) || stats != freshStats {
				t.Fatalf("%s: other summary of a reader, %v", test.name, err)
			}
			kept, want = append(kept, s), append(want, bytes.Clone(s.Bytes()))
		}
	}
	for i, s := range kept {
		if !bytes.Equal(s.Bytes(), want[i]) {
			t.Fatal("a summary changed when the next was made")
		}
	}
	msg := typicalMessage(24 << 10)
	if n := testing.AllocsPerRun(100, func() { z.SummarizeBytes(msg) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

// TestSummarySize holds the size that a store counts on.
func TestSummarySize(t *testing.T) {
	plain, _ := SummarizeBytes([]byte(`Return-Path: <alice@example.net>
Received: from relay.example.net by mx.example.org; Tue, 13 Jan 2026 10:05:04 +0100
From: Alice Example <alice@example.net>
To: Bob Example <bob@example.org>
Subject: Minutes of the meeting on Tuesday
Date: Tue, 13 Jan 2026 10:05:02 +0100
Message-ID: <20260113090502.4711@mail.example.net>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Hello
`))
	if n := len(plain.Bytes()); n > 700 {
		t.Errorf("plain text: %d bytes", n)
	}
	multipart, _ := SummarizeBytes(typicalMessage(24 << 10))
	if n := len(multipart.Bytes()); n > 1000 {
		t.Errorf("with an attachment: %d bytes", n)
	}
}
