package inflate_test

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mailhavn/mailhavn/imapserver/internal/inflate"
)

// samples are contents that lead to all kinds of blocks.
func samples() [][]byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	noise, letters := make([]byte, 100_000), make([]byte, 70_000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	for i := range letters {
		letters[i] = "etaoin shrdlu\r\n"[min(rnd.IntN(15), rnd.IntN(15))]
	}
	return [][]byte{
		nil, []byte("a"), []byte("a1 NOOP\r\n"), noise, letters, bytes.Repeat([]byte{0}, 200_000),
		[]byte(strings.Repeat("a2 UID FETCH 1:* (FLAGS)\r\n", 5000)), append(append(letters[:40_000:40_000], noise[:50]...), letters[:40_000]...),
	}
}

func compressed(t testing.TB, content []byte, level, chunk int) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	for len(content) > 0 {
		n := min(chunk, len(content))
		w.Write(content[:n])
		w.Flush()
		content = content[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReader(t *testing.T) {
	for i, content := range samples() {
		for _, level := range []int{flate.HuffmanOnly, 0, 1, 6, 9} {
			for _, chunk := range []int{999, 1 << 20} {
				name := fmt.Sprintf("sample %d, level %d, chunks of %d", i, level, chunk)
				stream := compressed(t, content, level, chunk)
				for _, src := range []io.Reader{bytes.NewReader(stream), iotest.OneByteReader(bytes.NewReader(stream)), &interrupted{stream: stream}} {
					got, err := readAll(inflate.NewReader(src))
					if err != nil || !bytes.Equal(got, content) {
						t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(content), err)
					}
				}
			}
		}
	}
}

var errPasses = errors.New("passes")

// interrupted fails every other time.
type interrupted struct {
	stream []byte
	n      int
}

func (i *interrupted) Read(p []byte) (int, error) {
	if i.n++; i.n%2 == 0 {
		return 0, errPasses
	}
	n := copy(p, i.stream[:min(len(i.stream), i.n%700+1)])
	i.stream = i.stream[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// readAll is io.ReadAll of a source whose errors pass.
func readAll(r io.Reader) (all []byte, err error) {
	buf := make([]byte, 5000)
	for n := 0; ; {
		n, err = r.Read(buf)
		all = append(all, buf[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil && err != errPasses {
			return all, err
		}
	}
}

// TestPartialFlush reads commands that zlib has ended with Z_PARTIAL_FLUSH, as some mail programs do: each must be there as soon as
// its bytes are.
func TestPartialFlush(t *testing.T) {
	var src bytes.Buffer
	r := inflate.NewReader(&src)
	for _, c := range []struct{ stream, command string }{
		{"4a3454f0f3f70fe0e50208", "a1 NOOP\r\n"},
		{"a044238560571f57e710054f3f27ff085e2e8000", "a2 SELECT INBOX\r\n"},
		{"4a345608f5745170730d71f65030b4d252d070f371740fd6e4e50208", "a3 UID FETCH 1:* (FLAGS)\r\n"},
	} {
		b, err := hex.DecodeString(c.stream)
		if err != nil {
			t.Fatal(err)
		}
		src.Write(b)
		got := make([]byte, len(c.command))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != c.command {
			t.Errorf("%q, %v; want %q", got, err, c.command)
		}
	}
}

// TestRest reads what follows a stream that ends with a final block, or just with a flush.
func TestRest(t *testing.T) {
	const content, follows = "a1 UNAUTHENTICATE\r\n", "a2 NOOP\r\n"
	for _, final := range []bool{false, true} {
		var b bytes.Buffer
		w, err := flate.NewWriter(&b, flate.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, content)
		if w.Flush(); final {
			w.Close()
		}
		b.WriteString(follows)
		for _, src := range []io.Reader{bytes.NewReader(b.Bytes()), iotest.OneByteReader(bytes.NewReader(b.Bytes()))} {
			r := inflate.NewReader(src)
			got := make([]byte, len(content))
			if _, err := io.ReadFull(r, got); err != nil || string(got) != content {
				t.Fatalf("%q, %v", got, err)
			}
			rest, err := io.ReadAll(r.Rest())
			if want := follows; err != nil || !strings.HasSuffix(string(rest), want) || !final && string(rest) != want {
				t.Errorf("final block %v: %q, %v", final, rest, err)
			}
		}
	}
}

func TestTruncated(t *testing.T) {
	stream := compressed(t, samples()[6], 6, 1<<20)
	for n := range stream {
		if _, err := readAll(inflate.NewReader(bytes.NewReader(stream[:n]))); err != io.ErrUnexpectedEOF {
			t.Fatalf("%d of %d bytes: %v", n, len(stream), err)
		}
	}
}

func BenchmarkReader(b *testing.B) {
	content := samples()[4]
	stream := compressed(b, content, 6, 1<<20)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if _, err := io.Copy(io.Discard, inflate.NewReader(bytes.NewReader(stream))); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzReader compares with compress/flate.
func FuzzReader(f *testing.F) {
	for _, s := range samples() {
		f.Add(compressed(f, s[:min(len(s), 3000)], 6, 1000))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		const most = 1 << 20
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(stream)), most))
		got, err := io.ReadAll(io.LimitReader(inflate.NewReader(iotest.HalfReader(bytes.NewReader(stream))), most))
		if wantErr == nil && err != nil || err == nil && wantErr != nil {
			t.Fatalf("%v; compress/flate: %v", err, wantErr)
		}
		if err != nil { // what is decoded at once, before the end of a window; compress/flate gives less then
			got = got[:min(len(got), len(want))]
		}
		if err == inflate.ErrCorrupt { // a block that can have no end is refused at once, as by zlib; compress/flate decodes it
			want = want[:len(got)]
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, compress/flate has %d", len(got), len(want))
		}
	})
}
