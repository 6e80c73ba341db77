package breach

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/FastFilter/xorfilter"
)

// Options are how a file is built. The zero value is for SHA-1 and 16 bits.
type Options struct {
	Kind Kind

	// Bits of a fingerprint, 8 or 16: one in 256, or 65,536, other passwords is taken for a known one. If zero, 16.
	Bits int

	// Except leaves out what is in these files already, so that the new file holds only what is new.
	Except *Filter

	// Progress, if not nil, is called now and then with how much of the source is done, from 0 to 1.
	Progress func(float64)
}

// Build makes a file of all hashes of a source and returns how many there are. The file appears when it is complete; one of that name is
// replaced.
func Build(ctx context.Context, path string, source Source, o Options) (count uint64, err error) {
	if o.Bits == 0 {
		o.Bits = 16
	}
	if o.Bits != 8 && o.Bits != 16 {
		return 0, fmt.Errorf("breach: fingerprints of %d bits, not 8 or 16", o.Bits)
	}
	out, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return 0, fmt.Errorf("breach: %w", err)
	}
	defer os.Remove(out.Name()) // it is gone if all went well
	defer out.Close()
	b := &builder{ctx: ctx, options: o, out: bufio.NewWriterSize(out, 1<<20)}
	b.header.Kind, b.header.Bits = uint8(o.Kind), uint8(o.Bits)
	if _, err := out.Seek(headerSize, 0); err != nil {
		return 0, err
	}
	if err := source.each(o.Kind, o.Progress, b.add); err != nil {
		return 0, err
	}
	if err := b.finish(); err != nil {
		return 0, err
	}
	if _, err := out.WriteAt(b.header.encode(), 0); err != nil {
		return 0, err
	}
	if err := errors.Join(out.Chmod(0o644), out.Sync(), out.Close()); err != nil {
		return 0, err
	}
	return b.header.Count, os.Rename(out.Name(), path)
}

type builder struct {
	ctx     context.Context
	options Options
	header  header
	out     *bufio.Writer
	shard   uint64
	keys    []uint64 // of the shard
	last    uint64
	any     bool
	block   []byte // that is not full yet
	number  int64
}

// errOrder says that a source is not sorted.
var errOrder = errors.New("breach: the hashes are not in ascending order; use the list \"ordered by hash\"")

func (b *builder) add(key uint64) error {
	if b.any && key <= b.last {
		if key == b.last {
			return nil
		}
		return errOrder
	}
	b.last, b.any = key, true
	if s := key >> 56; s != b.shard {
		if err := b.flush(); err != nil {
			return err
		}
		b.shard = s
	}
	if b.options.Except != nil {
		for _, x := range b.options.Except.files {
			if found, err := x.has(key); found || err != nil {
				return err
			}
		}
	}
	b.keys = append(b.keys, key)
	return nil
}

// flush builds the filter of a shard.
func (b *builder) flush() error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	if len(b.keys) == 0 {
		return nil
	}
	s := &b.header.Shards[b.shard]
	s.Offset = b.header.DataSize
	var data []byte
	if b.options.Bits == 8 {
		f, err := xorfilter.NewBinaryFuse[uint8](b.keys)
		if err != nil {
			return err
		}
		s.Seed, s.SegmentLength, s.SegmentCountLength, s.Fingerprints = f.Seed, f.SegmentLength, f.SegmentCountLength, uint32(len(f.Fingerprints))
		data = f.Fingerprints
		if len(data)%2 == 1 { // so that places stay even
			data = append(data, 0)
		}
	} else {
		f, err := xorfilter.NewBinaryFuse[uint16](b.keys)
		if err != nil {
			return err
		}
		s.Seed, s.SegmentLength, s.SegmentCountLength, s.Fingerprints = f.Seed, f.SegmentLength, f.SegmentCountLength, uint32(len(f.Fingerprints))
		data = make([]byte, 0, 2*len(f.Fingerprints))
		for _, v := range f.Fingerprints {
			data = binary.LittleEndian.AppendUint16(data, v)
		}
	}
	b.header.Count += uint64(len(b.keys))
	b.header.DataSize += uint64(len(data))
	b.keys = b.keys[:0]
	return b.write(data)
}

// write adds data in blocks.
func (b *builder) write(data []byte) error {
	for len(data) > 0 {
		n := min(len(data), blockData-len(b.block))
		b.block = append(b.block, data[:n]...)
		data = data[n:]
		if len(b.block) == blockData {
			if err := b.end(); err != nil {
				return err
			}
		}
	}
	return nil
}

// end writes a block.
func (b *builder) end() error {
	b.block = append(b.block, make([]byte, blockData-len(b.block))...)
	_, err := b.out.Write(binary.LittleEndian.AppendUint32(b.block, blockSum(b.number, b.block)))
	b.block = b.block[:0]
	b.number++
	return err
}

func (b *builder) finish() error {
	if err := b.flush(); err != nil {
		return err
	}
	if len(b.block) > 0 {
		if err := b.end(); err != nil {
			return err
		}
	}
	return b.out.Flush()
}
