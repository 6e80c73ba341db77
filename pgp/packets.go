package pgp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
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

// readHeader reads the header of a packet. io.EOF means that there was none. Partial lengths come back as -1.
func readHeader(r *bufio.Reader) (header, error) {
	first, err := r.ReadByte()
	if err != nil {
		return header{}, err
	}
	if first&0x80 == 0 {
		return header{}, fmt.Errorf("%w: %#x begins no packet", ErrMalformed, first)
	}
	if first&0x40 == 0 { // RFC 9580, section 4.2.2: legacy format
		size := 1 << (first & 3)
		if size == 8 {
			return header{first >> 2 & 15, -1}, nil
		}
		length, err := readNumber(r, size)
		return header{first >> 2 & 15, length}, err
	}
	tag := first & 63
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

// maxArmorHead bounds what may stand before the data in an armored block, its headers and what is before it.
const maxArmorHead = 64 << 10

// dearmor gives the binary form of r, which is armored or binary. label is of the block, such as "PGP MESSAGE", and "" of binary data.
func dearmor(r io.Reader) (data *bufio.Reader, label string, err error) {
	in := bufio.NewReaderSize(r, 32<<10)
	start, err := in.Peek(1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, "", err
	}
	if len(start) > 0 && start[0]&0x80 != 0 {
		if bom, _ := in.Peek(3); !bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
			return in, "", nil
		}
	}
	head := &headReader{in: in, left: maxArmorHead}
	block, err := armor.Decode(head)
	if err != nil {
		var source *sourceError
		if errors.As(err, &source) {
			return nil, "", err
		}
		return nil, "", fmt.Errorf("%w: there is no armored block: %w", ErrMalformed, err)
	}
	head.left = 1<<63 - 1
	return bufio.NewReaderSize(block.Body, 32<<10), block.Type, nil
}

// headReader bounds what is read while left is small.
type headReader struct {
	in   io.Reader
	left int64
}

func (h *headReader) Read(p []byte) (int, error) {
	if h.left <= 0 {
		return 0, fmt.Errorf("%w: no armored block in the first %d bytes", ErrMalformed, maxArmorHead)
	}
	n, err := h.in.Read(p)
	h.left -= int64(n)
	return n, err
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
