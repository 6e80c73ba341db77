package imapserver

import (
	"context"
	"io"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/message"
)

// reading is the message that a FETCH or SEARCH looks at, with what has been read of it.
type reading struct {
	conn    *conn
	ctx     context.Context
	m       *storage.Message
	summary message.Summary
	known   bool // summary is of m
	content storage.Content
	opened  bool // content is of m
}

// next goes on to a message.
func (r *reading) next(m *storage.Message) {
	r.close()
	r.m, r.known = m, false
}

func (r *reading) close() {
	if r.opened {
		r.content.Close()
		r.opened = false
	}
}

// summarize makes r.summary that of the present message.
func (r *reading) summarize() (err error) {
	if !r.known {
		r.summary, err = r.conn.selected.mbox.Summary(r.ctx, r.m.UID)
		r.known = err == nil
	}
	return err
}

// open makes r.content the octets of the present message.
func (r *reading) open() (err error) {
	if !r.opened {
		r.content, err = r.conn.selected.mbox.Open(r.ctx, r.m.UID)
		r.opened = err == nil
	}
	return err
}

// section reads a piece of the present message, which open has opened.
func (r *reading) section(offset, size int64) io.Reader {
	return io.NewSectionReader(r.content, offset, size)
}
