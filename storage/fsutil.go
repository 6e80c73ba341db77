package storage

import (
	"errors"
	"io/fs"
	"time"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

// writeNew makes a file with the contents, unsynced.
func writeNew(fsys vfs.FS, name string, data []byte) error {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// replaceFile writes a file whole: its old contents stay until the new ones are durable. The folder is not synced.
func replaceFile(fsys vfs.FS, name string, data []byte) error {
	tmp := name + ".tmp"
	if err := fsys.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := fsys.Create(tmp)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(data, 0); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return fsys.Rename(tmp, name)
}

// link gives a message a second name; where the file system allows no more links, a second file.
func link(fsys vfs.FS, from, to string, modified int64) error {
	err := fsys.Link(from, to)
	if !errors.Is(err, vfs.ErrTooManyLinks) {
		return err
	}
	data, err := vfs.ReadFile(fsys, from)
	if err != nil {
		return err
	}
	tmp := to + ".tmp"
	if err := writeNew(fsys, tmp, data); err != nil {
		return err
	}
	f, err := fsys.OpenRW(tmp)
	if err != nil {
		return err
	}
	err = f.SetModTime(time.Unix(modified, 0))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return fsys.Rename(tmp, to)
}

// removeTree removes a folder with all that is in it; nothing is done where it does not exist.
func removeTree(fsys vfs.FS, name string) error {
	entries, err := fsys.ReadDir(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := name + "/" + e.Name
		if e.Dir {
			err = removeTree(fsys, path)
		} else {
			err = fsys.Remove(path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return fsys.Remove(name)
}

// mkdirs makes folders that need not be new, and makes their names durable.
func mkdirs(fsys vfs.FS, names ...string) error {
	for _, name := range names {
		if err := fsys.Mkdir(name); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err := fsys.SyncDir(parent(name)); err != nil {
			return err
		}
	}
	return nil
}

func parent(name string) string {
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '/' {
			return name[:i]
		}
	}
	return ""
}

// clearDir removes the files in a folder.
func clearDir(fsys vfs.FS, name string) error {
	entries, err := fsys.ReadDir(name)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Dir {
			if err := fsys.Remove(name + "/" + e.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// readMarker returns the mailbox to which a folder belongs; false where it has no marker or one that says nothing. The error is
// one of reading: it must not pass for a missing marker.
func readMarker(fsys vfs.FS, folder string) (ID, bool, error) {
	data, err := vfs.ReadFile(fsys, folder+"/"+markerFile)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) != 33 {
		return ID{}, false, nil
	}
	if err != nil {
		return ID{}, false, err
	}
	id, err := ParseID(string(data[:32]))
	return id, err == nil, nil
}

// writeMarker says in a folder to which mailbox it belongs.
func writeMarker(fsys vfs.FS, folder string, id ID) error {
	return replaceFile(fsys, folder+"/"+markerFile, []byte(id.String()+"\n"))
}

// renewing is what names end in while renew is at work.
const renewing = "+"

// renew makes a name once more, so that the next sync of its folder proves that it is durable, whatever an earlier one has failed to
// do. A renewal that was cut short is finished. Nothing is done where there is no such name.
func renew(fsys vfs.FS, name string) error {
	for _, step := range [][2]string{{name, name + renewing}, {name + renewing, name}} {
		if err := fsys.Rename(step[0], step[1]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// renewFolder renews the names in a mailbox's folder, where there is one.
func renewFolder(fsys vfs.FS, folder string, id ID) error {
	if _, err := fsys.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, name := range []string{"cur", "new", "tmp"} {
		if err := renew(fsys, folder+"/"+name); err != nil {
			return err
		}
	}
	return writeMarker(fsys, folder, id)
}

// removeEmpty removes a folder that holds no files but a marker, and only folders that are as empty; others stay as they are.
func removeEmpty(fsys vfs.FS, name string) error {
	if files, err := hasFiles(fsys, name); files || err != nil {
		return err
	}
	return removeTree(fsys, name)
}

func hasFiles(fsys vfs.FS, name string) (bool, error) {
	entries, err := fsys.ReadDir(name)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if e.Name == markerFile || e.Name == markerFile+".tmp" {
			continue
		}
		if !e.Dir {
			return true, nil
		}
		if files, err := hasFiles(fsys, name+"/"+e.Name); files || err != nil {
			return files, err
		}
	}
	return false, nil
}
