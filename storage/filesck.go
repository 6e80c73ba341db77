package storage

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/mailhavn/mailhavn/storage/maildir"
)

// The checkpointer's part of fileWork.

// rename gives files the flag letters of their messages' flags. Letters follow flags only here: lazily, and once however
// often flags have changed.
func (w *fileWork) rename(st *accountState) (renamed bool, err error) {
	for _, b := range st.boxes {
		v, ok := b.view.inMemory()
		if !ok {
			continue
		}
		did, err := w.renameBox(v)
		renamed = renamed || did
		if err != nil {
			return renamed, err
		}
	}
	return renamed, nil
}

func (w *fileWork) renameBox(v *View) (renamed bool, err error) {
	w.mu.Lock()
	d := w.disk[v.id]
	if d == nil || d.agrees(v) {
		w.mu.Unlock()
		return false, nil
	}
	d.settle()
	files := d.files
	w.mu.Unlock()
	var stale []Message
	ignore := func(*Message) {}
	files.diff(v.messages, ignore, func(m *Message) { stale = append(stale, *m) }, ignore)
	for i := range stale {
		did, err := w.renameFile(d, &stale[i], v.id)
		if err != nil {
			return renamed, err
		}
		renamed = renamed || did
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	differs := len(d.late) > 0
	other := func(*Message) { differs = true }
	d.files.diff(v.messages, other, func(m *Message) {
		was, _ := d.find(m.UID)
		differs = differs || d.name(was) != d.name(m) // written meanwhile, under the flags that it came with
	}, other)
	if !differs {
		d.agree(v)
	}
	return renamed, nil
}

func (w *fileWork) renameFile(d *diskFiles, m *Message, box ID) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was, ok := d.find(m.UID)
	if !ok || maildir.Info(uint16(was.Flags)) == maildir.Info(uint16(m.Flags)) {
		return false, nil
	}
	cur := w.folders[box] + "/cur/"
	if err := w.account.unit.fs.Rename(cur+d.name(was), cur+d.name(m)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err // a missing file is for Verify and the reader to report
	}
	d.setFlags(m.UID, m.Flags)
	return true, nil
}

// same tells whether two trees share all their memory.
func (t tree) same(u tree) bool {
	return len(t.dir) == len(u.dir) && t.n == u.n && (len(t.dir) == 0 || &t.dir[0] == &u.dir[0])
}

// firstGrave returns the LSN before the first grave, if that is lower.
func (w *fileWork) firstGrave(lsn LSN) LSN {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, g := range w.graves {
		lsn = min(lsn, g.lsn-1)
	}
	return lsn
}

// clearGraves removes what is in graves dug up to an LSN. Whoever has the files open may go on reading.
func (w *fileWork) clearGraves(upTo LSN) (did bool, err error) {
	w.mu.Lock()
	graves := slices.Clone(w.graves)
	w.mu.Unlock()
	for _, g := range graves {
		if g.lsn > upTo {
			continue
		}
		did = true
		if g.uids == nil {
			err = w.clearBox(g.box)
		} else {
			err = w.clearMessages(g)
		}
		if err != nil {
			return did, err
		}
		w.mu.Lock()
		w.graves = slices.DeleteFunc(w.graves, g.same)
		w.mu.Unlock()
	}
	return did, nil
}

func (w *fileWork) clearMessages(g grave) error {
	for uid := range g.uids.All() {
		if err := w.clearMessage(g.box, uid); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if d := w.disk[g.box]; d != nil {
		d.remove(g.uids)
	}
	if c := w.caches[g.box]; c != nil {
		c.drop(g.uids)
	}
	return nil
}

// clearMessage removes a file, under the lock so that its folder keeps its name.
func (w *fileWork) clearMessage(box ID, uid UID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	name, err := w.fileOf(box, uid)
	if err != nil {
		return nil // gone before
	}
	if err := w.account.unit.fs.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (w *fileWork) clearBox(id ID) error {
	fsys := w.account.unit.fs
	if err := removeTree(fsys, w.account.trashFolder(id)); err != nil {
		return err
	}
	index := w.account.indexFile(id)
	for _, name := range []string{index, index + renewing, w.account.cacheFile(id)} {
		if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := w.textIndex(id).remove(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.texts, id)
	delete(w.folders, id)
	delete(w.disk, id)
	if c := w.caches[id]; c != nil {
		c.close()
		delete(w.caches, id)
	}
	return nil
}

func (w *fileWork) lastError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// idle tells whether nothing is under way and the tree shows the state.
func (w *fileWork) idle(st *accountState) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range st.boxes {
		if v, ok := b.view.inMemory(); ok && w.disk[v.id] != nil && !w.disk[v.id].agrees(v) {
			return false
		}
	}
	return len(w.queue) == 0 && len(w.bodies) == 0 && len(w.graves) == 0 && len(w.copies) == 0
}

// start notes the folders of an account that was read; startBox the files of a mailbox, which are those of its messages.
func (w *fileWork) start(st *accountState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range st.boxes {
		w.folders[b.view.id] = w.account.folderFor(b.view.id, b.name)
	}
}

func (w *fileWork) startBox(v *View) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := &diskFiles{uidValidity: v.status.UIDValidity}
	d.agree(v)
	w.disk[v.id] = d
}
