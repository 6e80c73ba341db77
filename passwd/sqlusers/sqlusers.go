// Package sqlusers keeps the users of package passwd in a table of a database/sql database, by the host's own queries.
//
// A table may look like this, in SQLite and PostgreSQL:
//
//	CREATE TABLE users (name TEXT PRIMARY KEY, hash TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'active', attributes TEXT NOT NULL DEFAULT '{}')
//
// It may be a view of the host's table just as well; hash is in any form that package hash reads.
package sqlusers

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/passwd/hash"
)

// Queries are in the dialect of the database; where values go is the driver's to say ("?" or "$1"). Names come in canonical form (passwd.CanonicalName) and as values,
// never as text of a query.
type Queries struct {
	// Get selects name, hash, state and attributes (a JSON object of strings) of a user, by the name.
	Get string

	// Update sets hash, state and attributes of a user, if they are as they were: its values are the new hash, state, attributes, then the name, then the
	// old hash, state, attributes. So no transaction is needed, and no change of another program is lost.
	Update string
}

// SQLite returns queries for the table above, also for MySQL.
func SQLite() Queries {
	return Queries{
		Get:    "SELECT name, hash, state, attributes FROM users WHERE name = ?",
		Update: "UPDATE users SET hash = ?, state = ?, attributes = ? WHERE name = ? AND hash = ? AND state = ? AND attributes = ?",
	}
}

// PostgreSQL returns queries for the table above.
func PostgreSQL() Queries {
	return Queries{
		Get:    "SELECT name, hash, state, attributes FROM users WHERE name = $1",
		Update: "UPDATE users SET hash = $1, state = $2, attributes = $3 WHERE name = $4 AND hash = $5 AND state = $6 AND attributes = $7",
	}
}

// Users implements passwd.Users. It may be used by many goroutines.
type Users struct {
	db      *sql.DB
	queries Queries
}

// New returns the users of a database.
func New(db *sql.DB, q Queries) *Users { return &Users{db, q} }

// row is a user as the database has him.
type row struct{ name, hash, state, attributes string }

// Get implements passwd.Users. A hash, state or attributes that cannot be read are an error that wraps passwd.ErrNotFound: they give nobody access.
func (u *Users) Get(ctx context.Context, name string) (passwd.Record, error) {
	x, err := u.row(ctx, name)
	if err != nil {
		return passwd.Record{}, err
	}
	return x.record()
}

func (u *Users) row(ctx context.Context, name string) (x row, err error) {
	canonical, err := passwd.CanonicalName(name)
	if err != nil {
		return x, err
	}
	err = u.db.QueryRowContext(ctx, u.queries.Get, canonical).Scan(&x.name, &x.hash, &x.state, &x.attributes)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return x, fmt.Errorf("%w: %q", passwd.ErrNotFound, canonical)
	case err != nil:
		return x, unavailable(err)
	}
	return x, nil
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", passwd.ErrUnavailable, err) }

func (x row) record() (r passwd.Record, err error) {
	bad := func(what string) (passwd.Record, error) {
		return passwd.Record{}, fmt.Errorf("%w: %q has %s that cannot be used", passwd.ErrNotFound, x.name, what)
	}
	r.User = passwd.User{Name: x.name, State: passwd.State(x.state)}
	if r.State != passwd.Active && r.State != passwd.Disabled && r.State != passwd.MustChange {
		return bad("a state")
	}
	if r.Hash, err = hash.Parse(x.hash); err != nil {
		return bad("a hash")
	}
	if err := json.Unmarshal([]byte(x.attributes), &r.Attributes); err != nil {
		return bad("attributes")
	}
	return r, nil
}

// maxTries bounds how often an update is tried again because somebody else was faster.
const maxTries = 100

// Update implements passwd.Users.
func (u *Users) Update(ctx context.Context, name string, change func(*passwd.Record) error) error {
	for range maxTries {
		old, err := u.row(ctx, name)
		if err != nil {
			return err
		}
		r, err := old.record()
		if err != nil {
			return err
		}
		attributes := maps.Clone(r.Attributes)
		if err := change(&r); err != nil {
			return err
		}
		text := old.attributes // the host's own writing, unless something changes
		if !maps.Equal(attributes, r.Attributes) {
			b, err := json.Marshal(r.Attributes)
			if err != nil {
				return err
			}
			text = string(b)
		}
		result, err := u.db.ExecContext(ctx, u.queries.Update, r.Hash.String(), string(r.State), text, old.name, old.hash, old.state, old.attributes)
		if err != nil {
			return unavailable(err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 1 {
			return err
		}
	}
	return fmt.Errorf("%w: %q is changed all the time", passwd.ErrBusy, name)
}
