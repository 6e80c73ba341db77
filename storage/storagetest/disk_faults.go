package storagetest

import (
	"io"
	"sync"
	"syscall"
	"time"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

// Fault says how an operation goes wrong.
type Fault struct {
	// Err is what the operation returns, with its names (*fs.PathError or *os.LinkError) around it. If nil, the operation itself
	// decides.
	Err error
	// Done makes the operation happen before it returns Err.
	Done bool
	// Bytes is how much of a write happens before it returns Err, or how much of a read.
	Bytes int
	// FlipBit, if not 0, inverts bit FlipBit-1 of what a read returns, counted from its first byte.
	FlipBit int
}

// Errors of a bad, a full and a wrongly set up disk, as the system would return them.
var (
	EIO    error = syscall.EIO
	ENOSPC error = noSpace{}
)

// noSpace is ENOSPC as package vfs returns it.
type noSpace struct{}

func (noSpace) Error() string   { return syscall.ENOSPC.Error() }
func (noSpace) Unwrap() []error { return []error{vfs.ErrNoSpace, syscall.ENOSPC} }

// Faults returns fsys with faults: it asks decide before each operation, reads too, one at a time; nil means that nothing goes wrong.
// Op.N counts the operations from 1. A sync that fails before it is done on a [Disk] leaves what it covered in question for good, as
// real systems do; on any other file system it only returns the error.
func Faults(fsys vfs.FS, decide func(Op) *Fault) vfs.FS {
	return &faultyFS{fsys: fsys, decide: decide}
}

// FailNth returns a decision for [Faults]: the n-th operation, from 1, of one of kinds (of any, if there are none) fails with err.
func FailNth(n int, err error, kinds ...OpKind) func(Op) *Fault {
	match := kindIn(kinds)
	return func(op Op) *Fault {
		if !match(op.Kind) {
			return nil
		}
		if n--; n != 0 {
			return nil
		}
		return &Fault{Err: err}
	}
}

// FailAfter returns a decision for [Faults]: every operation of one of kinds fails with err after the first n.
func FailAfter(n int, err error, kinds ...OpKind) func(Op) *Fault {
	match := kindIn(kinds)
	return func(op Op) *Fault {
		if !match(op.Kind) {
			return nil
		}
		if n--; n >= 0 {
			return nil
		}
		return &Fault{Err: err}
	}
}

func kindIn(kinds []OpKind) func(OpKind) bool {
	return func(kind OpKind) bool {
		for _, k := range kinds {
			if k == kind {
				return true
			}
		}
		return len(kinds) == 0
	}
}

type faultyFS struct {
	fsys vfs.FS

	mu     sync.Mutex // guards all that follows, and calls of decide
	decide func(Op) *Fault
	n      int
}

func (f *faultyFS) fault(op *Op) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	op.N = f.n
	if fault := f.decide(*op); fault != nil {
		return fault
	}
	return &Fault{}
}

// wrap gives an injected error the names that FS promises.
func (op Op) wrap(err error) error {
	if op.To != "" {
		return linkError(op.Kind, op.Name, op.To, err)
	}
	return pathError(op.Kind, op.Name, err)
}

// do runs a call, or not, as the fault says.
func (f *faultyFS) do(op Op, call func() error) error {
	fault := f.fault(&op)
	if fault.Err == nil {
		return call()
	}
	if fault.Done {
		if err := call(); err != nil {
			return err
		}
	} else if disk, ok := f.fsys.(*Disk); ok && (op.Kind == OpSyncAll || op.Kind == OpSyncDir) {
		disk.loseSync(op)
	}
	return op.wrap(fault.Err)
}

func (f *faultyFS) open(kind OpKind, name string, open func(string) (vfs.File, error)) (vfs.File, error) {
	var file vfs.File
	err := f.do(Op{Kind: kind, Name: name}, func() (err error) {
		file, err = open(name)
		return err
	})
	if err != nil {
		if file != nil {
			file.Close()
		}
		return nil, err
	}
	return &faultyFile{File: file, fsys: f, name: name}, nil
}

func (f *faultyFS) Create(name string) (vfs.File, error) {
	return f.open(OpCreate, name, f.fsys.Create)
}
func (f *faultyFS) Open(name string) (vfs.File, error)   { return f.open(OpOpen, name, f.fsys.Open) }
func (f *faultyFS) OpenRW(name string) (vfs.File, error) { return f.open(OpOpen, name, f.fsys.OpenRW) }

func (f *faultyFS) Mkdir(name string) error {
	return f.do(Op{Kind: OpMkdir, Name: name}, func() error { return f.fsys.Mkdir(name) })
}

func (f *faultyFS) Remove(name string) error {
	return f.do(Op{Kind: OpRemove, Name: name}, func() error { return f.fsys.Remove(name) })
}

func (f *faultyFS) Rename(from, to string) error {
	return f.do(Op{Kind: OpRename, Name: from, To: to}, func() error { return f.fsys.Rename(from, to) })
}

func (f *faultyFS) Link(from, to string) error {
	return f.do(Op{Kind: OpLink, Name: from, To: to}, func() error { return f.fsys.Link(from, to) })
}

func (f *faultyFS) ReadDir(name string) (entries []vfs.Entry, err error) {
	err = f.do(Op{Kind: OpReadDir, Name: name}, func() (err error) {
		entries, err = f.fsys.ReadDir(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

func (f *faultyFS) Stat(name string) (info vfs.Info, err error) {
	err = f.do(Op{Kind: OpStat, Name: name}, func() (err error) {
		info, err = f.fsys.Stat(name)
		return err
	})
	return info, err
}

func (f *faultyFS) SyncDir(name string) error {
	return f.do(Op{Kind: OpSyncDir, Name: name}, func() error { return f.fsys.SyncDir(name) })
}

func (f *faultyFS) SyncAll() error {
	return f.do(Op{Kind: OpSyncAll}, func() error { return f.fsys.SyncAll() })
}

func (f *faultyFS) Lock(name, owner string) (lock io.Closer, err error) {
	err = f.do(Op{Kind: OpLock, Name: name}, func() (err error) {
		lock, err = f.fsys.Lock(name, owner)
		return err
	})
	if err != nil {
		if lock != nil {
			lock.Close()
		}
		return nil, err
	}
	return lock, nil
}

// Close closes what is below.
func (f *faultyFS) Close() error {
	if c, ok := f.fsys.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

type faultyFile struct {
	vfs.File // Close and Size never go wrong
	fsys     *faultyFS
	name     string
}

func (f *faultyFile) ReadAt(p []byte, off int64) (int, error) {
	op := Op{Kind: OpRead, Name: f.name, Off: off, Len: len(p)}
	fault := f.fsys.fault(&op)
	if fault.Err != nil && !fault.Done {
		n, err := f.File.ReadAt(p[:min(max(fault.Bytes, 0), len(p))], off)
		if err != nil {
			return n, err
		}
		return n, op.wrap(fault.Err)
	}
	n, err := f.File.ReadAt(p, off)
	if bit := fault.FlipBit - 1; bit >= 0 && bit/8 < n {
		p[bit/8] ^= 1 << (bit % 8)
	}
	if err == nil {
		err = op.wrap(fault.Err)
	}
	return n, err
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	op := Op{Kind: OpWrite, Name: f.name, Off: off, Len: len(p)}
	fault := f.fsys.fault(&op)
	if fault.Err == nil {
		return f.File.WriteAt(p, off)
	}
	part := p
	if !fault.Done {
		part = p[:min(max(fault.Bytes, 0), len(p))]
	}
	n, err := f.File.WriteAt(part, off)
	if err != nil {
		return n, err
	}
	return n, op.wrap(fault.Err)
}

func (f *faultyFile) Truncate(size int64) error {
	return f.fsys.do(Op{Kind: OpTruncate, Name: f.name, Off: size}, func() error { return f.File.Truncate(size) })
}

func (f *faultyFile) SetModTime(t time.Time) error {
	return f.fsys.do(Op{Kind: OpSetModTime, Name: f.name}, func() error { return f.File.SetModTime(t) })
}

func (f *faultyFile) Sync() error {
	op := Op{Kind: OpSync, Name: f.name}
	fault := f.fsys.fault(&op)
	if fault.Err == nil || fault.Done {
		if err := f.File.Sync(); err != nil {
			return err
		}
	} else if file, ok := f.File.(*diskFile); ok {
		file.loseSync(op)
	}
	return op.wrap(fault.Err)
}
