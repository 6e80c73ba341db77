//go:build !linux && !freebsd && !darwin

package vfs

import (
	"errors"
	"io/fs"
)

// OS is built for linux, freebsd and darwin; elsewhere it returns errors.ErrUnsupported.
func OS(dir string) (FS, error) {
	return nil, &fs.PathError{Op: "open", Path: dir, Err: errors.ErrUnsupported}
}
