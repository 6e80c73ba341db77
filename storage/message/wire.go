package message

import (
	"bytes"
	"io"
	"sync"
)

// AppendWire appends stored bytes in wire form: each LF without CR before it gets one. The bytes
// must not begin between a CR and its LF.
func AppendWire(dst, stored []byte) []byte {
	for {
		i := bytes.IndexByte(stored, '\n')
		if i < 0 {
			return append(dst, stored...)
		}
		if i > 0 && stored[i-1] == '\r' {
			dst = append(dst, stored[:i+1]...)
		} else {
			dst = append(dst, stored[:i]...)
			dst = append(dst, "\r\n"...)
		}
		stored = stored[i+1:]
	}
}

// WireCounter is an io.Writer that measures a message while it is stored. The zero value is ready.
type WireCounter struct {
	stored, bare int64
	cr           bool
}

// Write counts p. It never fails.
func (w *WireCounter) Write(p []byte) (int, error) {
	w.stored += int64(len(p))
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			w.cr = rest[len(rest)-1] == '\r'
			break
		}
		if i > 0 {
			w.cr = rest[i-1] == '\r'
		}
		if !w.cr {
			w.bare++
		}
		w.cr = false
		rest = rest[i+1:]
	}
	return len(p), nil
}

// Stored is the number of bytes written.
func (w *WireCounter) Stored() int64 { return w.stored }

// Wire is the number of bytes that they have in wire form.
func (w *WireCounter) Wire() int64 { return w.stored + w.bare }

// wireStep is how many stored bytes lie between two places that a WireReader remembers, and how
// many it reads at once.
const wireStep = 64 << 10

// WireReader reads a stored message in wire form, at any offset. If the sizes are equal the stored
// bytes are the wire form, and it only passes reads on. Otherwise it converts while it reads; it
// keeps 64 KiB, and 24 bytes for each 64 KiB of the message that it has passed, to find places
// again. Several goroutines may use it at once. io.NewSectionReader makes an io.Reader of a part.
type WireReader struct {
	r            io.ReaderAt
	stored, wire int64

	mu    sync.Mutex // guards the following fields
	marks []wirePlace
	last  wirePlace // where the last read ended
	buf   []byte
}

// wirePlace is a place between two stored bytes.
type wirePlace struct {
	stored, wire int64
	cr           bool // the byte before it is CR
}

// NewWireReader reads a message of storedSize bytes in r, which has wireSize bytes in wire form.
func NewWireReader(r io.ReaderAt, storedSize, wireSize int64) *WireReader {
	return &WireReader{r: r, stored: storedSize, wire: wireSize, marks: make([]wirePlace, 1)}
}

// Size is the size of the wire form.
func (w *WireReader) Size() int64 { return w.wire }

// ReadAt reads len(p) bytes at an offset of the wire form. If the stored bytes end before the
// sizes given to NewWireReader say, it fails with io.ErrUnexpectedEOF.
func (w *WireReader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 || off >= w.wire {
		return 0, io.EOF
	}
	if int64(len(p)) > w.wire-off {
		p, err = p[:w.wire-off], io.EOF
	}
	var got int
	var readErr error
	if w.stored == w.wire {
		got, readErr = w.r.ReadAt(p, off)
	} else {
		got, readErr = w.convertAt(p, off)
	}
	if got < len(p) {
		if readErr == nil || readErr == io.EOF {
			readErr = io.ErrUnexpectedEOF
		}
		return got, readErr
	}
	return got, err
}

func (w *WireReader) convertAt(p []byte, off int64) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.buf == nil {
		w.buf = make([]byte, min(wireStep, w.stored))
	}
	c := wireCopy{wirePlace: w.before(off), p: p, off: off}
	for len(c.p) > 0 && c.stored < w.stored {
		wanted := c.off - c.wire + int64(len(c.p)) // no more stored bytes than these are needed
		chunk := w.buf[:min(wireStep-c.stored%wireStep, w.stored-c.stored, wanted)]
		got, err := w.r.ReadAt(chunk, c.stored)
		c.chunk(chunk[:got])
		if c.stored == int64(len(w.marks))*wireStep {
			w.marks = append(w.marks, c.wirePlace)
		}
		if got < len(chunk) {
			return len(p) - len(c.p), err
		}
	}
	w.last = c.wirePlace
	return len(p) - len(c.p), nil
}

// before is the nearest known place at or before a wire offset.
func (w *WireReader) before(off int64) wirePlace {
	lo, hi := 0, len(w.marks)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; w.marks[mid].wire <= off {
			lo = mid
		} else {
			hi = mid
		}
	}
	if w.last.wire <= off && w.last.wire > w.marks[lo].wire {
		return w.last
	}
	return w.marks[lo]
}

// wireCopy converts stored bytes from its place on and copies those from off on to p.
type wireCopy struct {
	wirePlace
	p   []byte // still to be filled
	off int64  // wire offset of p
}

func (c *wireCopy) chunk(stored []byte) {
	for len(stored) > 0 && len(c.p) > 0 {
		i := bytes.IndexByte(stored, '\n')
		if i == 0 && !c.cr {
			if c.emit([]byte("\r\n")) < 2 {
				return // p ends between them: the place stays before them
			}
			c.wire += 2
			c.stored++
			stored = stored[1:]
			continue
		}
		run := stored
		if i >= 0 {
			run = stored[:max(i, 1)]
		}
		n := c.emit(run)
		if n > 0 {
			c.cr = run[n-1] == '\r'
		}
		c.wire += int64(n)
		c.stored += int64(n)
		stored = stored[n:]
	}
}

// emit copies what p wants of b, the bytes at the place, and reports how much of b is done with.
func (c *wireCopy) emit(b []byte) (done int) {
	if skip := c.off - c.wire; skip > 0 {
		done = int(min(skip, int64(len(b))))
	}
	n := copy(c.p, b[done:])
	c.p = c.p[n:]
	c.off += int64(n)
	return done + n
}
