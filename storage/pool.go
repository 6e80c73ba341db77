package storage

import (
	"errors"
	"sync"
	"time"
)

// fileWorkers is how many goroutines of a unit bring maildir trees up to date: more get in each other's way in the
// file system's journal.
const fileWorkers = 2

// retryAfter is the pause after work on files has failed.
const retryAfter = time.Second

// filePool shares its workers among the accounts that have work.
type filePool struct {
	mu       sync.Mutex // guards the following fields
	ready    []*fileWork
	more     *sync.Cond
	progress chan struct{} // closed and replaced after each turn
	closed   bool

	workers sync.WaitGroup
}

func newFilePool() *filePool {
	p := &filePool{progress: make(chan struct{})}
	p.more = sync.NewCond(&p.mu)
	return p
}

func (p *filePool) start(workers int) {
	for range workers {
		p.workers.Go(p.run)
	}
}

func (p *filePool) add(w *fileWork) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = append(p.ready, w)
	p.more.Signal()
}

func (p *filePool) run() {
	for {
		p.mu.Lock()
		for len(p.ready) == 0 && !p.closed {
			p.more.Wait()
		}
		if p.closed {
			p.mu.Unlock()
			return
		}
		w := p.ready[0]
		p.ready = p.ready[1:]
		p.mu.Unlock()

		more, err := w.work()
		switch {
		case err != nil:
			if errors.Is(err, ErrNoSpace) {
				w.account.unit.full()
			}
			w.account.unit.logger.Error("files of an account cannot be written; the mail is safe in the log",
				"account", w.account.id, "err", err, "retry", retryAfter)
			w.later(retryAfter, p.add)
		case more:
			p.add(w)
		}
		p.mu.Lock()
		close(p.progress)
		p.progress = make(chan struct{})
		p.mu.Unlock()
	}
}

// turnDone returns a channel that is closed after the next turn of a worker.
func (p *filePool) turnDone() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.progress
}

func (p *filePool) close() {
	p.mu.Lock()
	p.closed = true
	p.more.Broadcast()
	p.mu.Unlock()
	p.workers.Wait()
}
