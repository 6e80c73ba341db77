// Package keystore remembers which OpenPGP keys were seen for which address, when, and where they came from, so that a host or a mail program can
// decide which one to write to: trust on first use, with the history kept, and pinning.
//
// [Dir] keeps one readable file an address. Programs with a database implement [Store] over it.
package keystore

import (
	"context"
	"errors"
	"iter"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/mailhavn/mailhavn/pgp"
)

// Store keeps one Record an address. It is used by several goroutines at once.
type Store interface {
	// Get gives the record of an address; one without keys if there is none. The caller may change it.
	Get(ctx context.Context, address string) (*Record, error)

	// Update reads the record, lets change change it, and keeps it, so that nobody else updates it meanwhile. An error of change comes back and
	// nothing is kept. A record without keys and pin is removed.
	Update(ctx context.Context, address string, change func(*Record) error) error

	// All yields all records, in no order. It ends with the first error.
	All(ctx context.Context) iter.Seq2[*Record, error]
}

// ErrNoKey says that no key of an address may be used, and none was refused for a reason of its own.
var ErrNoKey = errors.New("keystore: there is no key for this address")

// Record is what is known about the keys of an address.
type Record struct {
	Address string // as Canonical gives it
	Pinned  string // fingerprint of the only key that may be used; "" if none is
	Keys    []Seen // in the order in which they were first seen
}

// Seen is a key with its history.
type Seen struct {
	Key         *pgp.Key
	Source      string // where it came from first, in words of the host: "wkd", "autocrypt", "user"
	First, Last time.Time
}

// Canonical is the form in which addresses are compared: lower case. It is "" if that is no address, or one that needs quotes.
func Canonical(address string) string {
	address = strings.ToLower(strings.TrimSpace(address))
	parsed, err := mail.ParseAddress("<" + address + ">")
	if err != nil || parsed.Address != address {
		return ""
	}
	return address
}

// Change says what an observation meant.
type Change int

// The changes. Conflict asks for attention: somebody has another key than before, or pretends to have.
const (
	Known     Change = iota // it was there; what is new in it was merged
	First                   // the first key of the address
	Conflict                // there is another, usable key
	Successor               // there were others, none of which can be used any more
)

// maxKeys bounds the history, so that nobody fills it: the oldest that is neither pinned nor the first goes.
const maxKeys = 32

// Observe takes note of a key that was seen at a time. The key must be of the address, and usable then: otherwise the error is a [pgp.KeyError] that says why
// not. But news about a key that is known already, its revocation for instance, are always taken.
func (r *Record) Observe(k *pgp.Key, source string, at time.Time) (Change, error) {
	if i := r.find(k.Fingerprint()); i >= 0 {
		merged, err := r.Keys[i].Key.Merge(k)
		if err != nil {
			return Known, err
		}
		r.Keys[i].Key = merged
		r.Keys[i].Last = later(r.Keys[i].Last, at)
		return Known, nil
	}
	if !slices.Contains(k.Emails(at), r.Address) {
		return First, &pgp.KeyError{Fingerprint: k.Fingerprint(), Reason: pgp.NoAddress, Detail: r.Address}
	}
	if err := k.CanEncrypt(at); err != nil {
		return First, err
	}
	change := First
	if len(r.Keys) > 0 {
		change = Successor
	}
	if slices.ContainsFunc(r.Keys, func(s Seen) bool { return s.Key.CanEncrypt(at) == nil }) {
		change = Conflict
	}
	if len(r.Keys) == maxKeys {
		oldest := slices.IndexFunc(r.Keys[1:], func(s Seen) bool { return s.Key.Fingerprint() != r.Pinned }) + 1
		r.Keys = slices.Delete(r.Keys, oldest, oldest+1)
	}
	r.Keys = append(r.Keys, Seen{k, source, at, at})
	return change, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (r *Record) find(fingerprint string) int {
	return slices.IndexFunc(r.Keys, func(s Seen) bool { return s.Key.Fingerprint() == fingerprint })
}

// Best is the key to write to at a time: the pinned one, or else the one that was seen first of those that can be used. The error is a [pgp.KeyError] of
// the pinned or first key, or [ErrNoKey].
func (r *Record) Best(at time.Time) (*pgp.Key, error) {
	if r.Pinned != "" {
		i := r.find(r.Pinned)
		if i < 0 {
			return nil, &pgp.KeyError{Fingerprint: r.Pinned, Reason: pgp.Changed, Detail: "it was never seen"}
		}
		return r.Keys[i].Key, r.Keys[i].Key.CanEncrypt(at)
	}
	first := ErrNoKey
	for i, s := range r.Keys {
		err := s.Key.CanEncrypt(at)
		if err == nil {
			return s.Key, nil
		}
		if i == 0 {
			first = err
		}
	}
	return nil, first
}

// Pin makes a key the only one that may be used; "" ends that. The key must have been seen.
func (r *Record) Pin(fingerprint string) error {
	if fingerprint != "" && r.find(fingerprint) < 0 {
		return &pgp.KeyError{Fingerprint: fingerprint, Reason: pgp.Changed, Detail: "it was never seen for " + r.Address}
	}
	r.Pinned = fingerprint
	return nil
}

// Warning says that mail to an address will soon have no key.
type Warning struct {
	Address string
	Key     *pgp.Key
	Expires time.Time
}

// Expiring lists the addresses whose best key expires within a time; 30 days leave the owner time to renew it.
func Expiring(ctx context.Context, s Store, within time.Duration, at time.Time) ([]Warning, error) {
	var warnings []Warning
	for r, err := range s.All(ctx) {
		if err != nil {
			return warnings, err
		}
		k, err := r.Best(at)
		if err != nil {
			continue
		}
		if end := k.Expires(at); !end.IsZero() && end.Before(at.Add(within)) {
			warnings = append(warnings, Warning{r.Address, k, end})
		}
	}
	return warnings, nil
}
