package storage_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/storagetest"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// damage inverts a byte in the middle of a file.
func damage(t *testing.T, fsys vfs.FS, name string) {
	t.Helper()
	f, err := fsys.OpenRW(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if _, err := f.ReadAt(b[:], size/2); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	b[0] ^= 0xff
	if _, err := f.WriteAt(b[:], size/2); err != nil {
		t.Fatal(err)
	}
}

// damagedUnit makes a unit with the accounts anna and berta, leaves it in order or as kill -9 does, and damages what is written of
// anna. It returns the UIDVALIDITY that anna's INBOX had.
func damagedUnit(t *testing.T, orderly bool) (*storagetest.Disk, uint32) {
	t.Helper()
	disk := storagetest.NewDisk()
	b := &bench{t: t, ctx: t.Context(), tree: disk, opt: keptOptions}
	b.open()
	a, m := b.account("anna"), b.box(b.account("anna"), "INBOX")
	b.add(a, m, "Subject: one\n\n")
	b.must(b.unit.Checkpoint(b.ctx))
	b.add(a, m, "Subject: two\n\n")
	b.add(b.account("berta"), b.box(b.account("berta"), "INBOX"), "Subject: hers\n\n")
	info, _ := m.Info()
	left := disk.Clone()
	b.must(b.unit.Close())
	if orderly {
		left = disk
	}
	damage(t, left, "a/"+a.ID().String()[:2]+"/"+a.ID().String()+"/meta/account.ck")
	return left, info.UIDValidity
}

// TestDamagedAccount: an account whose checkpoint is damaged is not served, and can be renamed and removed all the same.
func TestDamagedAccount(t *testing.T) {
	for _, orderly := range []bool{true, false} {
		disk, validity := damagedUnit(t, orderly)
		b := &bench{t: t, ctx: t.Context(), tree: disk, opt: keptOptions}
		b.open()
		wantDamage := func(name string) {
			t.Helper()
			if _, err := b.unit.OpenAccount(b.ctx, name); !errors.As(err, new(*storage.DamageError)) {
				t.Fatalf("opening %s: %v", name, err)
			}
		}
		wantDamage("anna")
		b.must(b.unit.RenameAccount(b.ctx, "anna", "broken"))
		wantDamage("broken")
		again := b.account("anna")
		if info, _ := b.box(again, "INBOX").Info(); info.UIDValidity <= validity {
			t.Errorf("the name got another account with UIDVALIDITY %d after %d", info.UIDValidity, validity)
		}
		b.must(b.unit.Checkpoint(b.ctx))
		b.must(b.unit.Close())
		b.open()
		wantDamage("broken")
		b.must(b.unit.RemoveAccount(b.ctx, "broken"))
		_, err := b.unit.OpenAccount(b.ctx, "broken")
		wantErr(t, err, storage.ErrNoAccount)
		b.must(b.unit.Checkpoint(b.ctx))
		b.must(b.unit.Checkpoint(b.ctx))
		trees := 0
		groups, err := disk.ReadDir("a")
		b.must(err)
		for _, g := range groups {
			entries, err := disk.ReadDir("a/" + g.Name)
			b.must(err)
			trees += len(entries)
		}
		if trees != 2 {
			t.Errorf("%d accounts have trees, want 2", trees)
		}
		b.must(b.unit.Close())
		b.open()
		findings, err := b.unit.Verify(context.Background())
		b.must(err)
		for _, f := range findings {
			t.Error(f)
		}
		b.must(b.unit.Close())
	}
}

// TestLostSource: where a copy has to be made in recovery and its source is gone, nobody is told that all is well: the account is out
// of service until the file is back, and nothing of it is removed meanwhile.
func TestLostSource(t *testing.T) {
	disk := storagetest.NewDisk()
	b := &bench{t: t, ctx: t.Context(), tree: disk, opt: keptOptions}
	b.open()
	a := b.account("anna")
	m := b.box(a, "INBOX")
	b.add(a, m, "Subject: to be copied\n\n")
	b.must(b.unit.Checkpoint(b.ctx))
	before := disk.Clone() // the copy's link is not there
	cur := "a/" + a.ID().String()[:2] + "/" + a.ID().String() + "/Maildir/cur"
	_, err := m.Copy(b.ctx, storage.NewUIDSet(1), b.box(a, "Archive"))
	b.must(err)
	log := logFiles(t, disk)
	b.must(b.unit.Close())

	for name, data := range log { // the log knows of the copy, the tree does not
		writeWhole(t, before, name, data)
	}
	entries, err := before.ReadDir(cur)
	b.must(err)
	if len(entries) != 1 {
		t.Fatalf("%d files in %s", len(entries), cur)
	}
	aside := "a/" + a.ID().String()[:2] + "/kept"
	b.must(before.Rename(cur+"/"+entries[0].Name, aside))
	b.tree = before
	b.open()
	if _, err := b.unit.OpenAccount(b.ctx, "anna"); !errors.As(err, new(*storage.DamageError)) {
		t.Fatalf("opening: %v", err)
	}
	b.must(b.unit.Checkpoint(b.ctx))
	b.must(b.unit.Close())
	b.must(before.Rename(aside, cur+"/"+entries[0].Name))
	b.open()
	if got := b.read(b.box(b.account("anna"), "Archive"), 1); !strings.Contains(got, "to be copied") {
		t.Errorf("the copy is %q", got)
	}
	b.must(b.unit.Close())
}

// logFiles reads the files of a unit's log.
func logFiles(t *testing.T, fsys vfs.FS) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	entries, err := fsys.ReadDir(".unit/log")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := ".unit/log/" + e.Name
		if files[name], err = vfs.ReadFile(fsys, name); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func writeWhole(t *testing.T, fsys vfs.FS, name string, data []byte) {
	t.Helper()
	f, err := fsys.OpenRW(name)
	if err != nil {
		f, err = fsys.Create(name)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(data, 0); err != nil {
		t.Fatal(err)
	}
}
