package main

import (
	"context"
	"fmt"
	"time"

	"github.com/mailhavn/mailhavn/passwd"
)

// sinceFlag says when passwords became known to others.
type sinceFlag struct {
	Since time.Time `name:"since" required:"" placeholder:"TIME" help:"When passwords had leaked, such as 2030-12-31T10:00:00Z."`
}

type (
	campaignStartCommand struct {
		sinceFlag
		dataFlag
	}
	campaignStatusCommand struct {
		sinceFlag
		dataFlag
	}
)

func (x *campaignStartCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "campaign-start", Time: x.Since})
}

func (x *campaignStatusCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "campaign-status", Time: x.Since})
}

// campaignStart ends the sessions of those with newer passwords too: they may be older, or of app passwords that are revoked now.
func (a *admin) campaignStart(ctx context.Context, r request, out func(string)) error {
	users, err := a.store.users.List()
	if err != nil {
		return err
	}
	for _, u := range users {
		if err := passwd.RequireChange(ctx, a.store.users, u.Name, r.Time); err != nil {
			return fmt.Errorf("%s: %w (the users before are done; give the command again)", u.Name, err)
		}
		a.endSessions(u.Name)
	}
	return a.campaignStatus(ctx, r, out)
}

func (a *admin) campaignStatus(_ context.Context, r request, out func(string)) error {
	users, err := a.store.users.List()
	if err != nil {
		return err
	}
	c := passwd.CampaignOf(users, r.Time)
	for _, group := range []struct {
		what  string
		names []string
	}{{"must change it", c.Waiting}, {"not asked yet", c.Missed}} {
		for _, name := range group.names {
			out(name + "  " + group.what)
		}
	}
	out(fmt.Sprintf("since %s: %d changed the password, %d must change it, %d are not asked yet", when(r.Time), len(c.Changed), len(c.Waiting), len(c.Missed)))
	return nil
}
