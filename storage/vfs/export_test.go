//go:build linux || freebsd || darwin

package vfs

// WalkOS is OS where the kernel cannot resolve names beneath a folder by itself.
func WalkOS(dir string) (FS, error) {
	fsys, err := OS(dir)
	if err != nil {
		return nil, err
	}
	if o, ok := fsys.(*osFS); ok {
		o.beneath = false
	}
	return fsys, nil
}

// Kept returns how many files a tracker holds open for nobody, and how many files and folders wait for SyncAll.
func Kept(fsys FS) (kept, files, folders int) {
	t := fsys.(*tracker)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kept, len(t.files), len(t.folders)
}

const MaxKept = maxKept

var Classify = classify

// SameFile is how Lock tells that its file still has the name.
func SameFile(fsys FS, f File, name string) bool {
	return fsys.(*osFS).sameFile(f.(*osFile), name)
}
