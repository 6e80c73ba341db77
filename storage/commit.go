package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/mailhavn/mailhavn/storage/internal/wal"
)

// The road of a change: a writer validates against an account's head under the account's lock and enqueues the record;
// the committer writes what has gathered as one group and syncs it; then, in LSN order, each record is published
// (durable state, work on files), the writers are released, and only then are readers woken.

// pending is a record on its way to the log.
type pending struct {
	bytes   []byte             // encoded; the LSN is filled in when it is enqueued
	stamp   func(lsn LSN)      // enters the LSN into the new state
	publish func()             // the record is durable
	abort   func(certain bool) // the record was not written, or nobody knows: the head goes back to the durable state
	wake    func()             // after all records of the batch are published
}

// batch is what one commit group will hold.
type batch struct {
	records []*pending
	size    int
	last    LSN
	done    chan struct{} // closed when err is final
	err     error
}

// maxBatch is where a batch is closed and the next begun, in bytes.
const maxBatch = 8 << 20

// committer gathers records and writes them.
type committer struct {
	log  *wal.Log
	gate sync.RWMutex // held for reading from validation to enqueuing; for writing while heads are thrown away
	kick chan struct{}
	exit chan struct{} // closed when the loop has ended
	dead chan struct{} // closed when the unit has stopped because of an error
	full func() bool   // gives up space when the disk is full; nil during recovery

	mu       sync.Mutex // guards the following fields
	next     LSN        // of the next record
	durable  LSN
	queue    []*batch
	newest   *batch // the last one that was begun; nil before the first
	stopped  error  // not nil: no more records are taken
	closing  bool
	segments []segmentEnd
	written  int64 // bytes of records since the last checkpoint
}

// segmentEnd notes the last LSN in a segment.
type segmentEnd struct {
	seq  uint64
	last LSN
}

func newCommitter(log *wal.Log, next LSN, segments []segmentEnd) *committer {
	return &committer{log: log, next: next, durable: next - 1, segments: segments,
		kick: make(chan struct{}, 1), exit: make(chan struct{}), dead: make(chan struct{})}
}

// enqueue gives a record its LSN. The caller holds the gate and the lock of the state that the record changes, so
// that records of one account come in the order of their states.
func (c *committer) enqueue(p *pending) (*batch, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped != nil {
		return nil, c.stopped
	}
	var b *batch
	if n := len(c.queue); n > 0 && c.queue[n-1].size+len(p.bytes) <= maxBatch {
		b = c.queue[n-1]
	} else {
		b = &batch{done: make(chan struct{})}
		c.queue = append(c.queue, b)
		c.newest = b
	}
	lsn := c.next
	c.next++
	setLSN(p.bytes, lsn)
	p.stamp(lsn)
	b.records = append(b.records, p)
	b.size += len(p.bytes)
	b.last = lsn
	select {
	case c.kick <- struct{}{}:
	default:
	}
	return b, nil
}

// wait returns when the batch is durable or has failed. It gives up when ctx ends; the change may be made all the same.
func (b *batch) wait(ctx context.Context) error {
	if b == nil {
		return nil
	}
	select {
	case <-b.done:
		return b.err
	default:
	}
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run writes batches until the unit is closed or fails.
func (c *committer) run() {
	defer close(c.exit)
	for range c.kick {
		for {
			b, end := c.take()
			if end {
				return
			}
			if b == nil {
				break
			}
			c.write(b)
		}
	}
}

// take returns the next batch, nil if there is none.
func (c *committer) take() (b *batch, end bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return nil, c.closing
	}
	b = c.queue[0]
	c.queue = slices.Delete(c.queue, 0, 1)
	return b, false
}

func (c *committer) write(b *batch) {
	parts := make([][]byte, len(b.records))
	for i, p := range b.records {
		parts[i] = p.bytes
	}
	err := c.log.Append(parts...)
	if notWritten(err) && c.full != nil && c.full() {
		err = c.log.Append(parts...)
	}
	if err != nil {
		c.fail(b, err)
		return
	}
	for _, p := range b.records {
		p.bytes = nil
		p.publish()
	}
	c.mu.Lock()
	c.durable = b.last
	c.written += int64(b.size)
	if n := len(c.segments); n > 0 && c.segments[n-1].seq == c.log.Segment() {
		c.segments[n-1].last = b.last
	} else {
		c.segments = append(c.segments, segmentEnd{c.log.Segment(), b.last})
	}
	c.mu.Unlock()
	close(b.done)
	for _, p := range b.records {
		p.wake()
	}
}

// fail ends a batch that was not written, and all that was built on it. Where it is certain that nothing was written
// and the disk is merely full, the unit goes on from the durable state; after any other error nobody knows what is on
// disk, and the unit stops.
func (c *committer) fail(b *batch, err error) {
	certain := notWritten(err)
	if !certain {
		c.stop(fmt.Errorf("%w: writing the log: %w", ErrStopped, err))
		err = c.err()
	}
	c.gate.Lock() // nobody is between validating against a head and enqueuing
	defer c.gate.Unlock()
	c.mu.Lock()
	failed := append([]*batch{b}, c.queue...)
	c.queue = nil
	c.next = c.durable + 1 // no hole in the row of LSNs
	c.mu.Unlock()
	for _, b := range failed {
		for _, p := range b.records {
			p.abort(certain)
		}
		b.err = err
		close(b.done)
	}
}

// notWritten tells whether an error of the log means only that the disk is full: nothing was written.
func notWritten(err error) bool {
	var clean *wal.NotWritten
	return errors.As(err, &clean) && errors.Is(err, ErrNoSpace)
}

// checkpointed tells that the bytes written so far are in a checkpoint.
func (c *committer) checkpointed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written = 0
}

// stop refuses all further records.
func (c *committer) stop(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped == nil {
		c.stopped = err
		if errors.Is(err, ErrStopped) {
			close(c.dead)
		}
	}
}

// err returns why the committer has stopped, nil while it runs.
func (c *committer) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped
}

// settle waits until no change is under way, whether anyone waits for it or not. New ones are refused already.
func (c *committer) settle() {
	c.gate.Lock()
	c.mu.Lock()
	newest := c.newest
	c.mu.Unlock()
	c.gate.Unlock()
	newest.wait(context.Background()) // an error is for those who made the changes
}

// close writes what is enqueued, and ends the loop.
func (c *committer) close() {
	c.stop(ErrClosed)
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	select {
	case c.kick <- struct{}{}:
	default:
	}
	<-c.exit
}

// position returns the LSN up to which everything is durable, and the bytes written since the last checkpoint.
func (c *committer) position() (durable LSN, written int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.durable, c.written
}

// recycle gives up the segments that hold nothing above lsn.
func (c *committer) recycle(lsn LSN) error {
	c.mu.Lock()
	i := 0
	for i < len(c.segments)-1 && c.segments[i].last <= lsn {
		i++
	}
	c.segments = c.segments[i:]
	first := c.segments[0].seq // there is one: that of the checkpoint's record
	c.mu.Unlock()
	return c.log.Recycle(first)
}
