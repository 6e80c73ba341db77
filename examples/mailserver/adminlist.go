package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mailhavn/mailhavn/storage"
)

// Names that stand in one of the two places only.
const (
	noPassword = "no-password" // account without user
	noMailbox  = "no-mailbox"  // user without account
)

// states returns every name of the unit and of the user file with its state.
func (a *admin) states() (map[string]string, error) {
	users, err := a.store.users.List()
	if err != nil {
		return nil, err
	}
	states := map[string]string{}
	for _, info := range a.store.unit.Accounts() {
		states[info.Name] = noPassword
	}
	for _, u := range users {
		if _, ok := states[u.Name]; ok {
			states[u.Name] = string(u.State)
		} else {
			states[u.Name] = noMailbox
		}
	}
	return states, nil
}

// mismatches tells what an interrupted command or an edited user file has left, and what to do.
func (a *admin) mismatches() ([]string, error) {
	states, err := a.states()
	if err != nil {
		return nil, err
	}
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(states)) {
		switch states[name] {
		case noPassword:
			problems = append(problems, fmt.Sprintf("account %s has no password: give it one with account passwd, or remove it", name))
		case noMailbox:
			problems = append(problems, fmt.Sprintf("user %s has no mailbox: make one with account add, or remove the user with account remove", name))
		}
	}
	lines, err := a.store.users.Problems()
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		problems = append(problems, l.Error())
	}
	return problems, nil
}

// list writes name and state of every account.
func (a *admin) list(_ context.Context, _ request, out func(string)) error {
	states, err := a.states()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(states)) {
		out(fmt.Sprintf("%-11s %s", states[name], name))
	}
	return nil
}

// show writes what there is to know of one account.
func (a *admin) show(ctx context.Context, r request, out func(string)) error {
	states, err := a.states()
	if err != nil {
		return err
	}
	account, err := a.store.unit.OpenAccount(ctx, r.Name)
	if err != nil {
		return err
	}
	defer account.Close()
	info, ok := accountInfo(a.store.unit, account.ID())
	if !ok {
		return fmt.Errorf("there is no account %s", r.Name)
	}
	line := func(name string, value any) { out(fmt.Sprintf("%-10s %v", name+":", value)) }
	line("name", info.Name)
	line("state", states[info.Name])
	line("id", info.ID)
	line("created", time.Unix(info.Created, 0).UTC().Format(time.RFC3339))
	if len(info.Aliases) > 0 {
		line("aliases", strings.Join(info.Aliases, " "))
	}
	for _, l := range a.logins.Of(info.Name) {
		by := l.Mechanism
		if l.App != "" {
			by += " with app password " + l.App
		}
		line("login", fmt.Sprintf("%s from %s, %s by %s", when(l.Time), l.Address, l.Protocol, by))
	}
	line("folder", fmt.Sprintf("%s/a/%s/%s/Maildir", unitFolder, info.ID.String()[:2], info.ID))
	var messages uint32
	var size int64
	for m := range account.Mailboxes() {
		messages += m.Messages
		size += m.Size
		line("mailbox", fmt.Sprintf("%s: %d messages, %d unseen, %d bytes", m.Name, m.Messages, m.Unseen, m.Size))
	}
	line("total", fmt.Sprintf("%d messages, %d bytes", messages, size))
	return nil
}

func accountInfo(u *storage.Unit, id storage.ID) (storage.AccountInfo, bool) {
	all := u.Accounts()
	i := slices.IndexFunc(all, func(info storage.AccountInfo) bool { return info.ID == id })
	if i < 0 {
		return storage.AccountInfo{}, false
	}
	return all[i], true
}
