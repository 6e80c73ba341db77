package storagetest

import (
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

// Disk is a disk that loses power. It is a [vfs.FS] in memory that keeps apart what programs see and what is durable, and keeps
// exactly the promises that package vfs makes for a power cut:
//
//   - Each 512-byte block of a file may be found as it was at the last sync or as any later write left it, each by itself;
//     so may the size. Where nothing was, there are zeros.
//   - Changes of names survive in any subset that respects these needs: a change needs the earlier unsynced changes of the same
//     names and the making of their folder, removing a folder needs the removals that emptied it, and moving a folder to another
//     folder needs the earlier such moves. A folder that is lost takes what it holds with it, synced or not. A rename is found whole or not at all. Names do not wait for contents, nor contents for names, nor one
//     folder for another.
//   - A sync that failed (see [Faults]) makes nothing durable, and no later sync makes up for it: what was unsynced
//     stays in question until it is written anew.
//
// [Disk.Crash] and [Disk.CrashStates] give the disks that can be found after a power cut, [Disk.Clone] the one after the
// process was killed. Taking one copies only what is unsynced. Times and numbers depend on the operations alone.
//
// All methods may be called from many goroutines at once; each operation happens at one moment.
type Disk struct {
	mu    sync.Mutex // guards all that follows
	state *diskState
	locks map[uint64]bool
	onOp  func(Op, *Disk)

	origin func() string // constant; nil unless a power cut left this disk
}

var _ vfs.FS = (*Disk)(nil)

// NewDisk returns an empty disk.
func NewDisk() *Disk { return newDisk(newDiskState()) }

func newDisk(s *diskState) *Disk { return &Disk{state: s, locks: map[uint64]bool{}} }

// Clone returns the disk as the next process finds it when this one is killed now: everything written is there, what
// was not synced still is not, all locks are free. The two disks are independent of each other.
func (d *Disk) Clone() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := newDisk(d.state.clone())
	c.origin = d.origin
	return c
}

// Ops returns how many operations have changed or synced the disk.
func (d *Disk) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.state.log)
}

// Log returns those operations. A disk that a power cut left has an empty one.
func (d *Disk) Log() []Op {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.state.log)
}

// OnOp has f called after each operation that Ops counts, with a clone taken at that moment. The disk stands still
// meanwhile: f must not use it, but may do anything with the clone. It replaces an earlier f; nil ends it.
func (d *Disk) OnOp(f func(op Op, after *Disk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.onOp = f
}

// do runs one operation, and tells OnOp of it if it was counted.
func (d *Disk) do(op func(s *diskState) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := len(d.state.log)
	err := op(d.state)
	if d.onOp != nil && len(d.state.log) > before {
		d.onOp(d.state.log[len(d.state.log)-1], newDisk(d.state.clone()))
	}
	return err
}

func pathError(kind OpKind, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: string(kind), Path: name, Err: err}
}

func linkError(kind OpKind, from, to string, err error) error {
	if err == nil {
		return nil
	}
	return &os.LinkError{Op: string(kind), Old: from, New: to, Err: err}
}

func (d *Disk) Create(name string) (vfs.File, error) {
	f := &diskFile{disk: d, name: name, writable: true}
	err := d.do(func(s *diskState) error {
		n, err := s.make(name, Op{Kind: OpCreate, Name: name})
		if err == nil {
			f.id = n.id
		}
		return err
	})
	if err != nil {
		return nil, pathError(OpCreate, name, err)
	}
	return f, nil
}

func (d *Disk) Mkdir(name string) error {
	return pathError(OpMkdir, name, d.do(func(s *diskState) error {
		_, err := s.make(name, Op{Kind: OpMkdir, Name: name})
		return err
	}))
}

func (d *Disk) Open(name string) (vfs.File, error)   { return d.openFile(name, false) }
func (d *Disk) OpenRW(name string) (vfs.File, error) { return d.openFile(name, true) }

func (d *Disk) openFile(name string, writable bool) (vfs.File, error) {
	f, err := d.open(OpOpen, name, writable)
	if err != nil {
		return nil, err // not f, which is no nil vfs.File
	}
	return f, nil
}

func (d *Disk) open(kind OpKind, name string, writable bool) (*diskFile, error) {
	f := &diskFile{disk: d, name: name, writable: writable}
	err := d.do(func(s *diskState) error {
		n, err := s.findFile(name)
		if err == nil {
			f.id = n.id
		}
		return err
	})
	if err != nil {
		return nil, pathError(kind, name, err)
	}
	return f, nil
}

func (d *Disk) Remove(name string) error {
	return pathError(OpRemove, name, d.do(func(s *diskState) error { return s.remove(name) }))
}

func (d *Disk) Rename(from, to string) error {
	return linkError(OpRename, from, to, d.do(func(s *diskState) error { return s.rename(from, to) }))
}

func (d *Disk) Link(from, to string) error {
	return linkError(OpLink, from, to, d.do(func(s *diskState) error { return s.link(from, to) }))
}

func (d *Disk) ReadDir(name string) ([]vfs.Entry, error) {
	var entries []vfs.Entry
	err := d.do(func(s *diskState) error {
		n, err := s.checkedFolder(name)
		if err != nil {
			return err
		}
		entries = make([]vfs.Entry, len(n.names))
		for i, e := range n.names {
			folder := s.node(e.id).folder
			entries[i] = vfs.Entry{Name: e.name, Dir: folder, Regular: !folder}
		}
		return nil
	})
	return entries, pathError(OpReadDir, name, err)
}

func (s *diskState) checkedFolder(name string) (*diskNode, error) {
	if err := vfs.CheckName(name); err != nil {
		return nil, err
	}
	return s.findFolder(name)
}

func (d *Disk) Stat(name string) (vfs.Info, error) {
	var info vfs.Info
	err := d.do(func(s *diskState) error {
		if err := vfs.CheckName(name); err != nil {
			return err
		}
		n, err := s.find(name)
		if err == nil {
			info = vfs.Info{Size: n.now.size, ModTime: n.modTime, Dir: n.folder, ID: n.id}
		}
		return err
	})
	return info, pathError(OpStat, name, err)
}

func (d *Disk) SyncDir(name string) error {
	return pathError(OpSyncDir, name, d.do(func(s *diskState) error {
		n, err := s.checkedFolder(name)
		if err == nil {
			s.next(Op{Kind: OpSyncDir, Name: name})
			s.syncFolder(n.id)
		}
		return err
	}))
}

func (d *Disk) SyncAll() error {
	return d.do(func(s *diskState) error {
		s.next(Op{Kind: OpSyncAll})
		s.syncAll()
		return nil
	})
}

// loseSync is a sync of the kind op that failed.
func (d *Disk) loseSync(op Op) {
	d.do(func(s *diskState) error {
		s.next(op)
		switch op.Kind {
		case OpSyncAll:
			s.loseAll()
		case OpSyncDir:
			if n, err := s.checkedFolder(op.Name); err == nil {
				s.loseFolder(n.id)
			}
		}
		return nil
	})
}

func (d *Disk) Lock(name, owner string) (io.Closer, error) {
	f, err := d.open(OpLock, name, true)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	taken := d.locks[f.id]
	d.locks[f.id] = true
	d.mu.Unlock()
	if taken {
		buf := make([]byte, diskBlockSize)
		n, _ := f.ReadAt(buf, 0)
		return nil, &vfs.LockedError{Name: name, Owner: strings.TrimSpace(string(buf[:n]))}
	}
	f.holdsLock = true
	owner = owner[:min(len(owner), diskBlockSize)]
	if _, err := f.WriteAt([]byte(owner), 0); err != nil {
		f.Close()
		return nil, err
	}
	if err := f.Truncate(int64(len(owner))); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// diskFile is an open file of a Disk.
type diskFile struct {
	disk      *Disk
	id        uint64
	name      string
	writable  bool
	holdsLock bool
	closed    bool // guarded by disk.mu
}

// maxDiskFile bounds one file, so that a wild offset is a full disk.
const maxDiskFile = 1 << 32

// do runs one operation on the file for n bytes at off.
func (f *diskFile) do(kind OpKind, write bool, off int64, n int, op func(s *diskState) error) error {
	err := f.disk.do(func(s *diskState) error {
		switch {
		case f.closed:
			return fs.ErrClosed
		case write && !f.writable:
			return fs.ErrPermission
		case off < 0:
			return fs.ErrInvalid
		case write && off > maxDiskFile-int64(n):
			return vfs.ErrNoSpace
		}
		return op(s)
	})
	if err == io.EOF {
		return err
	}
	return pathError(kind, f.name, err)
}

func (f *diskFile) ReadAt(p []byte, off int64) (n int, err error) {
	err = f.do(OpRead, false, off, len(p), func(s *diskState) error {
		n = s.node(f.id).now.readAt(p, off)
		if n < len(p) {
			return io.EOF
		}
		return nil
	})
	return n, err
}

func (f *diskFile) WriteAt(p []byte, off int64) (int, error) {
	err := f.do(OpWrite, true, off, len(p), func(s *diskState) error {
		if len(p) == 0 {
			return nil
		}
		op := s.next(Op{Kind: OpWrite, Name: f.name, Off: off, Len: len(p)})
		n := s.own(f.id)
		n.write(p, off, op.N)
		n.modTime = s.now()
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *diskFile) Truncate(size int64) error {
	return f.do(OpTruncate, true, size, 0, func(s *diskState) error {
		op := s.next(Op{Kind: OpTruncate, Name: f.name, Off: size})
		n := s.own(f.id)
		n.truncate(size, op.N)
		n.modTime = s.now()
		return nil
	})
}

func (f *diskFile) Sync() error {
	return f.do(OpSync, false, 0, 0, func(s *diskState) error {
		s.next(Op{Kind: OpSync, Name: f.name})
		s.own(f.id).sync()
		return nil
	})
}

// loseSync is a Sync that failed.
func (f *diskFile) loseSync(op Op) {
	f.disk.do(func(s *diskState) error {
		s.next(op)
		s.own(f.id).lose()
		return nil
	})
}

func (f *diskFile) Size() (size int64, err error) {
	err = f.do(OpStat, false, 0, 0, func(s *diskState) error {
		size = s.node(f.id).now.size
		return nil
	})
	return size, err
}

func (f *diskFile) SetModTime(t time.Time) error {
	return f.do(OpSetModTime, false, 0, 0, func(s *diskState) error {
		s.next(Op{Kind: OpSetModTime, Name: f.name})
		n := s.own(f.id)
		n.modTime, n.modTimePending = t, true
		return nil
	})
}

func (f *diskFile) Close() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.closed {
		return pathError("close", f.name, fs.ErrClosed)
	}
	f.closed = true
	if f.holdsLock {
		delete(f.disk.locks, f.id)
	}
	return nil
}
