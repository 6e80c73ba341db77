package breach

import (
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"unicode/utf16"

	//lint:ignore SA1019 lists of NTLM hashes are made with it
	"golang.org/x/crypto/md4"
	"golang.org/x/sys/unix"
)

// Kind is what the hashes of a list are of.
type Kind uint8

// The kinds.
const (
	SHA1 Kind = iota // of the password in UTF-8
	NTLM             // MD4 of the password in UTF-16
)

// key returns the key of a password.
func (k Kind) key(password string) uint64 {
	if k == SHA1 {
		sum := sha1.Sum([]byte(password))
		return binary.BigEndian.Uint64(sum[:])
	}
	h := md4.New()
	for _, u := range utf16.Encode([]rune(password)) {
		h.Write([]byte{byte(u), byte(u >> 8)})
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// digits is how many hexadecimal digits a hash has.
func (k Kind) digits() int {
	if k == NTLM {
		return 32
	}
	return 40
}

// Filter is one or several open files. It may be used by many goroutines.
type Filter struct{ files []*file }

type file struct {
	header header
	blocks blocks
}

// Open opens files that Build has made.
func Open(paths ...string) (*Filter, error) {
	f := &Filter{}
	for _, path := range paths {
		x, err := open(path)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		f.files = append(f.files, x)
	}
	return f, nil
}

func open(path string) (*file, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("breach: %w", err)
	}
	x := &file{}
	size, err := x.start(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	x.blocks, err = mapFile(f, size)
	return x, err
}

// start reads the header and compares it with the size of the file.
func (x *file) start(f *os.File) (size int64, err error) {
	b := make([]byte, headerSize)
	if _, err := f.ReadAt(b, 0); err != nil {
		return 0, fmt.Errorf("%w: it is truncated", ErrDamaged)
	}
	if err := x.header.decode(b); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if want := headerSize + x.blockCount()*blockSize; info.Size() != want {
		return 0, fmt.Errorf("%w: it has %d bytes, not %d", ErrDamaged, info.Size(), want)
	}
	return info.Size(), nil
}

func (x *file) blockCount() int64 { return (int64(x.header.DataSize) + blockData - 1) / blockData }

// Close closes the files. Nobody may look anything up any more.
func (f *Filter) Close() error {
	var errs []error
	for _, x := range f.files {
		errs = append(errs, unix.Munmap(x.blocks.data))
	}
	return errors.Join(errs...)
}

// Len returns how many hashes the files have together.
func (f *Filter) Len() (n uint64) {
	for _, x := range f.files {
		n += x.header.Count
	}
	return n
}

// Contains reports whether a password is in one of the lists. The error is ErrDamaged.
func (f *Filter) Contains(password string) (bool, error) {
	for _, x := range f.files {
		if found, err := x.has(Kind(x.header.Kind).key(password)); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// has looks a key up.
func (x *file) has(key uint64) (found bool, err error) {
	s := &x.header.Shards[key>>56]
	if s.Fingerprints == 0 {
		return false, nil
	}
	places, fingerprint := s.places(key)
	width := int64(x.header.Bits / 8)
	err = x.blocks.guarded(func() error {
		for _, p := range places {
			place := int64(s.Offset) + int64(p)*width
			if p >= s.Fingerprints || place < 0 || place/blockData >= x.blockCount() {
				return ErrDamaged
			}
			b, err := x.blocks.at(place)
			if err != nil {
				return err
			}
			if width == 2 {
				fingerprint ^= uint64(binary.LittleEndian.Uint16(b))
			} else {
				fingerprint ^= uint64(b[0])
			}
		}
		return nil
	})
	return err == nil && fingerprint&(1<<x.header.Bits-1) == 0, err
}

// Verify reads everything. The error is ErrDamaged, or that of the context.
func (f *Filter) Verify(ctx context.Context) error {
	for _, x := range f.files {
		for n := range x.blockCount() {
			if err := x.blocks.guarded(func() error { _, err := x.blocks.block(n); return err }); err != nil {
				return err
			}
			if err := ctx.Err(); n%4096 == 0 && err != nil {
				return err
			}
		}
	}
	return nil
}
