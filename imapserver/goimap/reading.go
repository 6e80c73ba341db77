package goimap

import (
	"bytes"
	"context"
	"io"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/message"
)

// reading is the message that a FETCH or SEARCH looks at, with what has been read of it.
type reading struct {
	ctx     context.Context
	mbox    *storage.Mailbox
	m       *storage.Message
	summary *message.Summary // nil: not read yet
	content *storage.Content // nil: not opened yet
}

// next goes on to a message.
func (r *reading) next(m *storage.Message) {
	r.close()
	r.m, r.summary = m, nil
}

func (r *reading) close() {
	if r.content != nil {
		r.content.Close()
		r.content = nil
	}
}

// summarize makes r.summary that of the present message.
func (r *reading) summarize() error {
	if r.summary != nil {
		return nil
	}
	summary, err := r.mbox.Summary(r.ctx, r.m.UID)
	if err == nil {
		r.summary = &summary
	}
	return err
}

// open makes r.content the octets of the present message.
func (r *reading) open() error {
	if r.content != nil {
		return nil
	}
	content, err := r.mbox.Open(r.ctx, r.m.UID)
	if err == nil {
		r.content = &content
	}
	return err
}

// section reads a piece of the present message, which open has opened.
func (r *reading) section(offset, size int64) io.Reader {
	return io.NewSectionReader(r.content, offset, size)
}

// maxCollected bounds the header fields that are kept in memory.
const maxCollected = 128 << 10

// collector keeps what is written to it, up to maxCollected octets.
type collector struct{ b []byte }

func (c *collector) Write(p []byte) (int, error) {
	c.b = append(c.b, p[:min(len(p), maxCollected-len(c.b))]...)
	return len(p), nil
}

// fields collects the fields of the message with names of the set; of very long ones the beginning.
func (r *reading) fields(to *collector, set *message.FieldSet) error {
	if err := r.summarize(); err != nil {
		return err
	}
	var complete bool
	if to.b, complete = r.summary.AppendHeader(to.b[:0], set); complete {
		return nil
	}
	if err := r.open(); err != nil {
		return err
	}
	offset, size, _ := r.summary.Section(nil, message.Header)
	return message.FilterHeader(to, r.section(offset, size), set, false)
}

// textWriter writes a literal, which cannot hold NUL; only a literal8 of BINARY can (RFC 9051, section 4.3). Each becomes 0x80, which is no
// character in any common charset, so that sizes and offsets stay right.
type textWriter struct{ io.Writer }

func (w textWriter) Write(p []byte) (int, error) {
	if bytes.IndexByte(p, 0) >= 0 {
		p = bytes.ReplaceAll(p, []byte{0}, []byte{0x80})
	}
	return w.Writer.Write(p)
}
