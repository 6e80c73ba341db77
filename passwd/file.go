package passwd

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// File is an open user file. All methods may be called by many goroutines, and
// other processes may change the file meanwhile. A context bounds how long a
// method waits for a turn; once it writes, it finishes.
type File struct {
	// Hasher makes and checks the hashes. Its fields may be set before the first
	// use of the File.
	Hasher Hasher

	path    string
	writing chan struct{} // holds a token while a goroutine changes the file

	mu      sync.Mutex // guards the following fields
	table   *table
	data    string      // what table was read from
	info    os.FileInfo // of the file when it was read
	checked time.Time   // when it was read
}

// OpenFile opens the user file at path, and makes one without users if there is
// none; its folder must exist. Only the owner may have access to the file (mode
// 0600): whoever reads the hashes can try passwords at leisure.
//
// Lines that cannot be used are no error here, see [File.Problems].
func OpenFile(path string) (*File, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("passwd: %w", err)
	}
	// The file is replaced when it changes; a symbolic link to it shall stay one.
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	f := &File{path: path, writing: make(chan struct{}, 1)}
	if err := f.create(); err != nil {
		return nil, err
	}
	if _, err := f.current(); err != nil {
		return nil, err
	}
	if mode := f.info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("passwd: %s: others have access to the user file (mode %04o); run: chmod 600 %q", path, mode, path)
	}
	return f, nil
}

// Add makes an active user. The error is a *NameError, ErrPassword, ErrExists, or
// one of those of a change: ErrBusy, ErrUnavailable.
func (f *File) Add(ctx context.Context, name, password string) error {
	name, err := CanonicalName(name)
	if err != nil {
		return err
	}
	hash, err := f.newHash(ctx, password)
	if err != nil {
		return err
	}
	return f.change(ctx, func(t *table) (string, error) {
		return t.add(line{user: User{Name: name, State: Active}, hash: hash}), t.absent(name)
	})
}

// SetPassword gives a user another password. The error is ErrNotFound, a
// *LineError if the user's line cannot be used, or like those of Add.
func (f *File) SetPassword(ctx context.Context, name, password string) error {
	hash, err := f.newHash(ctx, password)
	if err != nil {
		return err
	}
	return f.edit(ctx, name, func(_ *table, l *line) error {
		l.hash = hash
		return nil
	})
}

// Disable keeps a user from logging in; it does nothing if he is disabled already.
// It does not end sessions: that is the server's part.
func (f *File) Disable(ctx context.Context, name string) error {
	return f.setState(ctx, name, Disabled)
}

// Enable lets a user log in again; it does nothing if he may already.
func (f *File) Enable(ctx context.Context, name string) error { return f.setState(ctx, name, Active) }

func (f *File) setState(ctx context.Context, name string, state State) error {
	return f.edit(ctx, name, func(_ *table, l *line) error {
		l.user.State = state
		return nil
	})
}

// Rename gives a user another name; password, state and attributes stay.
// ErrExists says that somebody has it.
func (f *File) Rename(ctx context.Context, name, to string) error {
	to, err := CanonicalName(to)
	if err != nil {
		return err
	}
	return f.edit(ctx, name, func(t *table, l *line) error {
		if l.user.Name == to {
			return nil
		}
		l.user.Name = to
		return t.absent(to)
	})
}

// Remove deletes a user, or a line of this name that cannot be used.
func (f *File) Remove(ctx context.Context, name string) error {
	name, err := CanonicalName(name)
	if err != nil {
		return err
	}
	return f.change(ctx, func(t *table) (string, error) {
		i, ok := t.byName[name]
		if !ok {
			return "", fmt.Errorf("%w: %q", ErrNotFound, name)
		}
		return t.remove(i), nil
	})
}

// Lookup returns a user. The error is a *NameError, ErrNotFound, a *LineError or
// ErrUnavailable.
func (f *File) Lookup(name string) (User, error) {
	l, err := f.line(name)
	if err != nil {
		return User{}, err
	}
	return l.public(), nil
}

// List returns all users, sorted by name.
func (f *File) List() ([]User, error) {
	t, err := f.current()
	if err != nil {
		return nil, err
	}
	var users []User
	for _, l := range t.lines {
		if l.name != "" && l.err == nil {
			users = append(users, l.public())
		}
	}
	slices.SortFunc(users, func(a, b User) int { return strings.Compare(a.Name, b.Name) })
	return users, nil
}

// Problems returns the lines that cannot be used, from the first to the last. A
// program should log them when it starts.
func (f *File) Problems() ([]*LineError, error) {
	t, err := f.current()
	if err != nil {
		return nil, err
	}
	return slices.Clone(t.problems), nil
}

// Authenticate returns the user of this name if it is his password. It computes
// one hash whether there is such a user or not. The error is ErrCredentials,
// ErrDisabled (which is ErrCredentials too), ErrBusy or ErrUnavailable.
func (f *File) Authenticate(ctx context.Context, name, password string) (User, error) {
	t, err := f.current()
	if err != nil {
		return User{}, err
	}
	hash := f.Hasher.dummy()
	if i, err := t.find(name); err == nil {
		hash = t.lines[i].hash
	}
	if err := f.Hasher.verify(ctx, hash, password); err != nil {
		return User{}, err // always if the user is missing
	}
	// The check took a while, and more in a queue: who was disabled or got another
	// password meanwhile must not slip in after his sessions were ended.
	now, err := f.line(name)
	switch {
	case isUnavailable(err):
		return User{}, err
	case err != nil || now.hash.String() != hash.String():
		return User{}, ErrCredentials
	case now.user.State != Active:
		return User{}, ErrDisabled
	}
	return now.public(), nil
}

// line returns the line of a user that can be used.
func (f *File) line(name string) (line, error) {
	t, err := f.current()
	if err != nil {
		return line{}, err
	}
	i, err := t.find(name)
	if err != nil {
		return line{}, err
	}
	return t.lines[i], nil
}

func (l line) public() User {
	u := l.user
	u.Attributes = maps.Clone(u.Attributes)
	return u
}

// newHash hashes before the file is locked, since that takes its time.
func (f *File) newHash(ctx context.Context, password string) (phc, error) {
	text, err := f.Hasher.Hash(ctx, password)
	if err != nil {
		return phc{}, err
	}
	return parsePHC(text)
}

// edit changes the line of a user.
func (f *File) edit(ctx context.Context, name string, fn func(*table, *line) error) error {
	return f.change(ctx, func(t *table) (string, error) {
		i, err := t.find(name)
		if err != nil {
			return "", err
		}
		l := t.lines[i]
		if err := fn(t, &l); err != nil {
			return "", err
		}
		return t.replace(i, l), nil
	})
}
