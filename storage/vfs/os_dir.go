//go:build linux || freebsd || darwin

package vfs

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// direntLen is where a directory entry says how long it is, on every system that we build on.
const direntLen = 16

const dirBufSize = 32 << 10

// readDir lists the folder behind fd. It does not use (*os.File).ReadDir, which looks a name of unknown type up by its path.
func readDir(fd int) ([]Entry, error) {
	var entries []Entry
	buf := make([]byte, dirBufSize)
	for {
		n, err := againFD(func() (int, error) { return unix.ReadDirent(fd, buf) })
		if err != nil {
			return nil, err
		}
		if n <= 0 {
			break
		}
		if entries, err = appendEntries(entries, fd, buf[:n]); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries, nil
}

func appendEntries(entries []Entry, fd int, buf []byte) ([]Entry, error) {
	for len(buf) > direntName {
		size := int(binary.NativeEndian.Uint16(buf[direntLen:]))
		if size <= direntName || size > len(buf) {
			return nil, unix.EIO
		}
		entry := buf[:size]
		buf = buf[size:]
		name, _, _ := bytes.Cut(entry[direntName:], []byte{0})
		if inode := binary.NativeEndian.Uint64(entry); inode == 0 || string(name) == "." || string(name) == ".." {
			continue // inode 0: removed
		}
		e := Entry{Name: string(name)}
		if err := e.setKind(fd, entry[direntType]); err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// setKind asks for the type where the file system does not list it. A name that is gone by then stays without one.
func (e *Entry) setKind(fd int, listed byte) error {
	e.Dir, e.Regular = listed == unix.DT_DIR, listed == unix.DT_REG
	if listed != unix.DT_UNKNOWN {
		return nil
	}
	st, err := statAt(fd, e.Name)
	if err != nil && err != unix.ENOENT {
		return err
	}
	e.Dir, e.Regular = kind(&st) == unix.S_IFDIR, kind(&st) == unix.S_IFREG
	return nil
}
