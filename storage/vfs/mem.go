package vfs

import (
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// NewMem returns an empty FS that lives in memory: nothing is ever written to a disk, so its syncs are empty.
func NewMem() FS {
	m := &mem{}
	m.root = m.newNode(true)
	return m
}

// mem is a tree of nodes. Its lock is for names; each file has one for its bytes.
type mem struct {
	mu     sync.RWMutex // guards all that follows and every memNode.names
	root   *memNode
	lastID uint64
}

// newNode needs mu, or a mem that nobody else has.
func (m *mem) newNode(folder bool) *memNode {
	m.lastID++
	n := &memNode{id: m.lastID, modTime: time.Now()}
	if folder {
		n.names = map[string]*memNode{}
	}
	return n
}

// memNode is a folder if names is not nil.
type memNode struct {
	id    uint64
	names map[string]*memNode

	mu      sync.RWMutex // guards all that follows
	data    []byte
	modTime time.Time
	locked  bool
}

func (n *memNode) folder() bool { return n.names != nil }

func (n *memNode) touch() {
	n.mu.Lock()
	n.modTime = time.Now()
	n.mu.Unlock()
}

// find needs mu. The name must have been checked.
func (m *mem) find(name string) (*memNode, error) {
	n := m.root
	if name == "" {
		return n, nil
	}
	for element := range strings.SplitSeq(name, "/") {
		if !n.folder() {
			return nil, ErrNotRegular
		}
		if n = n.names[element]; n == nil {
			return nil, fs.ErrNotExist
		}
	}
	return n, nil
}

// parent needs mu; it returns the folder that holds name or would hold it, and the last element.
func (m *mem) parent(name string) (*memNode, string, error) {
	folder, element, err := Split(name)
	if err != nil {
		return nil, "", err
	}
	n, err := m.find(folder)
	if err != nil {
		return nil, "", err
	}
	if !n.folder() {
		return nil, "", ErrNotRegular
	}
	return n, element, nil
}

// make adds a node for a name that is free.
func (m *mem) make(name string, folder bool) (*memNode, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	parent, element, err := m.parent(name)
	if err != nil {
		return nil, err
	}
	if parent.names[element] != nil {
		return nil, fs.ErrExist
	}
	n := m.newNode(folder)
	parent.names[element] = n
	parent.touch()
	return n, nil
}

func (m *mem) Create(name string) (File, error) {
	n, err := m.make(name, false)
	if err != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: err}
	}
	return &memFile{node: n, name: name, writable: true}, nil
}

func (m *mem) Mkdir(name string) error {
	if _, err := m.make(name, true); err != nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: err}
	}
	return nil
}

func (m *mem) Open(name string) (File, error)   { return m.openFile(name, false) }
func (m *mem) OpenRW(name string) (File, error) { return m.openFile(name, true) }

func (m *mem) openFile(name string, writable bool) (File, error) {
	f, err := m.open("open", name, writable)
	if err != nil {
		return nil, err // not f, which is no nil File
	}
	return f, nil
}

func (m *mem) open(op, name string, writable bool) (*memFile, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	parent, element, err := m.parent(name)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	n := parent.names[element]
	switch {
	case n == nil:
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	case n.folder():
		return nil, &fs.PathError{Op: op, Path: name, Err: ErrNotRegular}
	}
	return &memFile{node: n, name: name, writable: writable}, nil
}

func (m *mem) Remove(name string) error {
	if err := m.remove(name); err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}
	return nil
}

func (m *mem) remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	parent, element, err := m.parent(name)
	if err != nil {
		return err
	}
	n := parent.names[element]
	if n == nil {
		return fs.ErrNotExist
	}
	if len(n.names) > 0 {
		return fs.ErrExist
	}
	delete(parent.names, element)
	parent.touch()
	return nil
}

func (m *mem) Rename(from, to string) error {
	if err := m.rename(from, to); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

func (m *mem) rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	fromParent, fromElement, err := m.parent(from)
	if err != nil {
		return err
	}
	toParent, toElement, err := m.parent(to)
	if err != nil {
		return err
	}
	n, old := fromParent.names[fromElement], toParent.names[toElement]
	switch {
	case n == nil:
		return fs.ErrNotExist
	case n == old:
		return nil // two names of one file: POSIX keeps both
	case n.folder() && strings.HasPrefix(to, from+"/"):
		return fs.ErrInvalid
	case old != nil && old.folder() != n.folder():
		return ErrNotRegular
	case old != nil && len(old.names) > 0:
		return fs.ErrExist
	}
	delete(fromParent.names, fromElement)
	toParent.names[toElement] = n
	fromParent.touch()
	toParent.touch()
	return nil
}

func (m *mem) Link(from, to string) error {
	if err := m.link(from, to); err != nil {
		return &os.LinkError{Op: "link", Old: from, New: to, Err: err}
	}
	return nil
}

func (m *mem) link(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	fromParent, fromElement, err := m.parent(from)
	if err != nil {
		return err
	}
	toParent, toElement, err := m.parent(to)
	if err != nil {
		return err
	}
	n := fromParent.names[fromElement]
	switch {
	case n == nil:
		return fs.ErrNotExist
	case n.folder():
		return ErrNotRegular
	case toParent.names[toElement] != nil:
		return fs.ErrExist
	}
	toParent.names[toElement] = n
	toParent.touch()
	return nil
}

// folder finds a folder by a name that is not checked yet.
func (m *mem) folder(name string) (*memNode, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	n, err := m.find(name)
	if err == nil && !n.folder() {
		err = ErrNotRegular
	}
	return n, err
}

func (m *mem) ReadDir(name string) ([]Entry, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n, err := m.folder(name)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	entries := make([]Entry, 0, len(n.names))
	for element, child := range n.names {
		entries = append(entries, Entry{Name: element, Dir: child.folder(), Regular: !child.folder()})
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries, nil
}

func (m *mem) Stat(name string) (Info, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	err := CheckName(name)
	var n *memNode
	if err == nil {
		n, err = m.find(name)
	}
	if err != nil {
		return Info{}, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	return Info{Size: int64(len(n.data)), ModTime: n.modTime, Dir: n.folder(), ID: n.id}, nil
}

func (m *mem) SyncDir(name string) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if _, err := m.folder(name); err != nil {
		return &fs.PathError{Op: "sync", Path: name, Err: err}
	}
	return nil
}

func (m *mem) SyncAll() error { return nil }

func (m *mem) Lock(name, owner string) (io.Closer, error) {
	f, err := m.open("lock", name, true)
	if err != nil {
		return nil, err
	}
	f.node.mu.Lock()
	taken := f.node.locked
	f.node.locked = true
	f.node.mu.Unlock()
	if taken {
		return nil, &LockedError{Name: name, Owner: readOwner(f)}
	}
	f.holdsLock = true
	if err := writeOwner(f, owner); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
