package passwd

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

var background = context.Background()

// cheap makes h compute something quick instead of argon2id, and counts how
// often. The result depends on all arguments.
func cheap(h *Hasher) *atomic.Int64 {
	var count atomic.Int64
	h.derive = func(p Params, password, salt []byte, size int) []byte {
		count.Add(1)
		b := binary.BigEndian.AppendUint32(nil, p.Memory)
		b = binary.BigEndian.AppendUint32(b, p.Time)
		b = append(append(b, p.Threads, byte(len(salt))), salt...)
		sum := sha256.Sum256(append(b, password...))
		return append(sum[:], make([]byte, 64)...)[:size]
	}
	return &count
}

// open opens a user file with cheap hashes.
func open(t testing.TB, path string) (*File, *atomic.Int64) {
	t.Helper()
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return f, cheap(&f.Hasher)
}

func newFile(t testing.TB) (*File, *atomic.Int64) {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "users"))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want reports an error that is not the wanted one.
func want(t testing.TB, what string, err, wanted error) {
	t.Helper()
	if !errors.Is(err, wanted) {
		t.Errorf("%s: error %v, want %v", what, err, wanted)
	}
}

func content(t testing.TB, f *File) string {
	t.Helper()
	data, err := os.ReadFile(f.path)
	must(t, err)
	return string(data)
}

// lines returns the lines of the file that are not comments.
func lines(t testing.TB, f *File) (lines []string) {
	t.Helper()
	for l := range strings.SplitSeq(content(t, f), "\n") {
		if l != "" && l[0] != '#' {
			lines = append(lines, l)
		}
	}
	return lines
}

func userNames(t testing.TB, f *File) string {
	t.Helper()
	users, err := f.List()
	must(t, err)
	var names []string
	for _, u := range users {
		names = append(names, u.Name)
	}
	return strings.Join(names, " ")
}
