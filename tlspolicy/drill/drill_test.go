package drill

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Whatever it is interrupted at, a drill that is run again ends right. The crashes are before, in the middle of, and after every effect: on the
// disk, the certificates, the users, the sessions.
func TestInterruptedEverywhere(t *testing.T) {
	t.Parallel()
	points, stride := 0, 1
	if testing.Short() { // with the race detector
		stride = 5
	}
	for stop := 1; ; stop += stride {
		w, dir := newWorld(t, 2, 5), filepath.Join(t.TempDir(), "d")
		w.revive(stop)
		_, err := w.drill(dir).Run(t.Context())
		if err == nil {
			points = stop
			break
		}
		if !errors.Is(err, errDead) {
			t.Fatalf("at point %d: %v", stop, err)
		}
		complete(t, w, dir, stop)
	}
	if points < 60 {
		t.Errorf("only %d points", points)
	}
	t.Logf("%d points", points)
}

// The same with a second crash during the second run, after any number of points.
func TestInterruptedTwice(t *testing.T) {
	t.Parallel()
	stride := 11
	if testing.Short() {
		stride = 29
	}
	for stop := 3; stop < 60; stop += stride {
		for again := 1; ; again += 13 {
			w, dir := newWorld(t, 2, 3), filepath.Join(t.TempDir(), "d")
			w.revive(stop)
			if _, err := w.drill(dir).Run(t.Context()); !errors.Is(err, errDead) {
				t.Fatalf("at point %d: %v", stop, err)
			}
			w.revive(again)
			_, err := w.drill(dir).Run(t.Context())
			complete(t, w, dir, stop)
			if err == nil {
				break
			}
		}
	}
}

// complete runs a drill to its end, and then once more, which does nothing.
func complete(t *testing.T, w *world, dir string, stop int) {
	t.Helper()
	w.revive(0)
	for range 2 {
		plan, err := w.drill(dir).Run(t.Context())
		if err != nil {
			t.Fatalf("after a crash at point %d: %v", stop, err)
		}
		if plan.Finished.IsZero() || slices.ContainsFunc(plan.Steps, func(s Step) bool { return s.Done.IsZero() }) {
			t.Fatalf("after a crash at point %d: incomplete: %+v", stop, plan)
		}
		w.safe()
		w.revive(0)
	}
	if w.points > 2+2 { // the folder; the log is opened
		t.Errorf("a complete drill did something again: %d points", w.points)
	}
	if keys := keysIn(t, dir); len(keys) > 0 {
		t.Errorf("keys are left: %v", keys)
	}
	if t.Failed() {
		t.Fatalf("a crash at point %d", stop)
	}
}

// However many bytes of the last line reached the disk, the drill goes on; damage before it is told.
func TestTornLog(t *testing.T) {
	w, dir := newWorld(t, 1, 3), t.TempDir()
	if _, err := w.drill(dir).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, logName)
	whole := readFile(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Error(info.Mode(), err)
	}
	lines := slices.Collect(bytes.Lines(whole))
	for size, i := len(lines[0]), 1; i < len(lines); i++ {
		for _, torn := range [][]byte{lines[i][:1], lines[i][:len(lines[i])/2], lines[i][:len(lines[i])-1], bytes.Repeat([]byte{0}, 100),
			slices.Concat(make([]byte, 5), lines[i][5:])} {
			if err := os.WriteFile(path, slices.Concat(whole[:size], torn), 0o600); err != nil {
				t.Fatal(err)
			}
			s, n, err := readLog(dir)
			if err != nil || n != int64(size) || !s.begun {
				t.Errorf("line %d, torn as %q: %d bytes are whole, not %d: %v", i+1, torn, n, size, err)
			}
			if damaged := parsed(slices.Concat(whole[:size], torn, lines[i])); i > 1 && !strings.Contains(damaged, "is damaged") && torn[0] == 0 && len(torn) != 100 {
				t.Errorf("line %d, damaged: %q", i+1, damaged)
			}
		}
		size += len(lines[i])
	}
	for name, data := range map[string][]byte{
		"is empty": {}, "line 1 is damaged": lines[0][:20], "has format 9": sealed(t, beginning{Format: 9}), "says nothing": slices.Concat(lines[0], sealed(t, record{})),
	} {
		if got := parsed(data); !strings.Contains(got, name) {
			t.Errorf("%q instead of %q", got, name)
		}
	}
}

func parsed(data []byte) string {
	if _, _, err := parseLog(data); err != nil {
		return err.Error()
	}
	return ""
}

func sealed(t *testing.T, v any) []byte {
	t.Helper()
	line, err := seal(v)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// A plan changes nothing, tells each step, and what is left of a drill that has begun.
func TestPlan(t *testing.T) {
	w, dir := newWorld(t, 2, 1), filepath.Join(t.TempDir(), "d")
	d := w.drill(dir)
	d.Sessions = nil
	w.refuse["mail1.example.org"] = true
	text := func(p *Plan, err error) string {
		t.Helper()
		if err != nil && !errors.Is(err, ErrIncomplete) {
			t.Fatal(err)
		}
		var b strings.Builder
		p.WriteTo(&b)
		return b.String()
	}
	want := `drill: not begun; this would be done:
  to do     new key and certificate  mail0.example.org  (mail0.example.org; imaps)
  to do     new key and certificate  mail1.example.org  (mail1.example.org; imaps)
  to do     install  mail0.example.org  (mail0.example.org; imaps)
  to do     install  mail1.example.org  (mail1.example.org; imaps)
  to do     drop all session ticket keys
  to do     require new passwords; end app passwords and web sessions
  to do     revoke the old certificate  mail0.example.org  (mail0.example.org; imaps)
  to do     revoke the old certificate  mail1.example.org  (mail1.example.org; imaps)
  to do     check that no old key is served
  left out  sessions: there is nobody to do it
`
	if got := text(d.Plan(t.Context())); got != want {
		t.Error(got)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) || w.points > 0 {
		t.Error("a plan has changed something")
	}
	// One certificate is not issued: the other is done to its end, what needs both waits.
	_, err := d.Run(t.Context())
	if !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "6 steps are left") || !strings.Contains(err.Error(), "issue mail1.example.org: the authority does not answer") {
		t.Error(err)
	}
	got := text(d.Plan(t.Context()))
	for _, line := range []string{"FAILED    new key and certificate  mail1.example.org  (mail1.example.org; imaps): the authority does not answer\n",
		"done      install  mail0", "to do     drop all", "done      revoke the old certificate  mail0"} {
		if !strings.Contains(got, line) {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
	if w.tickets > 0 || !w.isOld("mail1.example.org") || w.isOld("mail0.example.org") {
		t.Error("not what was to be done")
	}
	d.Accounts = nil
	if _, err := d.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "Accounts, which is nil") {
		t.Error(err)
	}
	d.Accounts = w
	delete(w.refuse, "mail1.example.org")
	if got := text(d.Run(t.Context())); strings.Contains(got, "FAILED") || strings.Contains(got, "  to do  ") || !strings.Contains(got, ", complete ") {
		t.Error(got)
	}
}

// Who has changed the password since the certificates are new keeps it.
func TestNewPasswordsStay(t *testing.T) {
	w := newWorld(t, 1, 2)
	w.users["user0000001"].set = time.Now().Add(time.Hour)
	w.users["user0000001"].app = time.Now().Add(time.Hour)
	delete(w.open, "user0000001")
	if _, err := w.drill(t.TempDir()).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if u := w.users["user0000001"]; u.must || u.app.IsZero() || !w.users["user0000000"].must {
		t.Errorf("%+v, %+v", u, w.users["user0000000"])
	}
}

// Certificates that are not what was asked for are not installed, and what cannot be revoked is noted.
func TestBadIssuer(t *testing.T) {
	w, dir := newWorld(t, 1, 1), t.TempDir()
	d := w.drill(dir)
	for want, issuer := range map[string]Issuer{
		"not for the new key": issuerFunc(func(old []byte, _ [][]byte) [][]byte { return [][]byte{old} }),
		"chain is empty":      issuerFunc(func([]byte, [][]byte) [][]byte { return nil }),
		"lacks the name":      issuerFunc(func(_ []byte, good [][]byte) [][]byte { return good }),
	} {
		d.Issuer = issuer
		if _, err := d.Run(t.Context()); !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v instead of %s", err, want)
		}
	}
	if !w.isOld("mail0.example.org") {
		t.Error("a bad certificate was installed")
	}
	d.Issuer = noRevocation{w}
	plan, err := d.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(plan.Steps, func(s Step) bool { return s.Phase == Revoke }); plan.Steps[i].Note != "not possible: self-signed: unsupported operation" {
		t.Error(plan.Steps[i].Note)
	}
}

// An old key that is served again is found.
func TestCheck(t *testing.T) {
	w, dir := newWorld(t, 1, 0), t.TempDir()
	d := w.drill(dir)
	before := w.served["mail0.example.org"]
	d.Tickets = dropper(func() { w.served["forgotten.example.org"] = before })
	if _, err := d.Run(t.Context()); !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "forgotten.example.org is still served with an old key") {
		t.Error(err)
	}
	delete(w.served, "forgotten.example.org")
	if _, err := d.Run(t.Context()); err != nil {
		t.Error(err)
	}
}

// Two at a time on one folder, and one that is told to stop.
func TestRunningAndCancelled(t *testing.T) {
	w, dir := newWorld(t, 1, 0), t.TempDir()
	d := w.drill(dir)
	ctx, cancel := context.WithCancel(t.Context())
	d.Tickets = dropper(func() {
		if _, err := w.drill(dir).Run(t.Context()); !errors.Is(err, ErrRunning) {
			t.Error(err)
		}
		w.tickets++
		cancel()
	})
	if _, err := d.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	complete(t, w, dir, 0)
}

// Many certificates at a time.
func TestParallel(t *testing.T) {
	w, dir := newWorld(t, 20, 10), t.TempDir()
	w.parallel = 8
	complete(t, w, dir, 0)
}

func TestIncompleteDrills(t *testing.T) {
	w := newWorld(t, 1, 0)
	for _, d := range []*Drill{{Installer: w, Issuer: w}, {Dir: "d", Issuer: w}, {Dir: "d", Installer: w}} {
		if _, err := d.Plan(t.Context()); err == nil {
			t.Errorf("%+v: no error", d)
		}
	}
}
