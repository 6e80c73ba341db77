package passwd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/mailhavn/mailhavn/passwd/internal/atomicfile"
)

const (
	maxFile  = 64 << 20         // bytes of a user file: some 400,000 users
	lockWait = 10 * time.Second // how long another process may hold the lock
	lockPoll = 5 * time.Millisecond

	// A file that was read so soon after its last change may change again without
	// getting another time stamp; it is read once more next time.
	stampGrain = 2 * time.Second
)

func unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }

// current returns the users as they are on disk now. The error is ErrUnavailable.
func (f *File) current() (*table, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, unavailable(err)
	}
	if f.table != nil && os.SameFile(info, f.info) && info.Size() == f.info.Size() &&
		info.ModTime().Equal(f.info.ModTime()) && f.checked.Sub(f.info.ModTime()) > stampGrain {
		return f.table, nil
	}
	now := time.Now() // before reading: what changes later must look later
	data, info, err := read(f.path)
	if err != nil {
		return nil, unavailable(err)
	}
	if f.table == nil || data != f.data {
		f.table, f.data = parseTable(f.path, data), data
	}
	f.info, f.checked = info, now
	return f.table, nil
}

func read(path string) (string, os.FileInfo, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a named pipe must not stop us
	if err != nil {
		return "", nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", nil, err
	}
	if !info.Mode().IsRegular() {
		return "", nil, fmt.Errorf("%s is not a regular file", path)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return "", nil, err
	}
	if len(data) > maxFile {
		return "", nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return string(data), info, nil
}

// create makes a file without users if there is none.
func (f *File) create() error {
	if _, err := os.Lstat(f.path); !errors.Is(err, fs.ErrNotExist) {
		return nil // what is wrong with it, reading tells
	}
	unlock, err := f.lock(context.Background())
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Lstat(f.path); !errors.Is(err, fs.ErrNotExist) {
		return nil // another process was faster
	}
	if err := f.write(header, nil); err != nil {
		return unavailable(err)
	}
	return nil
}

// change replaces the file by what fn makes of its present users. Nobody else
// who respects the lock changes it meanwhile.
func (f *File) change(ctx context.Context, fn func(*table) (string, error)) error {
	select {
	case f.writing <- struct{}{}:
		defer func() { <-f.writing }()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
	}
	unlock, err := f.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	t, err := f.current()
	if err != nil {
		return err
	}
	data, err := fn(t)
	if err != nil {
		return err
	}
	f.mu.Lock()
	owner, same := f.info, data == f.data
	f.mu.Unlock()
	if same {
		return nil
	}
	if err := f.write(data, owner); err != nil {
		return fmt.Errorf("passwd: changing the user file: %w", err)
	}
	return nil
}

// lock takes the lock between processes. It is on a file of its own, because the
// user file is replaced by every change.
func (f *File) lock(ctx context.Context) (unlock func(), err error) {
	file, err := os.OpenFile(f.path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unavailable(err)
	}
	if owner, err := os.Stat(f.path); err == nil {
		if err := atomicfile.GiveTo(file, owner); err != nil {
			file.Close()
			return nil, unavailable(err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil // which unlocks
		}
		if err != syscall.EWOULDBLOCK && err != syscall.EINTR {
			file.Close()
			return nil, unavailable(&fs.PathError{Op: "flock", Path: file.Name(), Err: err})
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("%w: another process holds the lock on %s: %w", ErrBusy, file.Name(), ctx.Err())
		}
	}
}

// write replaces the file so that after a power cut the old or the new one is
// there, whole. The new one belongs to the owner of the old one (nil: to us), so
// that root can change users of a server that runs as somebody else. The caller
// holds the lock, which makes the temporary name ours.
func (f *File) write(data string, owner os.FileInfo) error {
	return atomicfile.Replace(f.path, []byte(data), owner)
}

// Secret returns random bytes that stay the same as long as the user file exists. They are kept in a file
// beside it, whose name ends with ".secret".
func (f *File) Secret() ([]byte, error) {
	path := f.path + ".secret"
	unlock, err := f.lock(context.Background())
	if err != nil {
		return nil, err
	}
	defer unlock()
	if data, _, err := read(path); err == nil && len(data) >= secretSize {
		return []byte(data), nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, unavailable(err)
	}
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails
	f.mu.Lock()
	owner := f.info
	f.mu.Unlock()
	if err := atomicfile.Replace(path, secret, owner); err != nil {
		return nil, unavailable(err)
	}
	return secret, nil
}

const secretSize = 32
