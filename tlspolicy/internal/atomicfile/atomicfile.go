// Package atomicfile replaces files so that a crash leaves the old one or the new one, whole.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Write makes data the contents of the file path, which has the given mode from its first byte on. When it returns nil, the file is on the disk
// under its name.
func Write(path string, data []byte, mode fs.FileMode) error { return write(path, data, mode, nil) }

// Replace is Write for a file that may be there, also as a symbolic link: then its owner and mode stay, and so does the link.
func Replace(path string, data []byte, mode fs.FileMode) error {
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return write(path, data, mode, nil)
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	return write(target, data, info.Mode().Perm(), info)
}

// write gives the file the owner of like, if that is not nil.
func write(path string, data []byte, mode fs.FileMode, like fs.FileInfo) (err error) {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".tmp-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
			err = fmt.Errorf("writing %s: %w", path, err)
		}
	}()
	_, err = tmp.Write(data)
	err = errors.Join(err, giveTo(tmp, like), tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return SyncDir(dir)
}

func giveTo(file *os.File, like fs.FileInfo) error {
	if like == nil {
		return nil
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	have, ok1 := info.Sys().(*syscall.Stat_t)
	want, ok2 := like.Sys().(*syscall.Stat_t)
	if !ok1 || !ok2 || have.Uid == want.Uid && have.Gid == want.Gid {
		return nil
	}
	return file.Chown(int(want.Uid), int(want.Gid))
}

// SyncDir puts the names in a folder on the disk.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
