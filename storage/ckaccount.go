package storage

import (
	"maps"
	"slices"
)

// The checkpoint of an account, meta/account.ck: frames with what changed, the first of which holds everything.

// writtenState is what the checkpoint files of an account hold; only the checkpointer uses it.
type writtenState struct {
	state *accountState
	file  frameFile
	boxes map[ID]*writtenBox
}

type writtenBox struct {
	file  frameFile
	view  *View
	words wordCount
}

// rewriteAt is the size of a frame file from which it is rewritten when it holds mostly what has changed since.
const rewriteAt = 64 << 10

// checkpoint appends to the account's files what a state has that the last checkpoint has not, unsynced. It returns whether there
// was anything.
func (a *Account) checkpoint(number uint64, st *accountState) (bool, error) {
	w := &a.written
	if st == w.state || a.removed.Load() {
		return false, nil
	}
	for _, b := range st.boxes {
		if err := a.checkpointBox(number, b.view); err != nil {
			return false, err
		}
	}
	f := frame{frameAccount, number, st.lsn, encodeAccount(w.state, st)}
	if err := w.file.append(a.unit.fs, f); err != nil {
		return false, err
	}
	w.state = st
	maps.DeleteFunc(w.boxes, func(id ID, _ *writtenBox) bool { _, ok := st.byID[id]; return !ok }) // the files go with the folder
	return true, nil
}

func (a *Account) checkpointBox(number uint64, v *View) error {
	w := a.written.boxes[v.id]
	if w == nil {
		w = &writtenBox{file: frameFile{name: a.indexFile(v.id), sure: a.unit.sure}, view: &View{}, words: noWords}
		a.written.boxes[v.id] = w
	}
	if w.view == v {
		return nil
	}
	old, err := w.view.load()
	if err != nil {
		return err
	}
	payload, words := encodeBox(old, v, w.words)
	if err := w.file.append(a.unit.fs, frame{frameBox, number, v.lsn, payload}); err != nil {
		return err
	}
	w.view, w.words = v, words
	return nil
}

// compact rewrites files that have grown, with the same contents: those of the completed checkpoint with the number.
// It is called right after that.
func (a *Account) compact(number uint64) error {
	w := &a.written
	for _, b := range w.state.boxes {
		if b.view.unread != nil {
			continue // unchanged since it was read, if it was; a reader may be at it
		}
		box := w.boxes[b.view.id]
		if box.file.end < rewriteAt+3*messageSize*int64(b.view.status.Messages) {
			continue
		}
		payload, words := encodeBox(&View{}, box.view, noWords)
		if err := box.file.replace(a.unit.fs, frame{frameBox, number, box.view.lsn, payload}); err != nil {
			return err
		}
		box.words = words
	}
	if w.file.end < rewriteAt+400*int64(len(w.state.boxes)) {
		return nil
	}
	return w.file.replace(a.unit.fs, frame{frameAccount, number, w.state.lsn, encodeAccount(emptyAccount, w.state)})
}

func (a *Account) indexFile(id ID) string   { return a.dir + "/meta/" + id.String() + ".idx" }
func (a *Account) textsFolder(id ID) string { return a.dir + "/meta/" + id.String() + ".texts" }
func (a *Account) cacheFile(id ID) string   { return a.dir + "/meta/" + id.String() + ".cache" }
func (a *Account) accountFile() string      { return a.dir + "/meta/account.ck" }

// encodeAccount writes what st has and old has not.
func encodeAccount(old, st *accountState) []byte {
	var e encoder
	e.uvarint(uint64(st.modseq))
	e.u32(st.uidValidity)
	newSubs := !slices.Equal(old.subs, st.subs)
	e.u8(boolByte(newSubs))
	if newSubs {
		e.strs(st.subs)
	}
	var gone []ID
	for _, b := range old.boxes {
		if _, ok := st.box(b.view.id); !ok {
			gone = append(gone, b.view.id)
		}
	}
	var boxes []*box
	for _, b := range st.boxes {
		if was, ok := old.box(b.view.id); !ok || was != b {
			boxes = append(boxes, b)
		}
	}
	e.uvarint(uint64(len(gone)))
	for _, id := range gone {
		e.id(id)
	}
	e.uvarint(uint64(len(boxes)))
	for _, b := range boxes {
		e.id(b.view.id)
		e.str(b.name)
		e.u32(uint32(b.use))
		e.u32(uint32(b.recent))
		e.u64(uint64(b.view.lsn))
		encodeStatus(&e, b.view.status)
	}
	return e.b
}

// decodeAccount puts an account together from its frames. unread makes the view of a mailbox whose messages
// are not read yet.
func decodeAccount(frames []frame, unread func(id ID, lsn LSN, s Status) *View) (*accountState, error) {
	st := &accountState{}
	boxes := map[ID]*box{}
	for _, f := range frames {
		d := decoder{b: f.payload}
		st.lsn = f.lsn
		st.modseq, st.uidValidity = ModSeq(d.uvarint()), d.u32()
		if d.u8() != 0 {
			st.subs = d.strs()
		}
		for range d.count(16) {
			delete(boxes, d.id())
		}
		for range d.count(32) {
			id := d.id()
			b := &box{name: d.str(), use: SpecialUse(d.u32()), recent: UID(d.u32())}
			lsn := LSN(d.u64())
			b.view = unread(id, lsn, decodeStatus(&d))
			boxes[id] = b
		}
		if err := d.end(); err != nil {
			return nil, err
		}
	}
	st.boxes = slices.Collect(maps.Values(boxes))
	st.index()
	return st, nil
}

// readCheckpoint brings an account to the state of its checkpoint. torn tells whether the file ends in bytes that are no
// frame: to be expected after a power cut if the log has newer records of the account, damage otherwise.
func (a *Account) readCheckpoint(completed uint64) (torn bool, err error) {
	w := &a.written
	file, frames, torn, err := readFrameFile(a.unit.fs, a.accountFile(), completed)
	if err != nil {
		return false, err
	}
	w.file = file
	w.file.sure = a.unit.sure
	w.boxes = map[ID]*writtenBox{}
	st, err := decodeAccount(frames, func(id ID, lsn LSN, s Status) *View {
		v := &View{id: id, status: s, lsn: lsn}
		box := &writtenBox{file: frameFile{name: a.indexFile(id)}, view: v}
		w.boxes[id] = box
		v.unread = &cell{read: func() (*View, error) { return a.readBox(v, box, completed) }}
		return v
	})
	if err != nil {
		return false, file.damaged("a frame before this %v", err)
	}
	maps.DeleteFunc(w.boxes, func(id ID, _ *writtenBox) bool { _, ok := st.byID[id]; return !ok })
	w.state = st
	a.head = st
	a.durable.Store(st)
	a.files.start(st)
	return torn, nil
}

// readBox reads a mailbox whose status the account's checkpoint tells. It is called once, before the checkpointer
// looks at w.
func (a *Account) readBox(v *View, w *writtenBox, completed uint64) (*View, error) {
	file, frames, torn, err := readFrameFile(a.unit.fs, a.indexFile(v.id), completed)
	if err != nil {
		return nil, err
	}
	r := boxReader{view: View{id: v.id, words: newKeywordTable()}}
	for _, f := range frames {
		if err := r.frame(f); err != nil {
			return nil, file.damaged("a frame before this %v", err)
		}
	}
	got := r.finish()
	switch {
	case got.lsn != v.lsn || got.status != v.status:
		return nil, file.damaged("the mailbox is as of record %d here, as of %d in the account (torn: %t)", got.lsn, v.lsn, torn)
	case !got.recount():
		return nil, file.damaged("the counts are not those of the messages")
	}
	file.sure = a.unit.sure
	w.file, w.words = file, wordCount{got.words.len(), got.words.setCount()}
	a.files.startBox(got)
	return got, nil
}
