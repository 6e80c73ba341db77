package breach

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// The file:
//
//	magic    16 bytes
//	header   what header says, little endian, and 256 shards
//	crc      of magic and header, CRC-32C
//	blocks   of 508 bytes of fingerprints and their CRC-32C, which begins with the number of the block as four bytes; the last is filled up with zeros
//
// A key is the first 64 bits of a hash. Its first 8 bits are the number of its shard, which is a filter of its own, so that one
// can be built at a time.
const (
	magic     = "mailhavn breach1"
	shards    = 256
	blockData = 508
	blockSize = blockData + 4
)

type header struct {
	Kind     uint8 // of the hashes
	Bits     uint8 // of a fingerprint: 8 or 16
	_        [6]uint8
	Count    uint64 // of keys
	Shards   [shards]shard
	DataSize uint64 // of the fingerprints, in bytes
}

// shard is a binary fuse filter as package xorfilter builds it.
type shard struct {
	Seed               uint64
	Offset             uint64 // of its first fingerprint, in bytes among all
	Fingerprints       uint32
	SegmentLength      uint32
	SegmentCountLength uint32
	_                  uint32
}

var (
	headerSize = int64(len(magic) + binary.Size(header{}) + 4)
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// ErrDamaged says that a file is not as it was written.
var ErrDamaged = errors.New("breach: the file is damaged")

func (h *header) encode() []byte {
	b := []byte(magic)
	b, _ = binary.Append(b, binary.LittleEndian, h) // its types have fixed sizes
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func (h *header) decode(b []byte) error {
	if string(b[:len(magic)]) != magic {
		return errors.New("breach: it is no file of this program")
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return ErrDamaged
	}
	if _, err := binary.Decode(body[len(magic):], binary.LittleEndian, h); err != nil {
		return ErrDamaged
	}
	if h.Bits != 8 && h.Bits != 16 {
		return ErrDamaged
	}
	return nil
}

func blockSum(number int64, data []byte) uint32 {
	var n [4]byte
	binary.LittleEndian.PutUint32(n[:], uint32(number))
	return crc32.Update(crc32.Checksum(n[:], castagnoli), castagnoli, data)
}

// blocks is a file in memory, as far as the system has read it. Whoever makes the file shorter meanwhile takes memory away from us: see guarded.
type blocks struct {
	name string
	data []byte // the whole file
}

// mapFile takes over the file.
func mapFile(f *os.File, size int64) (blocks, error) {
	defer f.Close()
	if int64(int(size)) != size {
		return blocks{}, fmt.Errorf("breach: %s is too large for this machine", f.Name())
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return blocks{}, fmt.Errorf("breach: mapping %s: %w", f.Name(), err)
	}
	unix.Madvise(data, unix.MADV_RANDOM) // reading ahead would be in vain; if it cannot be told, it only takes longer
	return blocks{f.Name(), data}, nil
}

// guarded calls read, which reads from the mapping, and turns an access to what is no longer there into an error.
func (b *blocks) guarded(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if _, fault := r.(interface{ Addr() uintptr }); !fault {
				panic(r)
			}
			err = fmt.Errorf("%w: %s was truncated or cannot be read", ErrDamaged, b.name)
		}
	}()
	return read()
}

// at returns the bytes from a place on, to the end of the block. What is read has an even size, as blocks have, and does not cross one.
func (b *blocks) at(place int64) ([]byte, error) {
	block, err := b.block(place / blockData)
	if err != nil {
		return nil, err
	}
	return block[place%blockData:], nil
}

// block returns what a block holds.
func (b *blocks) block(number int64) ([]byte, error) {
	block := b.data[headerSize+number*blockSize:][:blockSize]
	if blockSum(number, block[:blockData]) != binary.LittleEndian.Uint32(block[blockData:]) {
		return nil, fmt.Errorf("%w: %s, block %d", ErrDamaged, b.name, number)
	}
	return block[:blockData], nil
}

// places returns where the three fingerprints of a key lie in its shard, and what they have to yield together.
func (s *shard) places(key uint64) (h [3]uint32, fingerprint uint64) {
	hash := murmur(key + s.Seed)
	hi, _ := bits.Mul64(hash, uint64(s.SegmentCountLength))
	h[0] = uint32(hi)
	h[1] = h[0] + s.SegmentLength
	h[2] = h[1] + s.SegmentLength
	h[1] ^= uint32(hash>>18) & (s.SegmentLength - 1)
	h[2] ^= uint32(hash) & (s.SegmentLength - 1)
	return h, hash ^ hash>>32
}

// murmur is MurmurHash3's last step, as xorfilter uses it.
func murmur(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
