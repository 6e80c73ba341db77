package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/mailhavn/mailhavn/storage/message"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// Content is the bytes of a message in wire form (every line end CRLF); offsets count those. It may be read by many
// goroutines at once, and stays readable when the message is expunged.
type Content struct {
	*message.WireReader
	closer io.Closer
}

// Close gives the file back.
func (c Content) Close() error {
	if c.closer == nil {
		return nil
	}
	return c.closer.Close()
}

// Open opens a message's bytes: also those of a message expunged a short while ago, which a session may still show.
// ErrExpunged when they are gone; *DamageError when they should be there and are not.
func (m *Mailbox) Open(ctx context.Context, uid UID) (Content, error) {
	r, row, err := m.stored(ctx, uid)
	if err != nil {
		return Content{}, err
	}
	c := Content{WireReader: message.NewWireReader(r, int64(row.StoredSize), int64(row.Size))}
	c.closer, _ = r.(io.Closer)
	return c, nil
}

// stored opens a message's bytes as they are stored.
func (m *Mailbox) stored(ctx context.Context, uid UID) (io.ReaderAt, Message, error) {
	// Which files there are is known once the mailbox was read; of a deleted one some may still be there.
	if _, err := m.View(ctx); err != nil && !errors.Is(err, ErrNoMailbox) {
		return nil, Message{}, err
	}
	r, row, err := m.account.files.open(m.id, uid)
	if err != nil {
		return nil, Message{}, m.explain(uid, err)
	}
	return r, row, nil
}

// explain says whether a message that has no bytes was expunged, or has lost them.
func (m *Mailbox) explain(uid UID, err error) error {
	if !errors.Is(err, ErrExpunged) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	v, verr := m.account.durable.Load().view(m.id)
	if verr != nil {
		return fmt.Errorf("message %d: %w", uid, ErrExpunged)
	}
	if _, there := v.Seq(uid); !there {
		return fmt.Errorf("message %d: %w", uid, ErrExpunged)
	}
	m.account.files.mu.Lock()
	name, ferr := m.account.files.fileOf(m.id, uid)
	if ferr != nil {
		name = m.account.files.folders[m.id] + "/cur"
	}
	m.account.files.mu.Unlock()
	return &DamageError{File: name, What: fmt.Sprintf("the file of message %d of mailbox %s is missing", uid, m.id)}
}

// open finds the bytes of a message where they are now: in memory, in the spool or in the tree.
func (w *fileWork) open(box ID, uid UID) (io.ReaderAt, Message, error) {
	var err error
	for range 4 { // between looking and opening, the file may get its place or another name
		w.mu.Lock()
		inline, path, row, ferr := w.locate(box, uid)
		w.mu.Unlock()
		if ferr != nil {
			return nil, Message{}, ferr
		}
		if path == "" {
			return bytes.NewReader(inline), row, nil
		}
		var f vfs.File
		if f, err = w.account.unit.fs.Open(path); err == nil {
			return checkSize(f, path, row)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, Message{}, err
		}
	}
	return w.search(box, uid, err)
}

// checkSize refuses a file that has not the size that its message had.
func checkSize(f vfs.File, path string, row Message) (io.ReaderAt, Message, error) {
	size, err := f.Size()
	if err == nil && size != int64(row.StoredSize) {
		err = &DamageError{File: path, Offset: min(size, int64(row.StoredSize)), What: fmt.Sprintf("has %d bytes, the message had %d", size, row.StoredSize)}
	}
	if err != nil {
		f.Close()
		return nil, Message{}, err
	}
	return f, row, nil
}

// locate tells where the bytes of a message are: in memory where there is no path. w.mu is held. The row has at least the
// sizes.
func (w *fileWork) locate(box ID, uid UID) (inline []byte, path string, row Message, err error) {
	for range len(w.copies) + 1 {
		if d, ok := w.disk[box]; ok {
			if m, ok := d.find(uid); ok {
				return nil, w.folders[box] + "/cur/" + d.name(m), *m, nil
			}
		}
		if b, ok := w.bodies[bodyKey{box, uid}]; ok {
			if b.spool != "" {
				return nil, w.account.spoolFile(b.spool), b.row, nil
			}
			return b.inline, "", b.row, nil
		}
		x, i := w.pendingCopy(box, uid)
		if x == nil {
			break
		}
		box, uid = x.source, x.rows[i].from
	}
	return nil, "", Message{}, ErrExpunged
}

// pendingCopy finds the copy that will give a message its file.
func (w *fileWork) pendingCopy(box ID, uid UID) (*copyEffect, int) {
	for _, x := range w.copies {
		if first := x.rows[0].UID; x.id == box && uid >= first && int(uid-first) < len(x.rows) {
			return x, int(uid - first)
		}
	}
	return nil, 0
}

// search looks for a file that is not under its name: another program has changed its flag letters.
func (w *fileWork) search(box ID, uid UID, missing error) (io.ReaderAt, Message, error) {
	w.mu.Lock()
	d, folder := w.disk[box], w.folders[box]
	var row Message
	var base string
	if d != nil {
		if m, ok := d.find(uid); ok {
			row, base = *m, d.base(m)
		}
	}
	w.mu.Unlock()
	if base == "" {
		return nil, Message{}, missing
	}
	for _, dir := range []string{folder + "/cur", folder + "/new"} {
		entries, err := w.account.unit.fs.ReadDir(dir)
		if err != nil {
			return nil, Message{}, err
		}
		for _, e := range entries {
			if rest, ok := strings.CutPrefix(e.Name, base); ok && (rest == "" || rest[0] == ':') {
				f, err := w.account.unit.fs.Open(dir + "/" + e.Name)
				if err != nil {
					return nil, Message{}, err
				}
				return checkSize(f, dir+"/"+e.Name, row)
			}
		}
	}
	return nil, Message{}, missing
}
