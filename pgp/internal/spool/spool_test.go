package spool

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"testing/iotest"
)

func TestRoundTrip(t *testing.T) {
	for _, size := range []int{0, 1, InMemory - 1, InMemory, InMemory + 1, InMemory + chunk, 2*InMemory + 12345} {
		s := New(t.TempDir(), 1<<30)
		data := make([]byte, size)
		rand.NewChaCha8([32]byte{byte(size)}).Read(data)
		for rest := data; len(rest) > 0; {
			n := min(len(rest), 1+rand.IntN(3*chunk))
			if _, err := s.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if s.Size() != int64(size) {
			t.Errorf("%d bytes: Size says %d", size, s.Size())
		}
		for range 2 { // twice, in pieces
			if err := iotest.TestReader(s.Reader(), data); err != nil {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTooLarge(t *testing.T) {
	s := New("", 10)
	defer s.Close()
	if _, err := s.Write(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte{1}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("the eleventh byte: %v", err)
	}
}

// What is in the file tells nothing, and a changed file is noticed.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	s := New(dir, 1<<30)
	defer s.Close()
	secret := bytes.Repeat([]byte("attack at dawn. "), InMemory/8)
	if _, err := s.Write(secret); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("the file has a name: %v", left)
	}
	stored := make([]byte, InMemory)
	if _, err := s.file.ReadAt(stored, 0); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(stored, []byte("attack at dawn")) {
		t.Error("plaintext in the file")
	}
	if _, err := s.file.WriteAt([]byte{stored[5] ^ 1}, 5); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, s.Reader()); err == nil {
		t.Error("a changed file was read")
	}
}
