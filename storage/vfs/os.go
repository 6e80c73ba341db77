//go:build linux || freebsd || darwin

package vfs

import (
	"io"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// OS returns the folder dir of the operating system, which must exist. The FS holds a descriptor of it, so that renaming dir changes
// nothing, and is an io.Closer; close it after its files. Files are made with mode 0600 and folders with 0700 under any umask.
//
// Nothing leads out of dir: no element of a name is followed if it is a symbolic link, and on linux a name that crosses
// into another mounted file system fails with EXDEV, since SyncAll would not reach it. Names given to Remove and Rename
// may end in a link or a device: these calls act on the name itself.
//
// Sync is fdatasync on linux, F_FULLFSYNC on darwin, else fsync. SyncAll is syncfs on linux from 5.8 on; elsewhere, and on FUSE, the
// FS comes wrapped by [Track].
func OS(dir string) (FS, error) {
	root, err := againFD(func() (int, error) {
		return unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, pathError("open", dir, err)
	}
	return withSyncAll(&osFS{root: root, beneath: hasBeneath(root)}), nil
}

// osFS is a held directory.
type osFS struct {
	beneath bool // the kernel resolves names beneath root by itself

	mu     sync.RWMutex // held for reading by every call, so that root is not closed and reused under it
	root   int
	closed bool
}

// begin keeps root open until end is called.
func (o *osFS) begin() error {
	o.mu.RLock()
	if o.closed {
		o.mu.RUnlock()
		return fs.ErrClosed
	}
	return nil
}

func (o *osFS) end() { o.mu.RUnlock() }

// Close gives back the descriptor of the root.
func (o *osFS) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return fs.ErrClosed
	}
	o.closed = true
	return unix.Close(o.root)
}

func (o *osFS) Create(name string) (File, error) {
	return o.openFile("create", name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
}

func (o *osFS) Open(name string) (File, error) {
	return o.openFile("open", name, unix.O_RDONLY)
}

func (o *osFS) OpenRW(name string) (File, error) {
	return o.openFile("open", name, unix.O_RDWR)
}

func (o *osFS) openFile(op, name string, flags int) (File, error) {
	if _, _, err := Split(name); err != nil {
		return nil, pathError(op, name, err)
	}
	if err := o.begin(); err != nil {
		return nil, pathError(op, name, err)
	}
	defer o.end()
	fd, err := o.openAt(name, flags|unix.O_NONBLOCK|unix.O_NOCTTY, fileMode)
	if err != nil {
		return nil, pathError(op, name, err)
	}
	if err := checkRegular(fd, flags&unix.O_CREAT != 0); err != nil {
		unix.Close(fd)
		return nil, pathError(op, name, err)
	}
	return &osFile{fd: fd, name: name, writable: flags&unix.O_RDWR != 0}, nil
}

const (
	fileMode   = 0o600
	folderMode = 0o700
)

// checkRegular looks at what was opened rather than at its name; made says that we made it, with a mode that the umask may have cut.
func checkRegular(fd int, made bool) error {
	var st unix.Stat_t
	if err := again(func() error { return unix.Fstat(fd, &st) }); err != nil {
		return err
	}
	if kind(&st) != unix.S_IFREG {
		return ErrNotRegular
	}
	if made && uint32(st.Mode)&0o777 != fileMode {
		return again(func() error { return unix.Fchmod(fd, fileMode) })
	}
	return nil
}

func kind(st *unix.Stat_t) uint32 { return uint32(st.Mode) & unix.S_IFMT }

// at calls f with a descriptor of the folder that holds name, and the last element of name.
func (o *osFS) at(name string, f func(parent int, element string) error) error {
	folder, element, err := Split(name)
	if err != nil {
		return err
	}
	if err := o.begin(); err != nil {
		return err
	}
	defer o.end()
	parent, err := o.openFolder(folder)
	if err != nil {
		return err
	}
	defer o.closeFolder(parent)
	return f(parent, element)
}

// at2 is at for two names.
func (o *osFS) at2(from, to string, f func(fromParent int, fromElement string, toParent int, toElement string) error) error {
	fromFolder, fromElement, err := Split(from)
	if err != nil {
		return err
	}
	toFolder, toElement, err := Split(to)
	if err != nil {
		return err
	}
	if err := o.begin(); err != nil {
		return err
	}
	defer o.end()
	fromParent, err := o.openFolder(fromFolder)
	if err != nil {
		return err
	}
	defer o.closeFolder(fromParent)
	toParent := fromParent
	if toFolder != fromFolder {
		if toParent, err = o.openFolder(toFolder); err != nil {
			return err
		}
		defer o.closeFolder(toParent)
	}
	return f(fromParent, fromElement, toParent, toElement)
}

func (o *osFS) closeFolder(fd int) {
	if fd != o.root {
		unix.Close(fd)
	}
}

func (o *osFS) Mkdir(name string) error {
	return pathError("mkdir", name, o.at(name, func(parent int, element string) error {
		if err := again(func() error { return unix.Mkdirat(parent, element, folderMode) }); err != nil {
			return err
		}
		st, err := statAt(parent, element)
		if err != nil || uint32(st.Mode)&0o777 == folderMode {
			return err
		}
		return again(func() error { return unix.Fchmodat(parent, element, folderMode, unix.AT_SYMLINK_NOFOLLOW) })
	}))
}

func (o *osFS) Remove(name string) error {
	return pathError("remove", name, o.at(name, func(parent int, element string) error {
		err := again(func() error { return unix.Unlinkat(parent, element, 0) })
		if err != unix.EISDIR && err != unix.EPERM { // EPERM: how BSD says that it is a folder
			return err
		}
		asFolder := again(func() error { return unix.Unlinkat(parent, element, unix.AT_REMOVEDIR) })
		if asFolder != unix.ENOTDIR {
			return asFolder
		}
		return err
	}))
}

func (o *osFS) Rename(from, to string) error {
	return linkError("rename", from, to, o.at2(from, to, func(fromParent int, fromElement string, toParent int, toElement string) error {
		return again(func() error { return unix.Renameat(fromParent, fromElement, toParent, toElement) })
	}))
}

func (o *osFS) Link(from, to string) error {
	return linkError("link", from, to, o.at2(from, to, func(fromParent int, fromElement string, toParent int, toElement string) error {
		st, err := statAt(fromParent, fromElement)
		if err != nil {
			return err
		}
		if kind(&st) != unix.S_IFREG {
			return ErrNotRegular
		}
		return again(func() error { return unix.Linkat(fromParent, fromElement, toParent, toElement, 0) })
	}))
}

// statAt describes what a name itself is.
func statAt(parent int, element string) (st unix.Stat_t, err error) {
	err = again(func() error { return unix.Fstatat(parent, element, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return st, err
}

func (o *osFS) Stat(name string) (Info, error) {
	var st unix.Stat_t
	var err error
	if name == "" {
		err = o.begin()
		if err == nil {
			err = again(func() error { return unix.Fstat(o.root, &st) })
			o.end()
		}
	} else {
		err = o.at(name, func(parent int, element string) (err error) {
			st, err = statAt(parent, element)
			return err
		})
	}
	if err == nil && kind(&st) != unix.S_IFREG && kind(&st) != unix.S_IFDIR {
		err = ErrNotRegular
	}
	if err != nil {
		return Info{}, pathError("stat", name, err)
	}
	return infoOf(&st), nil
}

// inFolder calls f with a descriptor of a folder that can be read and synced.
func (o *osFS) inFolder(name string, f func(fd int) error) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := o.begin(); err != nil {
		return err
	}
	defer o.end()
	self := name
	if name == "" {
		self = "." // a descriptor of its own: reading moves its position
	}
	fd, err := o.openAt(self, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return f(fd)
}

func (o *osFS) ReadDir(name string) ([]Entry, error) {
	var entries []Entry
	err := o.inFolder(name, func(fd int) (err error) {
		entries, err = readDir(fd)
		return err
	})
	if err != nil {
		return nil, pathError("readdir", name, err)
	}
	return entries, nil
}

func (o *osFS) SyncDir(name string) error {
	return pathError("sync", name, o.inFolder(name, fsync))
}

// lockTries bounds how often a lock file may be replaced under Lock.
const lockTries = 8

func (o *osFS) Lock(name, owner string) (io.Closer, error) {
	for range lockTries {
		file, err := o.openFile("lock", name, unix.O_RDWR)
		if err != nil {
			return nil, err
		}
		f := file.(*osFile)
		err = again(func() error { return unix.Flock(f.fd, unix.LOCK_EX|unix.LOCK_NB) })
		if err == unix.EWOULDBLOCK {
			err = &LockedError{Name: name, Owner: readOwner(f)}
			f.Close()
			return nil, err
		}
		if err != nil {
			f.Close()
			return nil, pathError("lock", name, err)
		}
		// The lock is the file's, not the name's: it is worth nothing if the name has another file by now.
		if !o.sameFile(f, name) {
			f.Close()
			continue
		}
		if err := writeOwner(f, owner); err != nil {
			f.Close()
			return nil, err
		}
		return f, nil
	}
	return nil, pathError("lock", name, unix.EAGAIN)
}

func (o *osFS) sameFile(f *osFile, name string) bool {
	var st unix.Stat_t
	if unix.Fstat(f.fd, &st) != nil {
		return false
	}
	info, err := o.Stat(name)
	return err == nil && info.ID == st.Ino
}

func infoOf(st *unix.Stat_t) Info {
	return Info{Size: st.Size, ModTime: modTime(st), Dir: kind(st) == unix.S_IFDIR, ID: st.Ino}
}

func linkError(op, from, to string, err error) error {
	if err == nil {
		return nil
	}
	return &os.LinkError{Op: op, Old: from, New: to, Err: classify(err)}
}

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: classify(err)}
}
