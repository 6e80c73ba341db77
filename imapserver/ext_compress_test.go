package imapserver

import (
	"bufio"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// compress makes the client compress from now on.
func (c *client) compress() {
	c.t.Helper()
	c.want("COMPRESS DEFLATE", ". OK …")
	w, err := flate.NewWriter(c.conn, flate.DefaultCompression)
	if err != nil {
		c.t.Fatal(err)
	}
	c.conn = &deflatingClient{c.conn, flate.NewReader(c.conn), w}
	c.r = bufio.NewReader(c.conn)
}

type deflatingClient struct {
	net.Conn
	in  io.Reader
	out *flate.Writer
}

func (d *deflatingClient) Read(p []byte) (int, error) { return d.in.Read(p) }

func (d *deflatingClient) Write(p []byte) (int, error) {
	if _, err := d.out.Write(p); err != nil {
		return 0, err
	}
	return len(p), d.out.Flush()
}

// TestCompress sends and fetches a message that is larger than all buffers.
func TestCompress(t *testing.T) {
	s := newTestServer(t, nil)
	c := s.login(t, 1)[0]
	c.want("COMPRESS LZW", ". BAD …")
	c.compress()
	c.want("COMPRESS DEFLATE", ". BAD …")
	if lines := c.ok("CAPABILITY"); strings.Contains(lines[0], "COMPRESS") {
		t.Errorf("still announced: %q", lines)
	}
	message := "Subject: large\r\n\r\n" + strings.Repeat(strings.Repeat("words and words ", 4)+"\r\n", 10_000)
	c.append("INBOX", "", message)
	c.ok("SELECT INBOX")
	c.want("FETCH 1 BODY.PEEK[]", fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n%s)", len(message), message), ". OK …")
}

// TestCompressPipelined refuses a client that goes on before it knows whether it has to compress (RFC 4978, section 3).
func TestCompressPipelined(t *testing.T) {
	c := newTestServer(t, nil).login(t, 1)[0]
	c.write("p1 COMPRESS DEFLATE\r\np2 NOOP\r\n")
	for _, want := range []string{"p1 BAD ", "p2 OK "} {
		if line := c.line(); !strings.HasPrefix(line, want) {
			t.Errorf("%q, want %q", line, want)
		}
	}
}

// TestCompressGarbage ends connections that are no longer understood.
func TestCompressGarbage(t *testing.T) {
	c := newTestServer(t, nil).login(t, 1)[0]
	plain := c.conn
	c.compress()
	if _, err := plain.Write([]byte("\xff\xff\xff\xff")); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(c.r); len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

// TestCompressUnauthenticate leaves compression with the session (RFC 8437, section 3).
func TestCompressUnauthenticate(t *testing.T) {
	s := newTestServer(t, nil)
	c := s.login(t, 1)[0]
	plain := c.conn
	c.compress()
	c.ok("UNAUTHENTICATE")
	c.conn, c.r = plain, bufio.NewReader(plain)
	user, password := s.newAccount(t)
	c.ok(fmt.Sprintf("LOGIN %s %s", user, password))
	c.compress()
	c.ok("SELECT INBOX")
}

// TestCompressRatio sees that responses get smaller.
func TestCompressRatio(t *testing.T) {
	var written bytes.Buffer
	d := &deflated{Conn: writeConn{w: &written}}
	var responses bytes.Buffer
	for i := range 500 {
		fmt.Fprintf(&responses, "* %d FETCH (UID %d FLAGS (\\Seen))\r\n", i, i*3)
	}
	if _, err := d.Write(responses.Bytes()); err != nil {
		t.Fatal(err)
	}
	if written.Len()*3 > responses.Len() {
		t.Errorf("%d bytes became %d", responses.Len(), written.Len())
	}
	t.Logf("%d bytes became %d", responses.Len(), written.Len())
	got := make([]byte, responses.Len())
	if _, err := io.ReadFull(flate.NewReader(&written), got); err != nil || !bytes.Equal(got, responses.Bytes()) {
		t.Errorf("%v, equal %v", err, bytes.Equal(got, responses.Bytes()))
	}
}

type writeConn struct {
	net.Conn
	w io.Writer
}

func (c writeConn) Write(p []byte) (int, error) { return c.w.Write(p) }
