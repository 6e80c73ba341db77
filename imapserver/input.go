package imapserver

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// inputBuffer is the size of a connection's read buffer, while it has one.
const inputBuffer = 4 << 10

var inputBuffers = sync.Pool{New: func() any { return new([inputBuffer]byte) }}

// A phase is what is being read; each has its own deadline.
type phase uint8

const (
	between phase = iota // waiting for the first octet of a command; may be interrupted
	within               // in the middle of a command
)

// input reads from the client. It has a buffer only while there are octets in it, so that waiting connections cost
// little. One goroutine uses it, but for interrupt, and but for the goroutine of ahead, which has it while it runs.
type input struct {
	conn  net.Conn
	buf   *[inputBuffer]byte // nil while nothing is buffered
	r, w  int                // the octets not yet read are buf[r:w]
	first [64]byte           // for the first read of a waiting connection
	err   error              // of the last read, for the next one
	limit time.Duration      // from the first octet of a command to its end
	// beforeRead is called before the user of the input waits for the client.
	beforeRead func() error

	mu          sync.Mutex // guards the following fields
	phase       phase
	deadline    time.Time
	last        time.Time // no deadline is later; zero: any may be
	interrupted bool
	running     chan struct{} // closed when the goroutine that reads ahead has ended; nil if there is none
	gone        func()        // what watch calls; nil if there is nothing to watch
	timer       *time.Timer
}

// wait begins the phase between two commands: the next octet has to come until deadline, and the end of its command
// within limit after it.
func (in *input) wait(deadline time.Time, limit time.Duration) {
	in.mu.Lock()
	in.limit = limit
	in.set(between, deadline)
	in.mu.Unlock()
	if in.r < in.w {
		in.begin()
	}
}

// begin begins a command.
func (in *input) begin() { in.extend(in.limit) }

// extend gives the command that is being read until d from now.
func (in *input) extend(d time.Duration) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.set(within, time.Now().Add(d))
}

// bound makes sure that no deadline is later than last; the zero Time takes the bound away.
func (in *input) bound(last time.Time) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.last = last
}

// set needs the lock.
func (in *input) set(p phase, deadline time.Time) {
	if !in.last.IsZero() && (deadline.IsZero() || in.last.Before(deadline)) {
		deadline = in.last
	}
	in.phase, in.deadline = p, deadline
	if p == between && in.interrupted {
		deadline = past
	}
	in.conn.SetReadDeadline(deadline)
}

// past is a deadline that makes reads return.
var past = time.Unix(1, 0)

// interrupt ends the wait for the next command, now or when it is reached.
func (in *input) interrupt() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.interrupted = true
	if in.phase == between {
		in.conn.SetReadDeadline(past)
	}
}

// Buffered returns how many octets can be read without waiting.
func (in *input) Buffered() int { return in.w - in.r }

// reset throws away what is buffered and reads from conn from now on. What a client sent before TLS must not
// count as sent within it (CVE-2011-0411).
func (in *input) reset(conn net.Conn) {
	in.r, in.w, in.err = 0, 0, nil
	in.release()
	in.mu.Lock()
	defer in.mu.Unlock()
	in.conn = conn
}

// release gives the buffer back if it is empty.
func (in *input) release() {
	if in.r == in.w && in.buf != nil {
		inputBuffers.Put(in.buf)
		in.buf, in.r, in.w = nil, 0, 0
	}
}

// ReadSlice is as bufio.Reader's.
func (in *input) ReadSlice(delim byte) ([]byte, error) {
	for searched := 0; ; {
		if in.buf != nil {
			if i := bytes.IndexByte(in.buf[in.r+searched:in.w], delim); i >= 0 {
				line := in.buf[in.r : in.r+searched+i+1]
				in.r += len(line)
				return line, nil
			}
			searched = in.w - in.r
			if searched == inputBuffer {
				in.r = in.w
				return in.buf[:], bufio.ErrBufferFull
			}
		}
		if err := in.fill(); err != nil {
			var rest []byte
			if in.buf != nil {
				rest = in.buf[in.r:in.w]
				in.r = in.w
			}
			return rest, err
		}
	}
}

// Read is as bufio.Reader's. Large reads with nothing buffered go past the buffer.
func (in *input) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if in.r == in.w {
		if len(p) >= inputBuffer && in.err == nil {
			if err := in.beforeRead(); err != nil {
				return 0, err
			}
			return in.conn.Read(p)
		}
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, in.buf[in.r:in.w])
	in.r += n
	return n, nil
}

// fill reads more octets into the buffer, which is not full.
func (in *input) fill() error {
	if err := in.err; err != nil {
		in.err = nil
		return err
	}
	if err := in.beforeRead(); err != nil {
		return err
	}
	return in.read()
}

func (in *input) read() error {
	if in.buf == nil {
		n, err := in.conn.Read(in.first[:])
		if n > 0 {
			in.buf = inputBuffers.Get().(*[inputBuffer]byte)
			in.r, in.w = 0, copy(in.buf[:], in.first[:n])
		}
		return in.filled(n, err)
	}
	if in.r > 0 {
		in.w = copy(in.buf[:], in.buf[in.r:in.w])
		in.r = 0
	}
	n, err := in.conn.Read(in.buf[in.w:])
	in.w += n
	return in.filled(n, err)
}

// filled judges a read: octets come first, an error waits for the next time.
func (in *input) filled(n int, err error) error {
	switch {
	case n == 0 && err == nil:
		return io.ErrNoProgress
	case n == 0:
		return err
	}
	in.err = err
	if in.between() {
		in.begin()
	}
	return nil
}

// between tells whether the input waits for a command.
func (in *input) between() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.phase == between
}

// ahead reads on in a goroutine of its own, until there is something or an error, and closes the channel that it returns. Until
// then, or until stop has returned, the input must not be used otherwise.
func (in *input) ahead() <-chan struct{} {
	done := make(chan struct{})
	in.release()
	in.mu.Lock()
	in.running = done
	in.mu.Unlock()
	go in.readAhead(done)
	return done
}

func (in *input) readAhead(done chan struct{}) error {
	defer close(done)
	if in.err == nil && in.r == in.w {
		in.err = in.read()
	}
	return in.err
}

// stop ends what ahead began, if anything.
func (in *input) stop() {
	in.mu.Lock()
	done := in.running
	in.running = nil
	if done != nil {
		in.conn.SetReadDeadline(past)
	}
	in.mu.Unlock()
	if done == nil {
		return
	}
	<-done
	if errors.Is(in.err, os.ErrDeadlineExceeded) {
		in.err = nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.set(in.phase, in.deadline)
}

// watchDelay is how long a command runs before its client is watched: most end before.
const watchDelay = time.Second

// watch calls gone when the client closes the connection while a command runs that does not read from it. A goroutine
// is only needed for long commands, and only while nothing is buffered. It ends with unwatch.
func (in *input) watch(gone func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.set(within, time.Time{})
	in.gone = gone
	if in.timer == nil {
		in.timer = time.AfterFunc(watchDelay, in.look)
	} else {
		in.timer.Reset(watchDelay)
	}
}

// look reads ahead while watch wants it.
func (in *input) look() {
	in.mu.Lock()
	gone, done := in.gone, make(chan struct{})
	if gone == nil || in.running != nil {
		in.mu.Unlock()
		return
	}
	in.running = done
	in.mu.Unlock()
	if err := in.readAhead(done); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		gone()
	}
}

func (in *input) unwatch() {
	in.mu.Lock()
	in.gone = nil
	if in.timer != nil {
		in.timer.Stop()
	}
	in.mu.Unlock()
	in.stop()
}
