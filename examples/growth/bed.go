package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mailhavn/mailhavn/imapserver"
	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
	"github.com/mailhavn/mailhavn/tlspolicy"
)

const (
	user     = "anna"
	password = "correct horse battery staple"
)

// bed is a unit with one account, whose INBOX has size messages and whose Archive has one, and a server in front of it.
type bed struct {
	dir      string
	size     int
	users    *passwd.File
	unit     *storage.Unit
	server   *imapserver.Server
	listener net.Listener
	sessions []*session
}

// newBed makes the unit and fills it. It is left closed.
func newBed(parent string, size int) (b *bed, err error) {
	b = &bed{size: size}
	if b.dir, err = os.MkdirTemp(parent, "growth-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.remove()
		}
	}()
	if err := os.Mkdir(b.mail(), 0o700); err != nil {
		return nil, err
	}
	if b.users, err = passwd.OpenFile(filepath.Join(b.dir, "users")); err != nil {
		return nil, err
	}
	if err := b.users.Add(context.Background(), user, password); err != nil {
		return nil, err
	}
	if err := b.open(); err != nil {
		return nil, err
	}
	return b, errors.Join(b.fill(), b.close())
}

func (b *bed) mail() string { return filepath.Join(b.dir, "mail") }

func (b *bed) open() error {
	tree, err := vfs.OS(b.mail())
	if err != nil {
		return err
	}
	b.unit, err = storage.Open(tree, storage.Options{Logger: slog.New(slog.DiscardHandler), Ballast: -1})
	return err
}

func (b *bed) close() error {
	unit := b.unit
	b.unit = nil
	return unit.Close()
}

// fill puts the messages in, a hundred in one record.
func (b *bed) fill() error {
	ctx := context.Background()
	a, err := b.unit.CreateAccount(ctx, user)
	if err != nil {
		return err
	}
	defer a.Close()
	if err := add(ctx, a, "Archive", 0, 1); err != nil {
		return err
	}
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				from := int(next.Add(100)) - 100
				if from >= b.size || failed.Load() != nil {
					return
				}
				if err := add(ctx, a, "INBOX", from, min(100, b.size-from)); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// add appends n messages in one change.
func add(ctx context.Context, a *storage.Account, mailbox string, from, n int) error {
	m, err := a.Mailbox(mailbox)
	if err != nil {
		return err
	}
	var messages []storage.NewMessage
	for i := range n {
		body := a.NewBody()
		defer body.Close()
		if _, err := io.WriteString(body, letter(from+i)); err != nil {
			return err
		}
		messages = append(messages, storage.NewMessage{Body: body})
	}
	_, err = m.Append(ctx, messages...)
	return err
}

func letter(i int) string {
	return fmt.Sprintf("From: Sender %d <sender%d@example.org>\r\nTo: anna@example.org\r\nSubject: Letter %d\r\nMessage-ID: <%d@example.org>\r\n"+
		"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\n\r\n%s", i%1000, i%1000, i, i, strings.Repeat("All work and no play makes a dull boy.\r\n", 10))
}

// serve starts a server on the open unit.
func (b *bed) serve() (err error) {
	cert, err := tlspolicy.SelfSigned(b.dir)
	if err != nil {
		return err
	}
	config, err := tlspolicy.Intermediate.ALPN("imap").Server(cert)
	if err != nil {
		return err
	}
	if b.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	b.server = &imapserver.Server{TLS: config, Auth: passwd.NewAuthenticator(b.users), Open: b.unit.OpenAccount,
		Logger: slog.New(slog.DiscardHandler)}
	go b.server.ServeTLS(b.listener)
	return nil
}

// hangUp ends all sessions.
func (b *bed) hangUp() {
	for _, s := range b.sessions {
		s.conn.Close()
	}
	b.sessions = nil
}

func (b *bed) remove() {
	b.hangUp()
	if b.server != nil {
		b.server.Shutdown(context.Background())
	}
	if b.unit != nil {
		b.unit.Close()
	}
	os.RemoveAll(b.dir)
}

// session is a client that has logged in.
type session struct {
	conn net.Conn
	in   *bufio.Reader
	tags int
}

func (b *bed) login() (*session, error) {
	conn, err := tls.Dial("tcp", b.listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn, in: bufio.NewReaderSize(conn, 16<<10)}
	b.sessions = append(b.sessions, s)
	if _, err := s.in.ReadString('\n'); err != nil {
		return nil, err
	}
	return s, s.do(fmt.Sprintf("LOGIN %s %q", user, password))
}

// do gives a command and reads its answer.
func (s *session) do(command string) error {
	s.tags++
	tag := fmt.Sprintf("t%d ", s.tags)
	if _, err := io.WriteString(s.conn, tag+command+"\r\n"); err != nil {
		return err
	}
	for {
		line, err := s.in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil:
			return err
		case strings.HasPrefix(string(line), tag+"OK"):
			return nil
		case strings.HasPrefix(string(line), tag):
			return fmt.Errorf("%s: %s", command, line)
		}
	}
}
