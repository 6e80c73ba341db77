package imapserver

import (
	"bytes"
	"context"
	"io"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/message"
)

// reading is the message that a FETCH or SEARCH looks at, with what has been read of it.
type reading struct {
	conn    *conn
	ctx     context.Context
	in      *selected // the mailbox that it is in
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
		r.summary, err = r.in.mbox.Summary(r.ctx, r.m.UID)
		r.known = err == nil
	}
	return err
}

// open makes r.content the octets of the present message.
func (r *reading) open() (err error) {
	if !r.opened {
		r.content, err = r.in.mbox.Open(r.ctx, r.m.UID)
		r.opened = err == nil
	}
	return err
}

// section reads a piece of the present message, which open has opened.
func (r *reading) section(offset, size int64) io.Reader {
	return io.NewSectionReader(r.content, offset, size)
}

// text is section for a literal, which cannot hold NUL; only a literal8 of BINARY can (RFC 9051, section 4.3). Messages should have
// none; where one does, it is shown as another octet, so that sizes and offsets stay right.
func (r *reading) text(offset, size int64) io.Reader { return textReader{r.section(offset, size)} }

type textReader struct{ io.Reader }

func (r textReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	replaceNUL(p[:n])
	return n, err
}

// replaceNUL makes each NUL 0x80, which is no character in any common charset.
func replaceNUL(p []byte) {
	for i := bytes.IndexByte(p, 0); i >= 0; i = bytes.IndexByte(p, 0) {
		p[i] = 0x80
		p = p[i+1:]
	}
}
