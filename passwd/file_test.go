package passwd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestChanges(t *testing.T) {
	f, _ := newFile(t)
	must(t, f.Add(background, "Bob@Example.org", "secret one"))
	must(t, f.Add(background, "anna", "secret two"))
	if got := userNames(t, f); got != "anna bob@example.org" {
		t.Errorf("users %q", got)
	}
	login := func(name, password string, wanted error) {
		t.Helper()
		u, err := f.Authenticate(background, name, password)
		want(t, name, err, wanted)
		if canonical, _ := CanonicalName(name); err == nil && u.Name != canonical {
			t.Errorf("logged in as %q", u.Name)
		}
	}
	login("BOB@example.org", "secret one", nil)
	login("anna", "secret one", ErrCredentials)

	must(t, f.SetPassword(background, "ANNA", "secret three"))
	login("anna", "secret two", ErrCredentials)
	login("anna", "secret three", nil)

	must(t, f.Disable(background, "anna"))
	must(t, f.Disable(background, "anna"))
	login("anna", "secret three", ErrDisabled)
	login("anna", "secret three", ErrCredentials) // ErrDisabled is one
	if _, err := f.Authenticate(background, "anna", "wrong"); errors.Is(err, ErrDisabled) {
		t.Error("a wrong password tells that the user is disabled")
	}
	must(t, f.Rename(background, "anna", "Åse"))
	if u, err := f.Lookup("ÅSE"); err != nil || u.State != Disabled || u.Name != "åse" {
		t.Errorf("Lookup: %+v, %v", u, err)
	}
	must(t, f.Rename(background, "åse", "Åse"))
	must(t, f.Enable(background, "åse"))
	login("åse", "secret three", nil)

	must(t, f.Remove(background, "bob@example.org"))
	login("bob@example.org", "secret one", ErrCredentials)
	if got := userNames(t, f); got != "åse" {
		t.Errorf("users %q", got)
	}
	if strings.Contains(content(t, f), "secret") || !strings.HasPrefix(content(t, f), header) {
		t.Errorf("file: %s", content(t, f))
	}
	// Another process sees the same.
	other, _ := open(t, f.path)
	if _, err := other.Authenticate(background, "åse", "secret three"); err != nil {
		t.Error(err)
	}
}

func TestChangesRefused(t *testing.T) {
	f, _ := newFile(t)
	must(t, f.Add(background, "anna", "secret"))
	must(t, f.Add(background, "bob", "secret"))
	before := content(t, f)
	ended, cancel := context.WithCancel(background)
	cancel()
	for _, test := range []struct {
		what string
		err  error
		want error
	}{
		{"add a double", f.Add(background, "ANNA", "x"), ErrExists},
		{"add without password", f.Add(background, "carl", ""), ErrPassword},
		{"add, context ended", f.Add(ended, "carl", "x"), ErrBusy},
		{"set nobody's password", f.SetPassword(background, "carl", "x"), ErrNotFound},
		{"set no password", f.SetPassword(background, "anna", ""), ErrPassword},
		{"disable nobody", f.Disable(background, "carl"), ErrNotFound},
		{"enable nobody", f.Enable(background, "carl"), ErrNotFound},
		{"rename nobody", f.Rename(background, "carl", "dora"), ErrNotFound},
		{"rename to another", f.Rename(background, "anna", "BOB"), ErrExists},
		{"remove nobody", f.Remove(background, "carl"), ErrNotFound},
	} {
		want(t, test.what, test.err, test.want)
	}
	var fault *NameError
	for what, err := range map[string]error{
		"add":        f.Add(background, "a:b", "x"),
		"set":        f.SetPassword(background, "a:b", "x"),
		"rename":     f.Rename(background, "a:b", "c"),
		"rename to":  f.Rename(background, "anna", "a\nb:$argon2id"),
		"remove":     f.Remove(background, "a:b"),
		"lookup":     func() error { _, err := f.Lookup("a:b"); return err }(),
		"add, empty": f.Add(background, "", "x"),
	} {
		if !errors.As(err, &fault) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if content(t, f) != before {
		t.Error("the file has changed")
	}
}

// What people write by hand survives changes by the program.
func TestHandEdited(t *testing.T) {
	f, _ := newFile(t)
	must(t, f.Add(background, "anna", "secret"))
	anna := strings.Join(strings.Split(lines(t, f)[0], ":")[:3], ":") // without when the password was set
	edited := "# my users\n\nbroken line\n" + anna + ":quota=10G note=a%20b\r\ncarl:x:active\n# end\n" + strings.Replace(anna, "anna", "Bob", 1)
	must(t, os.WriteFile(f.path, []byte(edited), 0o600))

	if u, err := f.Authenticate(background, "bob", "secret"); err != nil || u.Name != "bob" {
		t.Errorf("after editing: %+v, %v", u, err)
	}
	problems, err := f.Problems()
	if err != nil || len(problems) != 2 || problems[0].Line != 3 || problems[1].Line != 5 || problems[0].File != f.path {
		t.Errorf("problems %v, %v", problems, err)
	}
	var bad *LineError
	for what, err := range map[string]error{
		"password": f.SetPassword(background, "carl", "x"),
		"disable":  f.Disable(background, "carl"),
		"lookup":   func() error { _, err := f.Lookup("carl"); return err }(),
	} {
		if !errors.As(err, &bad) || bad.Line != 5 {
			t.Errorf("%s of a line that cannot be used: %v", what, err)
		}
	}
	want(t, "add", f.Add(background, "carl", "x"), ErrExists)
	_, err = f.Authenticate(background, "carl", "x")
	want(t, "login", err, ErrCredentials)

	must(t, f.SetPassword(background, "bob", "other"))
	must(t, f.Disable(background, "anna"))
	got := strings.Split(content(t, f), "\n")
	kept := strings.Split(edited, "\n")
	for _, i := range []int{0, 1, 2, 4, 5} {
		if got[i] != kept[i] {
			t.Errorf("line %d: %q became %q", i+1, kept[i], got[i])
		}
	}
	if got[3] != strings.Replace(anna, ":active", ":disabled", 1)+":quota=10G note=a%20b" {
		t.Errorf("anna: %q", got[3])
	}
	if u, err := f.Lookup("anna"); err != nil || u.Attributes["note"] != "a b" {
		t.Errorf("attributes %v, %v", u.Attributes, err)
	} else {
		u.Attributes["note"] = "changed" // the caller's own copy
	}
	if u, _ := f.Lookup("anna"); u.Attributes["note"] != "a b" {
		t.Error("a caller changed the user")
	}
	must(t, f.Remove(background, "carl"))
	if problems, _ := f.Problems(); len(problems) != 1 {
		t.Errorf("problems %v", problems)
	}
}

// A change is seen at the next call, also one that leaves size and time stamp.
func TestEditsAreSeenAtOnce(t *testing.T) {
	f, _ := newFile(t)
	must(t, f.Add(background, "anna", "secret"))
	for i := range 50 {
		name := []string{"anna", "bert"}[i%2]
		if got := userNames(t, f); got != name {
			t.Fatalf("round %d: users %q, want %s", i, got, name)
		}
		info, err := os.Stat(f.path)
		must(t, err)
		swapped := strings.NewReplacer("\nanna:", "\nbert:", "\nbert:", "\nanna:").Replace(content(t, f))
		must(t, os.WriteFile(f.path, []byte(swapped), 0o600))
		must(t, os.Chtimes(f.path, time.Time{}, info.ModTime()))
	}
}

// So is a file that was renamed into place with size and an old time stamp of
// the former one, as rsync and backup programs do.
func TestReplacedFileIsSeen(t *testing.T) {
	f, _ := newFile(t)
	must(t, f.Add(background, "anna", "secret"))
	old := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(f.path, old, old))
	if got := userNames(t, f); got != "anna" {
		t.Fatalf("users %q", got)
	}
	must(t, os.WriteFile(f.path+".new", []byte(strings.Replace(content(t, f), "\nanna:", "\nbert:", 1)), 0o600))
	must(t, os.Chtimes(f.path+".new", old, old))
	must(t, os.Rename(f.path+".new", f.path))
	if got := userNames(t, f); got != "bert" {
		t.Errorf("users %q", got)
	}
}

// An old file is not read again and again.
func TestUnchangedFileIsNotReadAgain(t *testing.T) {
	f, _ := newFile(t)
	old := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(f.path, old, old))
	_, err := f.List()
	must(t, err)
	read := f.checked
	_, err = f.List()
	must(t, err)
	if f.checked != read {
		t.Error("read twice")
	}
}

func TestOpenFileProblems(t *testing.T) {
	dir := t.TempDir()
	_, err := OpenFile(filepath.Join(dir, "no", "users"))
	want(t, "no folder", err, ErrUnavailable)
	_, err = OpenFile(dir)
	want(t, "a folder", err, ErrUnavailable)
	must(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	_, err = OpenFile(filepath.Join(dir, "fifo"))
	want(t, "a named pipe", err, ErrUnavailable)
	must(t, os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "link")))
	_, err = OpenFile(filepath.Join(dir, "link"))
	want(t, "a link to nothing", err, ErrUnavailable)

	path := filepath.Join(dir, "users")
	f, _ := open(t, path)
	for _, mode := range []os.FileMode{0o644, 0o640, 0o602} {
		must(t, os.Chmod(path, mode))
		if _, err := OpenFile(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	must(t, f.Add(background, "anna", "secret")) // a rewrite has the right mode again
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	must(t, os.Remove(path))
	_, err = f.Authenticate(background, "anna", "secret")
	want(t, "file removed", err, ErrUnavailable)
	want(t, "file removed", f.Add(background, "bob", "secret"), ErrUnavailable)
	if _, err := os.Stat(path); err == nil {
		t.Error("the file came back, without anna")
	}
	big, err := os.Create(path)
	must(t, err)
	must(t, errors.Join(big.Truncate(maxFile+1), big.Close()))
	_, err = f.List()
	want(t, "file too large", err, ErrUnavailable)
}

// A symbolic link stays one, a temporary file of a crash does no harm, and
// nothing is left behind.
func TestRewriteLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "etc"), 0o700))
	target := filepath.Join(dir, "etc", "users")
	open(t, target)
	link := filepath.Join(dir, "users")
	must(t, os.Symlink(target, link))
	must(t, os.Symlink("/dev/null", target+".tmp"))
	f, _ := open(t, link)
	must(t, f.Add(background, "anna", "secret"))
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "etc"))
	if err != nil || len(entries) != 2 { // users, users.lock
		t.Errorf("folder holds %v, %v", entries, err)
	}
	for _, e := range entries {
		if info, _ := e.Info(); info.Mode() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
}

// Root may change the users of a server that runs as somebody else.
func TestOwnerIsKept(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	path := filepath.Join(t.TempDir(), "users")
	must(t, os.WriteFile(path, []byte(header), 0o600))
	must(t, os.Chown(path, 12345, 54321))
	f, _ := open(t, path)
	must(t, f.Add(background, "anna", "secret"))
	for _, p := range []string{path, path + ".lock"} {
		info, err := os.Stat(p)
		must(t, err)
		if s := info.Sys().(*syscall.Stat_t); s.Uid != 12345 || s.Gid != 54321 {
			t.Errorf("%s belongs to %d:%d", p, s.Uid, s.Gid)
		}
	}
}

// Many goroutines on several File values of one path (which the lock file keeps
// apart as it does processes): no change is lost, no reader sees a broken file.
func TestConcurrentChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	base, _ := open(t, path)
	must(t, base.Add(background, "anna", "secret"))
	const files, writers, each = 3, 2, 5
	var writing, reading sync.WaitGroup
	done := make(chan struct{})
	for i := range files {
		f, _ := open(t, path)
		for j := range writers {
			writing.Go(func() {
				for k := range each {
					name := fmt.Sprintf("u%d-%d-%d", i, j, k)
					if err := errors.Join(f.Add(background, name, "p"), f.SetPassword(background, name, "q"),
						f.Rename(background, name, name+"x"), f.Disable(background, name+"x")); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
			})
		}
		reading.Go(func() {
			for {
				if _, err := f.Authenticate(background, "anna", "secret"); err != nil {
					t.Errorf("anna: %v", err)
				}
				select {
				case <-done:
					return
				case <-time.After(time.Millisecond):
				}
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
	users, err := base.List()
	must(t, err)
	if len(users) != 1+files*writers*each {
		t.Errorf("%d users", len(users))
	}
	for _, u := range users {
		if disabled := u.State == Disabled; disabled == (u.Name == "anna") || !disabled != (u.Name == "anna") {
			t.Errorf("%+v", u)
		}
	}
	if problems, _ := base.Problems(); len(problems) > 0 {
		t.Errorf("problems %v", problems)
	}
}

// TestOtherProcess changes the file from this process and another at a time.
func TestOtherProcess(t *testing.T) {
	if path := os.Getenv("PASSWD_TEST_FILE"); path != "" {
		f, _ := open(t, path)
		for i := range 10 {
			must(t, f.Add(background, fmt.Sprintf("child%d", i), "secret"))
		}
		return
	}
	f, _ := newFile(t)
	child := exec.Command(os.Args[0], "-test.run=^TestOtherProcess$", "-test.count=1")
	child.Env = append(os.Environ(), "PASSWD_TEST_FILE="+f.path)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	for i := range 10 {
		must(t, f.Add(background, fmt.Sprintf("parent%d", i), "secret"))
	}
	for s := bufio.NewScanner(out); s.Scan(); {
		if !strings.Contains(s.Text(), "PASS") && !strings.HasPrefix(s.Text(), "coverage") {
			t.Error(s.Text())
		}
	}
	must(t, child.Wait())
	if users, err := f.List(); err != nil || len(users) != 20 {
		t.Errorf("%d users, %v", len(users), err)
	}
}

// A lock that another process keeps gives ErrBusy when the context ends, and
// logins go on.
func TestLockedByAnother(t *testing.T) {
	f, _ := newFile(t)
	must(t, f.Add(background, "anna", "secret"))
	lock, err := os.Open(f.path + ".lock")
	must(t, err)
	defer lock.Close()
	must(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	ctx, cancel := context.WithTimeout(background, 50*time.Millisecond)
	defer cancel()
	want(t, "locked", f.Add(ctx, "bob", "secret"), ErrBusy)
	_, err = f.Authenticate(background, "anna", "secret")
	want(t, "login", err, nil)
}

// A write that fails leaves the old file. (The folder in place of the temporary
// file cannot be removed, since it is not empty.)
func TestFailedWrite(t *testing.T) {
	f, _ := newFile(t)
	must(t, f.Add(background, "anna", "secret"))
	before := content(t, f)
	must(t, os.MkdirAll(filepath.Join(f.path+".tmp", "x"), 0o700))
	if err := f.Add(background, "bob", "secret"); err == nil {
		t.Error("no error")
	}
	if content(t, f) != before || userNames(t, f) != "anna" {
		t.Errorf("users %q", userNames(t, f))
	}
}

func TestManyUsers(t *testing.T) {
	f, _ := newFile(t)
	var b strings.Builder
	const n = 100_000
	for i := range n {
		fmt.Fprintf(&b, "user%d:%s:active\n", i, anyHash)
	}
	must(t, os.WriteFile(f.path, []byte(b.String()), 0o600))
	must(t, os.Chtimes(f.path, time.Time{}, time.Now().Add(-time.Hour)))
	start := time.Now()
	if u, err := f.Lookup("user99999"); err != nil || u.State != Active {
		t.Errorf("%+v, %v", u, err)
	}
	t.Logf("%d users read in %v", n, time.Since(start))
	start = time.Now()
	_, err := f.Lookup("user5")
	must(t, err)
	t.Logf("then looked up in %v", time.Since(start))
	start = time.Now()
	must(t, f.Disable(background, "user5"))
	t.Logf("changed in %v", time.Since(start))
}
