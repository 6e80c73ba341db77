package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// The data folder:
//
//	unit/          the mail: a unit of package storage
//	users          names and password hashes: a user file of package passwd, with users.lock and users.secret
//	keys/          the OpenPGP keys that mail is encrypted to: one armored file an account, named by its id; beside it
//	               <id>.deliveries-only, where what mail programs save is stored as it comes
//	throttle       failed logins and known networks: a file of package passwd/throttle
//	tls/           the self-signed certificate, where no other is configured
//	acme/          the account and the certificates of package tlspolicy/acme, where it is configured
//	drills/        logs of package tlspolicy/drill, a folder an incident
//	control.sock   the running server's ear for account and check
//
// Everything in it belongs to one user and is open to nobody else.
const (
	unitFolder  = "unit"
	usersFile   = "users"
	tlsFolder   = "tls"
	controlFile = "control.sock"
)

// store is an open data folder: this process owns it.
type store struct {
	dir   string
	tree  io.Closer // nil for tests in memory
	unit  *storage.Unit
	users *passwd.File
}

// openStore opens a data folder; with create it makes what is missing.
func openStore(dir string, create bool, o storage.Options) (*store, error) {
	unitDir := filepath.Join(dir, unitFolder)
	if create {
		if err := makeFolder(unitDir); err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
	} else if _, err := os.Stat(unitDir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is no data folder: there is no %s in it (name one with --data; serve or account add makes it)", dir, unitFolder)
	}
	users, err := passwd.OpenFile(filepath.Join(dir, usersFile))
	if err != nil {
		return nil, err
	}
	users.Hasher.SCRAM = []string{"SHA-256"}
	tree, err := vfs.OS(unitDir)
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", dir, err)
	}
	s := &store{dir: dir, users: users}
	s.tree, _ = tree.(io.Closer)
	o.Transform = s.keys().transform
	if s.unit, err = storage.Open(tree, o); err != nil {
		return nil, errors.Join(fmt.Errorf("data folder %s: %w", dir, err), s.closeTree())
	}
	return s, nil
}

// makeFolder makes a folder and those above it, and syncs the names of the new ones: they hold all that is promised later.
func makeFolder(path string) error {
	err := os.Mkdir(path, 0o700)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		if err := makeFolder(filepath.Dir(path)); err != nil {
			return err
		}
		err = os.Mkdir(path, 0o700)
	}
	if err != nil {
		return err
	}
	above, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(above.Sync(), above.Close())
}

// close gives the folder back; everything acknowledged is on disk then, and also without it.
func (s *store) close() error { return errors.Join(s.unit.Close(), s.closeTree()) }

func (s *store) closeTree() error {
	if s.tree == nil {
		return nil
	}
	return s.tree.Close()
}

// explain adds to an error what a person can do about it.
func explain(err error) error {
	var locked *vfs.LockedError
	switch {
	case errors.As(err, &locked):
		return fmt.Errorf("the mail is in use: %w; stop that process first, or give this command its data folder with --data", err)
	case errors.Is(err, storage.ErrNewerFormat):
		return fmt.Errorf("%w; run the version of mailserver that wrote it, or a later one", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; run mailserver as the user who owns the data folder (you are user %d), or correct owner and mode", err, os.Getuid())
	}
	return err
}
