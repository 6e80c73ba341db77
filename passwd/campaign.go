package passwd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// RequireChange makes a user's main password useless until it is changed, and revokes his app passwords, unless they are newer than a time (zero:
// all of them): what to do after a leak at that time. Who is disabled must change it when he is enabled again. It may be called again, so that a campaign over many users can be resumed. Sessions are the
// server's to end.
func RequireChange(ctx context.Context, users Users, name string, since time.Time) error {
	return users.Update(ctx, name, requireChange(since))
}

func requireChange(since time.Time) func(*Record) error {
	return func(r *Record) error {
		old := func(t time.Time) bool { return since.IsZero() || !t.After(since) }
		switch {
		case !old(r.PasswordSet()):
		case r.State == Active:
			r.State = MustChange
		case r.State == Disabled:
			r.setAttribute(staleKey, "yes")
		}
		for _, app := range r.AppPasswords() {
			if old(app.Created) {
				r.setAttribute(appKey+app.ID, "")
			}
		}
		return nil
	}
}

// RequireChange does what the function of this name does for many users, in one write of the file. Users who are not there (any more) are passed over.
func (f *File) RequireChange(ctx context.Context, names []string, since time.Time) error {
	change := requireChange(since)
	return f.change(ctx, func(t *table) (string, error) {
		lines := slices.Clone(t.lines)
		for _, name := range names {
			i, err := t.find(name)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			l := t.lines[i]
			if err == nil {
				err = l.update(change)
			}
			if err != nil {
				return "", fmt.Errorf("%s: %w", name, err)
			}
			lines[i] = line{text: l.format()}
		}
		return join(lines), nil
	})
}

// PasswordSet returns when the user's password was set; the zero time if that is not known.
func (u User) PasswordSet() time.Time {
	t, _ := time.Parse(time.RFC3339, u.Attributes[changedKey])
	return t
}

// Campaign tells how far a change of passwords has come that became necessary at a time.
type Campaign struct {
	Changed []string // have a password that is newer
	Waiting []string // must change it, and cannot log in before
	Missed  []string // neither: RequireChange is still to be called for them
}

// CampaignOf sorts users, such as those that [File.List] returns. Disabled ones are left out.
func CampaignOf(users []User, since time.Time) (c Campaign) {
	for _, u := range users {
		switch {
		case u.State == Disabled:
		case u.State == MustChange:
			c.Waiting = append(c.Waiting, u.Name)
		case u.PasswordSet().After(since):
			c.Changed = append(c.Changed, u.Name)
		default:
			c.Missed = append(c.Missed, u.Name)
		}
	}
	return c
}
