package drill

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
)

// world is a host on which a drill runs: certificates, users and sessions in memory. It can stop at any of its points, of which each call and each
// change on disk has one before it and one after it. Then nothing works any more, as after a crash, until revive.
//
// It also asserts what must hold at every moment, such as that nobody has to type a new password under an old certificate.
type world struct {
	t        testing.TB
	ca       *testca.Issued
	parallel int

	mu      sync.Mutex // guards the following
	points  int        // passed so far
	stopAt  int        // 0: never
	dead    bool
	served  map[string]tls.Certificate
	old     map[string]*x509.Certificate
	revoked map[string]bool
	keys    map[string]crypto.PublicKey // that certificates were asked for, by name
	tickets int                         // how often they were dropped
	users   map[string]*user
	open    map[string]time.Time // sessions by user

	refuse map[string]bool // names for which nothing is issued
}

// user has a password and an app password from the times given, zero for none.
type user struct {
	set, app time.Time
	must     bool
}

var errDead = errors.New("crashed")

func newWorld(t testing.TB, certificates, users int) *world {
	w := &world{t: t, parallel: 1, served: map[string]tls.Certificate{}, old: map[string]*x509.Certificate{}, revoked: map[string]bool{},
		keys: map[string]crypto.PublicKey{}, users: map[string]*user{}, open: map[string]time.Time{}, refuse: map[string]bool{}}
	w.ca = testca.Issue(t, nil, testca.ECDSA(t), testca.Authority("CA"))
	key := testca.ECDSA(t) // one key for all: the worst case
	for i := range certificates {
		name := fmt.Sprintf("mail%d.example.org", i)
		leaf := testca.Issue(t, w.ca, key, testca.Names(name))
		w.served[name], w.old[name] = leaf.Pair(w.ca), leaf.Cert
	}
	past := time.Now().Add(-time.Hour)
	for i := range users {
		name := fmt.Sprintf("user%07d", i)
		w.users[name], w.open[name] = &user{set: past, app: past}, past
	}
	return w
}

// point is passed before and after each effect; false means that the crash was before.
func (w *world) point() bool {
	w.points++
	if w.points == w.stopAt {
		w.dead = true
	}
	return !w.dead
}

// effect does something unless the world is dead, and returns an error if it dies before it is known to have been done.
func (w *world) effect(do func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.point() {
		return errDead
	}
	err := do()
	if !w.point() {
		return errDead
	}
	return err
}

// revive is what a restart does; the next crash comes after so many points.
func (w *world) revive(stopAt int) { w.points, w.stopAt, w.dead = 0, stopAt, false }

func (w *world) drill(dir string) *Drill {
	return &Drill{Dir: dir, Installer: w, Issuer: w, Tickets: w, Accounts: w, Sessions: w, Parallel: w.parallel, disk: worldDisk{w}}
}

func (w *world) Certificates(context.Context) (all []Certificate, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		return nil, errDead
	}
	for _, name := range slices.Sorted(maps.Keys(w.served)) {
		leaf, err := x509.ParseCertificate(w.served[name].Certificate[0])
		if err != nil {
			return nil, err
		}
		all = append(all, Certificate{Name: name, Services: []string{"imaps"}, Leaf: leaf})
	}
	return all, nil
}

func (w *world) Issue(_ context.Context, old *x509.Certificate, key crypto.Signer) (chain [][]byte, err error) {
	name := old.DNSNames[0]
	err = w.effect(func() error {
		if w.refuse[name] {
			return errors.New("the authority does not answer")
		}
		if before := w.keys[name]; before != nil && !key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(before) {
			w.t.Errorf("%s: asked again with another key", name)
		}
		w.keys[name] = key.Public()
		chain = testca.Issue(w.t, w.ca, key, testca.Names(old.DNSNames...)).Pair(w.ca).Certificate
		return nil
	})
	return chain, err
}

func (w *world) Install(_ context.Context, name string, pair tls.Certificate) error {
	return w.effect(func() error {
		w.served[name] = pair
		return nil
	})
}

func (w *world) Revoke(_ context.Context, old *x509.Certificate) error {
	return w.effect(func() error {
		if w.isOld(old.DNSNames[0]) {
			w.t.Errorf("%s: revoked while it is served", old.DNSNames[0])
		}
		w.revoked[old.DNSNames[0]] = true
		return nil
	})
}

func (w *world) isOld(name string) bool {
	return slices.Equal(w.served[name].Certificate[0], w.old[name].Raw)
}

func (w *world) anyOld() bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(w.old)), w.isOld)
}

func (w *world) DropTickets(context.Context) error {
	return w.effect(func() error {
		if w.anyOld() {
			w.t.Error("tickets dropped while an old certificate is served")
		}
		w.tickets++
		return nil
	})
}

// Next gives two names at a time, so that there are several batches.
func (w *world) Next(_ context.Context, after string, n int) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	names := slices.Sorted(maps.Keys(w.users))
	i, found := slices.BinarySearch(names, after)
	if found {
		i++
	}
	return names[i:min(i+min(n, 2), len(names))], nil
}

func (w *world) RequireChange(_ context.Context, names []string, since time.Time) error {
	return w.effect(func() error {
		if w.anyOld() || w.tickets == 0 {
			w.t.Error("passwords must be changed while they can still be read")
		}
		for _, name := range names {
			u := w.users[name]
			u.must = u.must || !u.set.After(since)
			if !u.app.After(since) {
				u.app = time.Time{}
			}
		}
		return nil
	})
}

func (w *world) CloseSessions(_ context.Context, before time.Time) (n int, err error) {
	err = w.effect(func() error {
		for name, opened := range w.open {
			if u := w.users[name]; !u.must && u.set.Before(before) {
				w.t.Errorf("sessions are closed, and %s can log in again with the old password", name)
			}
			if opened.Before(before) {
				delete(w.open, name)
				n++
			}
		}
		return nil
	})
	return n, err
}

// safe asserts the end of a drill.
func (w *world) safe() {
	w.t.Helper()
	for name := range w.old {
		if w.isOld(name) || !w.revoked[name] {
			w.t.Errorf("%s: old leaf served: %v, revoked: %v", name, w.isOld(name), w.revoked[name])
		}
	}
	for name, u := range w.users {
		if !u.must || !u.app.IsZero() {
			w.t.Errorf("%s: must change: %v, app password from %v", name, u.must, u.app)
		}
	}
	if w.tickets == 0 || len(w.open) > 0 {
		w.t.Errorf("tickets dropped %d times, %d sessions are open", w.tickets, len(w.open))
	}
}

// worldDisk is the system's disk, on which each change is a point of the world. A crash tears a line that is being appended.
type worldDisk struct{ w *world }

func (d worldDisk) MkdirAll(dir string) error {
	return d.w.effect(func() error { return systemDisk{}.MkdirAll(dir) })
}

func (d worldDisk) Replace(path string, data []byte) error {
	return d.w.effect(func() error { return systemDisk{}.Replace(path, data) })
}

func (d worldDisk) Remove(path string) error {
	return d.w.effect(func() error { return systemDisk{}.Remove(path) })
}

func (d worldDisk) Append(path string, size int64) (f appender, err error) {
	err = d.w.effect(func() error {
		f, err = systemDisk{}.Append(path, size)
		return err
	})
	return worldFile{d.w, f}, err
}

type worldFile struct {
	w *world
	f appender
}

func (f worldFile) Write(line []byte) (int, error) {
	err := f.w.effect(func() error {
		half := len(line) / 2
		if _, err := f.f.Write(line[:half]); err != nil || !f.w.point() {
			return errors.Join(err, errDead)
		}
		_, err := f.f.Write(line[half:])
		return err
	})
	return len(line), err
}

func (f worldFile) Sync() error  { return f.w.effect(f.f.Sync) }
func (f worldFile) Close() error { return f.f.Close() }

// keysIn returns the files with new keys that lie in a drill's folder.
func keysIn(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pendingFolder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
