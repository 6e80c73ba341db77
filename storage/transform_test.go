package storage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/storagetest"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// late keeps what mail programs save until it is complete, and then writes it as it came.
func late(_ storage.ID, from storage.Origin, dst io.Writer) (io.WriteCloser, error) {
	if from != storage.Appended {
		return nil, nil
	}
	return &whole{dst: dst, change: func(b []byte) []byte { return b }}, nil
}

// whole changes a message when it is complete.
type whole struct {
	bytes.Buffer
	dst    io.Writer
	change func([]byte) []byte
	closed int
}

func (w *whole) Close() error {
	w.closed++
	_, err := w.dst.Write(w.change(w.Bytes()))
	return err
}

// faulty fails where it is told to.
type faulty struct {
	io.Writer
	write, close error
	short        bool
}

func (f faulty) Write(p []byte) (int, error) {
	if f.short {
		return len(p) - 1, nil
	}
	if f.write != nil {
		return 0, f.write
	}
	return f.Writer.Write(p)
}

func (f faulty) Close() error { return f.close }

// transformed is a unit on a disk that remembers, with an account and its INBOX.
type transformed struct {
	*testing.T
	tree    vfs.FS
	unit    *storage.Unit
	account *storage.Account
	inbox   *storage.Mailbox
}

func newTransformed(t *testing.T, hook storage.Transform) transformed {
	t.Helper()
	return newTransformedOn(t, vfs.NewMem(), hook)
}

func newTransformedOn(t *testing.T, tree vfs.FS, hook storage.Transform) transformed {
	t.Helper()
	ctx := context.Background()
	x := transformed{T: t, tree: tree}
	var err error
	if x.unit, err = storage.Open(x.tree, storage.Options{Transform: hook, SegmentSize: 256 << 10, Ballast: -1, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if findings, err := x.unit.Verify(ctx); err != nil || len(findings) > 0 {
			t.Errorf("verify: %v, %v", findings, err)
		}
		x.account.Close()
		x.unit.Close()
	})
	if x.account, err = x.unit.CreateAccount(ctx, "anna"); err != nil {
		t.Fatal(err)
	}
	if x.inbox, err = x.account.Mailbox("INBOX"); err != nil {
		t.Fatal(err)
	}
	return x
}

// add appends a message written in pieces of 1,000 bytes.
func (x transformed) add(body *storage.Body, message string) error {
	defer body.Close()
	for piece := range slices.Chunk([]byte(message), 1000) {
		if _, err := body.Write(piece); err != nil {
			break // Append says why
		}
	}
	_, err := x.inbox.Append(context.Background(), storage.NewMessage{Body: body})
	return err
}

// messages returns everything in the INBOX, and the size that each is said to have.
func (x transformed) messages() (texts []string) {
	x.Helper()
	ctx := context.Background()
	v, err := x.inbox.View(ctx)
	if err != nil {
		x.Fatal(err)
	}
	for _, m := range v.Select(storage.UIDSet{{First: 1, Last: 1 << 30}}) {
		c, err := x.inbox.Open(ctx, m.UID)
		if err != nil {
			x.Fatal(err)
		}
		text, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
		if err != nil || len(text) != int(m.Size) {
			x.Errorf("message %d: %d bytes, not %d: %v", m.UID, len(text), m.Size, err)
		}
		c.Close()
		texts = append(texts, string(text))
	}
	return texts
}

// onDisk tells whether bytes are in any file of the unit.
func (x transformed) onDisk(text string) (where string) {
	x.Helper()
	var look func(dir string)
	look = func(dir string) {
		entries, err := x.tree.ReadDir(dir)
		if err != nil {
			x.Fatal(err)
		}
		for _, e := range entries {
			path := strings.TrimPrefix(dir+"/"+e.Name, "/")
			if e.Dir {
				look(path)
				continue
			}
			f, err := x.tree.Open(path)
			if err != nil {
				x.Fatal(err)
			}
			size, _ := f.Size()
			b, err := io.ReadAll(io.NewSectionReader(f, 0, size))
			if err != nil {
				x.Fatal(err)
			}
			if f.Close(); bytes.Contains(b, []byte(text)) {
				where = path
			}
		}
	}
	look("")
	return where
}

// What a message is known by is what came out of the Transform: sizes, summary, digest, bytes, whatever its length. Copies are not transformed once more.
func TestTransform(t *testing.T) {
	changes := map[string]func([]byte) []byte{
		"longer":  func(b []byte) []byte { return append(bytes.ToUpper(b), strings.Repeat("0123456789abcde\n", 10_000)...) },
		"shorter": func([]byte) []byte { return []byte("SUBJECT: X\r\n\r\n") },
		"nothing": func([]byte) []byte { return nil },
		"as long": bytes.ToUpper,
	}
	const secret = "Noon at the harbour. "
	for name, change := range changes {
		for _, size := range []int{1, 4_000} { // in the log, in a file
			t.Run(name, func(t *testing.T) {
				var asked []storage.Origin
				x := newTransformed(t, func(_ storage.ID, from storage.Origin, dst io.Writer) (io.WriteCloser, error) {
					asked = append(asked, from)
					return &whole{dst: dst, change: change}, nil
				})
				message := "Subject: x\r\n\r\n" + strings.Repeat(secret, size)
				if err := x.add(x.account.NewBody(), message); err != nil {
					t.Fatal(err)
				}
				if err := x.add(x.account.NewDelivery(), message); err != nil {
					t.Fatal(err)
				}
				if _, err := x.inbox.Copy(context.Background(), storage.UIDSet{{First: 1, Last: 1}}, x.inbox); err != nil {
					t.Fatal(err)
				}
				if _, err := x.inbox.Move(context.Background(), storage.UIDSet{{First: 2, Last: 2}}, x.inbox); err != nil {
					t.Fatal(err)
				}
				if len(asked) != 2 || asked[0] != storage.Appended || asked[1] != storage.Delivered {
					t.Errorf("asked for %v", asked)
				}
				want := strings.ReplaceAll(strings.ReplaceAll(string(change([]byte(message))), "\r\n", "\n"), "\n", "\r\n")
				for i, got := range x.messages() {
					if got != want {
						t.Errorf("message %d: %d bytes, not %d", i, len(got), len(want))
					}
				}
				if got := len(x.messages()); got != 3 {
					t.Errorf("%d messages", got)
				}
				if where := x.onDisk(secret); where != "" {
					t.Errorf("in clear in %s", where)
				}
			})
		}
	}
}

// However a Transform fails, nothing is stored, in clear or otherwise, and the caller learns why.
func TestTransformFails(t *testing.T) {
	broken := errors.New("broken")
	const secret = "Noon at the harbour. "
	message := strings.Repeat(secret, 10_000)
	for name, test := range map[string]struct {
		hook storage.Transform
		want error
	}{
		"at once": {func(storage.ID, storage.Origin, io.Writer) (io.WriteCloser, error) { return nil, broken }, broken},
		"writing": {func(_ storage.ID, _ storage.Origin, dst io.Writer) (io.WriteCloser, error) {
			return faulty{Writer: dst, write: broken}, nil
		}, broken},
		"at the end": {func(_ storage.ID, _ storage.Origin, dst io.Writer) (io.WriteCloser, error) {
			return faulty{Writer: io.Discard, close: broken}, nil
		}, broken},
		"silently": {func(_ storage.ID, _ storage.Origin, dst io.Writer) (io.WriteCloser, error) {
			return faulty{short: true}, nil
		}, io.ErrShortWrite},
	} {
		t.Run(name, func(t *testing.T) {
			x := newTransformed(t, test.hook)
			body := x.account.NewBody()
			early := body.Err()
			err := x.add(body, message)
			if !errors.Is(err, test.want) || !errors.Is(err, storage.ErrTransform) || (early != nil) != (name == "at once") {
				t.Errorf("%v; before it began: %v", err, early)
			}
			if got := x.messages(); len(got) != 0 {
				t.Errorf("%d messages", len(got))
			}
			if where := x.onDisk(secret); where != "" {
				t.Errorf("in clear in %s", where)
			}
		})
	}
}

// A message that is given up leaves nothing behind, and its Transform is ended, once.
func TestTransformGivenUp(t *testing.T) {
	var last *whole
	x := newTransformed(t, func(_ storage.ID, _ storage.Origin, dst io.Writer) (io.WriteCloser, error) {
		last = &whole{dst: dst, change: bytes.ToUpper}
		return last, nil
	})
	body := x.account.NewDelivery()
	if _, err := io.WriteString(body, strings.Repeat("given up ", 20_000)); err != nil {
		t.Fatal(err)
	}
	if _, err := body.For(x.account); !errors.Is(err, storage.ErrTransform) {
		t.Errorf("for another account: %v", err)
	}
	if err := body.Spool(); err != nil {
		t.Fatal(err)
	}
	body.Close()
	body.Close()
	if last.closed != 1 || x.onDisk("GIVEN UP") != "" || x.onDisk("given up") != "" {
		t.Errorf("closed %d times; in %q", last.closed, x.onDisk("GIVEN UP"))
	}
	if _, err := body.Write([]byte("more")); err == nil {
		t.Error("written to after Close")
	}
	if _, err := x.inbox.Append(context.Background(), storage.NewMessage{Body: body}); err == nil {
		t.Error("appended after Close")
	}
}

// A full disk is told as one, whether the Transform meets it or the end of the message does; then there is room again.
func TestTransformOnFullDisk(t *testing.T) {
	for name, hook := range map[string]storage.Transform{
		"as it goes": func(_ storage.ID, _ storage.Origin, dst io.Writer) (io.WriteCloser, error) {
			return faulty{Writer: dst}, nil
		},
		"at the end": late,
	} {
		t.Run(name, func(t *testing.T) {
			var full atomic.Bool
			tree := storagetest.Faults(vfs.NewMem(), func(op storagetest.Op) *storagetest.Fault {
				if full.Load() && strings.Contains(op.Name, "/spool/") {
					return &storagetest.Fault{Err: storagetest.ENOSPC}
				}
				return nil
			})
			x := newTransformedOn(t, tree, hook)
			message := strings.Repeat("The ship comes at noon.\r\n", 20_000)
			full.Store(true)
			if err := x.add(x.account.NewBody(), message); !errors.Is(err, storage.ErrNoSpace) {
				t.Errorf("%v", err)
			}
			full.Store(false)
			if err := x.add(x.account.NewBody(), message); err != nil {
				t.Error(err)
			}
			if got := x.messages(); len(got) != 1 || got[0] != message {
				t.Errorf("%d messages", len(got))
			}
		})
	}
}

// Of accounts that share a message each gets what it has asked for.
func TestTransformFor(t *testing.T) {
	var berta storage.ID
	x := newTransformed(t, func(to storage.ID, _ storage.Origin, dst io.Writer) (io.WriteCloser, error) {
		if to == berta {
			return &whole{dst: dst, change: bytes.ToUpper}, nil
		}
		return nil, nil
	})
	ctx := context.Background()
	b, err := x.unit.CreateAccount(ctx, "berta")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	berta = b.ID()
	for _, n := range []int{1, 20_000} {
		body := x.account.NewDelivery()
		io.WriteString(body, strings.Repeat("shared ", n))
		other, err := body.For(b)
		if err != nil {
			t.Fatal(err)
		}
		y := x
		if y.inbox, err = b.Mailbox("INBOX"); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(x.add(body, ""), y.add(other, "")); err != nil {
			t.Fatal(err)
		}
		for got, want := range map[string]string{x.messages()[len(x.messages())-1]: "shared ", y.messages()[len(y.messages())-1]: "SHARED "} {
			if got != strings.Repeat(want, n) {
				t.Errorf("%.20q", got)
			}
		}
	}
}

// Without a Transform, taking in a message allocates what it did.
func TestNoTransformAllocates(t *testing.T) {
	x := newTransformed(t, nil)
	piece := make([]byte, 1000)
	if n := testing.AllocsPerRun(100, func() {
		b := x.account.NewBody()
		b.Write(piece)
		b.Close()
	}); n > 3 { // the Body, its sum, its buffer
		t.Errorf("%v allocations", n)
	}
}
