package message

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

func dayString(day int64) string { return time.Unix(day*86400, 0).UTC().Format(time.DateOnly) }

// randomText is text with all kinds of line ends.
func randomText(rnd *rand.Rand, pieces int) []byte {
	words := []string{"\n", "\r\n", "\r", "\n\n", "\r\r\n", "x", "some words ", strings.Repeat("long ", 30)}
	var b []byte
	for range pieces {
		b = append(b, words[rnd.IntN(len(words))]...)
	}
	return b
}

// naiveWire is the definition of the wire form.
func naiveWire(stored []byte) (wire []byte) {
	for i, c := range stored {
		if c == '\n' && (i == 0 || stored[i-1] != '\r') {
			wire = append(wire, '\r')
		}
		wire = append(wire, c)
	}
	return wire
}

func TestWireForm(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		stored := randomText(rnd, rnd.IntN(40))
		want := naiveWire(stored)
		if got := AppendWire(nil, stored); !bytes.Equal(got, want) {
			t.Fatalf("%q: %q, want %q", stored, got, want)
		}
		var w WireCounter
		for rest := stored; len(rest) > 0; {
			n := 1 + rnd.IntN(len(rest))
			w.Write(rest[:n])
			rest = rest[n:]
		}
		if w.Stored() != int64(len(stored)) || w.Wire() != int64(len(want)) {
			t.Fatalf("%q: counted %d, %d, want %d", stored, w.Stored(), w.Wire(), len(want))
		}
		checkWireReader(t, rnd, stored)
	}
}

func TestWireReaderLarge(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, stored := range [][]byte{
		randomText(rnd, 6_000),
		bytes.Repeat([]byte("\n"), wireStep+10),
		append(bytes.Repeat([]byte("\r\n"), wireStep), 10),
		append(bytes.Repeat([]byte("x"), wireStep-1), "\r\n\n\r\n"...),
		append(bytes.Repeat([]byte("x"), wireStep), "\n\r\n"...),
	} {
		checkWireReader(t, rnd, stored)
	}
}

// checkWireReader reads a message in wire form in several ways.
func checkWireReader(t *testing.T, rnd *rand.Rand, stored []byte) {
	t.Helper()
	want := naiveWire(stored)
	w := NewWireReader(bytes.NewReader(stored), int64(len(stored)), int64(len(want)))
	for range 20 {
		off := rnd.IntN(len(want) + 1)
		p := make([]byte, rnd.IntN(len(want)-off+2))
		n, err := w.ReadAt(p, int64(off))
		if !bytes.Equal(p[:n], want[off:off+n]) || n < len(p) && (err != io.EOF || off+n != len(want)) {
			t.Fatalf("%d bytes at %d of %d: %d, %v", len(p), off, len(want), n, err)
		}
	}
	if err := iotest.TestReader(io.NewSectionReader(w, 0, w.Size()), want); err != nil {
		t.Fatal(err)
	}
}

func TestWireReaderConcurrent(t *testing.T) {
	stored := bytes.Repeat([]byte("some line\n"), 20_000)
	want := naiveWire(stored)
	w := NewWireReader(bytes.NewReader(stored), int64(len(stored)), int64(len(want)))
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for off := i * 1000; off+500 < len(want); off += 7001 {
				p := make([]byte, 500)
				if n, err := w.ReadAt(p, int64(off)); err != nil || !bytes.Equal(p[:n], want[off:off+n]) {
					t.Errorf("at %d: %d, %v", off, n, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestWireReaderErrors(t *testing.T) {
	p := make([]byte, 10)
	// The stored file is shorter than its cached sizes say.
	for _, wire := range []int64{5, 8} {
		w := NewWireReader(strings.NewReader("a\nb"), 5, wire)
		if _, err := w.ReadAt(p[:4], 1); err != io.ErrUnexpectedEOF {
			t.Errorf("wire size %d: %v", wire, err)
		}
	}
	bad := errors.New("disk on fire")
	w := NewWireReader(failingReader{bad}, 5, 8)
	if _, err := w.ReadAt(p, 0); err != bad {
		t.Error(err)
	}
	if _, err := w.ReadAt(p, -1); err == nil {
		t.Error("negative offset read")
	}
	if _, _, err := Summarize(failingReader{bad}, 5); err != bad {
		t.Errorf("Summarize: %v", err)
	}
	if _, _, err := Summarize(strings.NewReader("abc"), 5); err != io.ErrUnexpectedEOF {
		t.Errorf("Summarize of a short file: %v", err)
	}
}

type failingReader struct{ err error }

func (f failingReader) ReadAt([]byte, int64) (int, error) { return 0, f.err }

func FuzzWireReader(f *testing.F) {
	f.Add([]byte("a\nb\r\nc\rd\n\n"), uint16(3), uint16(4))
	f.Add([]byte("\r\n\n"), uint16(0), uint16(9))
	f.Fuzz(func(t *testing.T, stored []byte, off, size uint16) {
		want := naiveWire(stored)
		w := NewWireReader(bytes.NewReader(stored), int64(len(stored)), int64(len(want)))
		for _, o := range []int64{int64(off), int64(off) / 2, int64(off) + int64(size)} {
			p := make([]byte, size)
			n, err := w.ReadAt(p, o)
			if err != nil && err != io.EOF {
				t.Fatal(err)
			}
			if n > 0 && !bytes.Equal(p[:n], want[o:o+int64(n)]) {
				t.Fatalf("at %d: %q, want %q", o, p[:n], want[o:])
			}
			if n < len(p) && o+int64(n) < int64(len(want)) {
				t.Fatalf("at %d: only %d bytes", o, n)
			}
		}
	})
}
