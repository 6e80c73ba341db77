package storagetest

import "github.com/mailhavn/mailhavn/storage/vfs"

// Lie returns fsys with syncs that are answered and not done, where lie says so of a sync, syncdir or syncall: a planted bug. For
// the store it is the same whether it forgets a sync or is told of one too early.
func Lie(fsys vfs.FS, lie func(Op) bool) vfs.FS { return &lyingFS{fsys, lie} }

type lyingFS struct {
	vfs.FS
	lie func(Op) bool
}

func (l *lyingFS) SyncAll() error {
	if l.lie(Op{Kind: OpSyncAll}) {
		return nil
	}
	return l.FS.SyncAll()
}

func (l *lyingFS) SyncDir(name string) error {
	if l.lie(Op{Kind: OpSyncDir, Name: name}) {
		return nil
	}
	return l.FS.SyncDir(name)
}

func (l *lyingFS) Create(name string) (vfs.File, error) { return l.wrap(name, l.FS.Create) }
func (l *lyingFS) Open(name string) (vfs.File, error)   { return l.wrap(name, l.FS.Open) }
func (l *lyingFS) OpenRW(name string) (vfs.File, error) { return l.wrap(name, l.FS.OpenRW) }

func (l *lyingFS) wrap(name string, open func(string) (vfs.File, error)) (vfs.File, error) {
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	return &lyingFile{f, l, name}, nil
}

type lyingFile struct {
	vfs.File
	fsys *lyingFS
	name string
}

func (f *lyingFile) Sync() error {
	if f.fsys.lie(Op{Kind: OpSync, Name: f.name}) {
		return nil
	}
	return f.File.Sync()
}
