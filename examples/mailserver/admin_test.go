package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/passwd/logins"
	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/storagetest"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// newAdmin returns an admin of an empty unit in memory. kicked gets the users whose sessions were ended.
func newAdmin(t *testing.T, tree vfs.FS) (a *admin, kicked *[]string) {
	t.Helper()
	dir := t.TempDir()
	u, err := storage.Open(tree, storage.Options{SegmentSize: 1 << 20, Ballast: -1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	users, err := passwd.OpenFile(filepath.Join(dir, usersFile))
	if err != nil {
		t.Fatal(err)
	}
	users.Hasher.Params = passwd.Params{Memory: 8, Time: 1} // as fast as can be
	kicked = new([]string)
	return &admin{store: &store{dir: dir, unit: u, users: users}, logins: logins.New(), kick: func(user string) { *kicked = append(*kicked, user) }}, kicked
}

// state is what a name is, as list shows it; "" for nothing.
func (a *admin) state(t *testing.T, name string) string {
	t.Helper()
	states, err := a.states()
	if err != nil {
		t.Fatal(err)
	}
	return states[name]
}

// TestInterrupted: a crash between the unit and the user file leaves a state which the same command completes.
func TestInterrupted(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name      string
		request   request
		interrupt func(a *admin) error // does the first half
		during    map[string]string
		after     map[string]string
	}{
		{"add", request{Command: "add", Name: "new", Password: "pw"},
			func(a *admin) error {
				account, err := a.store.unit.CreateAccount(ctx, "new")
				if err == nil {
					account.Close()
				}
				return err
			},
			map[string]string{"new": noPassword, "anna": "active"}, map[string]string{"new": "active", "anna": "active"}},
		{"remove", request{Command: "remove", Name: "anna"},
			func(a *admin) error { return a.store.unit.RemoveAccount(ctx, "anna") },
			map[string]string{"anna": noMailbox}, map[string]string{"anna": ""}},
		{"remove, then add", request{Command: "add", Name: "anna", Password: "pw"},
			func(a *admin) error { return a.store.unit.RemoveAccount(ctx, "anna") },
			map[string]string{"anna": noMailbox}, map[string]string{"anna": "active"}},
		{"rename", request{Command: "rename", Name: "anna", To: "berta"},
			func(a *admin) error { return a.store.unit.RenameAccount(ctx, "anna", "berta") },
			map[string]string{"anna": noMailbox, "berta": noPassword}, map[string]string{"anna": "", "berta": "active"}},
		{"add, then passwd", request{Command: "passwd", Name: "anna", Password: "pw"},
			func(a *admin) error { return a.store.users.Remove(ctx, "anna") },
			map[string]string{"anna": noPassword}, map[string]string{"anna": "active"}},
		{"add, then remove", request{Command: "remove", Name: "anna"},
			func(a *admin) error { return a.store.users.Remove(ctx, "anna") },
			map[string]string{"anna": noPassword}, map[string]string{"anna": ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _ := newAdmin(t, vfs.NewMem())
			discard := func(string) {}
			if err := a.do(ctx, request{Command: "add", Name: "Anna", Password: "old"}, discard); err != nil {
				t.Fatal(err)
			}
			if err := c.interrupt(a); err != nil {
				t.Fatal(err)
			}
			for name, want := range c.during {
				if got := a.state(t, name); got != want {
					t.Errorf("interrupted: %s is %q, want %q", name, got, want)
				}
			}
			if problems, err := a.mismatches(); err != nil || len(problems) == 0 {
				t.Errorf("problems %q, %v", problems, err)
			}
			if err := a.do(ctx, c.request, discard); err != nil {
				t.Fatal(err)
			}
			for name, want := range c.after {
				if got := a.state(t, name); got != want {
					t.Errorf("completed: %s is %q, want %q", name, got, want)
				}
			}
			if problems, err := a.mismatches(); err != nil || len(problems) != 0 {
				t.Errorf("problems %q, %v", problems, err)
			}
			if c.request.Password == "" {
				return
			}
			if _, err := a.store.users.Authenticate(ctx, c.request.Name, "pw"); err != nil {
				t.Error("the new password:", err)
			}
		})
	}
}

// A password that is none leaves nothing behind.
func TestAddFails(t *testing.T) {
	a, _ := newAdmin(t, vfs.NewMem())
	err := a.do(context.Background(), request{Command: "add", Name: "anna", Password: strings.Repeat("x", passwd.MaxPassword+1)}, func(string) {})
	if !errors.Is(err, passwd.ErrPassword) {
		t.Error(err)
	}
	if got := a.state(t, "anna"); got != "" {
		t.Errorf("anna is %q", got)
	}
}

func TestSessionsEnd(t *testing.T) {
	a, kicked := newAdmin(t, vfs.NewMem())
	for _, r := range []request{
		{Command: "add", Name: "anna", Password: "pw"},
		{Command: "passwd", Name: "ANNA", Password: "other"},
		{Command: "disable", Name: "anna"},
		{Command: "enable", Name: "anna"},
		{Command: "rename", Name: "anna", To: "berta"},
		{Command: "remove", Name: "berta"},
	} {
		if err := a.do(context.Background(), r, func(string) {}); err != nil {
			t.Fatal(r, err)
		}
	}
	if got := strings.Join(*kicked, " "); got != "anna anna anna berta" {
		t.Errorf("ended the sessions of %s", got)
	}
}

func TestRenameRefuses(t *testing.T) {
	a, _ := newAdmin(t, vfs.NewMem())
	ctx := context.Background()
	for _, name := range []string{"anna", "berta"} {
		if err := a.do(ctx, request{Command: "add", Name: name, Password: name}, func(string) {}); err != nil {
			t.Fatal(err)
		}
	}
	for _, to := range []string{"berta", "anna", "a b", strings.Repeat("x", 300)} {
		if err := a.do(ctx, request{Command: "rename", Name: "anna", To: to}, func(string) {}); err == nil {
			t.Errorf("renamed anna to %q", to)
		}
	}
	for _, name := range []string{"anna", "berta"} {
		if _, err := a.store.users.Authenticate(ctx, name, name); err != nil || a.state(t, name) != "active" {
			t.Errorf("%s is %s, %v", name, a.state(t, name), err)
		}
	}
}

// When the unit fails, the user file stays as it is.
func TestUnitLeads(t *testing.T) {
	var broken atomic.Bool
	tree := storagetest.Faults(vfs.NewMem(), func(op storagetest.Op) *storagetest.Fault {
		if broken.Load() && op.Kind == storagetest.OpSync {
			return &storagetest.Fault{Err: storagetest.EIO}
		}
		return nil
	})
	a, _ := newAdmin(t, tree)
	ctx := context.Background()
	if err := a.do(ctx, request{Command: "add", Name: "anna", Password: "pw"}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	for _, r := range []request{
		{Command: "add", Name: "berta", Password: "pw"},
		{Command: "rename", Name: "anna", To: "berta"},
		{Command: "remove", Name: "anna"},
	} {
		if err := a.do(ctx, r, func(string) {}); !errors.Is(err, storage.ErrStopped) {
			t.Errorf("%s: %v", r.Command, err)
		}
	}
	users, err := a.store.users.List()
	if err != nil || len(users) != 1 || users[0].Name != "anna" {
		t.Errorf("users %v, %v", users, err)
	}
}

// A unit that has stopped ends the server.
func TestStoppedUnitEndsServer(t *testing.T) {
	var broken atomic.Bool
	tree := storagetest.Faults(vfs.NewMem(), func(op storagetest.Op) *storagetest.Fault {
		if broken.Load() && op.Kind == storagetest.OpSync {
			return &storagetest.Fault{Err: storagetest.EIO}
		}
		return nil
	})
	a, _ := newAdmin(t, tree)
	broken.Store(true)
	if err := a.do(context.Background(), request{Command: "add", Name: "anna", Password: "pw"}, func(string) {}); err == nil {
		t.Fatal("added on a broken disk")
	}
	s := &server{store: a.store, logger: slog.New(slog.DiscardHandler)}
	if err := s.wait(nil); !errors.Is(err, storage.ErrStopped) || !strings.Contains(err.Error(), "restart") {
		t.Error(err)
	}
}

func TestControl(t *testing.T) {
	a, _ := newAdmin(t, vfs.NewMem())
	s, err := listenControl(a, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(a.store.dir, controlFile)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	var lines []string
	out := func(line string) { lines = append(lines, line) }
	for _, c := range []struct {
		r     request
		lines string
		err   string
	}{
		{request{Command: "add", Name: "anna", Password: "pw"}, "added anna", ""},
		{request{Command: "add", Name: "anna", Password: "pw"}, "", "there is an account anna already"},
		{request{Command: "list"}, "active      anna", ""},
		{request{Command: "explode"}, "", `the server does not know the command "explode"; it may be of another version`},
	} {
		lines = nil
		err := askServer(a.store.dir, c.r, out)
		if got := strings.Join(lines, "\n"); got != c.lines || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
			t.Errorf("%s: %q, %v", c.r.Command, got, err)
		}
	}
	if err := a.store.users.Remove(context.Background(), "anna"); err != nil {
		t.Fatal(err)
	}
	if err := askServer(a.store.dir, request{Command: "check"}, out); !errors.Is(err, errFindings) {
		t.Errorf("check: %v", err)
	}
	for _, raw := range []string{"nonsense\n", "[]\n", strings.Repeat("x", 2*maxRequest) + "\n"} {
		if got := rawControl(t, path, raw); got.Error != "malformed request" || !got.End {
			t.Errorf("%.20q: %+v", raw, got)
		}
	}
	s.close()
	if err := askServer(a.store.dir, request{Command: "list"}, out); !errors.Is(err, errNoServer) {
		t.Errorf("after the end: %v", err)
	}
}

func rawControl(t *testing.T, path, raw string) (a answer) {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	go io.WriteString(c, raw) // the server does not read all of it
	line, _ := bufio.NewReader(c).ReadBytes('\n')
	if err := json.Unmarshal(bytes.TrimSpace(line), &a); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return a
}

// A request ends when its client goes away, and when the server does.
func TestControlEnds(t *testing.T) {
	a, _ := newAdmin(t, vfs.NewMem())
	s, err := listenControl(a, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", filepath.Join(a.store.dir, controlFile))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "{")
	time.Sleep(50 * time.Millisecond) // it is accepted
	done := make(chan struct{})
	go func() {
		s.close() // while a connection has sent nothing
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("a silent connection keeps the server from ending")
	}
}
