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
	p, err := f.Hasher.newPassword(ctx, Record{}, password)
	if err != nil {
		return err
	}
	return f.change(ctx, func(t *table) (string, error) {
		r := Record{User: User{Name: name, State: Active}}
		r.setPassword(p)
		return t.add(line{user: r.User, hash: r.Hash, attr: formatAttributes(r.Attributes)}), t.absent(name)
	})
}

// SetPassword gives a user another password. The error is ErrNotFound, a
// *LineError if the user's line cannot be used, or like those of Add.
func (f *File) SetPassword(ctx context.Context, name, password string) error {
	return SetPassword(ctx, f, &f.Hasher, name, password)
}

// Disable keeps a user from logging in; it does nothing if he is disabled already.
// It does not end sessions: that is the server's part.
func (f *File) Disable(ctx context.Context, name string) error {
	return f.Update(ctx, name, func(r *Record) error {
		if r.State == MustChange {
			r.setAttribute(staleKey, "yes")
		}
		r.State = Disabled
		return nil
	})
}

// Enable takes Disable back. A user who had to change his password before, or had to since, must change it.
func (f *File) Enable(ctx context.Context, name string) error {
	return f.Update(ctx, name, func(r *Record) error {
		if r.State != Disabled {
			return nil
		}
		r.State = Active
		if r.Attributes[staleKey] != "" {
			r.State = MustChange
			r.setAttribute(staleKey, "")
		}
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

// Authenticate returns the user of this name if it is his password, for any use; see [Authenticator] for more. It computes
// one hash whether there is such a user or not. The error is ErrCredentials,
// ErrDisabled (which is ErrCredentials too), ErrExpired, ErrBusy or ErrUnavailable.
func (f *File) Authenticate(ctx context.Context, name, password string) (User, error) {
	return (&checker{users: f, hasher: &f.Hasher}).check(ctx, name, password)
}

// Get implements [Users].
func (f *File) Get(_ context.Context, name string) (Record, error) {
	l, err := f.line(name)
	if err != nil {
		return Record{}, err
	}
	return Record{User: l.public(), Hash: l.hash}, nil
}

// Update implements [Users]. The error is one of those of SetPassword, or that of change.
func (f *File) Update(ctx context.Context, name string, change func(*Record) error) error {
	return f.edit(ctx, name, func(_ *table, l *line) error { return l.update(change) })
}

// update takes over what change makes of the user.
func (l *line) update(change func(*Record) error) error {
	r := Record{User: l.public(), Hash: l.hash}
	if err := change(&r); err != nil {
		return err
	}
	if !maps.Equal(r.Attributes, l.user.Attributes) {
		l.attr = formatAttributes(r.Attributes)
	}
	name := l.user.Name
	l.user, l.hash = r.User, r.Hash
	l.user.Name = name
	return parseLine(l.format()).asError()
}

// asError says why a line that is about to be written could not be read again.
func (l line) asError() error {
	if l.err != nil {
		return fmt.Errorf("passwd: the user cannot be stored: %s", l.err.Reason)
	}
	return nil
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
