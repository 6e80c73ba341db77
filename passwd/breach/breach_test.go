package breach

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"crypto/sha1"

	"github.com/FastFilter/xorfilter"
	"golang.org/x/crypto/md4" //lint:ignore SA1019 as in filter.go
)

var background = context.Background()

// hashes returns a list of the SHA-1 of p0, p1, ..., as Have I Been Pwned orders them.
func hashes(n int) []string {
	list := make([]string, n)
	for i := range list {
		sum := sha1.Sum(fmt.Append(nil, "p", i))
		list[i] = strings.ToUpper(hex.EncodeToString(sum[:]))
	}
	slices.Sort(list)
	return list
}

func listOf(hashes []string) Source {
	text := strings.Join(hashes, ":3\r\n") + ":1\n"
	return List(strings.NewReader(text), int64(len(text)))
}

func build(t testing.TB, source Source, o Options) (path string, count uint64) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "breach")
	count, err := Build(background, path, source, o)
	if err != nil {
		t.Fatal(err)
	}
	return path, count
}

func openFilter(t testing.TB, paths ...string) *Filter {
	t.Helper()
	f, err := Open(paths...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// All that is there is found, and of what is not as much as theory says.
func TestFilter(t *testing.T) {
	const n, others = 20_000, 150_000
	for _, bits := range []int{8, 16} {
		last := 0.0
		path, count := build(t, listOf(hashes(n)), Options{Bits: bits, Progress: func(p float64) { last = p }})
		f := openFilter(t, path)
		if count != n || f.Len() != n || last < 0.9 || last > 1 {
			t.Errorf("%d hashes, progress %v", count, last)
		}
		for i := range n {
			if found, err := f.Contains(fmt.Sprint("p", i)); !found || err != nil {
				t.Fatalf("p%d: %v, %v", i, found, err)
			}
		}
		wrong := 0
		for i := range others {
			if found, _ := f.Contains(fmt.Sprint("q", i)); found {
				wrong++
			}
		}
		want := others / math.Pow(2, float64(bits))
		info, _ := os.Stat(path)
		t.Logf("%d bits: %.2f bits a hash, %d false positives, theory %.0f", bits, float64(info.Size()*8)/n, wrong, want)
		if deviation := math.Abs(float64(wrong) - want); deviation > max(want/10, 5*math.Sqrt(want)) {
			t.Errorf("%d bits: %d false positives, theory %.0f", bits, wrong, want)
		}
		if err := f.Verify(background); err != nil {
			t.Error(err)
		}
	}
}

func TestRangesAndNTLM(t *testing.T) {
	folder := fstest.MapFS{"README": {Data: []byte("no hashes")}}
	for _, h := range hashes(1000) {
		name := h[:5] + ".txt"
		if folder[name] == nil {
			folder[name] = &fstest.MapFile{Data: []byte("\ufeff")}
		}
		folder[name].Data = append(folder[name].Data, h[5:]+":7\r\n"...)
	}
	path, count := build(t, Ranges(folder), Options{})
	if found, err := openFilter(t, path).Contains("p999"); count != 1000 || !found || err != nil {
		t.Errorf("%d hashes, %v, %v", count, found, err)
	}
	h := md4.New()
	h.Write([]byte("s\x00\xe9\x00"))
	path, _ = build(t, List(strings.NewReader(hex.EncodeToString(h.Sum(nil))), 0), Options{Kind: NTLM})
	if found, err := openFilter(t, path).Contains("sé"); !found || err != nil {
		t.Errorf("NTLM: %v, %v", found, err)
	}
}

// New hashes go into a second file.
func TestDelta(t *testing.T) {
	first, _ := build(t, listOf(hashes(1000)), Options{})
	old := openFilter(t, first)
	second, count := build(t, listOf(hashes(1500)), Options{Except: old})
	if count < 490 || count > 500 {
		t.Errorf("%d new hashes", count)
	}
	both := openFilter(t, first, second)
	for i := range 1500 {
		if found, err := both.Contains(fmt.Sprint("p", i)); !found || err != nil {
			t.Fatalf("p%d: %v, %v", i, found, err)
		}
	}
}

// A flipped bit or a missing end gives an error where it is met, and nowhere a false negative.
func TestDamage(t *testing.T) {
	path, _ := build(t, listOf(hashes(2000)), Options{})
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(data); at += 97 {
		damaged := bytes.Clone(data)
		damaged[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil {
			continue
		}
		if err := f.Verify(background); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d: %v", at, err)
		}
		for i := 0; i < 2000; i += 50 {
			if found, err := f.Contains(fmt.Sprint("p", i)); !found && !errors.Is(err, ErrDamaged) {
				t.Fatalf("byte %d: p%d is not found: %v", at, i, err)
			}
		}
		f.Close()
	}
	for _, size := range []int{0, 10, int(headerSize) - 1, int(headerSize), len(data) - 1, len(data) - blockSize} {
		if err := os.WriteFile(path, data[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		if f, err := Open(path); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d of %d bytes: %v, %v", size, len(data), f, err)
		}
	}
}

// A file that is made shorter while it is open gives errors.
func TestTruncatedLater(t *testing.T) {
	path, _ := build(t, listOf(hashes(2000)), Options{})
	f := openFilter(t, path)
	if err := os.Truncate(path, headerSize); err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for i := range 2000 {
		if found, err := f.Contains(fmt.Sprint("p", i)); found || !errors.Is(err, ErrDamaged) {
			wrong++ // what is in the rest of the last page is zero, which has no valid sum
		}
	}
	if wrong > 0 {
		t.Errorf("%d answers", wrong)
	}
	if err := f.Verify(background); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}

func TestSourcesThatAreWrong(t *testing.T) {
	list := hashes(10)
	dir := t.TempDir()
	ended, cancel := context.WithCancel(background)
	cancel()
	for name, test := range map[string]struct {
		ctx    context.Context
		source Source
		o      Options
	}{
		"not in order":  {background, listOf([]string{list[5], list[2]}), Options{}},
		"too short":     {background, listOf([]string{list[5][1:]}), Options{}},
		"not hex":       {background, listOf([]string{"x" + list[5][1:]}), Options{}},
		"another kind":  {background, listOf(list), Options{Kind: NTLM}},
		"bits":          {background, listOf(list), Options{Bits: 12}},
		"no range file": {background, Ranges(fstest.MapFS{"x": {}}), Options{}},
		"interrupted":   {ended, listOf(list), Options{}},
	} {
		if _, err := Build(test.ctx, filepath.Join(dir, "breach"), test.source, test.o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The places of fingerprints are those of the library that built the filter.
func TestAgreesWithLibrary(t *testing.T) {
	keys := make([]uint64, 5000)
	for i := range keys {
		keys[i] = SHA1.key(fmt.Sprint("k", i)) >> 8
	}
	f, err := xorfilter.NewBinaryFuse[uint16](keys)
	if err != nil {
		t.Fatal(err)
	}
	s := shard{Seed: f.Seed, SegmentLength: f.SegmentLength, SegmentCountLength: f.SegmentCountLength}
	for i := range uint64(20_000) {
		h, fingerprint := s.places(i)
		mine := uint16(fingerprint)^f.Fingerprints[h[0]]^f.Fingerprints[h[1]]^f.Fingerprints[h[2]] == 0
		if mine != f.Contains(i) {
			t.Fatalf("key %d", i)
		}
	}
}

func FuzzOpen(f *testing.F) {
	path, _ := build(f, listOf(hashes(20)), Options{})
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:headerSize])
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "breach")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		x, err := Open(path)
		if err != nil {
			return
		}
		defer x.Close()
		x.Contains("p1")
		x.Verify(background)
	})
}

func BenchmarkContains(b *testing.B) {
	path, _ := build(b, listOf(hashes(200_000)), Options{})
	f := openFilter(b, path)
	i := 0
	for b.Loop() {
		i++
		if found, err := f.Contains("p" + fmt.Sprint(i%200_000)); !found || err != nil {
			b.Fatal(err)
		}
	}
}
