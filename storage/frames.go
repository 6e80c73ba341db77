package storage

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

// The checkpoint of an account is a few files to which frames are appended. Nothing is overwritten; a file that has
// grown is rewritten between two checkpoints, with the same contents. A frame is
//
//	 0  4  magic "MHFR"
//	 4  4  CRC-32C of bytes 8 to 31 and payload
//	 8  1  kind
//	 9  3  0
//	12  4  length of the payload
//	16  8  number of the checkpoint that wrote it
//	24  8  LSN of the last record that it contains
//	32     payload
//
// A frame counts only when its checkpoint was completed, which the log says. What follows the last such frame is the rest of
// a checkpoint that was cut short; that nothing else is missing, the chain of LSNs in the log's records shows.
type frame struct {
	kind       frameKind
	checkpoint uint64
	lsn        LSN
	payload    []byte
}

type frameKind uint8

// The kinds of frames; their values are part of the on-disk format.
const (
	frameDirectory frameKind = 1 // all accounts of the unit
	frameAccount   frameKind = 2 // what changed in an account
	frameBox       frameKind = 3 // what changed in a mailbox
)

const (
	frameMagic  = 0x5246484d // "MHFR"
	frameHeader = 32
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (f frame) encode() []byte {
	b := make([]byte, frameHeader, frameHeader+len(f.payload))
	le.PutUint32(b, frameMagic)
	b[8] = uint8(f.kind)
	le.PutUint32(b[12:], uint32(len(f.payload)))
	le.PutUint64(b[16:], f.checkpoint)
	le.PutUint64(b[24:], uint64(f.lsn))
	b = append(b, f.payload...)
	le.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
	return b
}

// decodeFrames reads frames up to the first that is not whole or whose checkpoint was not completed, and returns the offset
// where it begins, and whether anything but such a frame follows.
func decodeFrames(b []byte, completed uint64) (frames []frame, end int64, torn bool) {
	for at := b; len(at) > 0; at = b[end:] {
		if len(at) < frameHeader || le.Uint32(at) != frameMagic {
			return frames, end, true
		}
		n := frameHeader + uint64(le.Uint32(at[12:]))
		if n > uint64(len(at)) || crc32.Checksum(at[8:n], castagnoli) != le.Uint32(at[4:]) {
			return frames, end, true
		}
		f := frame{frameKind(at[8]), le.Uint64(at[16:]), LSN(le.Uint64(at[24:])), at[frameHeader:n:n]}
		if f.checkpoint > completed {
			return frames, end, false
		}
		frames = append(frames, f)
		end += int64(n)
	}
	return frames, end, false
}

// frameFile is a file of frames at its checkpointer's side.
type frameFile struct {
	name string
	end  int64 // where the next frame goes; 0: the file is to be made
	sure bool  // the name will be durable with the next barrier, if it is not yet
}

// readFrameFile reads a file of frames, which a crash may have left in the middle of a renewal. A missing one has none.
func readFrameFile(fsys vfs.FS, name string, completed uint64) (f frameFile, frames []frame, torn bool, err error) {
	data, err := vfs.ReadFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = vfs.ReadFile(fsys, name+renewing)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return frameFile{name: name}, nil, false, nil
	}
	if err != nil {
		return frameFile{}, nil, false, err
	}
	frames, end, torn := decodeFrames(data, completed)
	return frameFile{name: name, end: end}, frames, torn, nil
}

// append adds a frame, unsynced. After a crash, the name that the file has had from a checkpoint before may never reach the disk,
// however often it is synced now, see movedFolders.
func (f *frameFile) append(fsys vfs.FS, x frame) error {
	if !f.sure {
		if err := renew(fsys, f.name); err != nil {
			return err
		}
		f.sure = true
	}
	file, err := fsys.OpenRW(f.name)
	if errors.Is(err, fs.ErrNotExist) && f.end == 0 {
		file, err = fsys.Create(f.name)
	}
	if err != nil {
		return err
	}
	b := x.encode()
	if err = file.Truncate(f.end); err == nil { // first: a size that a failed sync left in question is set anew by the write
		_, err = file.WriteAt(b, f.end)
	}
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		f.end += int64(len(b))
	}
	return err
}

// replace writes the file anew with one frame.
func (f *frameFile) replace(fsys vfs.FS, x frame) error {
	b := x.encode()
	if err := replaceFile(fsys, f.name, b); err != nil {
		return err
	}
	f.end, f.sure = int64(len(b)), true
	return nil
}

// damaged is the error for a frame file whose bytes are wrong at an offset.
func (f *frameFile) damaged(what string, args ...any) error {
	return &DamageError{File: f.name, Offset: f.end, What: fmt.Sprintf(what, args...)}
}
