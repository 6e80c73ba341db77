package deliver

import (
	"context"
	"io"
	"iter"
)

// Writer is Deliver for what comes in pieces: what is written to it is the message, and Close ends it. dst is written to only while Write or Close runs, by the
// goroutine that called it. Whether the keys can be used is found out at once; the error is then an [*Error].
//
// An error of Write or Close means that what dst has got must not be stored. Close must be called, also after an error.
func (p Policy) Writer(dst io.Writer) (*Writer, error) {
	if err := p.check(); err != nil && p.OnFailure != Clear {
		return nil, &Error{err, p.OnFailure == Reject}
	}
	w := &Writer{}
	w.next, w.stop = iter.Pull(func(wantMore func(struct{}) bool) {
		w.outcome, w.err = p.Deliver(context.Background(), dst, &pieces{w, wantMore})
	})
	return w, nil
}

// Writer takes in one message. It is made by [Policy.Writer] and used by one goroutine.
type Writer struct { // it lets Deliver run, as a coroutine, whenever there is something for it to read
	piece   []byte // not read yet
	ended   bool
	outcome Outcome // of Deliver
	err     error   // of Deliver
	next    func() (struct{}, bool)
	stop    func()
}

// pieces is what Deliver reads from.
type pieces struct {
	*Writer
	wantMore func(struct{}) bool
}

func (r *pieces) Read(p []byte) (int, error) {
	for len(r.piece) == 0 {
		if r.ended {
			return 0, io.EOF
		}
		if !r.wantMore(struct{}{}) {
			return 0, io.ErrClosedPipe
		}
	}
	n := copy(p, r.piece)
	r.piece = r.piece[n:]
	return n, nil
}

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	if w.ended {
		return 0, io.ErrClosedPipe
	}
	w.piece = p
	for len(w.piece) > 0 {
		if _, reading := w.next(); !reading {
			return len(p) - len(w.piece), w.failed()
		}
	}
	return len(p), nil
}

// Close ends the message. It may be called more than once.
func (w *Writer) Close() error {
	if w.ended {
		return w.err
	}
	w.ended = true
	w.next()
	w.stop()
	return w.err
}

// Outcome tells, after Close, what happened to the message.
func (w *Writer) Outcome() Outcome { return w.outcome }

// failed is why Deliver ended before the message did.
func (w *Writer) failed() error {
	if w.err == nil {
		w.err = io.ErrClosedPipe
	}
	return w.err
}
