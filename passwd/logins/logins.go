// Package logins remembers when, from where and by which password users have logged in last, so that they and their host can look whether it was
// them. A [Log] takes the events of all authenticators of a server. It is kept in memory, bounded, and written by [Log.Save] at times of the
// host's choice: no login costs a write, and a crash forgets what came after the last one.
package logins

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/passwd/internal/atomicfile"
)

// Bounds of a Log.
const (
	maxUsers  = 200_000
	maxLogins = 16 // of a user
)

// Login is the last of all logins that were alike: by one password, protocol and mechanism, from one address.
type Login struct {
	Time      time.Time  `json:"time"`
	Protocol  string     `json:"protocol,omitempty"`
	Mechanism string     `json:"mechanism,omitempty"`
	Address   netip.Addr `json:"address,omitzero"`
	App       string     `json:"app,omitempty"` // id of the app password; empty: by the main password, a token or a certificate
}

// Log holds last logins. It may be used by many goroutines.
type Log struct {
	mu     sync.Mutex         // guards the following field
	byUser map[string][]Login // the newest first
}

// New returns a Log without logins.
func New() *Log { return &Log{byUser: map[string][]Login{}} }

// Add takes note of a login. Failed ones are passed over, so that it can be the Events of an authenticator.
func (l *Log) Add(e passwd.Event) {
	user, err := passwd.CanonicalName(e.User)
	if e.Err != nil || err != nil {
		return
	}
	login := Login{e.Time.UTC().Truncate(time.Second), e.Protocol, e.Mechanism, passwd.AddressOf(e.Remote), e.App}
	l.mu.Lock()
	defer l.mu.Unlock()
	list, known := l.byUser[user]
	if !known && len(l.byUser) >= maxUsers {
		for other := range l.byUser { // any
			delete(l.byUser, other)
			break
		}
	}
	list = slices.DeleteFunc(list, func(x Login) bool { return x.alike(login) })
	list = slices.Insert(list, 0, login)
	l.byUser[user] = list[:min(len(list), maxLogins)]
}

func (l Login) alike(x Login) bool {
	l.Time = x.Time
	return l == x
}

// Of returns the last logins of a user, the newest first.
func (l *Log) Of(user string) []Login {
	if canonical, err := passwd.CanonicalName(user); err == nil {
		user = canonical
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.byUser[user])
}

// Forget drops the logins of a user, who was removed or renamed.
func (l *Log) Forget(user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byUser, user)
}

// LastOf returns the last login by an app password, or without one if app is "".
func LastOf(logins []Login, app string) (last Login, ok bool) {
	i := slices.IndexFunc(logins, func(x Login) bool { return x.App == app })
	if i < 0 {
		return Login{}, false
	}
	return logins[i], true
}

// file is what Save writes.
type file struct {
	Version int                `json:"version"`
	Users   map[string][]Login `json:"users"`
}

// Save writes the log to a file, atomically and with mode 0600: it says where people are.
func (l *Log) Save(path string) error {
	l.mu.Lock()
	data, err := json.Marshal(file{1, l.byUser})
	l.mu.Unlock()
	if err != nil {
		return err
	}
	return atomicfile.Write(path, data)
}

// Load returns a Log with what Save wrote to a file; a new one if there is no such file. If the file is damaged the error says so, and the Log
// is a new one.
func Load(path string) (*Log, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return New(), nil
	}
	if err != nil {
		return New(), err
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return New(), fmt.Errorf("logins: %s is damaged: %w", path, err)
	}
	if f.Version != 1 {
		return New(), fmt.Errorf("logins: %s is of version %d, not 1", path, f.Version)
	}
	l := New()
	for user, list := range f.Users {
		l.byUser[user] = list[:min(len(list), maxLogins)]
	}
	return l, nil
}
