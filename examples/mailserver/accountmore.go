package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/passwd/logins"
)

type (
	expireCommand struct {
		nameArgument
		At string `arg:"" help:"Last day, such as 2030-12-31, or \"never\"."`
	}
	renewCommand struct {
		nameArgument
		Days int `arg:"" help:"How many days more."`
	}
	mustChangeCommand struct{ nameArgument }
	appCommand        struct {
		Add    appAddCommand    `cmd:"" help:"Make a password for one program or device; it is shown once."`
		List   appListCommand   `cmd:"" help:"List the app passwords of an account."`
		Remove appRemoveCommand `cmd:"" help:"Revoke an app password. Ends the account's sessions."`
		Only   appOnlyCommand   `cmd:"" help:"Let only app passwords log in, or the main password again too."`
	}
	appAddCommand struct {
		nameArgument
		For      string   `name:"for" required:"" help:"What it is for, such as \"phone\"."`
		Protocol []string `name:"protocol" placeholder:"imap|smtp" enum:"imap,smtp" help:"Only for reading (imap) or only for sending (smtp)."`
		Network  []string `name:"network" placeholder:"CIDR" help:"Only from these networks."`
		ReadOnly bool     `name:"read-only" help:"Mail can be read, not changed."`
		Days     int      `name:"days" help:"For how many days (default: without end)."`
	}
	appListCommand   struct{ nameArgument }
	appRemoveCommand struct {
		nameArgument
		ID string `arg:"" help:"Its id, as app list shows it."`
	}
	appOnlyCommand struct {
		nameArgument
		Switch string `arg:"" enum:"on,off" help:"on or off."`
	}
)

func (x *expireCommand) Run(c *console) error {
	r := request{Command: "expire", Name: x.Name}
	if x.At != "never" {
		day, err := time.Parse(time.DateOnly, x.At)
		if err != nil {
			return fmt.Errorf("%q is no day such as 2030-12-31, nor never", x.At)
		}
		r.Time = day.AddDate(0, 0, 1) // the end of the day
	}
	return ask(c, x.Data, r)
}

func (x *renewCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "renew", Name: x.Name, Days: x.Days})
}

func (x *mustChangeCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "must-change", Name: x.Name})
}

func (x *appAddCommand) Run(c *console) error {
	app := passwd.AppPassword{Name: x.For, Protocols: x.Protocol, ReadOnly: x.ReadOnly}
	for _, n := range x.Network {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			return fmt.Errorf("network: %w", err)
		}
		app.Networks = append(app.Networks, p)
	}
	if x.Days > 0 {
		app.Expires = time.Now().AddDate(0, 0, x.Days).UTC().Truncate(time.Second)
	}
	return ask(c, x.Data, request{Command: "app-add", Name: x.Name, App: &app})
}

func (x *appListCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "app-list", Name: x.Name})
}

func (x *appRemoveCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "app-remove", Name: x.Name, To: x.ID})
}

func (x *appOnlyCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "app-only", Name: x.Name, To: x.Switch})
}

func (a *admin) expire(ctx context.Context, r request, out func(string)) error {
	if err := passwd.SetExpiry(ctx, a.store.users, r.Name, r.Time); err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	if !r.Time.IsZero() && !r.Time.After(time.Now()) {
		a.endSessions(r.Name)
	}
	out(r.Name + " expires " + when(r.Time))
	return nil
}

func (a *admin) renew(ctx context.Context, r request, out func(string)) error {
	until, err := passwd.Renew(ctx, a.store.users, r.Name, time.Duration(r.Days)*24*time.Hour)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	out(r.Name + " expires " + when(until))
	return nil
}

// mustChange makes the password useless until it is changed, as after a leak.
func (a *admin) mustChange(ctx context.Context, r request, out func(string)) error {
	err := passwd.RequireChange(ctx, a.store.users, r.Name, time.Time{})
	if err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	a.endSessions(r.Name)
	out(r.Name + " must change the password: set a new one with account passwd; the app passwords are revoked")
	return nil
}

func when(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04 MST")
}

func (a *admin) appAdd(ctx context.Context, r request, out func(string)) error {
	if r.App == nil {
		return fmt.Errorf("app-add: no description")
	}
	secret, id, err := passwd.AddAppPassword(ctx, a.store.users, &a.store.users.Hasher, r.Name, *r.App)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	out(fmt.Sprintf("app password %s of %s, shown only now: %s", id, r.Name, secret))
	return nil
}

func (a *admin) appList(_ context.Context, r request, out func(string)) error {
	u, err := a.store.users.Lookup(r.Name)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	last := a.logins.Of(r.Name)
	for _, app := range u.AppPasswords() {
		line := []string{app.ID, "made " + when(app.Created), "expires " + when(app.Expires), "used never"}
		if l, ok := logins.LastOf(last, app.ID); ok {
			line[3] = fmt.Sprintf("used %s from %s", when(l.Time), l.Address)
		}
		if app.ReadOnly {
			line = append(line, "read-only")
		}
		if len(app.Protocols) > 0 {
			line = append(line, "for "+strings.Join(app.Protocols, " and "))
		}
		for _, n := range app.Networks {
			line = append(line, "from "+n.String())
		}
		out(strings.Join(append(line, fmt.Sprintf("%q", app.Name)), "  "))
	}
	return nil
}

func (a *admin) appRemove(ctx context.Context, r request, out func(string)) error {
	if err := passwd.RemoveAppPassword(ctx, a.store.users, r.Name, r.To); err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	a.endSessions(r.Name)
	out("revoked app password " + r.To + " of " + r.Name)
	return nil
}

func (a *admin) appOnly(ctx context.Context, r request, out func(string)) error {
	var protocols []string
	if r.To == "on" {
		protocols = []string{"*"}
	}
	if err := passwd.SetAppOnly(ctx, a.store.users, r.Name, protocols...); err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	a.endSessions(r.Name)
	out("app passwords only: " + r.To + " for " + r.Name)
	return nil
}
