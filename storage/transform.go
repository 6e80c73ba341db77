package storage

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// Origin says how a message comes in.
type Origin uint8

// The origins.
const (
	Appended  Origin = iota // a mail program saves it: a draft, a copy of what was sent
	Delivered               // somebody has sent it
)

// A Transform may change messages while they are taken in, for instance encrypt them, before anything of them is written, hashed, parsed or
// cached: whatever is known of such a message later, sizes too, is that of what the Transform wrote to dst. It is asked once for each message. With a
// nil WriteCloser the message is taken as it comes. An error refuses it.
//
// What comes in is written to the WriteCloser in pieces, and Close ends the message; both are called by one goroutine, and Close exactly once, also where the
// message is given up, in which case dst fails. dst is to be written only while one of them runs. After an error nothing is stored. A Transform may be called
// by many goroutines at once.
//
// It is for what comes in from outside. Copies, moves and the log are of what was transformed already.
type Transform func(to ID, from Origin, dst io.Writer) (io.WriteCloser, error)

// ErrTransform says that a message was refused because it could not be transformed. It wraps the error of the Transform.
var ErrTransform = errors.New("message cannot be transformed")

// transforming is a message on its way through a Transform.
type transforming struct {
	in       io.WriteCloser // nil when it has ended
	received int64          // bytes that were written to in
	err      error          // why the message is refused
}

var errGivenUp = errors.New("message was given up")

// newBody begins to take in a message, through the unit's Transform if there is one for it.
func (a *Account) newBody(from Origin) *Body {
	b := &Body{account: a, from: from, sum: sha256.New()}
	if a.unit.opt.Transform == nil {
		return b
	}
	in, err := a.unit.opt.Transform(a.id, from, rawBody{b})
	if in != nil || err != nil {
		b.through = &transforming{in: in}
		b.through.fail(err)
	}
	return b
}

// rawBody is the end of a Body where a Transform writes to.
type rawBody struct{ *Body }

func (r rawBody) Write(p []byte) (int, error) {
	if err := r.through.err; err != nil {
		return 0, err
	}
	return r.store(p)
}

// fail refuses the message, if err is not nil, and returns why.
func (t *transforming) fail(err error) error {
	if err != nil && t.err == nil {
		t.err = fmt.Errorf("%w: %w", ErrTransform, err)
	}
	return t.err
}

func (t *transforming) write(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	if t.in == nil {
		return 0, errors.New("write to a message that was appended")
	}
	n, err := t.in.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	t.received += int64(n)
	return n, t.fail(err)
}

// end is called once the message is complete, or with the reason why it will not be.
func (t *transforming) end(givenUp error) error {
	if t.err == nil {
		t.err = givenUp
	}
	in := t.in
	if in == nil {
		return t.err
	}
	t.in = nil
	return t.fail(in.Close())
}
