package pgp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
)

// Packet types (RFC 9580, section 5).
const (
	tagPKESK         = 1
	tagSignature     = 2
	tagSKESK         = 3
	tagOnePass       = 4
	tagSecretKey     = 5
	tagPublicKey     = 6
	tagCompressed    = 8
	tagUnprotected   = 9
	tagMarker        = 10
	tagLiteral       = 11
	tagUserID        = 13
	tagUserAttribute = 17
	tagProtected     = 18
	tagAEAD          = 20 // GnuPG's OCB packet, not of RFC 9580
	tagPadding       = 21
)

// maxPacket bounds packets that are taken into memory whole. The largest that mail has are signatures of SLH-DSA, 50 KB.
const maxPacket = 128 << 10

// header is the first octets of a packet (RFC 9580, section 4.2).
type header struct {
	tag    byte
	length int64 // of the body; -1 if it is not known yet
}

// tagOf is the type of a packet that begins with this octet.
func tagOf(first byte) byte {
	if first&0x40 == 0 { // RFC 9580, section 4.2.2: legacy format
		return first >> 2 & 15
	}
	return first & 63
}

// readHeader reads the header of a packet. io.EOF means that there was none. Partial lengths come back as -1.
func readHeader(r *bufio.Reader) (header, error) {
	first, err := r.ReadByte()
	if err != nil {
		return header{}, err
	}
	if first&0x80 == 0 {
		return header{}, fmt.Errorf("%w: %#x begins no packet", ErrMalformed, first)
	}
	tag := tagOf(first)
	if first&0x40 == 0 {
		size := 1 << (first & 3)
		if size == 8 {
			return header{tag, -1}, nil
		}
		length, err := readNumber(r, size)
		return header{tag, length}, err
	}
	octet, err := readNumber(r, 1)
	switch {
	case err != nil || octet < 192:
		return header{tag, octet}, err
	case octet < 224:
		low, err := readNumber(r, 1)
		return header{tag, (octet-192)<<8 + low + 192}, err
	case octet < 255:
		return header{tag, -1}, nil
	}
	length, err := readNumber(r, 4)
	return header{tag, length}, err
}

func readNumber(r io.ByteReader, size int) (int64, error) {
	var n int64
	for range size {
		b, err := r.ReadByte()
		if err != nil {
			return 0, noEOF(err)
		}
		n = n<<8 | int64(b)
	}
	return n, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it ends in a packet", ErrMalformed)
	}
	return err
}

// readBody reads the body of a packet that must be small and of known length.
func readBody(r io.Reader, h header) ([]byte, error) {
	if h.length < 0 || h.length > maxPacket {
		return nil, fmt.Errorf("%w: a packet of type %d has %d bytes", ErrMalformed, h.tag, h.length)
	}
	body := make([]byte, h.length)
	if _, err := io.ReadFull(r, body); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF
		}
		return nil, noEOF(err)
	}
	return body, nil
}

// appendPacket appends a packet in the current format.
func appendPacket(dst []byte, tag byte, body []byte) []byte {
	n := len(body)
	dst = append(dst, 0xc0|tag, 0xff, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	return append(dst, body...)
}

// source is the caller's reader: it stops when ctx does, and its errors can be told from errors in what it gives.
type source struct {
	ctx context.Context
	in  io.Reader
}

func (s source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, &sourceError{err}
	}
	n, err := s.in.Read(p)
	if err != nil && err != io.EOF {
		err = &sourceError{err}
	}
	return n, err
}
