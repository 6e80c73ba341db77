package storage

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/mailhavn/mailhavn/storage/internal/trigram"
	"github.com/mailhavn/mailhavn/storage/message"
)

const (
	// fewUnindexed is how many messages a search may have to read in a mailbox before it asks for them to be indexed.
	fewUnindexed = 128
	// manyUnindexed is how many a mailbox gathers before they are indexed without anybody searching: at the UIDs that it divides, and
	// at a checkpoint.
	manyUnindexed = 1000
	// maxMerged is how large a segment can become by merging, in bytes.
	maxMerged = 32 << 20
)

// indexer keeps the indexes of texts: one goroutine of a unit, one mailbox after the other, off the way of mail.
type indexer struct {
	unit *Unit
	wake chan struct{}
	ctx  context.Context
	stop context.CancelFunc
	done chan struct{}

	mu    sync.Mutex // guards queue
	queue []*Mailbox

	builder *trigram.Builder // of the goroutine; nil while there is nothing to do
	folded  []byte
}

func newIndexer(u *Unit) *indexer {
	x := &indexer{unit: u, wake: make(chan struct{}, 1), done: make(chan struct{})}
	x.ctx, x.stop = context.WithCancel(context.Background())
	return x
}

func (x *indexer) start() { go x.run() }

func (x *indexer) close() {
	x.stop()
	<-x.done
}

// request asks for a mailbox to be indexed.
func (x *indexer) request(a *Account, box ID) {
	if x.unit.damage != nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range x.queue {
		if m.account == a && m.id == box {
			return
		}
	}
	x.queue = append(x.queue, &Mailbox{a, box})
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// requestMany asks for the mailboxes of an account that have gathered many messages.
func (x *indexer) requestMany(a *Account) {
	for _, b := range a.durable.Load().boxes {
		v, ok := b.view.inMemory()
		if ok && v.Len() >= manyUnindexed && a.files.textIndex(v.id).behind(v) >= manyUnindexed {
			x.request(a, v.id)
		}
	}
}

// hold takes a handle of an account that is loaded; false where it is not any more.
func (u *Unit) hold(a *Account) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.accounts[a.id] != a || a.removed.Load() || u.closing.Load() {
		return false
	}
	a.refs++
	return true
}

func (x *indexer) run() {
	defer close(x.done)
	for {
		select {
		case <-x.wake:
		case <-x.ctx.Done():
			return
		}
		for m := x.next(); m != nil && x.ctx.Err() == nil; m = x.next() {
			if err := x.index(m); err != nil && !errors.Is(err, ErrNoMailbox) && x.ctx.Err() == nil {
				x.unit.logger.Warn("cannot index a mailbox; searches read its messages", "account", m.account.id, "mailbox", m.id, "err", err)
			}
		}
		x.builder = nil
	}
}

func (x *indexer) next() *Mailbox {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.queue) == 0 {
		return nil
	}
	m := x.queue[0]
	x.queue = x.queue[1:]
	return m
}

// index brings the index of a mailbox up to date.
func (x *indexer) index(m *Mailbox) error {
	if !x.unit.hold(m.account) {
		return nil
	}
	defer m.account.Close()
	v, err := m.View(x.ctx)
	if err != nil {
		return err
	}
	if x.builder == nil {
		x.builder = new(trigram.Builder)
	}
	texts := m.account.files.textIndex(m.id)
	r := UIDRange{First: texts.end() + 1}
	seq, _ := v.Seq(r.First)
	for _, row := range v.From(seq) {
		if err := x.ctx.Err(); err != nil {
			return err
		}
		if err := x.add(m, row.UID); err != nil && !errors.Is(err, ErrExpunged) && !errors.Is(err, message.ErrCut) {
			x.unit.logger.Warn("cannot index a message; searches will read it", "account", m.account.id, "mailbox", m.id, "uid", row.UID, "err", err)
		}
		if r.Last = row.UID; x.builder.Full() {
			if err := x.save(texts, v, r); err != nil {
				return err
			}
			r = UIDRange{First: r.Last + 1}
		}
	}
	if r.Last == 0 {
		return nil
	}
	return x.save(texts, v, r)
}

// add indexes one message, or nothing of it.
func (x *indexer) add(m *Mailbox, uid UID) error {
	summary, err := m.Summary(x.ctx, uid)
	if err != nil {
		return err
	}
	content, err := m.Open(x.ctx, uid)
	if err != nil {
		return err
	}
	defer content.Close()
	b := x.builder
	b.Add(uint32(uid))
	err = summary.SearchTexts(content, func(t message.SearchText) (bool, error) {
		b.Text(trigram.Class(t.Class))
		if t.Part != nil {
			err := message.CopyFolded(b, t.Part)
			return err == nil, err
		}
		x.write(t.Field)
		if !bytes.HasSuffix(t.Field, t.Value) {
			b.Text(trigram.Class(t.Class))
			x.write(t.Value)
		}
		return true, x.ctx.Err()
	})
	if err != nil {
		b.Forget()
	}
	return err
}

func (x *indexer) write(text []byte) {
	x.folded = message.AppendFolded(x.folded[:0], text)
	x.builder.Write(x.folded)
}

// save writes a segment of what was gathered, joined with those before it that are not much larger: so there are few segments, and
// each message is written again only a few times.
func (x *indexer) save(texts *textIndex, v *View, r UIDRange) error {
	if err := texts.write(r, x.builder.Segment()); err != nil {
		return err
	}
	segments := texts.opened()
	first, size := len(segments), int64(0)
	for first > 0 && (size == 0 || segments[first-1].size <= 2*size) && size+segments[first-1].size <= maxMerged {
		first--
		size += segments[first].size
	}
	if len(segments)-first < 2 {
		return nil
	}
	var parts []*trigram.Segment
	for _, s := range segments[first:] {
		parts = append(parts, s.Segment)
	}
	merged, err := trigram.Merge(parts, func(n uint32) bool {
		_, ok := v.Seq(UID(n))
		return ok
	})
	if err != nil {
		return err
	}
	return texts.write(UIDRange{First: segments[first].uids.First, Last: r.Last}, merged)
}
