package imapserver

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// pieces is a connection that gives its octets in pieces of any size.
type pieces struct {
	nowhere
	rest []byte
	rnd  *rand.Rand
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 1+p.rnd.IntN(6000))], p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// TestInputAgainstBufio compares random reads with bufio's.
func TestInputAgainstBufio(t *testing.T) {
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		octets := make([]byte, 50000)
		for i := range octets {
			if octets[i] = byte('a' + rnd.IntN(26)); rnd.IntN(700) == 0 {
				octets[i] = '\n'
			}
		}
		in := &input{conn: &pieces{rest: octets, rnd: rnd}, beforeRead: func() error { return nil }}
		want := bufio.NewReaderSize(bytes.NewReader(octets), inputBuffer)
		for {
			if rnd.IntN(2) == 0 {
				b := make([]byte, rnd.IntN(9000))
				n, err := in.Read(b)
				other := make([]byte, n)
				if _, e := io.ReadFull(want, other); e != nil || !bytes.Equal(b[:n], other) {
					t.Fatalf("seed %d: Read gives %d other octets", seed, n)
				}
				if err == io.EOF {
					break
				}
				continue
			}
			line, err := in.ReadSlice('\n')
			other, otherErr := want.ReadSlice('\n')
			if errors.Is(err, io.EOF) {
				if otherErr != io.EOF {
					t.Fatalf("seed %d: EOF too early", seed)
				}
				break
			}
			if !bytes.Equal(line, other) || err != otherErr {
				t.Fatalf("seed %d: %q %v, want %q %v", seed, line, err, other, otherErr)
			}
		}
		if in.release(); in.buf != nil {
			t.Errorf("seed %d: a buffer is left", seed)
		}
	}
}

// TestInputAhead checks reading ahead: what came is kept, and stopping leaves the input usable.
func TestInputAhead(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	in := &input{conn: far, beforeRead: func() error { return nil }}
	in.wait(time.Now().Add(patience), patience)
	in.ahead()
	in.stop() // nothing came
	go io.WriteString(near, "one\ntwo\n")
	<-in.ahead()
	in.stop()
	for _, want := range []string{"one\n", "two\n"} {
		if line, err := in.ReadSlice('\n'); string(line) != want || err != nil {
			t.Fatalf("%q %v", line, err)
		}
	}
	in.wait(time.Now().Add(patience), patience)
	in.interrupt()
	if _, err := in.ReadSlice('\n'); err == nil {
		t.Error("not interrupted")
	}
}
