package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/mailhavn/mailhavn/storage/maildir"
)

// recover brings the tree of an account to its state after a crash.
func (w *fileWork) recover(st *accountState, records []*record, last checkpointEffect) error {
	if err := w.recoverFolders(st, records, last.state); err != nil {
		return err
	}
	doubtful := flaggedSince(records, last.state)
	for id, rows := range touchedBoxes(records) {
		if err := w.recoverBox(st, id, rows, doubtful[id]); err != nil {
			return err
		}
	}
	for _, rec := range records {
		if rec.lsn <= last.state {
			continue // files and links are synced; only what was to be unlinked is open, see below
		}
		for _, x := range rec.effects {
			if err := w.recoverEffect(st, x); err != nil {
				return fmt.Errorf("account %s, record %d: %w", w.account.id, rec.lsn, err)
			}
		}
	}
	w.recoverGraves(st, records[0].lsn)
	if err := w.recoverRemains(st, records[0].lsn); err != nil {
		return err
	}
	if err := w.clearSpool(); err != nil {
		return err
	}
	for _, dir := range []string{"/Maildir", "/meta", "/meta/trash", "/meta/spool"} {
		if err := w.account.unit.fs.SyncDir(w.account.dir + dir); err != nil {
			return err
		}
	}
	return nil
}

// touchedBoxes returns the mailboxes whose files may differ from their checkpoints, and what the records tell of their
// messages.
func touchedBoxes(records []*record) map[ID]map[UID]Message {
	boxes := map[ID]map[UID]Message{}
	touch := func(id ID, rows ...Message) {
		if boxes[id] == nil {
			boxes[id] = map[UID]Message{}
		}
		for _, m := range rows {
			boxes[id][m.UID] = m
		}
	}
	for _, rec := range records {
		for _, x := range rec.effects {
			switch x := x.(type) {
			case *createEffect:
				touch(x.id)
			case *appendEffect:
				for i := range x.rows {
					touch(x.id, x.rows[i].Message)
				}
			case *copyEffect:
				for i := range x.rows {
					source := x.rows[i].Message
					source.UID = x.rows[i].from
					touch(x.source, source)
					touch(x.id, x.rows[i].Message)
				}
			case *flagsEffect:
				touch(x.id)
			case *expungeEffect:
				touch(x.id)
			}
		}
	}
	return boxes
}

// flaggedSince returns the messages whose flags have changed since the checkpoint. The letters that their names show may never reach the
// disk, see movedFolders.
func flaggedSince(records []*record, checkpoint LSN) map[ID]UIDSet {
	flagged := map[ID]UIDSet{}
	for _, r := range records {
		for _, x := range r.effects {
			if x, ok := x.(*flagsEffect); ok && r.lsn > checkpoint {
				flagged[x.id] = flagged[x.id].Union(x.uids)
			}
		}
	}
	return flagged
}

// movedFolders returns the mailboxes whose folders records made, moved or removed, and which of them records after the checkpoint
// did. What the tree shows of those may never reach the disk: a sync of them may have failed, and then no later one proves anything.
// They are given their names once more.
func movedFolders(records []*record, checkpoint LSN) (moved, doubtful map[ID]bool) {
	moved, doubtful = map[ID]bool{}, map[ID]bool{}
	for _, r := range records {
		for _, x := range r.effects {
			var id ID
			switch x := x.(type) {
			case *createEffect:
				id = x.id
			case *deleteEffect:
				id = x.id
			case *renameEffect:
				id = x.id
			default:
				continue
			}
			moved[id] = true
			if r.lsn > checkpoint {
				doubtful[id] = true
			}
		}
	}
	return moved, doubtful
}

// recoverFolders gives every mailbox its folder and moves those of deleted mailboxes away. Names may have wandered between
// mailboxes, so the folders are told by their markers, and change names by way of one that is nobody's.
func (w *fileWork) recoverFolders(st *accountState, records []*record, checkpoint LSN) error {
	moved, doubtful := movedFolders(records, checkpoint)
	if len(moved) == 0 {
		return nil
	}
	fsys := w.account.unit.fs
	have, err := w.listFolders()
	if err != nil {
		return err
	}
	taken := slices.Collect(maps.Values(have))
	for id, folder := range w.folders { // as of the checkpoint: tells of those whose markers are damaged
		_, err := fsys.Stat(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && have[id] == "" && !slices.Contains(taken, folder) {
			have[id] = folder
		}
	}
	delete(have, inboxOf(st))
	for id, folder := range have {
		b, wanted := st.box(id)
		if wanted && folder == w.account.folderFor(id, b.name) && !doubtful[id] {
			continue
		}
		away := w.account.trashFolder(id)
		if folder != away {
			if err := fsys.Rename(folder, away); err != nil {
				return err
			}
		} else if doubtful[id] {
			if err := renew(fsys, away); err != nil {
				return err
			}
		}
		have[id] = away
		w.folders[id] = away
	}
	for _, b := range st.boxes {
		id := b.view.id
		to := w.account.folderFor(id, b.name)
		if from, ok := have[id]; ok && from != to {
			if err := w.setAside(to); err != nil {
				return err
			}
			if err := fsys.Rename(from, to); err != nil {
				return err
			}
		}
		if doubtful[id] && b.name != inbox {
			if err := renewFolder(fsys, to, id); err != nil {
				return err
			}
		}
		if err := w.makeFolder(id, b.name, b.view.status.UIDValidity); err != nil {
			return err
		}
	}
	return w.recoverDeleted(st, records, have)
}

// inboxOf returns the id of INBOX, whose folder is the root of the tree and never moves.
func inboxOf(st *accountState) ID {
	if b, ok := st.find(inbox); ok {
		return b.view.id
	}
	return ID{}
}

// setAside moves a folder without a marker, which is not ours to remove, out of the way.
func (w *fileWork) setAside(folder string) error {
	err := w.account.unit.fs.Rename(folder, w.account.dir+"/meta/lost-"+NewID().String())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// recoverDeleted makes folders for mailboxes that were made and deleted since the checkpoint: messages may have been copied
// from them.
func (w *fileWork) recoverDeleted(st *accountState, records []*record, have map[ID]string) error {
	for _, rec := range records {
		for _, x := range rec.effects {
			x, ok := x.(*createEffect)
			if !ok || have[x.id] != "" {
				continue
			}
			if _, there := st.box(x.id); there {
				continue
			}
			if err := w.makeFolderAt(x.id, w.account.trashFolder(x.id), x.uidValidity); err != nil {
				return err
			}
		}
	}
	return nil
}

// listFolders finds the folders that carry the marker of a mailbox, also those moved away. It removes the beginnings of
// folders that never got theirs.
func (w *fileWork) listFolders() (map[ID]string, error) {
	fsys := w.account.unit.fs
	have := map[ID]string{}
	maildirs := w.account.dir + "/Maildir"
	for _, root := range []string{maildirs, w.account.dir + "/meta/trash"} {
		entries, err := fsys.ReadDir(root)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if !e.Dir {
				continue
			}
			id, ok, err := readMarker(fsys, root+"/"+e.Name)
			if err != nil {
				return nil, err
			}
			if !ok && root != maildirs { // half removed: there the name tells
				parsed, err := ParseID(strings.TrimSuffix(e.Name, renewing))
				id, ok = parsed, err == nil
			}
			switch {
			case ok:
				have[id] = root + "/" + e.Name
			case strings.HasPrefix(e.Name, "."):
				if err := removeEmpty(fsys, root+"/"+e.Name); err != nil {
					return nil, err
				}
			}
		}
	}
	return have, nil
}

// recoverBox learns which files a mailbox has. A mailbox that is gone may have been the source of copies. The letters of the doubtful
// messages are changed, so that the checkpoint gives them their right ones once more.
func (w *fileWork) recoverBox(st *accountState, id ID, rows map[UID]Message, doubtful UIDSet) error {
	folder, ok := w.folders[id]
	if !ok {
		return nil
	}
	d := &diskFiles{}
	if known := w.disk[id]; known != nil {
		d.uidValidity = known.uidValidity
	}
	if b, ok := w.account.written.state.box(id); ok { // perhaps deleted since, and the source of copies
		d.uidValidity = b.view.status.UIDValidity
	}
	if b, ok := st.box(id); ok {
		view, err := b.view.load()
		if err != nil {
			return err
		}
		d.uidValidity = view.status.UIDValidity
		for _, m := range view.All() {
			rows[m.UID] = *m
		}
	}
	err := w.scan(folder, d, rows, doubtful)
	if errors.Is(err, fs.ErrNotExist) { // deleted, and cleared since
		delete(w.folders, id)
		return nil
	}
	if err != nil {
		return err
	}
	w.disk[id] = d
	fsys := w.account.unit.fs
	if err := clearDir(fsys, folder+"/tmp"); err != nil && !errors.Is(err, fs.ErrNotExist) { // half removed
		return err
	}
	// What stays as it was found was perhaps never synced.
	for _, dir := range []string{folder, folder + "/cur"} {
		if err := fsys.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// recoverEffect makes the files of a record again. What was expunged later may have no bytes any more; of all else a missing file
// is damage.
func (w *fileWork) recoverEffect(st *accountState, x effect) error {
	lost := func(box ID, uid UID, err error) error {
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrExpunged) {
			return err
		}
		if v, verr := st.view(box); verr == nil {
			if _, there := v.Seq(uid); there {
				return &DamageError{File: w.folders[box], What: fmt.Sprintf("the bytes of message %d are missing: %v", uid, err)}
			}
		}
		return nil
	}
	switch x := x.(type) {
	case *appendEffect:
		if w.folders[x.id] == "" {
			return nil
		}
		for i := range x.rows {
			if err := w.takeBack(x.id, &x.rows[i]); err != nil {
				return err
			}
			if err := w.writeMessage(x.id, &x.rows[i]); err != nil {
				if err := lost(x.id, x.rows[i].UID, err); err != nil {
					return err
				}
			}
		}
	case *copyEffect:
		if w.folders[x.id] == "" {
			return nil
		}
		for i := range x.rows {
			if err := w.linkMessage(x, &x.rows[i]); err != nil {
				if err := lost(x.id, x.rows[i].UID, err); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// takeBack gives a spool file that was placed its first name again, to be placed once more: whether its name in the tree will last,
// nobody knows, see movedFolders.
func (w *fileWork) takeBack(box ID, row *newRow) error {
	if row.spool == "" {
		return nil
	}
	w.mu.Lock()
	placed, err := w.fileOf(box, row.UID)
	w.mu.Unlock()
	if err != nil {
		return nil // it was not placed
	}
	fsys := w.account.unit.fs
	spool := w.account.spoolFile(row.spool)
	if _, err := fsys.Stat(spool); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := fsys.Rename(placed, spool); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// recoverGraves buries what is on disk and not in the state. Which record asked for it is not known, so all are kept in
// the log until it is gone: lsn is the first one's.
func (w *fileWork) recoverGraves(st *accountState, lsn LSN) {
	for id, d := range w.disk {
		v, err := st.view(id)
		if err != nil {
			continue
		}
		d.settle()
		var gone UIDSet
		for _, m := range d.files.from(0) {
			if _, ok := v.Seq(m.UID); !ok {
				gone = gone.Append(m.UID)
			}
		}
		if len(gone) > 0 {
			w.graves = append(w.graves, grave{lsn, id, gone})
		}
	}
	for id := range w.folders {
		if _, ok := st.box(id); !ok {
			w.graves = append(w.graves, grave{lsn: lsn, box: id})
		}
	}
}

// recoverRemains buries mailboxes of which only checkpoint files or part of a folder are left.
func (w *fileWork) recoverRemains(st *accountState, lsn LSN) error {
	meta := w.account.dir + "/meta"
	for _, dir := range []string{meta, meta + "/trash"} {
		entries, err := w.account.unit.fs.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			name, _, _ := strings.Cut(e.Name, ".")
			id, err := ParseID(name)
			if err != nil {
				continue
			}
			if _, ok := st.box(id); !ok {
				w.bury(grave{lsn: lsn, box: id})
			}
		}
	}
	return nil
}

// clearRemains removes the trees of accounts whose making a crash has cut short.
func (u *Unit) clearRemains() error {
	known := map[string]bool{}
	for id := range u.dir.durable.Load().byID {
		known[u.newAccount(id).dir] = true
	}
	for _, r := range u.keeper.removals {
		known[u.newAccount(r.id).dir] = true // the keeper removes them when it may
	}
	groups, err := u.fs.ReadDir(accountsDir)
	if err != nil {
		return err
	}
	for _, g := range groups {
		entries, err := u.fs.ReadDir(accountsDir + "/" + g.Name)
		if err != nil {
			return err
		}
		for _, e := range entries {
			dir := accountsDir + "/" + g.Name + "/" + e.Name
			if _, err := ParseID(e.Name); err != nil || known[dir] {
				continue
			}
			if err := removeTree(u.fs, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// clearSpool removes the spool files of messages that were never numbered: all others have their names by now.
func (w *fileWork) clearSpool() error {
	return clearDir(w.account.unit.fs, w.account.dir+"/meta/spool")
}

// scan lists the message files of a mailbox, with the flags that their names tell. rows are the messages that the state
// and the log tell of: a file that has the UID of one but another name is of a record that the log has lost.
func (w *fileWork) scan(folder string, d *diskFiles, rows map[UID]Message, doubtful UIDSet) error {
	fsys := w.account.unit.fs
	entries, err := fsys.ReadDir(folder + "/cur")
	if err != nil {
		return err
	}
	found, names := map[UID]Message{}, map[UID]string{}
	for _, e := range entries {
		base, info, _ := strings.Cut(e.Name, ":2,")
		f, ok := maildir.ParseBase(base)
		if !ok || f.UIDValidity != d.uidValidity || !e.Regular {
			continue // not ours; Verify tells
		}
		m, known := rows[UID(f.UID)]
		if !known {
			m = Message{UID: UID(f.UID), InternalDate: f.Date, EmailID: f.EmailID, StoredSize: f.Stored, Size: f.Size}
		}
		if _, twice := found[m.UID]; twice || d.base(&m) != base {
			if err := fsys.Remove(folder + "/cur/" + e.Name); err != nil {
				return err
			}
			continue
		}
		if flags := Flags(maildir.ParseInfo(info)); flags != m.Flags || !known {
			m.Flags, m.ModSeq = flags, 0 // differs from the view's, so the letters will follow
		}
		found[m.UID], names[m.UID] = m, e.Name
	}
	for _, uid := range slices.Sorted(maps.Keys(found)) {
		m := found[uid]
		if doubtful.Contains(uid) {
			m.Flags, m.ModSeq = m.Flags^Seen, 0
			if err := fsys.Rename(folder+"/cur/"+names[uid], folder+"/cur/"+d.name(&m)); err != nil {
				return err
			}
		}
		d.files = d.files.append(m)
	}
	return nil
}
