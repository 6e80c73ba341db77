package storage_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// benchUnit opens a unit on the real disk with one account.
func benchUnit(b *testing.B) (*storage.Unit, *storage.Account, *storage.Mailbox) {
	b.Helper()
	tree, err := vfs.OS(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	u, err := storage.Open(tree, storage.Options{Logger: slog.New(slog.DiscardHandler), Ballast: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := u.Close(); err != nil {
			b.Error(err)
		}
	})
	a, err := u.CreateAccount(context.Background(), "bench")
	if err != nil {
		b.Fatal(err)
	}
	m, err := a.Mailbox("INBOX")
	if err != nil {
		b.Fatal(err)
	}
	return u, a, m
}

func benchMessage(size int) []byte {
	head := "From: a@example.org\r\nTo: b@example.org\r\nSubject: bench\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <x@example.org>\r\n\r\n"
	return append([]byte(head), bytes.Repeat([]byte("All work and no play makes a dull boy.\r\n"), size/40)...)
}

func deliver(b *testing.B, a *storage.Account, m *storage.Mailbox, data []byte) {
	body := a.NewBody()
	defer body.Close()
	if _, err := body.Write(data); err != nil {
		b.Fatal(err)
	}
	if _, err := m.Append(context.Background(), storage.NewMessage{Body: body}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAppend is durable appends of 24 KiB by so many writers at once.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			_, a, m := benchUnit(b)
			data := benchMessage(24 << 10)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			var all sync.WaitGroup
			for range writers {
				all.Go(func() {
					for left.Add(-1) >= 0 {
						deliver(b, a, m, data)
					}
				})
			}
			all.Wait()
		})
	}
}

// BenchmarkMany is one operation on 10,000 messages.
func BenchmarkMany(b *testing.B) {
	ctx := context.Background()
	u, a, m := benchUnit(b)
	data := benchMessage(1 << 10)
	const n = 10000
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range n / 16 {
				deliver(b, a, m, data)
			}
		})
	}
	all.Wait()
	every := storage.UIDSet{{First: 1, Last: 1 << 31}}
	b.Run("store", func(b *testing.B) {
		op := storage.AddFlags
		for b.Loop() {
			if _, err := m.Store(ctx, every, storage.FlagChange{Op: op, Flags: storage.Flagged, Keywords: []string{"$Work"}}); err != nil {
				b.Fatal(err)
			}
			op ^= storage.AddFlags ^ storage.RemoveFlags
		}
	})
	b.Run("copy", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			to, err := a.CreateMailbox(ctx, fmt.Sprintf("copy-%d-%d", b.N, i), 0)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := m.Copy(ctx, every, to); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("checkpoint", func(b *testing.B) {
		for b.Loop() {
			if _, err := m.Store(ctx, every, storage.FlagChange{Op: storage.SetFlags, Flags: storage.Flags(b.N) & storage.Seen}); err != nil {
				b.Fatal(err)
			}
			if err := u.Checkpoint(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
}
