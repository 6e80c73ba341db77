package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/storage"
)

type (
	keyCommand struct {
		Set    keySetCommand    `cmd:"" help:"Encrypt what is stored for an account from now on, to an OpenPGP key."`
		Show   keyShowCommand   `cmd:"" help:"Show the key that mail is encrypted to."`
		Remove keyRemoveCommand `cmd:"" help:"Store mail as it comes again."`
	}
	keySetCommand struct {
		nameArgument
		File           string `arg:"" help:"File with the certificate (public key), armored or binary; - is standard input."`
		DeliveriesOnly bool   `name:"deliveries-only" help:"Store what mail programs save (drafts, copies of what was sent) as it comes."`
	}
	keyShowCommand   struct{ nameArgument }
	keyRemoveCommand struct{ nameArgument }
)

// maxKeyFile bounds the file with a key.
const maxKeyFile = 1 << 20

func (x *keySetCommand) Run(c *console) error {
	in := c.in
	if x.File != "-" {
		f, err := os.Open(x.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxKeyFile))
	if err != nil {
		return err
	}
	k, err := oneKey(text)
	if err != nil {
		return fmt.Errorf("%s: %w", x.File, err)
	}
	send := k.Public() // a private key stays where it is
	if small, err := k.ForAddress(x.Name, time.Now()); err == nil {
		send = small
	}
	return ask(c, x.Data, request{Command: "key-set", Name: x.Name, Key: send.Armor(), DeliveriesOnly: x.DeliveriesOnly})
}

func (x *keyShowCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "key-show", Name: x.Name})
}

func (x *keyRemoveCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "key-remove", Name: x.Name})
}

func oneKey(text []byte) (*pgp.Key, error) {
	keys, err := pgp.ReadKeys(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	if len(keys) != 1 {
		return nil, fmt.Errorf("there are %d keys in it, and only one is wanted", len(keys))
	}
	return keys[0], nil
}

// keyFolder holds the keys that mail is encrypted to, a file an account, by the account's id. "" holds none.
type keyFolder string

const keysFolder = "keys"

func (s *store) keys() keyFolder { return keyFolder(filepath.Join(s.dir, keysFolder)) }

func (f keyFolder) file(id storage.ID) string { return filepath.Join(string(f), id.String()+".asc") }

// mark is the file whose presence says that only what is delivered is encrypted.
func (f keyFolder) mark(id storage.ID) string {
	return filepath.Join(string(f), id.String()+".deliveries-only")
}

// deliveriesOnly tells whether what mail programs save is stored as it comes. In doubt it is not.
func (f keyFolder) deliveriesOnly(id storage.ID) bool {
	_, err := os.Stat(f.mark(id))
	return err == nil
}

// of is the key of an account; nil if it has none. A key that cannot be read is an error: mail is not to be stored in clear then.
func (f keyFolder) of(id storage.ID) (*pgp.Key, error) {
	if f == "" {
		return nil, nil
	}
	text, err := os.ReadFile(f.file(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	k, err := oneKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.file(id), err)
	}
	return k, nil
}

// set keeps a key, and what is encrypted to it. Both are on disk when set returns.
func (f keyFolder) set(id storage.ID, k *pgp.Key, deliveriesOnly bool) error {
	if err := makeFolder(string(f)); err != nil {
		return err
	}
	if err := f.setMark(id, deliveriesOnly); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(string(f), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = io.WriteString(tmp, k.Armor())
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), f.file(id)); err != nil {
		return err
	}
	return f.sync()
}

func (f keyFolder) setMark(id storage.ID, on bool) error {
	if on {
		return os.WriteFile(f.mark(id), nil, 0o600)
	}
	err := os.Remove(f.mark(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (f keyFolder) remove(id storage.ID) error {
	if err := os.Remove(f.file(id)); err != nil {
		return err
	}
	if err := f.setMark(id, false); err != nil {
		return err
	}
	return f.sync()
}

func (f keyFolder) sync() error {
	dir, err := os.Open(string(f))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// keyOf gives the id and key of an account.
func (a *admin) keyOf(ctx context.Context, name string) (storage.ID, *pgp.Key, error) {
	account, err := a.store.unit.OpenAccount(ctx, name)
	if err != nil {
		return storage.ID{}, nil, err
	}
	defer account.Close()
	k, err := a.store.keys().of(account.ID())
	return account.ID(), k, err
}

func (a *admin) keySet(ctx context.Context, r request, out func(string)) error {
	id, _, err := a.keyOf(ctx, r.Name)
	if id == (storage.ID{}) { // a key that cannot be read is no reason not to replace it
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	k, err := oneKey([]byte(r.Key))
	if err != nil {
		return err
	}
	if err := k.CanEncrypt(time.Now()); err != nil {
		return err
	}
	if err := a.store.keys().set(id, k.Public(), r.DeliveriesOnly); err != nil {
		return err
	}
	out("mail to " + r.Name + " is encrypted to " + k.Fingerprint() + " from now on; only its owner can read it")
	a.describeKey(r.Name, id, k, out)
	return nil
}

func (a *admin) describeKey(name string, id storage.ID, k *pgp.Key, out func(string)) {
	if a.store.keys().deliveriesOnly(id) {
		out("what mail programs save (drafts, copies of what was sent) is stored as it comes")
	} else {
		out("so is what mail programs save (drafts, copies of what was sent)")
	}
	out("expires " + when(k.Expires(time.Now())) + ", of " + strings.Join(k.UserIDs(), ", "))
	if err := k.CanEncrypt(time.Now()); err != nil {
		out("mail to " + name + " is refused for now, nothing is stored in clear: " + err.Error())
	}
}

func (a *admin) keyShow(ctx context.Context, r request, out func(string)) error {
	id, k, err := a.keyOf(ctx, r.Name)
	if err != nil {
		return err
	}
	if k == nil {
		out("mail to " + r.Name + " is stored as it comes")
		return nil
	}
	out("mail to " + r.Name + " is encrypted to " + k.Fingerprint())
	a.describeKey(r.Name, id, k, out)
	return nil
}

func (a *admin) keyRemove(ctx context.Context, r request, out func(string)) error {
	id, k, err := a.keyOf(ctx, r.Name)
	if err != nil && id == (storage.ID{}) {
		return err
	}
	if k == nil && err == nil {
		return fmt.Errorf("%s has no key", r.Name)
	}
	if err := a.store.keys().remove(id); err != nil {
		return err
	}
	out("mail to " + r.Name + " is stored as it comes from now on; what was encrypted stays so")
	return nil
}

// keyWarnings says whose keys end soon or cannot be used any more.
func (s *store) keyWarnings(now time.Time) (warnings []string) {
	for _, info := range s.unit.Accounts() {
		k, err := s.keys().of(info.ID)
		if k != nil && err == nil {
			err = k.CanEncrypt(now)
		}
		if err != nil {
			warnings = append(warnings, "mail to "+info.Name+" is refused: "+err.Error())
			continue
		}
		if k == nil {
			continue
		}
		if end := k.Expires(now); !end.IsZero() && end.Before(now.AddDate(0, 0, 30)) {
			warnings = append(warnings, "the OpenPGP key of "+info.Name+" expires "+when(end)+"; mail is refused then")
		}
	}
	return warnings
}
