package storage_test

import (
	"archive/zip"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// keepUnit writes testdata/unit-<format>.zip: run it once for each new minor or major format, and never change what is there.
var keepUnit = flag.String("storage.keep", "", "write the unit that later versions must read to this file")

const keptUnit = "testdata/unit-1.0.zip"

var keptOptions = storage.Options{
	SegmentSize: 16 << 10, Ballast: -1, Logger: slog.New(slog.DiscardHandler),
	Now: func() time.Time { return time.Unix(1700000000, 0) },
}

// fillUnit makes a unit with something of everything, in checkpoints and in the log.
func fillUnit(t *testing.T, tree vfs.FS) *storage.Unit {
	t.Helper()
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	u, err := storage.Open(tree, keptOptions)
	must(err)
	a, err := u.CreateAccount(ctx, "anna@example.org")
	must(err)
	must(u.SetAliases(ctx, "anna@example.org", []string{"info@example.org"}))
	inbox, err := a.Mailbox("INBOX")
	must(err)
	lists, err := a.CreateMailbox(ctx, "Lists/Größe.1", storage.UseFlagged)
	must(err)
	must(a.Subscribe(ctx, "Nothing/Here", true))
	add := func(n int) {
		for i := range n {
			b := a.NewBody()
			fmt.Fprintf(b, "Subject: message %d\n\n%s", i, strings.Repeat("text\n", i))
			_, err := inbox.Append(ctx, storage.NewMessage{Body: b, Flags: storage.Flags(i) & storage.Seen, Keywords: []string{"$Work", fmt.Sprint("k", i%3)}, InternalDate: time.Unix(int64(i)*1e6, 0)})
			must(err)
			b.Close()
		}
	}
	add(9)
	_, err = inbox.Copy(ctx, storage.UIDSet{{First: 2, Last: 4}}, lists)
	must(err)
	must(u.Checkpoint(ctx))
	_, err = inbox.Store(ctx, storage.UIDSet{{First: 1, Last: 2}}, storage.FlagChange{Op: storage.AddFlags, Flags: storage.Deleted | storage.Flagged})
	must(err)
	_, _, err = inbox.Expunge(ctx, storage.UIDSet{{First: 1, Last: 1}})
	must(err)
	add(2)
	inbox.ClaimRecent()
	must(a.Subscribe(ctx, "Last", true)) // returns when the claim is durable too
	return u
}

// describe tells all that a client could know of a unit.
func describe(t *testing.T, u *storage.Unit) string {
	t.Helper()
	ctx := context.Background()
	var out strings.Builder
	for _, info := range u.Accounts() {
		fmt.Fprintf(&out, "account %s %v\n", info.Name, info.Aliases)
		a, err := u.OpenAccount(ctx, info.Name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "subscribed %q\n", a.Subscriptions())
		for box := range a.Mailboxes() {
			fmt.Fprintf(&out, "%s use %d status %+v\n", box.Name, box.SpecialUse, box.Status)
			m, err := a.Mailbox(box.Name)
			if err != nil {
				t.Fatal(err)
			}
			v, err := m.View(ctx)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&out, "keywords %q vanished %s recent from %d\n", v.AllKeywords(), v.VanishedSince(0), m.Recent())
			for seq, msg := range v.All() {
				c, err := m.Open(ctx, msg.UID)
				if err != nil {
					t.Fatal(err)
				}
				data, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
				c.Close()
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&out, "%d: uid %d flags %d %q modseq %d date %d save %d %q\n", seq, msg.UID, msg.Flags, v.Keywords(msg.Keywords), msg.ModSeq, msg.InternalDate, msg.SaveDate, data)
			}
		}
		a.Close()
	}
	return out.String()
}

// TestKeptUnit opens a unit that an earlier version left after a crash. What it holds is what the program holds that makes it.
func TestKeptUnit(t *testing.T) {
	if *keepUnit != "" {
		disk := vfs.NewMem()
		fillUnit(t, disk) // not closed: a crash
		if err := os.WriteFile(*keepUnit, zipTree(t, disk), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree := vfs.NewMem()
	unzipTree(t, tree, keptUnit)
	u, err := storage.Open(tree, keptOptions)
	if err != nil {
		t.Fatal(err)
	}
	got := describe(t, u)
	findings, err := u.Verify(context.Background())
	if err != nil || len(findings) > 0 {
		t.Errorf("Verify: %v %v", findings, err)
	}
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	fresh := fillUnit(t, vfs.NewMem())
	want := describe(t, fresh)
	if err := fresh.Close(); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("the kept unit holds\n%s\nwant\n%s", got, want)
	}
}

// TestFormatVersions: a newer minor format is read, a newer major one refused.
func TestFormatVersions(t *testing.T) {
	for _, c := range []struct {
		format string
		ok     bool
	}{{"[1,0]", true}, {"[1,7]", true}, {"[2,0]", false}} {
		tree := vfs.NewMem()
		u, err := storage.Open(tree, keptOptions)
		if err != nil {
			t.Fatal(err)
		}
		if err := u.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := tree.OpenRW(".unit/manifest")
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, 1000)
		n, _ := f.ReadAt(data, 0)
		if _, err := f.WriteAt(bytes.Replace(data[:n], []byte("[1,0]"), []byte(c.format), 1), 0); err != nil {
			t.Fatal(err)
		}
		u, err = storage.Open(tree, keptOptions)
		if (err == nil) != c.ok {
			t.Errorf("format %s: %v", c.format, err)
		}
		if err == nil {
			u.Close()
		}
	}
}

// zipTree packs a tree, the times of files included.
func zipTree(t *testing.T, tree vfs.FS) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := tree.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := strings.TrimPrefix(dir+"/"+e.Name, "/")
			info, err := tree.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: info.ModTime.UTC()}
			if e.Dir {
				header.Name += "/"
			}
			out, err := w.CreateHeader(header)
			if err != nil {
				t.Fatal(err)
			}
			if e.Dir {
				walk(name)
				continue
			}
			f, err := tree.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(out, io.NewSectionReader(f, 0, info.Size)); err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
	}
	walk("")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func unzipTree(t *testing.T, tree vfs.FS, name string) {
	t.Helper()
	r, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	slices.SortFunc(r.File, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	for _, file := range r.File {
		if dir, ok := strings.CutSuffix(file.Name, "/"); ok {
			if err := tree.Mkdir(dir); err != nil {
				t.Fatal(err)
			}
			continue
		}
		in, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		in.Close()
		f, err := tree.Create(file.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(data, 0); err != nil {
			t.Fatal(err)
		}
		if err := f.SetModTime(file.Modified); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
}
