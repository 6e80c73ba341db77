package keystore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mailhavn/mailhavn/pgp"
)

// Dir is a Store in a folder: one JSON file an address, with the keys in armored form, readable by its owner only. Several processes may use it at once.
// A change is on disk, synced, when Update returns; a crash leaves the file as it was or as it is to be.
type Dir struct{ path string }

// OpenDir makes the folder if there is none.
func OpenDir(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("keystore: %w", err)
	}
	return &Dir{path}, nil
}

const suffix = ".json"

// fileRecord is a Record as it is on disk.
type fileRecord struct {
	Address string    `json:"address"`
	Pinned  string    `json:"pinned,omitempty"`
	Keys    []fileKey `json:"keys"`
}

type fileKey struct {
	Fingerprint string    `json:"fingerprint"` // for people
	Source      string    `json:"source"`
	First       time.Time `json:"first"`
	Last        time.Time `json:"last"`
	Key         string    `json:"key"` // armored
}

// file is the name of the file of an address: readable, and nothing but a name whatever the address is.
func (d *Dir) file(address string) (string, error) {
	address = Canonical(address)
	if address == "" {
		return "", fmt.Errorf("keystore: that is no address")
	}
	name := url.QueryEscape(address)
	if len(name) > 200 {
		sum := sha256.Sum256([]byte(address))
		name = hex.EncodeToString(sum[:])
	}
	return filepath.Join(d.path, strings.ReplaceAll(name, ".", "%2E")+suffix), nil
}

// Get implements Store.
func (d *Dir) Get(ctx context.Context, address string) (*Record, error) {
	name, err := d.file(address)
	if err != nil {
		return nil, err
	}
	r, err := read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return &Record{Address: Canonical(address)}, ctx.Err()
	}
	return r, err
}

func read(name string) (*Record, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var f fileRecord
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("keystore: %s: %w", name, err)
	}
	r := &Record{Address: f.Address, Pinned: f.Pinned}
	for _, k := range f.Keys {
		keys, err := pgp.ReadKeys(strings.NewReader(k.Key))
		if err != nil || len(keys) != 1 {
			return nil, fmt.Errorf("keystore: %s: the key %s: %d keys: %w", name, k.Fingerprint, len(keys), err)
		}
		r.Keys = append(r.Keys, Seen{keys[0], k.Source, k.First, k.Last})
	}
	return r, nil
}

// Update implements Store.
func (d *Dir) Update(ctx context.Context, address string, change func(*Record) error) error {
	name, err := d.file(address)
	if err != nil {
		return err
	}
	unlock, err := d.lock()
	if err != nil {
		return err
	}
	defer unlock()
	r, err := d.Get(ctx, address)
	if err != nil {
		return err
	}
	if err := change(r); err != nil {
		return err
	}
	if len(r.Keys) == 0 && r.Pinned == "" {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keystore: %w", err)
		}
		return d.sync()
	}
	return d.write(name, r)
}

// lock keeps other updates of the folder away, by other processes too.
func (d *Dir) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(d.path, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keystore: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("keystore: %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

func (d *Dir) write(name string, r *Record) error {
	f := fileRecord{Address: r.Address, Pinned: r.Pinned}
	for _, s := range r.Keys {
		f.Keys = append(f.Keys, fileKey{s.Key.Fingerprint(), s.Source, s.First.UTC(), s.Last.UTC(), s.Key.Armor()})
	}
	text, err := json.MarshalIndent(f, "", "\t")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(d.path, ".new-*")
	if err != nil {
		return fmt.Errorf("keystore: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err1 := tmp.Write(append(text, '\n'))
	err2 := tmp.Sync()
	err3 := tmp.Close()
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("keystore: %w", err)
	}
	if err := os.Rename(tmp.Name(), name); err != nil {
		return fmt.Errorf("keystore: %w", err)
	}
	return d.sync()
}

func (d *Dir) sync() error {
	dir, err := os.Open(d.path)
	if err != nil {
		return fmt.Errorf("keystore: %w", err)
	}
	defer dir.Close()
	return dir.Sync()
}

// All implements Store.
func (d *Dir) All(ctx context.Context) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		entries, err := os.ReadDir(d.path)
		if err != nil {
			yield(nil, fmt.Errorf("keystore: %w", err))
			return
		}
		for _, entry := range entries {
			if !strings.HasSuffix(entry.Name(), suffix) || strings.HasPrefix(entry.Name(), ".") {
				continue
			}
			r, err := read(filepath.Join(d.path, entry.Name()))
			if errors.Is(err, fs.ErrNotExist) {
				continue // removed meanwhile
			}
			if err == nil {
				err = ctx.Err()
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}
