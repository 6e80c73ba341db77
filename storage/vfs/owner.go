package vfs

import (
	"io"
	"strings"
)

// maxOwner bounds the text that Lock keeps in a lock file.
const maxOwner = 512

// readOwner returns what the holder of a lock wrote, or "".
func readOwner(f io.ReaderAt) string {
	buf := make([]byte, maxOwner)
	n, _ := f.ReadAt(buf, 0)
	return strings.TrimSpace(string(buf[:n]))
}

// writeOwner puts owner in place of the file's contents, which a reader never finds empty on the way.
func writeOwner(f File, owner string) error {
	owner = owner[:min(len(owner), maxOwner)]
	if _, err := f.WriteAt([]byte(owner), 0); err != nil {
		return err
	}
	return f.Truncate(int64(len(owner)))
}
