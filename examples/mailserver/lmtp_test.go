package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/storagetest"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

const testMaxSize = 1 << 20

// lmtpTest is a server of LMTP on a unit with the accounts anna@example.org, berta@example.org, jürgen@example.org.
type lmtpTest struct {
	*lmtpServer
	t    *testing.T
	addr string
	keys keyFolder
}

func newLMTPTest(t *testing.T, tree vfs.FS) *lmtpTest {
	t.Helper()
	x := &lmtpTest{t: t}
	u, err := storage.Open(tree, storage.Options{SegmentSize: 1 << 20, Ballast: -1, Logger: slog.New(slog.DiscardHandler),
		Transform: func(to storage.ID, from storage.Origin, dst io.Writer) (io.WriteCloser, error) {
			return x.keys.transform(to, from, dst)
		}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"anna@example.org", "berta@example.org", "jürgen@example.org"} {
		a, err := u.CreateAccount(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		a.Close()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x.addr = l.Addr().String()
	x.lmtpServer = &lmtpServer{unit: u, hostname: "mx.example.org", postmaster: "berta@example.org", maxSize: testMaxSize,
		logger: slog.New(slog.DiscardHandler)}
	x.start()
	served := make(chan error, 1)
	go func() { served <- x.serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := x.shutdown(ctx); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error("shutdown:", err)
		}
		<-served
		u.Close()
	})
	return x
}

// inbox returns the messages of an account without their trace fields, and those fields.
func (x *lmtpTest) inbox(account string) (messages, traces []string) {
	x.t.Helper()
	ctx := context.Background()
	a, err := x.unit.OpenAccount(ctx, account)
	if err != nil {
		x.t.Fatal(err)
	}
	defer a.Close()
	box, err := a.Mailbox("INBOX")
	if err != nil {
		x.t.Fatal(err)
	}
	v, err := box.View(ctx)
	if err != nil {
		x.t.Fatal(err)
	}
	for _, m := range v.All() {
		c, err := box.Open(ctx, m.UID)
		if err != nil {
			x.t.Fatal(err)
		}
		all, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
		c.Close()
		if err != nil {
			x.t.Fatal(err)
		}
		trace, rest := splitTrace(string(all))
		messages, traces = append(messages, rest), append(traces, trace)
	}
	return messages, traces
}

// splitTrace parts a message after its first two fields.
func splitTrace(s string) (trace, rest string) {
	at, fields := 0, 0
	for at < len(s) {
		end := strings.Index(s[at:], "\r\n")
		if end < 0 {
			break
		}
		if s[at] != '\t' {
			if fields++; fields > 2 {
				break
			}
		}
		at += end + 2
	}
	return s[:at], s[at:]
}

// verify looks for damage.
func (x *lmtpTest) verify() {
	x.t.Helper()
	found, err := x.unit.Verify(context.Background())
	if err != nil {
		x.t.Fatal(err)
	}
	for _, f := range found {
		x.t.Error(f)
	}
}

// talk is a connection on which lines are written as they are.
type talk struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func (x *lmtpTest) dial() *talk {
	x.t.Helper()
	c, err := net.Dial("tcp", x.addr)
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	k := &talk{x.t, c, bufio.NewReader(c)}
	k.want("220 mx.example.org LMTP Service Ready")
	k.send("LHLO client.example.net\r\n")
	for {
		if line := k.line(); line[3] == ' ' {
			return k
		}
	}
}

func (k *talk) send(s string) {
	k.t.Helper()
	if _, err := io.WriteString(k, s); err != nil {
		k.t.Fatal(err)
	}
}

func (k *talk) line() string {
	k.t.Helper()
	s, err := k.r.ReadString('\n')
	if err != nil {
		k.t.Fatalf("%q, %v", s, err)
	}
	return strings.TrimRight(s, "\r\n")
}

// want reads a line for each prefix.
func (k *talk) want(prefixes ...string) {
	k.t.Helper()
	for _, p := range prefixes {
		if line := k.line(); !strings.HasPrefix(line, p) {
			k.t.Fatalf("got %q, want %q", line, p)
		}
	}
}

// ended tells that the server has closed the connection.
func (k *talk) ended() {
	k.t.Helper()
	if b, err := k.r.ReadByte(); err != io.EOF {
		k.t.Fatalf("got %q, %v, want the end", b, err)
	}
}

// begin opens a transaction to recipients that exist, up to DATA.
func (k *talk) begin(to ...string) {
	k.t.Helper()
	k.send("MAIL FROM:<bob@example.net>\r\n")
	k.want("250 ")
	for _, r := range to {
		k.send("RCPT TO:<" + r + ">\r\n")
		k.want("250 ")
	}
	k.send("DATA\r\n")
	k.want("354 ")
}

func TestLMTPAnswersEachRecipient(t *testing.T) {
	x := newLMTPTest(t, vfs.NewMem())
	k := x.dial()
	k.send("MAIL FROM:<bob@example.net> SIZE=100 BODY=8BITMIME\r\n")
	k.want("250 ")
	for _, c := range []struct{ to, want string }{
		{"anna@example.org", "250 "},
		{"nobody@example.org", "550 5.1.1 "},
		{"ANNA+detail@Example.Org", "250 "},
		{"berta@example.org", "250 "},
		{"\"a b\"@example.org", "550 5.1.1 "},
		{"nobody+anna@example.org", "550 5.1.1 "},
	} {
		k.send("RCPT TO:<" + c.to + ">\r\n")
		k.want(c.want)
	}
	k.send("DATA\r\n")
	k.want("354 ")
	k.send("Subject: x\r\n\r\ntext\r\n.\r\n")
	k.want("250 2.0.0 <anna@example.org>", "250 2.0.0 <ANNA+detail@Example.Org>", "250 2.0.0 <berta@example.org>")
	k.send("QUIT\r\n")
	k.want("221 ")
	k.ended()
	for _, name := range []string{"anna@example.org", "berta@example.org"} {
		messages, traces := x.inbox(name)
		if len(messages) != 1 || messages[0] != "Subject: x\r\n\r\ntext\r\n" {
			t.Fatalf("%s has %q", name, messages)
		}
		if strings.Contains(traces[0], "for <") {
			t.Errorf("recipients can see each other: %q", traces[0])
		}
	}
	x.verify()
}

// Every byte of a message arrives, whatever its lines look like.
func TestLMTPBytes(t *testing.T) {
	x := newLMTPTest(t, vfs.NewMem())
	k := x.dial()
	bodies := []string{
		"",
		"\r\n",
		"no header\r\n",
		".\r\n..\r\n...\r\n.dot\r\n",
		"ends with two CR\r\r\n",
		"\r\r\n.\r\r\n.\r\n",
		"bare LF\n.\n.\r\n\n.\r\n",
		"bare CR\r.\r.\r\r\n",
		"\x00\x01\x80\xff\xfe nul and eight bits\r\n",
		"Subject: long line\r\n\r\n" + strings.Repeat("x", 100_000) + "\r\n",
		strings.Repeat(".", 50_000) + "\r\n",
		strings.Repeat(".\r\n", 30_000),
		strings.Repeat("x", 16<<10-2) + "\r\n.\r\n",
		strings.Repeat("x", 16<<10-1) + "\r\n.\r\n",
		strings.Repeat("x", 16<<10) + "\r\n.\r\n",
	}
	for _, body := range bodies {
		k.begin("anna@example.org")
		k.send(stuff(body) + ".\r\n")
		k.want("250 ")
	}
	got, _ := x.inbox("anna@example.org")
	if len(got) != len(bodies) {
		t.Fatalf("%d messages, want %d", len(got), len(bodies))
	}
	for i := range bodies {
		// The store shows every line end as CRLF; that it keeps the bytes as they came, verify finds out.
		if want := strings.ReplaceAll(strings.ReplaceAll(bodies[i], "\r\n", "\n"), "\n", "\r\n"); got[i] != want {
			t.Errorf("message %d: got %.60q (%d bytes), want %.60q (%d bytes)", i, got[i], len(got[i]), want, len(want))
		}
	}
	x.verify()
}

// stuff puts a dot before each line of s that begins with one (RFC 5321, section 4.5.2).
func stuff(s string) string {
	s = strings.ReplaceAll(s, "\r\n.", "\r\n..")
	if strings.HasPrefix(s, ".") {
		s = "." + s
	}
	return s
}

func TestLMTPSize(t *testing.T) {
	x := newLMTPTest(t, vfs.NewMem())
	k := x.dial()
	k.send(fmt.Sprintf("MAIL FROM:<> SIZE=%d\r\n", testMaxSize+1))
	k.want("552 5.3.4 ")
	exact := strings.Repeat("a line of 32 octets, CRLF incl\r\n", testMaxSize/32)
	for _, c := range []struct{ body, want string }{
		{exact, "250 "}, {exact + "\r\n", "552 5.3.4 "}, {exact + exact + exact, "552 5.3.4 "}, {"small\r\n", "250 "},
	} {
		k.begin("anna@example.org", "berta@example.org")
		k.send(c.body + ".\r\n")
		k.want(c.want, c.want)
	}
	if got, _ := x.inbox("berta@example.org"); len(got) != 2 || got[0] != exact {
		t.Errorf("%d messages", len(got))
	}
	x.verify()
}

func TestLMTPLongLines(t *testing.T) {
	x := newLMTPTest(t, vfs.NewMem())
	k := x.dial()
	k.send("MAIL FROM:<" + strings.Repeat("x", 1<<14) + "@example.net>\r\n")
	k.want("500 ")
}

func TestLMTPSyntax(t *testing.T) {
	x := newLMTPTest(t, vfs.NewMem())
	for _, c := range []struct{ name, in, want string }{
		{"MAIL twice", "MAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n", "250 503"},
		{"RCPT first", "RCPT TO:<anna@example.org>\r\n", "502"},
		{"DATA first", "DATA\r\n", "502"},
		{"no recipient left", "MAIL FROM:<a@b>\r\nRCPT TO:<x@y>\r\nDATA\r\n", "250 550 502"},
		{"RSET", "MAIL FROM:<a@b>\r\nRSET\r\nMAIL FROM:<a@b>\r\n", "250 250 250"},
		{"SMTP", "EHLO x\r\n", "500"},
		{"sender needs SMTPUTF8", "MAIL FROM:<jürgen@example.org>\r\n", "553"},
		{"recipient needs SMTPUTF8", "MAIL FROM:<a@b>\r\nRCPT TO:<jürgen@example.org>\r\n", "250 553"},
		{"SMTPUTF8", "MAIL FROM:<a@b> SMTPUTF8\r\nRCPT TO:<jürgen@example.org>\r\n", "250 250"},
		{"postmaster", "MAIL FROM:<>\r\nrcpt to:<PostMaster>\r\nRCPT TO:<postmaster@example.com>\r\n", "250 250 250"},
		{"data pipelined", "MAIL FROM:<>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\nx\r\n.\r\nNOOP\r\n", "250 250 354 250 250"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := x.dial()
			k.t = t
			k.send(c.in)
			for _, code := range strings.Fields(c.want) {
				k.want(code + " ")
			}
		})
	}
}

// BDAT is not offered, and what follows it is not taken for commands.
func TestLMTPNoChunks(t *testing.T) {
	x := newLMTPTest(t, vfs.NewMem())
	nc, err := net.Dial("tcp", x.addr)
	if err != nil {
		t.Fatal(err)
	}
	client := smtp.NewClientLMTP(nc)
	defer client.Close()
	for name, want := range map[string]bool{"CHUNKING": false, "8BITMIME": true, "SMTPUTF8": true, "PIPELINING": true, "SIZE": true} {
		if got, _ := client.Extension(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	k := x.dial()
	k.send("MAIL FROM:<>\r\nRCPT TO:<anna@example.org>\r\nbdat 6 LAST\r\nRSET\r\n")
	k.want("250 ", "250 ", "421 ")
	k.ended()
}

// quiet waits until all connections are gone.
func (x *lmtpTest) quiet() {
	x.t.Helper()
	for range 1000 {
		x.mu.Lock()
		n := len(x.conns)
		x.mu.Unlock()
		if n == 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	x.t.Fatal("connections stay")
}

func TestLMTPLostConnection(t *testing.T) {
	x := newLMTPTest(t, vfs.NewMem())
	for _, part := range []string{"", "Subject: x\r\n", "x\r\n.", "x\r\n.\r", "x\n.\r\n"} {
		k := x.dial()
		k.begin("anna@example.org")
		k.send(part)
		k.Close()
	}
	x.quiet()
	if got, _ := x.inbox("anna@example.org"); len(got) != 0 {
		t.Errorf("parts were delivered: %q", got)
	}
	x.verify()
}

func TestLMTPDiskFull(t *testing.T) {
	for _, size := range []int{100, 500_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			var full atomic.Bool
			tree := storagetest.Faults(vfs.NewMem(), func(op storagetest.Op) *storagetest.Fault {
				if full.Load() && (op.Kind == storagetest.OpWrite || op.Kind == storagetest.OpCreate) {
					return &storagetest.Fault{Err: storagetest.ENOSPC}
				}
				return nil
			})
			x := newLMTPTest(t, tree)
			k := x.dial()
			full.Store(true)
			k.begin("anna@example.org", "berta@example.org")
			k.send(strings.Repeat("0123456789\r\n", size/12) + ".\r\n")
			k.want("452 4.3.1 <anna", "452 4.3.1 <berta")
			k.send("NOOP\r\n") // the message was read to its end
			k.want("250 ")
			full.Store(false)
		})
	}
}

func TestLMTPStoppedUnit(t *testing.T) {
	var broken atomic.Bool
	tree := storagetest.Faults(vfs.NewMem(), func(op storagetest.Op) *storagetest.Fault {
		if broken.Load() && op.Kind == storagetest.OpSync {
			return &storagetest.Fault{Err: storagetest.EIO}
		}
		return nil
	})
	x := newLMTPTest(t, tree)
	k := x.dial()
	broken.Store(true)
	k.begin("anna@example.org")
	k.send("x\r\n.\r\n")
	k.want("451 4.3.0 ")
	<-x.unit.Stopped() // which ends the process
	if err := x.unit.Err(); !errors.Is(err, storage.ErrStopped) {
		t.Error(err)
	}
}

func TestLMTPRemovedMeanwhile(t *testing.T) {
	x := newLMTPTest(t, vfs.NewMem())
	k := x.dial()
	k.begin("anna@example.org", "berta@example.org")
	if err := x.unit.RemoveAccount(context.Background(), "anna@example.org"); err != nil {
		t.Fatal(err)
	}
	k.send("x\r\n.\r\n")
	k.want("550 5.1.1 <anna", "250 2.0.0 <berta")
}

// At shutdown an idle client is told so; a message that is coming in is taken in to its end.
func TestLMTPDrain(t *testing.T) {
	x := newLMTPTest(t, vfs.NewMem())
	idle, busy := x.dial(), x.dial()
	busy.begin("anna@example.org")
	busy.send("first line\r\n")
	time.Sleep(50 * time.Millisecond) // the server reads it
	done := make(chan error, 1)
	go func() { done <- x.shutdown(context.Background()) }()
	idle.want("421 ")
	idle.ended()
	busy.send("second line\r\n.\r\n")
	busy.want("250 ", "421 ")
	busy.ended()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got, _ := x.inbox("anna@example.org"); len(got) != 1 {
		t.Errorf("%d messages", len(got))
	}
}

// A client that does not end is cut off.
func TestLMTPCutOff(t *testing.T) {
	x := newLMTPTest(t, vfs.NewMem())
	k := x.dial()
	k.begin("anna@example.org")
	k.send("first line\r\n")
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := x.shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutdown: %v", err)
	}
	io.Copy(io.Discard, k.r) // ends
	if got, _ := x.inbox("anna@example.org"); len(got) != 0 {
		t.Errorf("a part was delivered: %q", got)
	}
}

func TestLMTPTooManyConnections(t *testing.T) {
	x := newLMTPTest(t, vfs.NewMem())
	var talks []*talk
	for range lmtpMaxConns {
		talks = append(talks, x.dial())
	}
	c, err := net.Dial("tcp", x.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	k := &talk{t, c, bufio.NewReader(c)}
	k.want("421 4.3.2 ")
	k.ended()
	for _, k := range talks {
		k.Close()
	}
	x.quiet()
	x.dial()
}

// A large message is on the disk, not in memory, and recipients share it.
func TestLMTPStreams(t *testing.T) {
	tree, err := vfs.OS(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	x := newLMTPTest(t, tree)
	const size = 50 << 20
	x.maxSize, x.smtp.MaxMessageBytes = size, size
	k := x.dial()
	k.SetDeadline(time.Now().Add(2 * time.Minute))
	k.begin("anna@example.org", "berta@example.org")
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	block := bytes.Repeat([]byte("sixty-two octets of text, in order to fill a line of a letter\r\n"), 1<<10)
	var most uint64
	for sent := 0; sent+len(block) <= size; sent += len(block) {
		if _, err := k.Write(block); err != nil {
			t.Fatal(err)
		}
		if sent>>20 != (sent+len(block))>>20 {
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
	}
	k.send(".\r\n")
	k.want("250 ", "250 ")
	if grown := int64(most) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("memory grew by %d bytes for a message of %d", grown, size)
	}
	for _, name := range []string{"anna@example.org", "berta@example.org"} {
		a, err := x.unit.OpenAccount(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		for m := range a.Mailboxes() {
			if m.Name == "INBOX" && (m.Messages != 1 || m.Size < size-(1<<20)) {
				t.Errorf("%s: %+v", name, m)
			}
		}
		a.Close()
	}
}
