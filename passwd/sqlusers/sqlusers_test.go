package sqlusers

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/passwd"
)

var (
	_          passwd.Users = (*Users)(nil)
	background              = context.Background()
)

const table = "CREATE TABLE users (name TEXT PRIMARY KEY, hash TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'active', attributes TEXT NOT NULL DEFAULT '{}')"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// conform is what every database has to do.
func conform(t *testing.T, db *sql.DB, q Queries) {
	_, err := db.Exec(table)
	must(t, err)
	_, err = db.Exec(`INSERT INTO users (name, hash) VALUES ('anna', '{PLAIN}secret'), ('bob', '{OTP}x'), ('carl', '{PLAIN}secret'), ('dora', '{PLAIN}secret')`)
	must(t, err)
	_, err = db.Exec(`UPDATE users SET state = 'sleeping' WHERE name = 'carl'`)
	must(t, err)
	users := New(db, q)
	hasher := &passwd.Hasher{Params: passwd.Params{Memory: 8, Time: 1}, Queue: 1000}
	a := &passwd.Authenticator{Users: users, Hasher: hasher}
	login := func(user, password string) error {
		server, _, err := a.Start(background, "PLAIN", nil, &tls.ConnectionState{})
		must(t, err)
		_, _, err = server.Next([]byte("\x00" + user + "\x00" + password))
		return err
	}
	for _, test := range []struct {
		user, password string
		want           error
	}{
		{"Anna", "secret", nil}, {"anna", "wrong", passwd.ErrCredentials}, {"nobody", "secret", passwd.ErrCredentials}, {"bob", "x", passwd.ErrCredentials},
		{"carl", "secret", passwd.ErrCredentials}, {"' OR 1=1 --", "secret", passwd.ErrCredentials}, {"no name", "secret", passwd.ErrCredentials},
	} {
		if err := login(test.user, test.password); !errors.Is(err, test.want) {
			t.Errorf("%s %s: %v", test.user, test.password, err)
		}
	}
	r, err := users.Get(background, "anna")
	if err != nil || r.Hash.Scheme() != "ARGON2ID" {
		t.Errorf("not upgraded: %s, %v", r.Hash.Scheme(), err)
	}
	// Many changes at a time: none is lost.
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			if err := users.Update(background, "dora", func(r *passwd.Record) error {
				if r.Attributes == nil {
					r.Attributes = map[string]string{}
				}
				r.Attributes[fmt.Sprint("key", i)] = "value: %\n"
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if r, err := users.Get(background, "dora"); err != nil || len(r.Attributes) != 20 {
		t.Errorf("%d attributes, %v", len(r.Attributes), err)
	}
	stop := errors.New("stop")
	if err := users.Update(background, "dora", func(*passwd.Record) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	must(t, passwd.SetExpiry(background, users, "anna", time.Now().Add(-time.Hour)))
	if err := login("anna", "secret"); !errors.Is(err, passwd.ErrExpired) {
		t.Errorf("expired: %v", err)
	}
	must(t, passwd.SetPassword(background, users, hasher, "dora", "other"))
	secret, _, err := passwd.AddAppPassword(background, users, &passwd.Hasher{}, "dora", passwd.AppPassword{Name: "phone"})
	must(t, err)
	if err := errors.Join(login("dora", "other"), login("dora", secret)); err != nil {
		t.Error(err)
	}
	must(t, db.Close())
	if err := login("anna", "secret"); !errors.Is(err, passwd.ErrUnavailable) {
		t.Errorf("database closed: %v", err)
	}
}
