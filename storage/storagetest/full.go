package storagetest

import "path"

// nameBytes is what a name takes of a full disk.
const nameBytes = 256

// Full returns a decision for [Faults] that makes the disk as small as it is now and room bytes more: what does not fit fails with
// ENOSPC until something is removed. A file with several names counts once.
func Full(d *Disk, room int64) func(Op) *Fault {
	limit := used(d, "", map[uint64]bool{}) + room
	return func(op Op) *Fault {
		var more int64
		switch op.Kind {
		case OpWrite:
			// A log segment has another name than it was opened by, but does not grow.
			if info, err := d.Stat(op.Name); err == nil {
				more = op.Off + int64(op.Len) - info.Size
			}
		case OpCreate, OpMkdir, OpLink:
			more = nameBytes
		}
		if more <= 0 || used(d, "", map[uint64]bool{})+more <= limit {
			return nil
		}
		return &Fault{Err: ENOSPC}
	}
}

// used returns the bytes that files and names below a folder take.
func used(d *Disk, folder string, seen map[uint64]bool) (bytes int64) {
	entries, err := d.ReadDir(folder)
	if err != nil {
		return 0 // removed meanwhile
	}
	for _, e := range entries {
		bytes += nameBytes
		name := path.Join(folder, e.Name)
		if e.Dir {
			bytes += used(d, name, seen)
		} else if info, err := d.Stat(name); err == nil && !seen[info.ID] {
			seen[info.ID] = true
			bytes += info.Size
		}
	}
	return bytes
}
