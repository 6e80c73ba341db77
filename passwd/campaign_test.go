package passwd

import (
	"fmt"
	"testing"
	"time"
)

func TestCampaign(t *testing.T) {
	f, _ := newFile(t)
	for _, u := range []string{"anna", "bob", "carl", "dora"} {
		must(t, f.Add(background, u, "secret"))
	}
	secret, _, err := AddAppPassword(background, f, &f.Hasher, "anna", AppPassword{})
	must(t, err)
	must(t, f.Update(background, "carl", func(r *Record) error { // imported long ago
		r.setAttribute(changedKey, "")
		return nil
	}))
	must(t, f.Disable(background, "dora"))
	leak := time.Now().Add(time.Second)
	for range 2 { // may be resumed
		for _, u := range []string{"anna", "bob"} {
			must(t, RequireChange(background, f, u, leak))
		}
	}
	must(t, f.RequireChange(background, []string{"dora", "nobody", "bob"}, leak))
	progress := func() string {
		users, err := f.List()
		must(t, err)
		c := CampaignOf(users, leak)
		return fmt.Sprint(c.Changed, c.Waiting, c.Missed)
	}
	if got := progress(); got != "[] [anna bob] [carl]" {
		t.Error(got)
	}
	a := NewAuthenticator(f)
	_, _, err = login(t, a, "anna", "secret")
	want(t, "before the change", err, ErrExpired)
	_, _, err = login(t, a, "anna", secret)
	want(t, "the app password", err, ErrCredentials)
	must(t, f.SetPassword(background, "bob", "another"))
	must(t, f.Update(background, "bob", func(r *Record) error {
		r.setAttribute(changedKey, leak.Add(time.Minute).UTC().Format(time.RFC3339))
		return nil
	}))
	must(t, RequireChange(background, f, "bob", leak)) // nothing, since he has changed it
	if got := progress(); got != "[bob] [anna] [carl]" {
		t.Error(got)
	}
	_, _, err = login(t, a, "bob", "another")
	want(t, "after the change", err, nil)

	// Neither who was disabled then nor who is disabled before he has changed it gets by with the old password.
	must(t, f.Disable(background, "anna"))
	for _, name := range []string{"anna", "dora"} {
		must(t, f.Enable(background, name))
		must(t, f.Enable(background, name)) // does nothing
		_, _, err = login(t, a, name, "secret")
		want(t, name+", enabled again", err, ErrExpired)
		must(t, f.SetPassword(background, name, "another"))
		must(t, f.Disable(background, name))
		must(t, f.Enable(background, name))
		_, _, err = login(t, a, name, "another")
		want(t, name+", after the change", err, nil)
	}
}
