package storage

import (
	"errors"
	"fmt"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

// guard stops the unit when a sync fails: after that nobody knows what is on disk, and a further sync that succeeds proves
// nothing. A file that could not be synced for want of space is the exception: it alone is concerned, and its maker
// gives it up.
type guard struct {
	vfs.FS
	stop func(error)
}

func (g *guard) check(err error, what string) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%w: sync of %s: %w", ErrStopped, what, err)
	g.stop(err)
	return err
}

func (g *guard) SyncDir(name string) error {
	return g.check(g.FS.SyncDir(name), "folder "+name)
}

func (g *guard) SyncAll() error { return g.check(g.FS.SyncAll(), "the unit") }

func (g *guard) Create(name string) (vfs.File, error) { return g.wrap(g.FS.Create, name) }
func (g *guard) OpenRW(name string) (vfs.File, error) { return g.wrap(g.FS.OpenRW, name) }

func (g *guard) wrap(open func(string) (vfs.File, error), name string) (vfs.File, error) {
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	return &guardedFile{f, g, name}, nil
}

type guardedFile struct {
	vfs.File
	guard *guard
	name  string
}

func (f *guardedFile) Sync() error {
	err := f.File.Sync()
	if errors.Is(err, ErrNoSpace) {
		return err
	}
	return f.guard.check(err, f.name)
}
