package imapserver

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"

	"github.com/klauspost/compress/flate"

	"github.com/mailhavn/mailhavn/imapserver/internal/inflate"
)

// extCompress is COMPRESS=DEFLATE (RFC 4978).
func extCompress() extension {
	const rfc = "RFC 4978, section 3"
	return extension{
		file: "compress",
		capabilities: []capability{{name: "COMPRESS=DEFLATE", rfc: rfc,
			when: func(c *conn) bool { return c.state != notAuthenticated && !c.compresses() }}},
		commands: []command{{"COMPRESS", rfc, loggedIn, maySendExpunge, parseCompress}},
	}
}

func parseCompress(c *conn) (action, error) {
	column := c.dec.Column()
	var name []byte
	if !c.dec.ExpectSP() || !c.dec.ExpectKeyword(&name, "DEFLATE") {
		return nil, nil
	}
	switch {
	case string(name) != "DEFLATE":
		return nil, badAt("expected DEFLATE", column)
	case c.compresses():
		return nil, bad("Compression is already active")
	}
	return func(context.Context) (reply, error) {
		if c.in.Buffered() > 0 { // nobody can know whether that is compressed
			return reply{}, bad("COMPRESS has to be answered before anything else is sent")
		}
		return reply{text: "DEFLATE active", after: c.compress}, nil
	}, nil
}

// deflated is a connection whose both directions are compressed. Between two writes it remembers nothing of what it sent, so that
// idle connections cost little; what clients may refer to takes 32 KiB.
type deflated struct {
	net.Conn
	in *inflate.Reader
}

func (d *deflated) Read(p []byte) (int, error) { return d.in.Read(p) }

var deflateBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Write sends p so that the client can read all of it.
func (d *deflated) Write(p []byte) (int, error) {
	b := deflateBuffers.Get().(*bytes.Buffer)
	defer deflateBuffers.Put(b)
	b.Reset()
	if err := flate.StatelessDeflate(b, p, false, nil); err != nil {
		return 0, err
	}
	if _, err := d.Conn.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (c *conn) compresses() bool {
	_, ok := c.out.conn.(*deflated)
	return ok
}

// compress begins to compress, after the CRLF of the answer to COMPRESS (RFC 4978, section 3).
func (c *conn) compress() error {
	if err := c.flush(); err != nil {
		return err
	}
	d := &deflated{c.out.conn, inflate.NewReader(c.in.conn)}
	c.in.reset(d)
	c.out.conn = d
	return nil
}

// inflated is a connection on which the client has ended its compression.
type inflated struct {
	net.Conn
	rest io.Reader
}

func (i *inflated) Read(p []byte) (int, error) { return i.rest.Read(p) }

// uncompress ends the compression, after the CRLF of the answer to UNAUTHENTICATE (RFC 8437, section 3).
func (c *conn) uncompress() error {
	d, ok := c.out.conn.(*deflated)
	if !ok {
		return nil
	}
	if err := c.flush(); err != nil {
		return err
	}
	c.in.reset(&inflated{d.Conn, d.in.Rest()})
	c.out.conn = d.Conn
	return nil
}
