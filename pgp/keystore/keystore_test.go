package keystore_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/keystore"
)

var (
	ctx  = context.Background()
	born = time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
)

func day(n int) time.Time { return born.AddDate(0, 0, n) }

func newKey(t *testing.T, email string, days int) *pgp.Key {
	t.Helper()
	k, err := pgp.Generate(pgp.NewKey{Email: email, Created: born, Lifetime: time.Duration(days) * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func open(t *testing.T) *keystore.Dir {
	t.Helper()
	d, err := keystore.OpenDir(t.TempDir() + "/keys")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func reasonOf(err error) pgp.Reason {
	var key *pgp.KeyError
	if !errors.As(err, &key) {
		return -1
	}
	return key.Reason
}

// Trust on first use: what the record answers as keys come and go. Each step reads the file again.
func TestHistory(t *testing.T) {
	d := open(t)
	first, second, other := newKey(t, "anna@example.org", 100), newKey(t, "Anna@Example.org", 0), newKey(t, "eve@example.org", 0)
	for _, step := range []struct {
		name   string
		key    *pgp.Key
		at     time.Time
		change keystore.Change
		reason pgp.Reason
		best   *pgp.Key
	}{
		{"the first", first.Public(), day(1), keystore.First, -1, first},
		{"again", first.Public(), day(2), keystore.Known, -1, first},
		{"another", second.Public(), day(3), keystore.Conflict, -1, first},
		{"of somebody else", other.Public(), day(3), keystore.First, pgp.NoAddress, first},
		{"the second, after the end of the first", second.Public(), day(101), keystore.Known, -1, second},
	} {
		err := d.Update(ctx, "Anna@example.org", func(r *keystore.Record) error {
			change, err := r.Observe(step.key, "test", step.at)
			if change != step.change || reasonOf(err) != step.reason {
				t.Errorf("%s: %v, %v", step.name, change, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := d.Get(ctx, "anna@EXAMPLE.org")
		if err != nil {
			t.Fatal(err)
		}
		if best, err := r.Best(step.at); err != nil || best.Fingerprint() != step.best.Fingerprint() {
			t.Errorf("%s: best is %v, %v", step.name, best, err)
		}
	}
	r, _ := d.Get(ctx, "anna@example.org")
	if len(r.Keys) != 2 || !r.Keys[0].First.Equal(day(1)) || !r.Keys[0].Last.Equal(day(2)) || r.Keys[0].Source != "test" {
		t.Errorf("history: %+v", r.Keys)
	}
	// A renewal is news about a known key, even if it cannot be used now.
	revoked, err := first.Revoke(pgp.RevokedCompromised, "", day(4))
	if err != nil {
		t.Fatal(err)
	}
	if change, err := r.Observe(revoked.Public(), "test", day(5)); change != keystore.Known || err != nil {
		t.Errorf("a revocation: %v, %v", change, err)
	}
	if best, err := r.Best(day(5)); err != nil || best.Fingerprint() != second.Fingerprint() {
		t.Errorf("after the revocation: %v", err)
	}
	third := newKey(t, "anna@example.org", 0)
	if err := r.Pin(third.Fingerprint()); reasonOf(err) != pgp.Changed {
		t.Errorf("pinning what was not seen: %v", err)
	}
	if err := r.Pin(first.Fingerprint()); err != nil {
		t.Error(err)
	}
	if _, err := r.Best(day(5)); reasonOf(err) != pgp.Revoked {
		t.Errorf("the pinned key was revoked: %v", err)
	}
	if change, err := r.Observe(third, "test", day(5)); change != keystore.Conflict || err != nil {
		t.Errorf("%v, %v", change, err)
	}
	// The history is bounded, and keeps the first and the pinned one.
	if err := r.Pin(second.Fingerprint()); err != nil {
		t.Fatal(err)
	}
	for range 40 {
		if _, err := r.Observe(newKey(t, "anna@example.org", 0), "flood", day(6)); err != nil {
			t.Fatal(err)
		}
	}
	if best, err := r.Best(day(6)); err != nil || best.Fingerprint() != second.Fingerprint() || len(r.Keys) > 32 || r.Keys[0].Key.Fingerprint() != first.Fingerprint() {
		t.Errorf("after a flood: %d keys, %v", len(r.Keys), err)
	}
}

func TestNoKey(t *testing.T) {
	d := open(t)
	r, err := d.Get(ctx, "nobody@example.org")
	if err != nil || len(r.Keys) != 0 {
		t.Fatalf("%v, %v", r, err)
	}
	if _, err := r.Best(day(1)); !errors.Is(err, keystore.ErrNoKey) {
		t.Error(err)
	}
	for _, address := range []string{"", "no address", "a@b, c@d", "a@b\x00", "../x@example.org", "\"..\"@example.org", ".lock@example.org"} {
		if _, err := d.Get(ctx, address); err == nil {
			t.Errorf("%q is an address", address)
		}
	}
}

// Names of files are names whatever the address is.
func TestFiles(t *testing.T) {
	path := t.TempDir()
	d, err := keystore.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	addresses := []string{"a/b@example.org", "/@example.org", "lock@example.org", "a%2fb@example.org", strings.Repeat("x", 300) + "@example.org", "ü@example.org"}
	for _, address := range addresses {
		err := d.Update(ctx, address, func(r *keystore.Record) error {
			r.Keys = append(r.Keys, keystore.Seen{Key: newKey(t, "x@example.org", 10), First: day(0), Last: day(0)})
			return nil
		})
		if err != nil {
			t.Errorf("%q: %v", address, err)
		}
	}
	entries, _ := os.ReadDir(path)
	files := 0
	for _, entry := range entries {
		if info, _ := entry.Info(); info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", entry.Name(), info.Mode())
		}
		if strings.HasSuffix(entry.Name(), ".json") {
			files++
		}
	}
	if files != len(addresses) {
		t.Errorf("%d files for %d addresses: %v", files, len(addresses), entries)
	}
	warnings, err := keystore.Expiring(ctx, d, 30*24*time.Hour, day(1))
	if err != nil || len(warnings) != len(addresses) || !warnings[0].Expires.Equal(day(10)) {
		t.Errorf("warnings: %v, %v", warnings, err)
	}
	for _, address := range addresses {
		if err := d.Update(ctx, address, func(r *keystore.Record) error { r.Keys = nil; return nil }); err != nil {
			t.Error(err)
		}
	}
	for r, err := range d.All(ctx) {
		t.Errorf("after removing all: %v, %v", r, err)
	}
}

// No update is lost.
func TestConcurrency(t *testing.T) {
	d := open(t)
	var group sync.WaitGroup
	for range 8 {
		k := newKey(t, "anna@example.org", 0)
		group.Go(func() {
			if err := d.Update(ctx, "anna@example.org", func(r *keystore.Record) error {
				_, err := r.Observe(k, "test", day(1))
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if r, err := d.Get(ctx, "anna@example.org"); err != nil || len(r.Keys) != 8 {
		t.Errorf("%d keys, %v", len(r.Keys), err)
	}
	stop := errors.New("stop")
	if err := d.Update(ctx, "anna@example.org", func(r *keystore.Record) error { r.Keys = nil; return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	if r, _ := d.Get(ctx, "anna@example.org"); len(r.Keys) != 8 {
		t.Error("a change that failed was kept")
	}
}
