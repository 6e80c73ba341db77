package wal

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

// Config tells where a log is. All fields but Zero must be set.
type Config struct {
	FS          vfs.FS
	Dir         string   // an existing folder
	Unit        [16]byte // id of the unit, checked in every segment
	SegmentSize int64    // of new segments, bytes; larger where one group needs it
	Zero        bool     // overwrite used segments with zeros before they are kept for reuse
}

// Log is an open log. Append and Rotate are called by one goroutine at a time; Recycle and Close may be called by another.
type Log struct {
	fs          vfs.FS
	dir         string
	unit        [16]byte
	segmentSize int64
	zero        bool

	group uint64   // number of the next group
	seq   uint64   // of the newest segment
	cur   *segment // nil before the first Append
	at    int64    // where the next group begins in cur
	buf   []byte   // reused for each group

	mu       sync.Mutex // guards the following fields
	free     []string   // file names of segments to use again
	nextFree uint64     // number for the next such file name
	old      []string   // file names of full segments, and of those found at opening
	filling  bool       // a goroutine is making a spare segment
	spares   sync.WaitGroup
}

// Open reads the log. It changes nothing on disk: the first Append begins a new segment, and what was found stays
// until it is recycled.
func Open(cfg Config) (*Log, Contents, error) {
	l := &Log{fs: cfg.FS, dir: cfg.Dir, unit: cfg.Unit, segmentSize: cfg.SegmentSize, zero: cfg.Zero}
	c, err := l.read()
	if err != nil {
		return nil, Contents{}, err
	}
	if l.group == 0 {
		l.group = 1
	}
	return l, c, nil
}

// NotWritten wraps an error that Append met before it wrote any byte of the group: the group is certainly not in
// the log and the log is as before.
type NotWritten struct{ Err error }

func (e *NotWritten) Error() string { return e.Err.Error() }
func (e *NotWritten) Unwrap() error { return e.Err }

// MaxGroup is the largest payload of one group, in bytes.
const MaxGroup = 1<<31 - 1<<20

// Append writes the parts as one group and syncs it. After an error that is not a *NotWritten, nothing is known of
// the group, and the log must not be used again but be reopened.
func (l *Log) Append(parts ...[]byte) error {
	size := int64(groupHeader)
	for _, p := range parts {
		size += int64(len(p))
	}
	if size > MaxGroup {
		return &NotWritten{fmt.Errorf("commit group of %d bytes is too large", size)}
	}
	if l.cur == nil || l.at+size > l.cur.size {
		if err := l.Rotate(size); err != nil {
			return &NotWritten{err}
		}
	}
	b := append(l.buf[:0], make([]byte, groupHeader)...)
	for _, p := range parts {
		b = append(b, p...)
	}
	if cap(b) <= 1<<20 {
		l.buf = b
	}
	sealGroup(b, l.cur.salt, l.group)
	if _, err := l.cur.file.WriteAt(b, l.at); err != nil {
		return err
	}
	if err := l.cur.file.Sync(); err != nil {
		return err
	}
	l.group++
	l.at = alignUp(l.at + size)
	if l.at > l.cur.size/2 {
		l.spare()
	}
	return nil
}

// Rotate begins a new segment that has room for a group of the given size.
func (l *Log) Rotate(size int64) error {
	s := &segment{seq: l.seq + 1, first: l.group, size: max(l.segmentSize, alignUp(firstGroup+size))}
	var salt [8]byte
	rand.Read(salt[:])
	s.salt = binary.LittleEndian.Uint64(salt[:])
	freeName, err := l.takeFree(s.size)
	if err != nil {
		return err
	}
	s.name = path.Join(l.dir, segmentName(s.seq))
	if err := l.activate(s, freeName); err != nil {
		if s.file != nil {
			s.file.Close()
		}
		return err
	}
	if l.cur != nil {
		l.cur.file.Close()
		l.mu.Lock()
		l.old = append(l.old, segmentName(l.cur.seq))
		l.mu.Unlock()
	}
	l.cur, l.at, l.seq = s, firstGroup, s.seq
	return nil
}

// activate gives the file its header and, when that is durable, its name.
func (l *Log) activate(s *segment, freeName string) error {
	var err error
	if s.file, err = l.fs.OpenRW(freeName); err != nil {
		return err
	}
	if s.size, err = s.file.Size(); err != nil {
		return err
	}
	h := s.header(l.unit)
	if _, err := s.file.WriteAt(append(h, h...), 0); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	if err := l.fs.Rename(freeName, s.name); err != nil {
		return err
	}
	return l.fs.SyncDir(l.dir)
}

// takeFree returns the path of a segment file of at least the given size that is not in use.
func (l *Log) takeFree(size int64) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.free) > 0 {
		name := path.Join(l.dir, l.free[0])
		l.free = l.free[1:]
		if info, err := l.fs.Stat(name); err != nil {
			return "", err
		} else if info.Size >= size {
			return name, nil
		}
		if err := l.fs.Remove(name); err != nil {
			return "", err
		}
	}
	name := path.Join(l.dir, l.freeName())
	return name, Fill(l.fs, name, size)
}

// Fill makes a new file of zeros, synced. Where that fails there is no file.
func Fill(fsys vfs.FS, name string, size int64) error {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	if err = fill(f, size); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		fsys.Remove(name)
	}
	return err
}

func fill(f vfs.File, size int64) error {
	zeros := make([]byte, min(size, 1<<20))
	for at := int64(0); at < size; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(size-at, int64(len(zeros)))], at); err != nil {
			return err
		}
	}
	return nil
}

// freeName returns a file name that no segment has; l.mu is held.
func (l *Log) freeName() string {
	l.nextFree++
	return fmt.Sprintf("free-%d.wal", l.nextFree-1)
}

func parseFree(name string) (uint64, bool) {
	rest, ok := strings.CutPrefix(name, "free-")
	digits, ok2 := strings.CutSuffix(rest, ".wal")
	n, err := strconv.ParseUint(digits, 10, 63)
	return n, ok && ok2 && err == nil
}

// spare makes a segment in the background when none is free, so that commits seldom wait for zeros to be written.
func (l *Log) spare() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.filling || len(l.free) > 0 {
		return
	}
	l.filling = true
	name := l.freeName()
	l.spares.Go(func() {
		err := Fill(l.fs, path.Join(l.dir, name), l.segmentSize)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.filling = false
		if err == nil { // otherwise the next Rotate meets the error itself
			l.free = append(l.free, name)
		}
	})
}

// Harden writes all that was read at opening, from the segment with sequence number from on, to the same places
// again and syncs it. After a crash of the process alone, what was read may be in the system's memory and not on disk, and
// after a failed sync not even a further sync would bring it there: only bytes written anew are.
func (l *Log) Harden(from uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range l.old {
		if name < segmentName(from) {
			continue
		}
		if err := l.rewrite(path.Join(l.dir, name)); err != nil {
			return err
		}
	}
	return l.fs.SyncDir(l.dir)
}

func (l *Log) rewrite(name string) error {
	return l.update(name, func(f vfs.File, size int64) error {
		buf := make([]byte, min(size, 1<<20))
		for at := int64(0); at < size; at += int64(len(buf)) {
			part := buf[:min(size-at, int64(len(buf)))]
			if n, err := f.ReadAt(part, at); n < len(part) {
				return err
			}
			if _, err := f.WriteAt(part, at); err != nil {
				return err
			}
		}
		return nil
	})
}

// update changes a file in place and syncs it.
func (l *Log) update(name string, change func(f vfs.File, size int64) error) error {
	f, err := l.fs.OpenRW(name)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	if err := change(f, size); err != nil {
		return err
	}
	return f.Sync()
}

// Segment returns the sequence number of the segment that the last group went to.
func (l *Log) Segment() uint64 { return l.seq }

// Recycle gives up all segments before the one with sequence number seq: their contents are needed no more.
func (l *Log) Recycle(seq uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.old) > 0 && l.old[0] < segmentName(seq) {
		name := path.Join(l.dir, l.old[0])
		if err := l.retire(name); err != nil {
			return err
		}
		l.old = l.old[1:]
	}
	return nil
}

// maxFree is how many segments are kept for reuse.
const maxFree = 4

func (l *Log) retire(name string) error {
	if len(l.free) >= maxFree {
		return l.fs.Remove(name)
	}
	if l.zero {
		if err := l.update(name, fill); err != nil {
			return err
		}
	}
	free := l.freeName()
	if err := l.fs.Rename(name, path.Join(l.dir, free)); err != nil {
		return err
	}
	l.free = append(l.free, free)
	return nil
}

// Close closes the files. It writes nothing.
func (l *Log) Close() error {
	l.spares.Wait()
	if l.cur == nil {
		return nil
	}
	err := l.cur.file.Close()
	l.cur = nil
	return err
}
