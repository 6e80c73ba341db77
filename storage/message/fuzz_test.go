package message

import (
	"bytes"
	"testing"
)

func FuzzSummarize(f *testing.F) {
	for _, test := range structureTests {
		f.Add([]byte(test.message))
		f.Add(crlf(test.message))
	}
	f.Add(typicalMessage(2 << 10))
	f.Fuzz(func(t *testing.T, msg []byte) {
		s := checkSummary(t, msg)
		wire := AppendWire(nil, msg)
		for _, names := range [][]string{{"To", "Subject"}, {"X-A", "from", "Received"}} {
			set := NewFieldSet(names...)
			off, size, _ := s.Section(nil, Header)
			header := wire[off : off+size]
			want := AppendFields(nil, header, set, false)
			if got, complete := s.AppendHeader(nil, set); complete && !bytes.Equal(got, want) {
				t.Fatalf("header %q, want %q", got, want)
			}
			var streamed bytes.Buffer
			if err := FilterHeader(&streamed, bytes.NewReader(header), set, false); err != nil || !bytes.Equal(streamed.Bytes(), want) {
				t.Fatalf("streamed header %q, want %q, %v", streamed.Bytes(), want, err)
			}
		}
	})
}

// FuzzSummaryDecode wants no panic, whatever the bytes, and no other answers from what was accepted
// and written again.
func FuzzSummaryDecode(f *testing.F) {
	for _, test := range structureTests {
		s, _ := SummarizeBytes([]byte(test.message))
		f.Add(s.Bytes())
	}
	set := NewFieldSet("From", "X-Priority")
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeSummary(b)
		if err != nil {
			if s.NumParts() != 0 || len(s.Bytes()) != 0 {
				t.Fatal("something from damaged bytes")
			}
			return
		}
		s.AppendEnvelope(nil)
		s.AppendBody(nil)
		s.AppendBodyStructure(nil)
		s.AppendHeader(nil, set)
		s.Sent()
		n := 0
		for p := range s.Parts() {
			n++
			if p.BodyOffset+p.BodySize > s.Size() || p.HeaderSize < 0 || p.BodySize < 0 {
				t.Fatalf("part %+v of a message of %d bytes", p, s.Size())
			}
		}
		if n != s.NumParts() {
			t.Fatalf("%d parts, not %d", n, s.NumParts())
		}
		for _, path := range [][]int{nil, {1}, {2}, {1, 1}, {1, 2, 1}, {-1}, {0}} {
			s.Part(path)
			for what := Whole; what <= MIME; what++ {
				if off, size, ok := s.Section(path, what); ok && (off < 0 || size < 0 || off+size > s.Size()) {
					t.Fatalf("section %v %v: %d, %d", path, what, off, size)
				}
			}
		}
	})
}

func TestDecodeSummaryDamaged(t *testing.T) {
	s, _ := SummarizeBytes(typicalMessage(1 << 10))
	good := s.Bytes()
	for n := range good {
		if _, err := DecodeSummary(good[:n]); err == nil {
			t.Fatalf("%d of %d bytes accepted", n, len(good))
		}
	}
	if _, err := DecodeSummary(append(bytes.Clone(good), 0)); err == nil {
		t.Error("one byte more accepted")
	}
	other := bytes.Clone(good)
	other[0]++
	if _, err := DecodeSummary(other); err == nil {
		t.Error("other version accepted")
	}
	for i := range good { // whatever is accepted must not panic
		for bit := range 8 {
			b := bytes.Clone(good)
			b[i] ^= 1 << bit
			if s, err := DecodeSummary(b); err == nil {
				s.AppendEnvelope(nil)
				s.AppendBody(nil)
				s.Section([]int{1}, MIME)
			}
		}
	}
	var zero Summary
	if _, complete := zero.AppendHeader(nil, NewFieldSet()); complete || zero.NumParts() != 0 {
		t.Error("the zero summary answers")
	}
	if _, ok := zero.Part(nil); ok {
		t.Error("the zero summary has parts")
	}
}
