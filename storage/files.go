package storage

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mailhavn/mailhavn/storage/maildir"
)

// fileWork brings the maildir tree of an account to where the log is: in LSN order, after the answer. Until a message has
// its file, its bytes are found here. What it keeps of the tree (folders, disk) is exactly what is there, so that
// no listing is needed to find a file.
//
// Nothing is unlinked here: the checkpointer does that, when everything linked before is synced.
type fileWork struct {
	account *Account

	mu      sync.Mutex // guards the following fields
	bodies  map[bodyKey]body
	copies  []*copyEffect     // whose links are not made yet
	queue   []*record         // with work to do
	running bool              // a worker has the account
	folders map[ID]string     // of each mailbox
	disk    map[ID]*diskFiles // by mailbox
	graves  []grave
	caches  map[ID]*cache
	texts   map[ID]*textIndex // of mailboxes that were searched
	err     error             // of the last attempt
	again   *time.Timer       // for the next attempt after an error
}

type bodyKey struct {
	box ID
	uid UID
}

// body is where the bytes of a message are that has no file yet.
type body struct {
	inline []byte
	spool  string
	row    Message
}

// grave is something that is to be removed from the tree.
type grave struct {
	lsn  LSN
	box  ID
	uids UIDSet // messages; nil: the whole mailbox
}

func (g grave) same(h grave) bool {
	return g.lsn == h.lsn && g.box == h.box && (g.uids == nil) == (h.uids == nil)
}

// diskFiles are the message files of one mailbox: which are there and under which flags.
type diskFiles struct {
	uidValidity uint32
	files       tree
	late        map[UID]Message // those that came out of order
	like        tree            // of the view with which files was last in agreement
}

// agree notes that the files are those of the view's messages, letters included. The memory is shared.
func (d *diskFiles) agree(v *View) {
	d.like = v.messages
	d.files = v.messages.clip()
}

// agrees tells whether the files are known to be those of the view's messages.
func (d *diskFiles) agrees(v *View) bool {
	return d.like.same(v.messages) && d.files.n == d.like.n && len(d.late) == 0
}

func (d *diskFiles) find(uid UID) (*Message, bool) {
	if m, ok := d.late[uid]; ok {
		return &m, true
	}
	if i, ok := d.files.find(uid); ok {
		return d.files.at(i), true
	}
	return nil, false
}

func (d *diskFiles) add(m Message) {
	if n := d.files.len(); n > 0 && d.files.at(n-1).UID >= m.UID {
		if d.late == nil {
			d.late = map[UID]Message{}
		}
		d.late[m.UID] = m
		return
	}
	d.files = d.files.append(m)
}

// settle brings those that came out of order to their places.
func (d *diskFiles) settle() {
	if len(d.late) == 0 {
		return
	}
	rows := make([]Message, 0, d.files.n+len(d.late))
	for _, m := range d.files.from(0) {
		rows = append(rows, *m)
	}
	rows = slices.AppendSeq(rows, maps.Values(d.late))
	slices.SortFunc(rows, func(a, b Message) int { return cmp.Compare(a.UID, b.UID) })
	d.files, d.late = tree{}.append(rows...), nil
}

func (d *diskFiles) remove(uids UIDSet) {
	for uid := range d.late {
		if uids.Contains(uid) {
			delete(d.late, uid)
		}
	}
	d.files = d.files.edit(uids, func(*Message) bool { return false })
}

// setFlags notes that a file was renamed.
func (d *diskFiles) setFlags(uid UID, flags Flags) {
	if m, ok := d.late[uid]; ok {
		m.Flags = flags
		d.late[uid] = m
		return
	}
	d.files = d.files.edit(UIDSet{{uid, uid}}, func(m *Message) bool {
		m.Flags = flags
		return true
	})
}

// name returns a message's file name within cur.
func (d *diskFiles) name(m *Message) string { return d.base(m) + maildir.Info(uint16(m.Flags)) }

func (d *diskFiles) base(m *Message) string {
	return maildir.File{Date: m.InternalDate, UIDValidity: d.uidValidity, UID: uint32(m.UID), EmailID: m.EmailID,
		Stored: m.StoredSize, Size: m.Size}.Base()
}

// expect makes the bytes of new messages available to readers; forget takes that back. Spool files stay where it is not certain
// that no record names them: recovery will know.
func (w *fileWork) expect(effects []effect) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range effects {
		switch x := x.(type) {
		case *appendEffect:
			for i := range x.rows {
				w.bodies[bodyKey{x.id, x.rows[i].UID}] = body{x.rows[i].inline, x.rows[i].spool, x.rows[i].Message}
			}
		case *copyEffect:
			w.copies = append(w.copies, x)
		}
	}
}

func (w *fileWork) forget(effects []effect, certain bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range effects {
		switch x := x.(type) {
		case *appendEffect:
			for i := range x.rows {
				w.account.discard(&x.rows[i], certain)
				delete(w.bodies, bodyKey{x.id, x.rows[i].UID})
			}
		case *copyEffect:
			w.dropCopy(x)
		}
	}
}

// discard frees the bytes of a message that was not appended after all.
func (a *Account) discard(r *newRow, certain bool) {
	a.unit.room.give(int64(len(r.inline)))
	if r.spool != "" && certain {
		a.unit.fs.Remove(a.spoolFile(r.spool)) // if it stays, the next recovery removes it
	}
}

// add queues the work of a record that is durable.
func (w *fileWork) add(r *record) {
	if !slices.ContainsFunc(r.effects, touchesFiles) {
		return
	}
	for _, x := range r.effects {
		if x, ok := x.(*appendEffect); ok {
			c := w.cache(x.id)
			for i := range x.rows {
				c.put(x.rows[i].UID, x.rows[i].summary)
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, r)
	if !w.running {
		w.running = true
		w.account.unit.pool.add(w)
	}
}

func touchesFiles(x effect) bool {
	switch x.(type) {
	case *createEffect, *deleteEffect, *renameEffect, *appendEffect, *copyEffect, *expungeEffect:
		return true
	}
	return false
}

// turn is how many records a worker does for one account before it looks for another.
const turn = 32

// work does some of the queue. It returns whether there is more, and an error after which to try again later.
func (w *fileWork) work() (more bool, err error) {
	for range turn {
		if w.account.removed.Load() {
			w.abandon()
		}
		w.mu.Lock()
		if len(w.queue) == 0 {
			w.running = false
			w.mu.Unlock()
			return false, nil
		}
		r := w.queue[0]
		w.mu.Unlock()
		err := w.do(r)
		w.mu.Lock()
		if w.err = err; err == nil {
			w.queue[0] = nil
			w.queue = w.queue[1:]
		}
		w.mu.Unlock()
		if err != nil {
			return true, err
		}
	}
	return true, nil
}

// abandon drops the work of an account that was removed, and gives back what it held.
func (w *fileWork) abandon() {
	w.mu.Lock()
	queue := w.queue
	w.queue = nil
	w.mu.Unlock()
	for _, r := range queue {
		w.forget(r.effects, false)
	}
}

// later arranges for the next attempt after an error; retry makes it now, if it is to come.
func (w *fileWork) later(after time.Duration, add func(*fileWork)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.again = time.AfterFunc(after, func() { add(w) })
}

func (w *fileWork) retry() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.again != nil && w.again.Stop() {
		w.again, w.err = nil, nil
		w.account.unit.pool.add(w)
	}
}

// pendingBelow returns the LSN below which all work of the account is done.
func (w *fileWork) pendingBelow(limit LSN) LSN {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) > 0 && w.queue[0].lsn < limit {
		return w.queue[0].lsn
	}
	return limit
}

// do does the work of one record; all of it may have been done before.
func (w *fileWork) do(r *record) error {
	for _, x := range r.effects {
		if err := w.doEffect(r.lsn, x); err != nil {
			return fmt.Errorf("account %s, record %d: %w", r.account, r.lsn, err)
		}
	}
	return nil
}

func (w *fileWork) doEffect(lsn LSN, x effect) error {
	switch x := x.(type) {
	case *createEffect:
		return w.makeFolder(x.id, x.name, x.uidValidity)
	case *renameEffect:
		return w.moveFolder(x.id, w.account.folderFor(x.id, x.name))
	case *deleteEffect:
		w.bury(grave{lsn: lsn, box: x.id})
		return w.moveFolder(x.id, w.account.trashFolder(x.id))
	case *appendEffect:
		for i := range x.rows {
			if err := w.writeMessage(x.id, &x.rows[i]); err != nil {
				return err
			}
		}
	case *copyEffect:
		return w.linkMessages(x)
	case *expungeEffect:
		w.bury(grave{lsn, x.id, x.uids})
	}
	return nil
}

func (w *fileWork) bury(g grave) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.ContainsFunc(w.graves, g.same) {
		w.graves = append(w.graves, g)
	}
}

func (a *Account) trashFolder(id ID) string { return a.dir + "/meta/trash/" + id.String() }

// folderFor returns the folder that a mailbox of the name has.
func (a *Account) folderFor(id ID, name string) string {
	root := a.dir + "/Maildir"
	if name == inbox {
		return root
	}
	folder, ok := maildir.FolderName(name)
	if !ok {
		folder = id.String()
	}
	return root + "/" + folder
}

// markerFile lies in every mailbox folder but INBOX's: Maildir++ wants it, ours holds the mailbox's id.
const markerFile = "maildirfolder"

func (w *fileWork) makeFolder(id ID, name string, uidValidity uint32) error {
	folder := w.account.folderFor(id, name)
	if name == inbox {
		w.noteFolder(id, folder, uidValidity)
		return nil
	}
	return w.makeFolderAt(id, folder, uidValidity)
}

// makeFolderAt makes a mailbox's folder, all or part of which may be there. Its marker is durable before any message
// lies in it, so that recovery can tell whose it is.
func (w *fileWork) makeFolderAt(id ID, folder string, uidValidity uint32) error {
	fsys := w.account.unit.fs
	for _, dir := range []string{folder, folder + "/cur", folder + "/new", folder + "/tmp"} {
		if err := fsys.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	found, ok, err := readMarker(fsys, folder)
	if err != nil {
		return err
	}
	if !ok || found != id {
		if err := writeMarker(fsys, folder, id); err != nil {
			return err
		}
	}
	for _, dir := range []string{folder, parent(folder)} { // a spool file that moves here must not go with the folder
		if err := fsys.SyncDir(dir); err != nil {
			return err
		}
	}
	w.noteFolder(id, folder, uidValidity)
	return nil
}

func (w *fileWork) noteFolder(id ID, folder string, uidValidity uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.folders[id] = folder
	if w.disk[id] == nil {
		w.disk[id] = &diskFiles{uidValidity: uidValidity}
	}
}

func (w *fileWork) moveFolder(id ID, to string) error {
	w.mu.Lock()
	defer w.mu.Unlock() // readers do not look while the folder is between names
	from := w.folders[id]
	if from == to {
		return nil
	}
	if err := w.account.unit.fs.Rename(from, to); err != nil {
		return err
	}
	w.folders[id] = to
	return nil
}

// writeMessage gives an appended message its file.
func (w *fileWork) writeMessage(box ID, row *newRow) error {
	w.mu.Lock()
	folder, d := w.folders[box], w.disk[box]
	m, exists := d.find(row.UID)
	if !exists {
		m = &row.Message
	}
	to := folder + "/cur/" + d.name(m)
	w.mu.Unlock()
	fsys := w.account.unit.fs
	from, prepare := w.account.spoolFile(row.spool), func() error { return w.dateSpool(row) }
	if row.spool == "" {
		from = folder + "/tmp/" + d.base(m)
		prepare = func() error { return w.writeInline(from, row) }
	}
	if err := prepare(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock() // a reader finds the bytes where they were or where they will be
	if err := fsys.Rename(from, to); errors.Is(err, fs.ErrNotExist) {
		if _, serr := fsys.Stat(to); errors.Is(serr, fs.ErrNotExist) { // else it was placed before
			return err
		} else if serr != nil {
			return serr
		}
	} else if err != nil {
		return err
	}
	if !exists {
		d.add(row.Message)
	}
	if _, ok := w.bodies[bodyKey{box, row.UID}]; ok {
		delete(w.bodies, bodyKey{box, row.UID})
		w.account.unit.room.give(int64(len(row.inline)))
	}
	return nil
}

// writeInline writes the bytes of a log record to a file.
func (w *fileWork) writeInline(tmp string, row *newRow) error {
	fsys := w.account.unit.fs
	f, err := fsys.Create(tmp)
	if errors.Is(err, fs.ErrExist) { // of an attempt that failed
		if err = fsys.Remove(tmp); err == nil {
			f, err = fsys.Create(tmp)
		}
	}
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(row.inline, 0); err == nil {
		err = f.SetModTime(time.Unix(row.InternalDate, 0))
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		fsys.Remove(tmp)
	}
	return err
}

// dateSpool gives a spool file the time of its message. It may have been placed before.
func (w *fileWork) dateSpool(row *newRow) error {
	f, err := w.account.unit.fs.OpenRW(w.account.spoolFile(row.spool))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	err = f.SetModTime(time.Unix(row.InternalDate, 0))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// linkMessages gives copied messages their files.
func (w *fileWork) linkMessages(x *copyEffect) error {
	for i := range x.rows {
		w.mu.Lock()
		_, done := w.disk[x.id].find(x.rows[i].UID) // by an attempt that failed later
		w.mu.Unlock()
		if done {
			continue
		}
		if err := w.linkMessage(x, &x.rows[i]); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dropCopy(x)
	return nil
}

// dropCopy ends the waiting of a copy for its files; w.mu is held.
func (w *fileWork) dropCopy(x *copyEffect) {
	w.copies = slices.DeleteFunc(w.copies, func(y *copyEffect) bool { return x == y })
	w.account.unit.links.give(x.held)
	x.held = 0
}

// linkMessage gives one its file. The lock is held over the call, so that the source keeps its name.
func (w *fileWork) linkMessage(x *copyEffect, row *newRow) error {
	s, cached := w.cache(x.source).bytes(row.from)
	w.mu.Lock()
	defer w.mu.Unlock()
	target := w.disk[x.id]
	m, exists := target.find(row.UID)
	if !exists {
		m = &row.Message
	}
	to := w.folders[x.id] + "/cur/" + target.name(m)
	from, err := w.fileOf(x.source, row.from)
	if errors.Is(err, ErrExpunged) && exists {
		return nil // in recovery: the source was unlinked after this link was synced
	}
	if err != nil {
		return fmt.Errorf("copy of message %d of mailbox %s: %w", row.from, x.source, err)
	}
	if exists {
		if err := w.account.unit.fs.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := link(w.account.unit.fs, from, to, row.InternalDate); err != nil || exists {
		return err
	}
	target.add(row.Message)
	if cached {
		w.cacheLocked(x.id).put(row.UID, s)
	}
	return nil
}

// fileOf returns the path of a message that has a file; ErrExpunged if it has none. w.mu is held.
func (w *fileWork) fileOf(box ID, uid UID) (string, error) {
	d, ok := w.disk[box]
	if !ok {
		return "", ErrExpunged
	}
	m, ok := d.find(uid)
	if !ok {
		return "", ErrExpunged
	}
	return w.folders[box] + "/cur/" + d.name(m), nil
}
