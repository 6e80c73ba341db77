// Package atomicfile writes files that are there whole or not at all.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Write replaces the file at path, with mode 0600. After a power cut the old or the new one is there. Only one may write at a time.
func Write(path string, data []byte) error { return Replace(path, data, nil) }

// Replace is Write for a file that belongs to the owner of another one; nil: to us.
func Replace(path string, data []byte, owner os.FileInfo) (err error) {
	tmp := path + ".tmp"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a crash
		return err
	}
	file, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp)
		}
	}()
	_, err = file.Write(data)
	if owner != nil {
		err = errors.Join(err, GiveTo(file, owner))
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// GiveTo makes file belong to the user that owner belongs to, and to his group. Another group alone does not matter: it has no access.
func GiveTo(file *os.File, owner os.FileInfo) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	have, ok1 := info.Sys().(*syscall.Stat_t)
	want, ok2 := owner.Sys().(*syscall.Stat_t)
	if !ok1 || !ok2 || have.Uid == want.Uid {
		return nil
	}
	return file.Chown(int(want.Uid), int(want.Gid))
}
