package passwd

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/mailhavn/mailhavn/passwd/hash"
)

// Users are where users are kept. [File] is one, sqlusers has another, and a host can
// write its own. Methods are called by many goroutines. What passes is reported by
// an error that is ErrBusy or ErrUnavailable, also of any other cause.
type Users interface {
	// Get returns a user; the error is ErrNotFound if there is none. Names are compared in canonical form (see [CanonicalName]).
	Get(ctx context.Context, name string) (Record, error)

	// Update calls change with the user as he is now, and stores what it makes of him unless it returns an error, which is then
	// returned. No other change comes between; change may be called more than once, so it must not keep what it finds out.
	// The name stays.
	Update(ctx context.Context, name string, change func(*Record) error) error
}

// Record is all that is kept of a user.
type Record struct {
	User
	Hash hash.Hash // of the main password
}

// Attributes that this package keeps for itself; the others are the host's.
const (
	scramKey   = "scram-"   // and the name of a hash function in lower case: a verifier for the mechanism
	changedKey = "changed"  // when the password was set
	appKey     = "app."     // and an id: an app password
	staleKey   = "stale"    // a disabled user must change his password when he is enabled again
	appOnlyKey = "app-only" // for which protocols the main password is switched off
)

// SetPassword gives a user another password. If he had to change it, he may log in again. Whether the password is good enough is
// for package policy to say before.
func SetPassword(ctx context.Context, users Users, hasher *Hasher, name, password string) error {
	r, err := users.Get(ctx, name)
	if err != nil {
		return err
	}
	p, err := hasher.newPassword(ctx, r, password)
	if err != nil {
		return err
	}
	return users.Update(ctx, name, func(r *Record) error {
		r.setPassword(p)
		return nil
	})
}

// secrets are what is stored of a password.
type secrets struct {
	hash      hash.Hash
	verifiers verifiers
}

// newPassword computes before anything is locked, since that takes its time.
func (h *Hasher) newPassword(ctx context.Context, r Record, password string) (s secrets, err error) {
	text, err := h.Hash(ctx, password)
	if err != nil {
		return s, err
	}
	if s.hash, err = hash.Parse(text); err != nil {
		return s, err
	}
	s.verifiers, err = h.verifiers(ctx, password, h.SCRAM, r.appSCRAM)
	return s, err
}

// setPassword stores a password. What was derived from the old one is dropped.
func (r *Record) setPassword(s secrets) {
	r.Hash = s.hash
	for key := range r.Attributes {
		if strings.HasPrefix(key, scramKey) {
			delete(r.Attributes, key)
		}
	}
	r.setVerifiers(s.verifiers)
	r.setAttribute(changedKey, time.Now().UTC().Format(time.RFC3339))
	r.setAttribute(staleKey, "")
	if r.State == MustChange {
		r.State = Active
	}
}

// setAttribute sets an attribute, or removes it if value is "".
func (r *Record) setAttribute(key, value string) {
	if value == "" {
		delete(r.Attributes, key)
		return
	}
	if r.Attributes == nil {
		r.Attributes = map[string]string{}
	}
	r.Attributes[key] = value
}

// SetExpiry makes an account expire at a time, or never if it is zero. Logins are then
// answered with ErrExpired; mail is still accepted, which is the host's to decide.
func SetExpiry(ctx context.Context, users Users, name string, when time.Time) error {
	return users.Update(ctx, name, func(r *Record) error {
		value := ""
		if !when.IsZero() {
			value = when.UTC().Format(time.RFC3339)
		}
		r.setAttribute(expiresKey, value)
		return nil
	})
}

// Renew lets an account last longer: from its expiry, or from now if that has passed. It returns the new expiry. An
// account that never expires stays so. A host that bills its users elsewhere calls it when they have paid.
func Renew(ctx context.Context, users Users, name string, by time.Duration) (until time.Time, err error) {
	err = users.Update(ctx, name, func(r *Record) error {
		until = r.Expiry()
		if until.IsZero() {
			return nil
		}
		if now := time.Now(); until.Before(now) {
			until = now
		}
		until = until.Add(by).UTC().Truncate(time.Second)
		r.setAttribute(expiresKey, until.Format(time.RFC3339))
		return nil
	})
	return until, err
}

// Notice returns which of the notices, times before the expiry such as 30 and 7 days, is due now and was not at the time of the
// last run; ok is false if none is.
func (u User) Notice(last, now time.Time, notices ...time.Duration) (before time.Duration, ok bool) {
	expiry := u.Expiry()
	if expiry.IsZero() {
		return 0, false
	}
	for _, n := range notices {
		if at := expiry.Add(-n); last.Before(at) && !now.Before(at) && (!ok || n < before) {
			before, ok = n, true
		}
	}
	return before, ok
}

// checker checks main passwords.
type checker struct {
	users  Users
	hasher *Hasher
}

// check computes one hash of today's costs whether there is such a user or not. More are computed only
// after the password was right.
func (c *checker) check(ctx context.Context, name, password string) (User, error) {
	r, err := c.users.Get(ctx, name)
	missing := err != nil
	if missing && isTemporary(err) {
		return User{}, err
	}
	stored := r.Hash
	if missing {
		stored = c.hasher.dummy()
	}
	if err := c.hasher.verify(ctx, stored, r.Name, password); err != nil {
		if errors.Is(err, ErrCredentials) && c.hasher.outdated(stored) { // an imported hash, quick to compute perhaps: nobody shall tell its owner from a stranger
			c.hasher.verify(ctx, c.hasher.dummy(), r.Name, password)
		}
		return User{}, err // always if the user is missing
	}
	// The check took a while, and more in a queue: who was disabled or got another
	// password meanwhile must not slip in after his sessions were ended.
	now, err := c.users.Get(ctx, name)
	switch {
	case err != nil && isTemporary(err):
		return User{}, err
	case err != nil || missing:
		return User{}, ErrCredentials
	}
	if now.Hash.String() != stored.String() { // perhaps the same password, upgraded by another login
		if err := c.hasher.verify(ctx, now.Hash, now.Name, password); err != nil {
			return User{}, err
		}
	}
	if err := now.MayLogIn(time.Now()); err != nil {
		return User{}, err
	}
	c.upgrade(ctx, now, password)
	return now.User, nil
}

// MayLogIn says why a user who has proved who he is may not log in: ErrDisabled or ErrExpired; nil if he may.
func (u User) MayLogIn(now time.Time) error {
	switch expiry := u.Expiry(); {
	case u.State == Disabled:
		return ErrDisabled
	case u.State != Active || !expiry.IsZero() && !now.Before(expiry):
		return ErrExpired
	}
	return nil
}

// isTemporary reports errors that say nothing about a user.
func isTemporary(err error) bool {
	var e interface{ Temporary() bool }
	return errors.As(err, &e) && e.Temporary()
}

// errUpgraded ends an update that another login has done.
var errUpgraded = errors.New("passwd: upgraded already")

// upgrade stores a hash of today's kind for a password that was right, and verifiers that are missing. The login succeeds in any
// case: if it does not work out, the next one tries again.
func (c *checker) upgrade(ctx context.Context, r Record, password string) {
	outdated := c.hasher.outdated(r.Hash)
	missing := c.hasher.missing(func(name string) bool { return r.Attributes[scramAttribute(name)] != "" })
	if !outdated && len(missing) == 0 || checkPassword(password) != nil || !c.hasher.begin(r.Name) {
		return
	}
	defer c.hasher.end(r.Name)
	fresh := r.Hash
	if outdated {
		text, err := c.hasher.Hash(ctx, password)
		if err != nil {
			return
		}
		if fresh, err = hash.Parse(text); err != nil {
			return
		}
	}
	verifiers, err := c.hasher.verifiers(ctx, password, missing, r.appSCRAM)
	if err != nil {
		return
	}
	c.users.Update(ctx, r.Name, func(now *Record) error {
		if now.Hash.String() != r.Hash.String() {
			return errUpgraded
		}
		now.Hash = fresh
		now.setVerifiers(verifiers)
		return nil
	})
}
