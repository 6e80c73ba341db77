package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

var seeds = []string{
	"a NOOP\r\nb LOGIN \"us er\" {3+}\r\npw \r\n",
	"a APPEND inbox (\\seen a) \" 1-feb-2026 12:00:00 +0100\" ~{5+}\r\nhello\r\nb IDLE\r\nDONE\r\n",
	"a UID FETCH 1,3:7,*:4 (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (TO \"CC\")]<0.100>) (CHANGEDSINCE 12)\r\n",
	"a SEARCH RETURN (MIN) OR (SINCE 1-Feb-2026 NOT DELETED) UID $\r\nb X NIL () (() ())\r\n",
	"a LIST (SUBSCRIBED) \"\" (\"&AOU-*\" %) RETURN (STATUS (MESSAGES))\r\n",
	"a ( {9+}\r\nz DELETE\n ~{8+}\r\nz DELETE\r\nb X\r\n",
	"a {00005+}\r\n", "a {5}\r\nb X\r\n", "a {-1+}\r\n", "a {18446744073709551616+}\r\nx", "a X\nb {1}\ny\n", "a X\r\nb X\n",
	"a \"\xc3\xa5\\\\\\\"\" {2}\r\n\xc3\xa5\r\n", "a \r\r\n\x00\r\n", "a ((((((((((((((((((((((((((((((((((((\r\nb X\r\n",
}

// node is a value of the generic grammar: something that can write itself.
type node func(e *Encoder)

// parse reads one value of any kind.
func parse(d *Decoder) (node, bool) {
	var set NumSet
	var at time.Time
	var s string
	var items []node
	item := func() bool {
		n, ok := parse(d)
		items = append(items, n)
		return ok
	}
	switch {
	case d.List(item):
		return func(e *Encoder) { e.List(len(items), func(i int) { items[i](e) }) }, true
	case d.SeqSet(&set):
		return func(e *Encoder) { e.NumSet(&set) }, true
	case d.DateTime(&at):
		return func(e *Encoder) { e.DateTime(at) }, true
	case d.Literal8(&s):
		return func(e *Encoder) { e.Literal8(int64(len(s))).Raw(s) }, true
	case d.String(&s):
		return func(e *Encoder) { e.String(s) }, true
	case d.Flag(&s):
		return func(e *Encoder) { e.Raw(s) }, true
	}
	return nil, d.Expected("a value")
}

// rewrite reads a command of the generic grammar and returns how the Encoder writes it.
func rewrite(in string, utf8 bool, slow bool) (string, error) {
	var src io.Reader = strings.NewReader(in)
	if slow {
		src = iotest.OneByteReader(src)
	}
	d := NewDecoder(bufio.NewReaderSize(src, 16))
	d.UTF8 = utf8
	if err := d.Next(); err != nil {
		return "", err
	}
	var tag []byte
	var nodes []node
	ok := d.ExpectTag(&tag)
	for ok && d.SP() {
		var n node
		n, ok = parse(d)
		nodes = append(nodes, n)
	}
	if !ok || !d.ExpectCRLF() {
		return "", d.Err()
	}
	return write(utf8, func(e *Encoder) {
		e.Tag(tag)
		for _, n := range nodes {
			n(e.SP())
		}
		e.CRLF()
	}), nil
}

// FuzzDecoder: what is read is written in a form that is read as the same; how the octets arrive makes no difference; names
// that are read are written as names that are read as the same.
func FuzzDecoder(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, in string, utf8 bool) {
		once, err := rewrite(in, utf8, false)
		again, errAgain := rewrite(in, utf8, true)
		if fmt.Sprint(err) != fmt.Sprint(errAgain) || once != again {
			t.Fatalf("%q: %q, %v; slowly: %q, %v", in, once, err, again, errAgain)
		}
		if err == nil {
			if twice, err := rewrite(once, utf8, false); err != nil || twice != once {
				t.Fatalf("%q is written %q, which is %q, %v", in, once, twice, err)
			}
		} else if text := err.Error(); strings.ContainsAny(text, "\r\n\x00") || len(text) > 200 {
			t.Fatalf("%q: error %q", in, text)
		}
		name := func(in string) (string, bool) {
			d := NewDecoder(bufio.NewReader(strings.NewReader(in)))
			d.UTF8 = utf8
			var s string
			ok := d.Next() == nil && d.ExpectMailbox(&s) && d.ExpectCRLF()
			return s, ok
		}
		if s, ok := name(in); ok {
			if again, ok := name(write(utf8, func(e *Encoder) { e.Mailbox(s).CRLF() })); !ok || again != s {
				t.Fatalf("%q is the mailbox %q, written so that it is %q", in, s, again)
			}
		}
	})
}

// The written form of canonical commands is the command itself.
func TestCanonical(t *testing.T) {
	for _, in := range []string{
		"a NOOP\r\n",
		"a1 APPEND INBOX (\\Seen a) \" 1-Feb-2026 12:00:00 +0100\" {3}\r\n\xff\r\n\r\n",
		"a FETCH 1:3,5,7:* (FLAGS () (A (B)))\r\n",
		"a X $ \"a \\\"b\\\\\" \"\" ~{2}\r\n\x00\x01 NIL\r\n",
	} {
		if got, err := rewrite(in, false, false); got != in {
			t.Errorf("%q is written %q, %v", in, got, err)
		}
	}
}

// counting is a source that counts what was read from it.
type counting struct {
	*bufio.Reader
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func (c *counting) ReadSlice(delim byte) ([]byte, error) {
	b, err := c.Reader.ReadSlice(delim)
	c.n += len(b)
	return b, err
}

// framing is where the commands begin, and whether the place of the next was lost.
type framing struct {
	starts []int
	lost   bool
	stop   int // where the first line begins that has no end or a wrong one
}

// byDecoder reads commands with the Decoder. Of each it reads some tokens, as script says, and refuses some literals. It also
// returns after which octets a synchronising literal was accepted.
func byDecoder(in string, script []byte, longest int64) (f framing, accepted map[int]bool) {
	src := &counting{Reader: bufio.NewReaderSize(strings.NewReader(in), 16)}
	d := NewDecoder(src)
	d.Limits = Limits{Line: longest, Literal: 40, NonSync: 30, Command: Unlimited, Discard: Unlimited}
	accepted = map[int]bool{}
	step := 0
	next := func() byte {
		if step++; len(script) == 0 {
			return 7
		}
		return script[step%len(script)]
	}
	d.OnLiteral = func(lit Literal) error {
		if next()%3 == 0 {
			return io.ErrShortBuffer
		}
		if !lit.NonSync {
			accepted[src.n] = true
		}
		return nil
	}
	for d.Discard() == nil {
		start := src.n
		if d.Next() != nil {
			break
		}
		f.starts = append(f.starts, start)
		choice := next()
		anyTokens(d, int(choice%16), choice&16 != 0)
	}
	f.lost = d.Discard() == ErrLostSync
	return f, accepted
}

var (
	plusLiteral = regexp.MustCompile(`\{(0|[1-9][0-9]*)\+\}$`)
	syncLiteral = regexp.MustCompile(`\{(0|[1-9][0-9]*)\}$`)
	nearLiteral = regexp.MustCompile(`\{[-+0-9]*\+\}$`)
)

// byRule finds the commands by the rule of RFC 7888, section 3, alone: it knows no tokens, only lines and octet counts.
func byRule(in string, accepted map[int]bool) (f framing) {
	pos, crlf := 0, false
	for pos < len(in) {
		start, more := pos, true
		f.stop = pos
		for more {
			line, _, found := strings.Cut(in[pos:], "\n")
			if !found {
				return f
			}
			pos += len(line) + 1
			if strings.HasSuffix(line, "\r") {
				line, crlf = line[:len(line)-1], true
			} else if crlf {
				f.lost = true
				return f
			}
			if start >= 0 {
				f.starts, start = append(f.starts, start), -1
			}
			m := plusLiteral.FindStringSubmatch(line)
			if m == nil && accepted[pos] {
				m = syncLiteral.FindStringSubmatch(line)
			}
			if more = m != nil; more {
				size, err := strconv.ParseInt(m[1], 10, 64)
				if err != nil {
					f.lost = true
					return f
				}
				if size > int64(len(in)-pos) {
					return f
				}
				pos += int(size)
			} else if nearLiteral.MatchString(line) {
				f.lost = true
				return f
			}
		}
	}
	return f
}

// FuzzFraming: whatever the owner of the Decoder reads of a command and whatever it refuses, commands begin where the rule
// of RFC 7888 says (attack: command smuggling).
func FuzzFraming(f *testing.F) {
	for i, s := range seeds {
		f.Add(s, []byte{byte(i), 9, 20, 3})
		f.Add(s, []byte{15})
		f.Add("a "+strings.Repeat("x", 20+i)+"{8+}\r\nz DELETE\r\n"+s, []byte{15})
	}
	f.Fuzz(func(t *testing.T, in string, script []byte) {
		got, accepted := byDecoder(in, script, Unlimited)
		want := byRule(in, accepted)
		if !slices.Equal(got.starts, want.starts) || got.lost != want.lost {
			t.Fatalf("%q: got %v, want %v", in, got, want)
		}
		// With lines too long for it the Decoder may give up sooner, and sees the beginning of the line at stop.
		got, accepted = byDecoder(in, script, 20)
		want = byRule(in, accepted)
		n, most := len(got.starts), append(want.starts, want.stop)
		if n > len(most) || !slices.Equal(got.starts, most[:n]) || n < len(want.starts) && !got.lost {
			t.Fatalf("%q with short lines: got %v, want %v", in, got, want)
		}
	})
}

// FuzzLimits: with small limits nothing breaks, and memory stays small.
func FuzzLimits(f *testing.F) {
	for i, s := range seeds {
		f.Add([]byte(s), byte(i))
	}
	f.Fuzz(func(t *testing.T, in []byte, limit byte) {
		n := 1 + int64(limit)
		d := NewDecoder(bufio.NewReaderSize(bytes.NewReader(in), 16))
		d.Limits = Limits{Line: n, Literal: n, NonSync: n, Command: 2 * n, Discard: 2 * n, Depth: 1 + n%4, Set: 1 + n%8}
		for d.Next() == nil {
			simple(d)
			if most := 2 * (n + 16 + 32); int64(len(d.line)) > most || int64(cap(d.buf)) > max(n, skipBuffer) {
				t.Fatalf("line %d, buffer %d", len(d.line), cap(d.buf))
			}
		}
		if d.Discard() == nil {
			t.Fatal("stopped without an error")
		}
	})
}
