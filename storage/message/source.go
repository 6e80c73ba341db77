package message

import (
	"bytes"
	"io"
)

// source is a window on a message and the place in it, in wire form. Of a message in memory the
// window is all.
type source struct {
	r    io.ReaderAt // nil if the window is all
	size int64       // stored bytes to read in all
	next int64       // offset of the next byte to read
	err  error

	buf []byte // the window
	i   int    // the cursor in it

	wire   int64 // wire offset of the cursor
	lines  int64 // line ends before the cursor
	hasNUL bool
}

func (s *source) openBytes(b []byte) {
	*s = source{buf: b, size: int64(len(b)), next: int64(len(b))}
	s.hasNUL = bytes.IndexByte(b, 0) >= 0
}

func (s *source) open(r io.ReaderAt, size int64, window []byte) {
	*s = source{r: r, size: size, buf: window[:0]}
}

// more moves the window on, so that it begins at the cursor, and reads. It returns false at the
// end of the message or if the window is full.
func (s *source) more() bool {
	if s.r == nil || s.next >= s.size || s.err != nil {
		return false
	}
	n := copy(s.buf, s.buf[s.i:])
	s.buf, s.i = s.buf[:n], 0
	room := int64(cap(s.buf) - n)
	if room == 0 {
		return false
	}
	got, err := s.r.ReadAt(s.buf[n:n+int(min(room, s.size-s.next))], s.next)
	s.buf = s.buf[:n+got]
	s.next += int64(got)
	s.hasNUL = s.hasNUL || bytes.IndexByte(s.buf[n:], 0) >= 0
	if got == 0 {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF // the file is shorter than the caller said
		}
		s.err = err
	}
	return got > 0
}

// peek returns the bytes at the cursor, at least lookahead of them unless the message ends.
func (s *source) peek() []byte {
	for len(s.buf)-s.i < lookahead && s.more() {
	}
	return s.buf[s.i:]
}

// skipLine moves the cursor behind the next LF, or to the end, and reports whether there was one.
// The bytes passed are appended to keep, if it is not nil, up to maxHeader.
func (s *source) skipLine(keep *[]byte) bool {
	prevCR := false
	for {
		b := s.buf[s.i:]
		k := bytes.IndexByte(b, '\n')
		if k >= 0 {
			if k > 0 {
				prevCR = b[k-1] == '\r'
			}
			b = b[:k+1]
		}
		if keep != nil {
			*keep = append(*keep, b[:min(len(b), maxHeader-len(*keep))]...)
		}
		s.i += len(b)
		s.wire += int64(len(b))
		if k >= 0 {
			s.lines++
			if !prevCR {
				s.wire++
			}
			return true
		}
		if len(b) > 0 {
			prevCR = b[len(b)-1] == '\r'
		}
		if !s.more() {
			return false
		}
	}
}
