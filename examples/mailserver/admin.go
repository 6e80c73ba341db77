package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/passwd/logins"
	"github.com/mailhavn/mailhavn/storage"
)

// request is one command to the owner of the data folder, be that a running server or the command itself.
type request struct {
	Command  string `json:"command"`
	Name     string `json:"name,omitempty"`
	To       string `json:"to,omitempty"`       // rename; app-remove: an id; app-only: on or off; drill: the incident
	Password string `json:"password,omitempty"` // add, passwd

	Time time.Time           `json:"time,omitzero"`  // expire: zero is never; campaign-*: when the leak was
	Days int                 `json:"days,omitempty"` // renew
	App  *passwd.AppPassword `json:"app,omitempty"`  // app-add

	Users          []userLine `json:"users,omitempty"`          // import
	Key            string     `json:"key,omitempty"`            // key-set: a certificate
	DeliveriesOnly bool       `json:"deliveriesOnly,omitempty"` // key-set
	Run            bool       `json:"run,omitempty"`            // drill: not only show the plan
}

// admin carries out requests.
type admin struct {
	store *store
	// kick ends the IMAP sessions of a user; nil where no server runs.
	kick func(user string)
	// logins are those of the running server; those that it has left where none runs.
	logins *logins.Log
	// watches are told what sessions say; nil where no server runs.
	watches *watches
	// host is the running server; nil where none runs.
	host *host
}

// A name stands in two places, the unit and the user file. The unit leads, the user file follows, in every change. So a crash
// between the two steps leaves states that tell what was going on, and the same command given again completes it:
//
//	account without user: add or rename was interrupted (mail is accepted, nobody can log in)
//	user without account: remove or rename was interrupted (nobody can log in, mail is refused)

// commands are the requests by name. Each writes lines for people to out.
func (a *admin) commands() map[string]func(context.Context, request, func(string)) error {
	return map[string]func(context.Context, request, func(string)) error{
		"list":    a.list,
		"show":    a.show,
		"add":     a.add,
		"passwd":  a.passwd,
		"enable":  a.enable,
		"disable": a.disable,
		"rename":  a.rename,
		"remove":  a.remove,
		"check":   a.check,

		"trace":       a.trace,
		"expire":      a.expire,
		"renew":       a.renew,
		"must-change": a.mustChange,

		"campaign-start":  a.campaignStart,
		"campaign-status": a.campaignStatus,

		"app-add":    a.appAdd,
		"app-list":   a.appList,
		"app-remove": a.appRemove,
		"app-only":   a.appOnly,
		"import":     a.importUsers,
		"drill":      a.drill,
		"key-set":    a.keySet,
		"key-show":   a.keyShow,
		"key-remove": a.keyRemove,
	}
}

// do carries out one request.
func (a *admin) do(ctx context.Context, r request, out func(string)) error {
	command, ok := a.commands()[r.Command]
	if !ok {
		return fmt.Errorf("the server does not know the command %q; it may be of another version", r.Command)
	}
	for _, name := range []*string{&r.Name, &r.To} {
		if *name == "" || name == &r.To && r.Command != "rename" {
			continue
		}
		canonical, err := passwd.CanonicalName(*name)
		if err != nil {
			return err
		}
		*name = canonical
	}
	return command(ctx, r, out)
}

func (a *admin) endSessions(user string) {
	if a.kick != nil {
		a.kick(user)
	}
}

// hasAccount tells whether the unit has an account of this name or alias.
func (a *admin) hasAccount(ctx context.Context, name string) (bool, error) {
	account, err := a.store.unit.OpenAccount(ctx, name)
	if errors.Is(err, storage.ErrNoAccount) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	account.Close()
	return true, nil
}

func (a *admin) hasUser(name string) (bool, error) {
	_, err := a.store.users.Lookup(name)
	if errors.Is(err, passwd.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// has answers both questions.
func (a *admin) has(ctx context.Context, name string) (account, user bool, err error) {
	if account, err = a.hasAccount(ctx, name); err == nil {
		user, err = a.hasUser(name)
	}
	return account, user, err
}

func (a *admin) add(ctx context.Context, r request, out func(string)) error {
	hasAccount, hasUser, err := a.has(ctx, r.Name)
	switch {
	case err != nil:
		return err
	case hasAccount && hasUser:
		return fmt.Errorf("there is an account %s already", r.Name)
	case hasUser: // what a removal has left
		if err := a.store.users.Remove(ctx, r.Name); err != nil {
			return err
		}
	case hasAccount:
		out(fmt.Sprintf("%s had a mailbox but no password; its mail is kept", r.Name))
	}
	if !hasAccount {
		account, err := a.store.unit.CreateAccount(ctx, r.Name)
		if err != nil {
			return err
		}
		account.Close()
	}
	if err := a.store.users.Add(ctx, r.Name, r.Password); err != nil {
		return a.unadd(ctx, r.Name, !hasAccount, err)
	}
	out("added " + r.Name)
	return nil
}

// unadd takes the new account away again when its user could not be made, for instance for a password that is none.
func (a *admin) unadd(ctx context.Context, name string, created bool, cause error) error {
	if !created {
		return cause
	}
	return errors.Join(cause, a.store.unit.RemoveAccount(ctx, name))
}

func (a *admin) passwd(ctx context.Context, r request, out func(string)) error {
	hasAccount, hasUser, err := a.has(ctx, r.Name)
	switch {
	case err != nil:
		return err
	case !hasAccount:
		return fmt.Errorf("there is no account %s", r.Name)
	case !hasUser:
		err = a.store.users.Add(ctx, r.Name, r.Password)
	default:
		err = a.store.users.SetPassword(ctx, r.Name, r.Password)
	}
	if err != nil {
		return err
	}
	a.endSessions(r.Name)
	out("changed the password of " + r.Name)
	return nil
}

func (a *admin) enable(ctx context.Context, r request, out func(string)) error {
	if err := a.store.users.Enable(ctx, r.Name); err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	out("enabled " + r.Name)
	return nil
}

// disable keeps a user from logging in; mail is still accepted, so that none is lost.
func (a *admin) disable(ctx context.Context, r request, out func(string)) error {
	if err := a.store.users.Disable(ctx, r.Name); err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	a.endSessions(r.Name)
	out("disabled " + r.Name + "; its mail is still accepted")
	return nil
}

func (a *admin) rename(ctx context.Context, r request, out func(string)) error {
	oldAccount, oldUser, err := a.has(ctx, r.Name)
	if err != nil {
		return err
	}
	newAccount, newUser, err := a.has(ctx, r.To)
	switch {
	case err != nil:
		return err
	case r.Name == r.To:
		return fmt.Errorf("%s has this name already", r.Name)
	case !oldAccount && !oldUser:
		return fmt.Errorf("there is no account %s", r.Name)
	case newUser || newAccount && oldAccount:
		return fmt.Errorf("there is an account %s already", r.To)
	}
	if oldAccount {
		if err := a.store.unit.RenameAccount(ctx, r.Name, r.To); err != nil {
			return err
		}
	}
	if oldUser {
		if err := a.store.users.Rename(ctx, r.Name, r.To); err != nil {
			return err
		}
	}
	a.endSessions(r.Name)
	a.logins.Forget(r.Name)
	out("renamed " + r.Name + " to " + r.To)
	return nil
}

func (a *admin) remove(ctx context.Context, r request, out func(string)) error {
	hasAccount, hasUser, err := a.has(ctx, r.Name)
	switch {
	case err != nil:
		return err
	case !hasAccount && !hasUser:
		return fmt.Errorf("there is no account %s", r.Name)
	}
	if hasAccount {
		if err := a.store.unit.RemoveAccount(ctx, r.Name); err != nil {
			return err
		}
	}
	a.endSessions(r.Name)
	a.logins.Forget(r.Name)
	if hasUser {
		if err := a.store.users.Remove(ctx, r.Name); err != nil {
			return err
		}
	}
	out("removed " + r.Name + " with all its mail")
	return nil
}

// check verifies the unit, also while it is in use.
func (a *admin) check(ctx context.Context, _ request, out func(string)) error {
	began := time.Now()
	found, err := a.store.unit.Verify(ctx)
	if err != nil {
		return err
	}
	for _, f := range found {
		out(f.String())
	}
	problems, err := a.mismatches()
	if err != nil {
		return err
	}
	for _, p := range problems {
		out(p)
	}
	if len(found)+len(problems) > 0 {
		return errFindings
	}
	out(fmt.Sprintf("all is well: %d accounts, checked in %s", len(a.store.unit.Accounts()), time.Since(began).Round(time.Millisecond)))
	return nil
}
