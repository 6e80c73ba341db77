package storage

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"sync"

	"github.com/mailhavn/mailhavn/storage/message"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// maxInline is the size up to which a message travels in the log, in bytes.
const maxInline = 64 << 10

// Body takes in the bytes of one message for one account. Up to 64 KiB stay in memory; more go to a spool file. It is
// used by one goroutine. Every Body is closed, also after Append.
type Body struct {
	account *Account
	from    Origin
	through *transforming // nil: the message is taken as it comes
	buf     []byte        // the whole message, while it is small
	file    vfs.File      // else the spool file
	spool   string        // its name
	size    int64         // of what is stored
	sum     hash.Hash
	wire    message.WireCounter
	held    int64 // bytes of the unit's room that it holds
	given   bool  // the account has it
	sealed  bool
}

// NewBody begins to take in a message that a mail program saves.
func (a *Account) NewBody() *Body { return a.newBody(Appended) }

// NewDelivery begins to take in a message that somebody has sent.
func (a *Account) NewDelivery() *Body { return a.newBody(Delivered) }

// Size returns how many bytes were written. With a [Transform] there may be more or fewer in the message that is stored.
func (b *Body) Size() int64 {
	if b.through != nil {
		return b.through.received
	}
	return b.size
}

// Transformed tells whether the message goes through a [Transform], or was refused by one.
func (b *Body) Transformed() bool { return b.through != nil }

// Err tells why the message was refused by a [Transform]; nil if it was not. It is known before the first Write whether there is no way to take it.
func (b *Body) Err() error {
	if b.through == nil {
		return nil
	}
	return b.through.err
}

// Write adds bytes. ErrLimit beyond 4 GiB; ErrNoSpace; ErrTransform; after an error the Body is of no use.
func (b *Body) Write(p []byte) (int, error) {
	if b.through != nil {
		return b.through.write(p)
	}
	return b.store(p)
}

// store adds bytes of the message as it is stored.
func (b *Body) store(p []byte) (int, error) {
	if b.sealed {
		return 0, errors.New("write to a message that was appended")
	}
	if b.size+int64(len(p)) > math.MaxUint32 {
		return 0, fmt.Errorf("%w: a message has at most %d bytes", ErrLimit, uint32(math.MaxUint32))
	}
	if b.file == nil && b.size+int64(len(p)) > maxInline {
		if err := b.spill(); err != nil {
			return 0, err
		}
	}
	if b.file == nil {
		b.buf = append(b.buf, p...)
	} else if n, err := b.file.WriteAt(p, b.size); err != nil {
		return n, err
	}
	b.sum.Write(p)
	b.wire.Write(p)
	b.size += int64(len(p))
	return len(p), nil
}

// Spool moves what was taken in from memory to a file, as is done with large messages. It is for who takes in many messages before
// they are appended together.
func (b *Body) Spool() error {
	if b.file != nil || b.sealed {
		return nil
	}
	return b.spill()
}

// spill moves the message to a spool file.
func (b *Body) spill() error {
	b.spool = NewID().String()
	f, err := b.account.unit.fs.Create(b.account.spoolFile(b.spool))
	if err != nil {
		b.spool = ""
		return err
	}
	b.file = f
	_, err = f.WriteAt(b.buf, 0)
	b.buf = nil
	return err
}

func (a *Account) spoolFile(name string) string { return a.dir + "/meta/spool/" + name }

// For returns a Body with the same bytes for another account of the unit, without reading them again where the
// file system can share them. The first Body must be complete, not [Body.Transformed], and is left as it is.
func (b *Body) For(a *Account) (*Body, error) {
	if b.through != nil {
		return nil, fmt.Errorf("%w: for another account it would have to be transformed otherwise", ErrTransform)
	}
	c := a.newBody(b.from)
	if b.file == nil {
		_, err := c.Write(b.buf)
		return c, err
	}
	if c.through != nil {
		_, err := io.Copy(c, io.NewSectionReader(b.file, 0, b.size))
		return c, err
	}
	c.spool = NewID().String()
	fsys := a.unit.fs
	if err := fsys.Link(b.account.spoolFile(b.spool), a.spoolFile(c.spool)); err != nil {
		_, err := io.Copy(c, io.NewSectionReader(b.file, 0, b.size))
		return c, err
	}
	f, err := fsys.OpenRW(a.spoolFile(c.spool))
	if err != nil {
		return nil, err
	}
	c.file, c.size, c.sum, c.wire = f, b.size, b.sum, b.wire
	return c, nil
}

// finish ends the transformation.
func (b *Body) finish() error {
	if b.through == nil {
		return nil
	}
	return b.through.end(nil)
}

// seal makes the bytes as durable as they must be before the message is numbered, and describes them.
func (b *Body) seal() (newRow, error) {
	if b.sealed {
		return newRow{}, errors.New("message was appended before")
	}
	if size := b.wire.Wire(); size > math.MaxUint32 {
		return newRow{}, fmt.Errorf("%w: a message has at most %d bytes with CRLF line ends", ErrLimit, uint32(math.MaxUint32))
	}
	if b.account.unit.short.Load() {
		return newRow{}, fmt.Errorf("storage unit: %w", ErrNoSpace)
	}
	b.sealed = true
	row := newRow{inline: b.buf, spool: b.spool}
	if b.file != nil {
		if err := b.file.Sync(); err != nil {
			return newRow{}, err
		}
		if err := b.account.unit.fs.SyncDir(b.account.dir + "/meta/spool"); err != nil {
			return newRow{}, err
		}
	}
	if err := b.summarize(&row); err != nil {
		return newRow{}, err
	}
	row.Size, row.StoredSize = uint32(b.wire.Wire()), uint32(b.size)
	row.EmailID = NewID()
	copy(row.Digest[:], b.sum.Sum(nil))
	return row, nil
}

// summarize fills the cache while the bytes are at hand.
func (b *Body) summarize(row *newRow) error {
	var s message.Summary
	var err error
	if b.file == nil {
		s, _ = message.SummarizeBytes(b.buf)
	} else {
		s, _, err = message.Summarize(b.file, b.size)
	}
	row.summary = s.Bytes()
	return err
}

// maxInlineAppend is how many bytes of messages that are appended together travel in the log.
const maxInlineAppend = 8 << 20

// takeRoom waits for the room that the messages of one append need, all at once: who held a part and waited for the rest could
// wait for ever. Many messages go to spool files instead.
func takeRoom(ctx context.Context, msgs []NewMessage) error {
	total := int64(0)
	for _, m := range msgs {
		total += int64(len(m.Body.buf))
	}
	if total > maxInlineAppend {
		for _, m := range msgs {
			if m.Body.file == nil {
				if err := m.Body.spill(); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if total == 0 {
		return nil
	}
	if err := msgs[0].Body.account.unit.room.take(ctx, total); err != nil {
		return err
	}
	for _, m := range msgs {
		m.Body.held = int64(len(m.Body.buf))
	}
	return nil
}

// give tells that the account has the bytes now: it removes or frees them itself.
func (b *Body) give() { b.given = true }

// Close discards the message unless it was appended.
func (b *Body) Close() error {
	if b.through != nil {
		b.through.end(errGivenUp)
	}
	var err error
	if b.file != nil {
		err = b.file.Close()
		b.file = nil
		if !b.given {
			err = errors.Join(err, b.account.unit.fs.Remove(b.account.spoolFile(b.spool)))
		}
	}
	if !b.given {
		b.account.unit.room.give(b.held)
	}
	b.buf, b.held = nil, 0
	return err
}

// room bounds what is in memory on its way to files.
type room struct {
	mu   sync.Mutex // guards the following fields
	free int64
	more chan struct{} // closed and replaced when free grows
}

func newRoom(n int64) room { return room{free: n, more: make(chan struct{})} }

// take waits until n bytes are free.
func (r *room) take(ctx context.Context, n int64) error {
	for {
		r.mu.Lock()
		if r.free >= n {
			r.free -= n
			r.mu.Unlock()
			return nil
		}
		more := r.more
		r.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *room) give(n int64) {
	if n == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.free += n
	close(r.more)
	r.more = make(chan struct{})
}
