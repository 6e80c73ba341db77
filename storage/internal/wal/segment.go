// Package wal is the write-ahead log of a storage unit: a row of segment files that hold commit groups.
//
// # Format
//
// A segment is a file of fixed size, "<sequence number, 16 hex digits>.wal", little endian throughout:
//
//	offset 0      header, 512 bytes:
//	                 0  8  magic "mhvnwal1"
//	                 8  4  CRC-32C of bytes 12 to 63
//	                12  4  format (1)
//	                16 16  id of the unit
//	                32  8  sequence number of the segment
//	                40  8  salt: random, new each time the file is used
//	                48  8  number of the first group
//	                56  8  0
//	offset 512    the header again
//	offset 4096   groups, each at a multiple of 64:
//	                 0  4  magic "MHGR"
//	                 4  4  CRC-32C of salt, bytes 8 to 31 and payload
//	                 8  8  number: one more than the group before, across segments
//	                16  4  length of the payload
//	                20 12  0
//	                32     payload
//
// A file is filled with zeros and synced before its first use, so that a commit changes no file system
// metadata; used up, it is kept as "free-<n>.wal" and used again. It therefore holds old groups (deleted mail
// among them, until overwritten), which the salt makes invalid; neither can a message contain a group.
//
// A group is written only after the sync of the group before it has returned. So when a group is invalid and
// any group with a higher number is valid, the invalid one was whole once: damage. Otherwise it is the torn
// end of the log, never acknowledged.
package wal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

const (
	headerSize  = 512
	firstGroup  = 4096 // offset
	groupHeader = 32
	align       = 64
	format      = 1

	segmentMagic = "mhvnwal1"
	groupMagic   = 0x5247484d // "MHGR"
)

var (
	crcTable = crc32.MakeTable(crc32.Castagnoli)
	le       = binary.LittleEndian
)

// segment is one open segment file.
type segment struct {
	name  string
	file  vfs.File
	seq   uint64
	salt  uint64
	first uint64 // number of its first group
	size  int64
}

func segmentName(seq uint64) string { return fmt.Sprintf("%016x.wal", seq) }

// parseName returns the sequence number of a segment's file name.
func parseName(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, ".wal")
	if !ok || len(digits) != 16 {
		return 0, false
	}
	seq, err := strconv.ParseUint(digits, 16, 64)
	return seq, err == nil
}

func (s *segment) header(unit [16]byte) []byte {
	b := make([]byte, headerSize)
	copy(b, segmentMagic)
	le.PutUint32(b[12:], format)
	copy(b[16:], unit[:])
	le.PutUint64(b[32:], s.seq)
	le.PutUint64(b[40:], s.salt)
	le.PutUint64(b[48:], s.first)
	le.PutUint32(b[8:], crc32.Checksum(b[12:64], crcTable))
	return b
}

// parseHeader fills s from either copy of the header; want is the sequence number that the name tells.
func (s *segment) parseHeader(b []byte, unit [16]byte, want uint64) error {
	var why error
	for ; len(b) >= headerSize; b = b[headerSize:] {
		switch {
		case !bytes.HasPrefix(b, []byte(segmentMagic)) || crc32.Checksum(b[12:64], crcTable) != le.Uint32(b[8:]):
			why = fmt.Errorf("segment header is not what was written")
		case le.Uint32(b[12:]) != format:
			return fmt.Errorf("segment format %d is not known to this program", le.Uint32(b[12:]))
		case !bytes.Equal(b[16:32], unit[:]):
			return fmt.Errorf("segment belongs to another unit (%x)", b[16:32])
		case le.Uint64(b[32:]) != want:
			return fmt.Errorf("segment has sequence number %x in its header", le.Uint64(b[32:]))
		default:
			s.seq, s.salt, s.first = want, le.Uint64(b[40:]), le.Uint64(b[48:])
			return nil
		}
	}
	return why
}

// sealGroup fills in the header at the start of b, which holds header and payload.
func sealGroup(b []byte, salt, number uint64) {
	clear(b[:groupHeader])
	le.PutUint32(b, groupMagic)
	le.PutUint64(b[8:], number)
	le.PutUint32(b[16:], uint32(len(b)-groupHeader))
	le.PutUint32(b[4:], groupSum(b, salt))
}

// openGroup returns the number and payload of the group at the start of b, if one is whole there.
func openGroup(b []byte, salt uint64) (number uint64, payload []byte, ok bool) {
	if len(b) < groupHeader || le.Uint32(b) != groupMagic {
		return 0, nil, false
	}
	n := int64(le.Uint32(b[16:])) + groupHeader
	if n > int64(len(b)) {
		return 0, nil, false
	}
	b = b[:n:n]
	if groupSum(b, salt) != le.Uint32(b[4:]) {
		return 0, nil, false
	}
	return le.Uint64(b[8:]), b[groupHeader:], true
}

func groupSum(group []byte, salt uint64) uint32 {
	var s [8]byte
	le.PutUint64(s[:], salt)
	return crc32.Update(crc32.Checksum(s[:], crcTable), crcTable, group[8:])
}

func alignUp(n int64) int64 { return (n + align - 1) &^ (align - 1) }
