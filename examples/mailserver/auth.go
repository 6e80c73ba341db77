package main

import (
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/passwd/logins"
	"github.com/mailhavn/mailhavn/passwd/mta"
	"github.com/mailhavn/mailhavn/passwd/throttle"
)

const (
	throttleFile = "throttle"      // in the data folder: who has failed to log in, and who is known
	rememberFor  = 5 * time.Minute // successful logins, so that clients that come often cost little
	saveEvery    = time.Minute     // both files
	loginsFile   = "logins"        // in the data folder: who has logged in last, and from where
)

// auth is how users log in, with what it keeps between runs of the server.
type auth struct {
	*passwd.Authenticator
	guard  *throttle.Guard
	logins *logins.Log
	dir    string // of the data
	logger *slog.Logger
	stop   chan struct{}
	done   chan struct{}
}

// newAuth offers SCRAM, whose verifiers are made as passwords are set or used, and PLAIN.
func newAuth(st *store, logger *slog.Logger) (*auth, error) {
	secret, err := st.users.Secret()
	if err != nil {
		return nil, err
	}
	a := &auth{Authenticator: passwd.NewAuthenticator(st.users), dir: st.dir, logger: logger,
		stop: make(chan struct{}), done: make(chan struct{})}
	if a.guard, err = throttle.Load(filepath.Join(a.dir, throttleFile)); err != nil {
		logger.Warn("what was known of failed logins is lost", "error", err)
	}
	if a.logins, err = logins.Load(filepath.Join(a.dir, loginsFile)); err != nil {
		logger.Warn("what was known of last logins is lost", "error", err)
	}
	a.Protocol, a.Secret, a.Guard, a.Events = "imap", secret, a.guard, a.log
	a.Hasher.Remember = rememberFor
	go a.save()
	return a, nil
}

// log remembers logins, and writes a line for each failure, from which fail2ban takes the address (contrib/fail2ban). The name is quoted, so that nothing in it can
// look like another line.
func (a *auth) log(e passwd.Event) {
	if e.Err == nil {
		a.logins.Add(e)
		return
	}
	var passing interface{ Temporary() bool }
	if errors.As(e.Err, &passing) && passing.Temporary() {
		a.logger.Warn("login not possible", "protocol", e.Protocol, "error", e.Err)
		return
	}
	address := "unknown"
	if ip := passwd.AddressOf(e.Remote); ip.IsValid() {
		address = ip.String()
	}
	a.logger.Info("login failed", "address", address, "protocol", e.Protocol, "mechanism", e.Mechanism, "for", e.User, "error", e.Err)
}

// save keeps what is known over a restart.
func (a *auth) save() {
	defer close(a.done)
	ticker := time.NewTicker(saveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-a.stop:
		}
		if err := errors.Join(a.guard.Save(filepath.Join(a.dir, throttleFile)), a.logins.Save(filepath.Join(a.dir, loginsFile))); err != nil {
			a.logger.Warn("what is known of logins was not saved", "error", err)
		}
		select {
		case <-a.stop:
			return
		default:
		}
	}
}

func (a *auth) close() {
	close(a.stop)
	<-a.done
}

// forMTA serves the users to Postfix and Exim, with the same throttle.
func (a *auth) forMTA() *mta.Auth {
	return &mta.Auth{Logger: a.logger, Authenticator: &passwd.Authenticator{
		Users: a.Users, Hasher: a.Hasher, Protocol: "smtp", Login: true, Guard: a.guard, Secret: a.Secret, Events: a.log,
	}}
}
