package pgp

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxArmorHead bounds what may stand before the data in an armored block, its headers and what is before it.
const maxArmorHead = 64 << 10

// dearmor gives the binary form of r, which is armored or binary. label is of the block, such as "PGP MESSAGE", and "" of binary data.
func dearmor(r io.Reader) (data *bufio.Reader, label string, err error) {
	data, a, err := openArmor(r)
	if err != nil {
		return nil, "", err
	}
	return data, a.label, nil
}

func openArmor(r io.Reader) (data *bufio.Reader, a *armorReader, err error) {
	in := bufio.NewReaderSize(r, 32<<10)
	start, err := in.Peek(1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	a = &armorReader{in: in}
	if len(start) > 0 && start[0]&0x80 != 0 {
		if bom, _ := in.Peek(3); string(bom) != "\ufeff" {
			return in, a, nil
		}
	}
	if err = a.readHead(); err != nil {
		return nil, nil, err
	}
	return bufio.NewReaderSize(a, 32<<10), a, nil
}

// armorReader reads the data of an armored block (RFC 9580, section 6.2).
type armorReader struct {
	in    *bufio.Reader
	label string // "" if the data are binary
	head  int    // octets before the data
	text  []byte // base64 that is not decoded yet
	data  []byte // to be read
	space []byte // where data is
	ended bool
}

// readHead reads up to the data.
func (a *armorReader) readHead() error {
	for {
		line, err := a.in.ReadSlice('\n')
		if a.head += len(line); a.head > maxArmorHead || errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: there is no armored block", ErrMalformed)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		line = bytes.TrimSpace(line)
		switch begin, ok := strings.CutPrefix(string(line), "-----BEGIN "); {
		case a.label == "" && ok && strings.HasSuffix(begin, "-----"):
			a.label = strings.TrimSuffix(begin, "-----")
		case a.label != "" && len(line) == 0:
			return nil
		case a.label != "" && !bytes.Contains(line, []byte(":")):
			return fmt.Errorf("%w: a header of an armored block", ErrMalformed)
		}
	}
}

// alone makes sure, after the data, that nothing stands around the block but headers of a usual size.
func (a *armorReader) alone() error {
	const usual = 512
	after, err := io.ReadAll(io.LimitReader(a.in, usual))
	switch {
	case err != nil:
		return err
	case a.label != "" && a.head > usual, len(after) == usual, len(bytes.TrimSpace(after)) > 0:
		return fmt.Errorf("%w: text around the encrypted data", ErrMalformed)
	}
	return nil
}

// Read implements io.Reader.
func (a *armorReader) Read(p []byte) (int, error) {
	for len(a.data) == 0 {
		if a.ended {
			return 0, io.EOF
		}
		if err := a.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, a.data)
	a.data = a.data[n:]
	return n, nil
}

// fill decodes some lines.
func (a *armorReader) fill() error {
	const enough = 8 << 10
	for len(a.text) < enough && !a.ended {
		line, err := a.in.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) || len(line) == 0 {
			if errors.Is(err, io.EOF) || errors.Is(err, bufio.ErrBufferFull) {
				return fmt.Errorf("%w: an armored block does not end", ErrMalformed)
			}
			return err
		}
		line = bytes.TrimSpace(line)
		switch {
		case bytes.HasPrefix(line, []byte("-----END ")):
			a.ended = true
		case len(line) == 5 && line[0] == '=': // the checksum: not to be looked at (section 6.1)
		default:
			a.text = append(a.text, line...)
		}
	}
	whole := len(a.text)
	if !a.ended {
		whole -= whole % 4
	}
	if a.space == nil {
		a.space = make([]byte, enough+4<<10)
	}
	if need := base64.StdEncoding.DecodedLen(whole); need > len(a.space) {
		a.space = make([]byte, need)
	}
	n, err := base64.StdEncoding.Decode(a.space, a.text[:whole])
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	a.data = a.space[:n]
	a.text = append(a.text[:0], a.text[whole:]...)
	return nil
}

// armorWriter writes data in armored form (RFC 9580, section 6.2). go-crypto's does the same at half the speed.
type armorWriter struct {
	dst      io.Writer
	label    string
	checksum bool // see wantsChecksum
	begun    bool
	rest     []byte // less than perLine
	out      []byte
	crc      crc24
}

// wantsChecksum reports whether armor for these keys gets a checksum. Nobody may look at it, and in data of version 6 it must not be (RFC 9580, section 6.1); but
// GnuPG 2.2 does not find the end of a block without one if there is no padding either.
func wantsChecksum(keys ...*Key) bool {
	return len(keys) == 0 || slices.ContainsFunc(keys, func(k *Key) bool { return k.version < 6 })
}

// crc24 is the checksum (RFC 9580, section 6.1.1) in the upper three octets of a word, four octets at a time: table n is for octets with n others behind them.
type crc24 uint32

const crc24Start crc24 = 0xb704ce << 8

var crc24Tables = func() (t [4][256]crc24) {
	for i := range 256 {
		crc := crc24(i) << 24
		for range 8 {
			carry := crc >> 31
			crc = crc<<1 ^ carry*(0x864cfb<<8)
		}
		t[0][i] = crc
	}
	for n := 1; n < 4; n++ {
		for i, crc := range t[n-1] {
			t[n][i] = crc<<8 ^ t[0][crc>>24]
		}
	}
	return t
}()

func (crc crc24) update(p []byte) crc24 {
	t := &crc24Tables
	for ; len(p) >= 4; p = p[4:] {
		x := uint32(crc) ^ binary.BigEndian.Uint32(p)
		crc = t[3][x>>24] ^ t[2][byte(x>>16)] ^ t[1][byte(x>>8)] ^ t[0][byte(x)]
	}
	for _, b := range p {
		crc = crc<<8 ^ t[0][byte(crc>>24)^b]
	}
	return crc
}

// perLine is how many octets a line of 64 characters holds.
const perLine = 48

// flushSize bounds what is gathered before it is written.
const flushSize = 32 << 10

// Write implements io.Writer.
func (a *armorWriter) Write(p []byte) (int, error) {
	a.out = a.out[:0]
	a.begin()
	n := len(p)
	if a.checksum {
		a.crc = a.crc.update(p)
	}
	if len(a.rest) > 0 {
		fill := min(perLine-len(a.rest), len(p))
		a.rest = append(a.rest, p[:fill]...)
		if p = p[fill:]; len(a.rest) < perLine {
			return n, a.flush()
		}
		a.line(a.rest)
		a.rest = a.rest[:0]
	}
	for ; len(p) >= perLine; p = p[perLine:] {
		a.line(p[:perLine])
		if len(a.out) >= flushSize {
			if err := a.flush(); err != nil {
				return 0, err
			}
		}
	}
	a.rest = append(a.rest, p...)
	return n, a.flush()
}

func (a *armorWriter) begin() {
	if !a.begun {
		a.begun, a.crc = true, crc24Start
		a.out = append(a.out, "-----BEGIN "+a.label+"-----\n\n"...)
	}
}

func (a *armorWriter) line(p []byte) {
	a.out = append(base64.StdEncoding.AppendEncode(a.out, p), '\n')
}

func (a *armorWriter) flush() error {
	if len(a.out) == 0 {
		return nil
	}
	_, err := a.dst.Write(a.out)
	a.out = a.out[:0]
	return err
}

// Close writes the end. It does not close what is written to.
func (a *armorWriter) Close() error {
	a.out = a.out[:0]
	a.begin()
	if len(a.rest) > 0 {
		a.line(a.rest)
	}
	if a.checksum {
		a.out = append(a.out, '=')
		a.line([]byte{byte(a.crc >> 24), byte(a.crc >> 16), byte(a.crc >> 8)})
	}
	a.out = append(a.out, "-----END "+a.label+"-----\n"...)
	return a.flush()
}
