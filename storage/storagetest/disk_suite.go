package storagetest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

// TestFS checks that an implementation of [vfs.FS] behaves as package vfs says, as far as programs see it; what survives a
// power cut it cannot know. Each newFS must return an empty FS.
func TestFS(t *testing.T, newFS func() vfs.FS) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, vfs.FS)
	}{
		{"Names", suiteNames},
		{"OddNames", suiteOddNames},
		{"Errors", suiteErrors},
		{"RefusedChangesNothing", suiteRefused},
		{"Rename", suiteRename},
		{"Link", suiteLink},
		{"Folders", suiteFolders},
		{"ReadWrite", suiteReadWrite},
		{"Truncate", suiteTruncate},
		{"RandomAccess", suiteRandomAccess},
		{"Modes", suiteModes},
		{"Closed", suiteClosed},
		{"OpenFileOutlivesName", suiteOutlives},
		{"ModTime", suiteModTime},
		{"Lock", suiteLock},
		{"OnlyOneWins", suiteOnlyOneWins},
		{"ReplaceIsAtomic", suiteReplace},
		{"Concurrent", suiteConcurrent},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newFS()) })
	}
}

// noError ends the test on an error.
func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: error %v, want %v", what, got, want)
	}
}

// putFile makes a file with these contents.
func putFile(t *testing.T, fsys vfs.FS, name, text string) {
	t.Helper()
	f, err := fsys.Create(name)
	noError(t, err)
	defer f.Close()
	n, err := f.WriteAt([]byte(text), 0)
	noError(t, err)
	if n != len(text) {
		t.Fatalf("wrote %d bytes of %d", n, len(text))
	}
}

func getFile(t *testing.T, fsys vfs.FS, name string) string {
	t.Helper()
	f, err := fsys.Open(name)
	noError(t, err)
	defer f.Close()
	return getAll(t, f)
}

func getAll(t *testing.T, f vfs.File) string {
	t.Helper()
	size, err := f.Size()
	noError(t, err)
	p := make([]byte, size)
	n, err := f.ReadAt(p, 0)
	noError(t, err)
	return string(p[:n])
}

// wantTree compares the names in a folder, folders with a "/" at the end.
func wantTree(t *testing.T, fsys vfs.FS, folder string, want ...string) {
	t.Helper()
	entries, err := fsys.ReadDir(folder)
	noError(t, err)
	got := []string{}
	for _, e := range entries {
		if e.Dir == e.Regular {
			t.Errorf("%s: folder %t, regular %t", e.Name, e.Dir, e.Regular)
		}
		if e.Dir {
			e.Name += "/"
		}
		got = append(got, e.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("folder %q has %q, want %q", folder, got, want)
	}
}

// suiteCalls lists every call that takes a name.
var suiteCalls = []struct {
	name string
	root bool // the root is a possible argument
	call func(vfs.FS, string) error
}{
	{"Create", false, func(f vfs.FS, name string) error { return opened(f.Create(name)) }},
	{"Open", false, func(f vfs.FS, name string) error { return opened(f.Open(name)) }},
	{"OpenRW", false, func(f vfs.FS, name string) error { return opened(f.OpenRW(name)) }},
	{"Mkdir", false, func(f vfs.FS, name string) error { return f.Mkdir(name) }},
	{"Remove", false, func(f vfs.FS, name string) error { return f.Remove(name) }},
	{"Rename from", false, func(f vfs.FS, name string) error { return f.Rename(name, "new") }},
	{"Rename to", false, func(f vfs.FS, name string) error { return f.Rename("file", name) }},
	{"Link from", false, func(f vfs.FS, name string) error { return f.Link(name, "new") }},
	{"Link to", false, func(f vfs.FS, name string) error { return f.Link("file", name) }},
	{"Lock", false, func(f vfs.FS, name string) error { return opened(f.Lock(name, "me")) }},
	{"ReadDir", true, func(f vfs.FS, name string) error { _, err := f.ReadDir(name); return err }},
	{"Stat", true, func(f vfs.FS, name string) error { _, err := f.Stat(name); return err }},
	{"SyncDir", true, func(f vfs.FS, name string) error { return f.SyncDir(name) }},
}

// opened closes what an open call returned, and checks that it is nil, as an interface, beside an error.
func opened[T io.Closer](file T, err error) error {
	if err == nil {
		return file.Close()
	}
	if any(file) != nil {
		return fmt.Errorf("a %T beside the error %v", file, err)
	}
	return err
}

func suiteNames(t *testing.T, fsys vfs.FS) {
	putFile(t, fsys, "file", "x")
	noError(t, fsys.Mkdir("folder"))
	bad := []string{
		".", "..", "/", "//", "/file", "file/", "folder/", "folder//x", "folder/.", "folder/..", "folder/../file", "./file",
		"../x", "../../../../etc/passwd", "folder/../../x", "a\x00b", "\x00", "folder/\x00", strings.Repeat("x", 256),
		"folder/" + strings.Repeat("x", 256), strings.Repeat("x", 64<<10), strings.Repeat("folder/", 10_000) + "x",
	}
	for _, c := range suiteCalls {
		names := bad
		if !c.root {
			names = append([]string{""}, bad...)
		}
		for _, name := range names {
			err := c.call(fsys, name)
			if !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%s of %.40q: error %v, want %v", c.name, name, err, fs.ErrInvalid)
			}
		}
		if c.root {
			noError(t, c.call(fsys, ""))
		}
	}
	wantTree(t, fsys, "", "file", "folder/")
	wantTree(t, fsys, "folder")
}

// suiteOddNames: whatever is not forbidden is a name like any other, and none is taken for another.
func suiteOddNames(t *testing.T, fsys vfs.FS) {
	names := []string{
		`\`, `..\x`, "...", ".x", "x.", " ", " x", "x ", "-rf", "~", "*", "a:2,FS", "a:2,S", "a\nb", "a\tb", "'", `"`, "$HOME", "%00", "%2e%2e",
		"con", "NUL", ".unit", "lock", "æøå", "日本", "&AOY-", strings.Repeat("n", 255),
	}
	for _, name := range names {
		putFile(t, fsys, name, "I am "+name)
	}
	for _, name := range names {
		if got := getFile(t, fsys, name); got != "I am "+name {
			t.Errorf("%q has %q", name, got)
		}
	}
	entries, err := fsys.ReadDir("")
	noError(t, err)
	got := []string{}
	for _, e := range entries {
		got = append(got, e.Name)
	}
	if want := slices.Sorted(slices.Values(names)); !slices.Equal(got, want) {
		t.Errorf("the root has %q, want %q", got, want)
	}
	deep := "d"
	for len(deep) < 900 {
		noError(t, fsys.Mkdir(deep))
		deep += "/" + strings.Repeat("d", 99)
	}
	putFile(t, fsys, deep, "deep")
	if got := getFile(t, fsys, deep); got != "deep" {
		t.Errorf("the deep file has %q", got)
	}
}

// suiteErrors: each call on each kind of wrong name.
func suiteErrors(t *testing.T, fsys vfs.FS) {
	putFile(t, fsys, "file", "x")
	noError(t, fsys.Mkdir("folder"))
	putFile(t, fsys, "folder/inner", "x")
	noError(t, fsys.Mkdir("empty"))
	missing, exists, kind := fs.ErrNotExist, fs.ErrExist, vfs.ErrNotRegular
	for _, c := range suiteCalls {
		for _, try := range []struct {
			name string
			want map[string]error // by call; "": the others
		}{
			{"none", map[string]error{"": missing, "Create": nil, "Mkdir": nil, "Rename to": nil, "Link to": nil}},
			{"none/x", map[string]error{"": missing}},
			{"folder/none", map[string]error{"": missing, "Create": nil, "Mkdir": nil, "Rename to": nil, "Link to": nil}},
			{"file/x", map[string]error{"": kind}},
			{"folder/inner/x/y", map[string]error{"": kind}},
			{"folder", map[string]error{"": kind, "Create": exists, "Mkdir": exists, "Remove": exists, "Rename from": nil, "Link to": exists, "ReadDir": nil, "Stat": nil, "SyncDir": nil}},
			{"folder/inner", map[string]error{"": nil, "Create": exists, "Mkdir": exists, "Link to": exists, "ReadDir": kind, "SyncDir": kind}},
		} {
			want, ok := try.want[c.name]
			if !ok {
				want = try.want[""]
			}
			if want == nil {
				continue // other tests do what succeeds
			}
			err := c.call(fsys, try.name)
			wantError(t, c.name+" of "+try.name, err, want)
			wantNames(t, c.name, err)
		}
	}
	wantTree(t, fsys, "", "empty/", "file", "folder/")
	wantTree(t, fsys, "folder", "inner")
}

// wantNames checks that an error tells the operation and the name.
func wantNames(t *testing.T, call string, err error) {
	t.Helper()
	if strings.HasPrefix(call, "Rename") || strings.HasPrefix(call, "Link") {
		if e, ok := errors.AsType[*os.LinkError](err); !ok || e.Op == "" || e.Old == "" || e.New == "" {
			t.Errorf("%s: %#v is no complete *os.LinkError", call, err)
		}
		return
	}
	if e, ok := errors.AsType[*fs.PathError](err); !ok || e.Op == "" || e.Path == "" {
		t.Errorf("%s: %#v is no complete *fs.PathError", call, err)
	}
}

// suiteRefused: what is refused has no effect.
func suiteRefused(t *testing.T, fsys vfs.FS) {
	noError(t, fsys.Mkdir("full"))
	putFile(t, fsys, "full/f", "full")
	noError(t, fsys.Mkdir("full/sub"))
	noError(t, fsys.Mkdir("empty"))
	putFile(t, fsys, "file", "file")
	for _, c := range []struct {
		what string
		got  error
		want error
	}{
		{"removing a folder that holds names", fsys.Remove("full"), fs.ErrExist},
		{"moving a folder into itself", fsys.Rename("full", "full/x"), fs.ErrInvalid},
		{"moving a folder deep into itself", fsys.Rename("full", "full/sub/x"), fs.ErrInvalid},
		{"moving a folder over a full one", fsys.Rename("empty", "full"), fs.ErrExist},
		{"moving a folder over a file", fsys.Rename("full", "file"), vfs.ErrNotRegular},
		{"moving a file over a folder", fsys.Rename("file", "empty"), vfs.ErrNotRegular},
		{"linking a folder", fsys.Link("full", "new"), vfs.ErrNotRegular},
		{"linking over a file", fsys.Link("full/f", "file"), fs.ErrExist},
		{"linking a file over itself", fsys.Link("file", "file"), fs.ErrExist},
	} {
		wantError(t, c.what, c.got, c.want)
	}
	wantTree(t, fsys, "", "empty/", "file", "full/")
	wantTree(t, fsys, "full", "f", "sub/")
	wantTree(t, fsys, "empty")
	if got := getFile(t, fsys, "file"); got != "file" {
		t.Errorf("file has %q", got)
	}
}

func suiteRename(t *testing.T, fsys vfs.FS) {
	noError(t, fsys.Mkdir("a"))
	noError(t, fsys.Mkdir("b"))
	putFile(t, fsys, "a/f", "1")
	before, err := fsys.Stat("a/f")
	noError(t, err)
	noError(t, fsys.Rename("a/f", "b/g"))
	wantTree(t, fsys, "a")
	after, err := fsys.Stat("b/g")
	noError(t, err)
	if before.ID != after.ID {
		t.Errorf("renaming made file %d of file %d", after.ID, before.ID)
	}
	putFile(t, fsys, "a/h", "2")
	noError(t, fsys.Rename("a/h", "b/g"))
	if got := getFile(t, fsys, "b/g"); got != "2" {
		t.Errorf("the replaced file has %q", got)
	}
	noError(t, fsys.Rename("b/g", "b/g"))
	noError(t, fsys.Rename("b", "a/c"))
	wantTree(t, fsys, "", "a/")
	wantTree(t, fsys, "a/c", "g")
	noError(t, fsys.Mkdir("empty"))
	noError(t, fsys.Rename("a/c", "empty"))
	wantTree(t, fsys, "empty", "g")
	noError(t, fsys.Link("empty/g", "a/g"))
	noError(t, fsys.Rename("empty/g", "a/g")) // two names of one file: both stay
	wantTree(t, fsys, "empty", "g")
	wantTree(t, fsys, "a", "g")
}

func suiteLink(t *testing.T, fsys vfs.FS) {
	noError(t, fsys.Mkdir("a"))
	putFile(t, fsys, "f", "old")
	noError(t, fsys.Link("f", "a/g"))
	first, err := fsys.Stat("f")
	noError(t, err)
	second, err := fsys.Stat("a/g")
	noError(t, err)
	if first.ID != second.ID || first.ID == 0 {
		t.Errorf("two links have the numbers %d and %d", first.ID, second.ID)
	}
	putFile(t, fsys, "other", "old")
	third, err := fsys.Stat("other")
	noError(t, err)
	if third.ID == first.ID {
		t.Error("two files have one number")
	}
	f, err := fsys.OpenRW("a/g")
	noError(t, err)
	defer f.Close()
	_, err = f.WriteAt([]byte("new"), 0)
	noError(t, err)
	if got := getFile(t, fsys, "f"); got != "new" {
		t.Errorf("written through the other name, the file has %q", got)
	}
	noError(t, fsys.Remove("f"))
	if got := getFile(t, fsys, "a/g"); got != "new" {
		t.Errorf("with its first name removed, the file has %q", got)
	}
	for i := range 100 {
		noError(t, fsys.Link("a/g", "a/"+strings.Repeat("g", i+2)))
	}
}

func suiteFolders(t *testing.T, fsys vfs.FS) {
	wantTree(t, fsys, "")
	for _, name := range []string{"b", "a", "c", "a/x"} {
		noError(t, fsys.Mkdir(name))
	}
	for _, name := range []string{"b2", "B", "b/1", "b/10", "b/2"} {
		putFile(t, fsys, name, name)
	}
	wantTree(t, fsys, "", "B", "a/", "b/", "b2", "c/")
	wantTree(t, fsys, "b", "1", "10", "2")
	wantTree(t, fsys, "a", "x/")
	info, err := fsys.Stat("b")
	noError(t, err)
	file, err := fsys.Stat("b/10")
	noError(t, err)
	if !info.Dir || file.Dir || file.Size != 4 {
		t.Errorf("folder %+v, file %+v", info, file)
	}
	root, err := fsys.Stat("")
	noError(t, err)
	if !root.Dir {
		t.Errorf("the root: %+v", root)
	}
	for _, name := range []string{"", "b", "a/x"} {
		noError(t, fsys.SyncDir(name))
	}
	noError(t, fsys.SyncAll())
	for _, name := range []string{"b/1", "b/10", "b/2", "b", "a/x", "b2"} {
		noError(t, fsys.Remove(name))
	}
	wantTree(t, fsys, "", "B", "a/", "c/")
	noError(t, fsys.SyncAll())
	const many = 250 // more bytes than a system lists in one call
	for i := range many {
		putFile(t, fsys, fmt.Sprintf("c/%0200d", i), "")
	}
	entries, err := fsys.ReadDir("c")
	noError(t, err)
	if len(entries) != many || !slices.IsSortedFunc(entries, func(a, b vfs.Entry) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("%d entries of %d, or not sorted", len(entries), many)
	}
}
