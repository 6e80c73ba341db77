package drill

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/atomicfile"
)

// disk is what the drill changes on disk, a seam for tests that interrupt it.
type disk interface {
	MkdirAll(dir string) error
	// Replace makes data the contents of a file that nobody else may read; it is on disk when it returns.
	Replace(path string, data []byte) error
	// Append cuts a file to size and opens it to append.
	Append(path string, size int64) (appender, error)
	Remove(path string) error
}

type appender interface {
	io.WriteCloser
	Sync() error
}

type systemDisk struct{}

// MkdirAll syncs the name of the folder, too: what is in it is as durable as its name.
func (systemDisk) MkdirAll(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(filepath.Clean(dir)))
}

func (systemDisk) Replace(path string, data []byte) error { return atomicfile.Write(path, data, 0o600) }

func (systemDisk) Append(path string, size int64) (appender, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Truncate(size), f.Sync()); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (systemDisk) Remove(path string) error { return os.Remove(path) }

// lock keeps a second process, or a second call in this one, from the same drill. It ends with the process.
func lock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("drill: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("drill: %s: %w", dir, ErrRunning)
		}
		return nil, fmt.Errorf("drill: %s: %w", dir, err)
	}
	return func() { f.Close() }, nil
}
