// Package spool keeps bytes until it is known whether they may be released: in memory first, then in a temporary file that only this process can read,
// because it is encrypted under a key that is nowhere but in this process.
package spool

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// InMemory is how many bytes stay in memory before there is a file.
const InMemory = 1 << 20

// chunk is how many bytes of plaintext are sealed at a time.
const chunk = 64 << 10

// ErrTooLarge says that more was written than the spool may hold.
var ErrTooLarge = errors.New("spool: too many bytes")

// Spool is written once and then read as often as one likes. It is for one goroutine at a time.
type Spool struct {
	dir  string // of temporary files; "" is the system's
	max  int64
	size int64
	tail []byte // what is not in the file: all of it, or the last chunk
	file *os.File
	aead cipher.AEAD
}

// New makes a spool for at most max bytes, with its file, if one is needed, in dir.
func New(dir string, max int64) *Spool { return &Spool{dir: dir, max: max} }

// Size is how many bytes were written.
func (s *Spool) Size() int64 { return s.size }

// Write appends. After ErrTooLarge or an error of the file nothing more may be written.
func (s *Spool) Write(p []byte) (int, error) {
	if int64(len(p)) > s.max-s.size {
		return 0, ErrTooLarge
	}
	written := len(p)
	if s.file == nil && len(s.tail)+len(p) > InMemory {
		if err := s.open(); err != nil {
			return 0, err
		}
	}
	if s.file == nil {
		s.tail = append(s.tail, p...)
		s.size += int64(written)
		return written, nil
	}
	for len(p) > 0 {
		n := min(chunk-len(s.tail), len(p))
		s.tail = append(s.tail, p[:n]...)
		p = p[n:]
		s.size += int64(n)
		if len(s.tail) == chunk {
			if err := s.seal(); err != nil {
				return 0, err
			}
		}
	}
	return written, nil
}

// open makes the file and moves all full chunks of memory into it.
func (s *Spool) open() error {
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	if s.aead, err = cipher.NewGCM(block); err != nil {
		return err
	}
	if s.file, err = os.CreateTemp(s.dir, "mailhavn-pgp-*"); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	os.Remove(s.file.Name()) // nobody needs its name; where that fails Close does it
	all := s.tail
	s.tail, s.size = make([]byte, 0, chunk), 0
	_, err = s.Write(all)
	return err
}

// seal writes the full tail. Chunks have their number as nonce, the key is used for one spool only.
func (s *Spool) seal() error {
	sealed := s.aead.Seal(nil, s.nonce(s.size/chunk-1), s.tail, nil)
	s.tail = s.tail[:0]
	if _, err := s.file.Write(sealed); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

func (s *Spool) nonce(number int64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, 12), uint64(number))
}

// Reader reads everything from the start. Several readers may exist, used by one goroutine; none after Close.
func (s *Spool) Reader() io.Reader { return &reader{spool: s} }

type reader struct {
	spool   *Spool
	offset  int64 // of the next byte
	current []byte
	sealed  []byte
}

func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(r.current) == 0 {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.current)
	r.current = r.current[n:]
	r.offset += int64(n)
	return n, nil
}

func (r *reader) next() error {
	s := r.spool
	inFile := s.size - int64(len(s.tail))
	switch {
	case r.offset >= s.size:
		return io.EOF
	case r.offset >= inFile:
		r.current = s.tail[r.offset-inFile:]
		return nil
	}
	sealedSize := chunk + s.aead.Overhead()
	if r.sealed == nil {
		r.sealed = make([]byte, sealedSize)
	}
	number := r.offset / chunk
	if _, err := s.file.ReadAt(r.sealed, number*int64(sealedSize)); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	plain, err := s.aead.Open(r.sealed[:0], s.nonce(number), r.sealed, nil)
	if err != nil {
		return fmt.Errorf("spool: the temporary file was changed: %w", err)
	}
	r.current = plain[r.offset%chunk:]
	return nil
}

// Close gives memory and file back.
func (s *Spool) Close() error {
	s.tail, s.size = nil, 0
	if s.file == nil {
		return nil
	}
	os.Remove(s.file.Name())
	return s.file.Close()
}
