// Package vfs is the seam between the mail store and the file system.
//
// Everything that package storage does to a disk goes through [FS] and [File], so that the same code
// runs on a real directory ([OS]), in memory ([NewMem]: tests, demonstrations) and on a disk that
// loses power between any two calls (package storagetest).
//
// # Names
//
// A name is relative to the root of the FS, slash separated, without "." or ".." elements, without
// a leading or trailing slash; "" is the root itself, which only ReadDir, Stat and SyncDir take. An implementation refuses
// any other name with fs.ErrInvalid ([CheckName]). No implementation follows a symbolic link, in any element of a name: it
// answers [ErrNotRegular].
//
// # What survives a power cut
//
// An implementation promises no more than this, and the store relies on no more:
//
//   - Bytes written to a file survive after that file's Sync has returned nil, or after SyncAll. Before
//     that, each 512-byte block is found as it was or as any write since left it, independently of the others, and so is the size.
//     What was never written is zero.
//   - A name made, removed or renamed survives after SyncDir of the folder that holds it (for a rename:
//     of both folders), or after SyncAll; a folder that does not survive takes what it holds with it. Before that, each change
//     survives or not independently of other names and of the contents of files; a rename inside one FS is seen whole or
//     not at all.
//   - A time set by SetModTime survives after SyncAll.
//   - After Sync, SyncDir or SyncAll has returned an error, nothing is known of the changes it covered, and
//     calling it again proves nothing: the store stops and reopens.
package vfs

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// FS is a folder tree. A FS that holds descriptors is an io.Closer too. All methods may be called from many goroutines at once. Errors satisfy
// errors.Is for fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, fs.ErrInvalid, [ErrNotRegular], [ErrNoSpace]
// and [ErrTooManyLinks], and name the operation and the file (*fs.PathError, *os.LinkError).
type FS interface {
	// Create makes an empty regular file for reading and writing (mode 0600). It fails with fs.ErrExist
	// where the name is taken.
	Create(name string) (File, error)
	// Open opens a regular file for reading. It never blocks on a FIFO or device: ErrNotRegular.
	Open(name string) (File, error)
	// OpenRW opens an existing regular file for reading and writing.
	OpenRW(name string) (File, error)
	// Mkdir makes one folder (mode 0700); fs.ErrExist where the name is taken.
	Mkdir(name string) error
	// Remove removes a file or an empty folder; fs.ErrExist where a folder holds names. Who has the file open keeps it.
	Remove(name string) error
	// Rename moves a file or a folder; it replaces an existing file by a file, and an existing empty folder by a folder, atomically.
	// Where both are names of one file it does nothing. A folder does not move into itself: fs.ErrInvalid.
	Rename(from, to string) error
	// Link gives a regular file a second name; fs.ErrExist where to is taken, ErrTooManyLinks where the file system
	// allows no more.
	Link(from, to string) error
	// ReadDir lists a folder, sorted by name.
	ReadDir(name string) ([]Entry, error)
	// Stat describes a file or a folder.
	Stat(name string) (Info, error)
	// SyncDir makes the names in a folder durable.
	SyncDir(name string) error
	// SyncAll makes everything durable that was done before it was called. Where the system has no such call,
	// see [Track].
	SyncAll() error
	// Lock takes the exclusive lock of an existing file until the Closer is closed or the process ends, and replaces the file's
	// contents by owner (at most 512 bytes of it), for people to read. Where another holds it, in this process or another, the
	// error is a *LockedError.
	Lock(name, owner string) (io.Closer, error)
}

// File is an open regular file. Its methods may be called from many goroutines at once, as far as their ranges do
// not overlap. After Close they return fs.ErrClosed. A file opened by Open refuses to be changed: fs.ErrPermission.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes the file's bytes and size durable (fdatasync).
	Sync() error
	// Truncate sets the size.
	Truncate(size int64) error
	// Size returns the size in bytes.
	Size() (int64, error)
	// SetModTime sets the modification time.
	SetModTime(t time.Time) error
}

// Entry is one name in a folder. A name that is neither a regular file nor a folder has neither bit set.
type Entry struct {
	Name         string
	Dir, Regular bool
}

// Info describes a file or a folder.
type Info struct {
	Size    int64
	ModTime time.Time
	Dir     bool
	// ID tells whether two names are the same file: equal for hard links of one file while it exists.
	ID uint64
}

var (
	// ErrNotRegular is returned for a name that leads over or to something other than folders and regular files, and for a file
	// where a folder is wanted or the other way round.
	ErrNotRegular = errors.New("not a regular file or folder")
	// ErrNoSpace is matched by errors of a full disk or an exhausted quota (ENOSPC, EDQUOT).
	ErrNoSpace = errors.New("no space left")
	// ErrTooManyLinks is matched by EMLINK.
	ErrTooManyLinks = errors.New("too many links")
)

// LockedError says who holds a lock.
type LockedError struct {
	Name  string
	Owner string // what the holder wrote, trimmed; may be empty
}

func (e *LockedError) Error() string {
	if e.Owner == "" {
		return e.Name + " is locked by another process"
	}
	return fmt.Sprintf("%s is locked by another process (%s)", e.Name, e.Owner)
}
