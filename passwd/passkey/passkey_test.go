package passkey

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/passwd"
)

var background = context.Background()

// newUsers are anna and bert.
func newUsers(t testing.TB) *passwd.File {
	t.Helper()
	users, err := passwd.OpenFile(filepath.Join(t.TempDir(), "users"))
	must(t, err)
	users.Hasher.Params = passwd.Params{Memory: 8, Time: 1}
	must(t, users.Add(background, "anna", "quiet lanterns"))
	must(t, users.Add(background, "bert", "quiet lanterns"))
	return users
}

func newSite(t testing.TB) (*Site, *passwd.File) {
	t.Helper()
	users := newUsers(t)
	s, err := New(users, "example.org", "Example", "https://mail.example.org")
	must(t, err)
	return s, users
}

func register(t testing.TB, s *Site, user string, d *device) (string, error) {
	t.Helper()
	options, session, err := s.BeginRegistration(background, user)
	must(t, err)
	return s.FinishRegistration(background, user, "phone", session, d.create(options))
}

func login(t testing.TB, s *Site, user string, d *device) error {
	t.Helper()
	options, session, err := s.BeginLogin()
	must(t, err)
	d.count++
	u, err := s.FinishLogin(background, user, session, d.get(options))
	if err == nil && u.Name != "anna" {
		t.Errorf("logged in as %q", u.Name)
	}
	return err
}

func TestLogin(t *testing.T) {
	s, users := newSite(t)
	d := newDevice(t)
	id, err := register(t, s, "anna", d)
	must(t, err)
	must(t, login(t, s, "anna", d))
	must(t, login(t, s, "Anna", d))
	u, err := users.Lookup("anna")
	must(t, err)
	keys := Keys(u)
	if len(keys) != 1 || keys[0].ID != id || keys[0].Name != "phone" || keys[0].Count != 3 || time.Since(keys[0].Used) > time.Minute {
		t.Errorf("%+v", keys)
	}
	if bytes.Contains(d.handle, []byte("anna")) || len(d.handle) != 64 {
		t.Errorf("handle %q", d.handle)
	}
	second := newDevice(t)
	_, err = register(t, s, "anna", second)
	must(t, err)
	if !bytes.Equal(d.handle, second.handle) {
		t.Error("two handles")
	}
	must(t, login(t, s, "anna", second))
	must(t, Remove(background, users, "anna", id))
	if err := Remove(background, users, "anna", id); !errors.Is(err, passwd.ErrNotFound) {
		t.Error(err)
	}
	if err := login(t, s, "anna", d); !errors.Is(err, ErrResponse) {
		t.Errorf("removed: %v", err)
	}
	must(t, login(t, s, "anna", second))
	must(t, users.Disable(background, "anna"))
	if err := login(t, s, "anna", second); !errors.Is(err, passwd.ErrDisabled) {
		t.Errorf("disabled: %v", err)
	}
}

// What a device must not be allowed to say, in both ceremonies.
func TestForgeries(t *testing.T) {
	s, _ := newSite(t)
	other := newDevice(t)
	_, err := register(t, s, "bert", other)
	must(t, err)
	for _, test := range []struct {
		name  string
		forge func(*device)
		both  bool // in registrations too
		want  error
	}{
		{"as it should be", func(*device) {}, true, nil},
		{"another origin", func(d *device) { d.origin = "https://mail.example.net" }, true, ErrResponse},
		{"another port", func(d *device) { d.origin += ":8443" }, true, ErrResponse},
		{"without TLS", func(d *device) { d.origin = "http://mail.example.org" }, true, ErrResponse},
		{"in a frame of another site", func(d *device) { d.crossOrigin = true }, true, ErrResponse},
		{"for another site", func(d *device) { d.site = "example.net" }, true, ErrResponse},
		{"another challenge", func(d *device) { d.challenge = b64(make([]byte, 32)) }, true, ErrResponse},
		{"another ceremony", func(d *device) { d.ceremony = "payment.get" }, true, ErrResponse},
		{"user not verified", func(d *device) { d.flags = present }, true, ErrResponse},
		{"user not present", func(d *device) { d.flags = verified }, true, ErrResponse},
		{"backed up but not eligible", func(d *device) { d.flags |= backedUp }, true, ErrResponse},
		{"eligible all at once", func(d *device) { d.flags |= eligible }, false, ErrResponse},
		{"signature", func(d *device) { d.spoil = func(s []byte) { s[len(s)-1] ^= 1 } }, false, ErrResponse},
		{"another key", func(d *device) { d.key = other.key }, false, ErrResponse},
		{"another user's key", func(d *device) { d.credential, d.key = other.credential, other.key }, false, ErrResponse},
		{"another user's handle", func(d *device) { d.handle = other.handle }, false, ErrResponse},
		{"no handle", func(d *device) { d.handle = nil }, false, ErrResponse},
		{"the counter stands still", func(d *device) { d.count-- }, false, ErrCopied},
		{"the counter begins again", func(d *device) { d.count = ^uint32(0) }, false, ErrCopied},
	} {
		d := newDevice(t)
		if test.both {
			forged := newDevice(t)
			test.forge(forged)
			if _, err := register(t, s, "anna", forged); !errors.Is(err, test.want) {
				t.Errorf("%s: registration: %v", test.name, err)
			}
		}
		id, err := register(t, s, "anna", d)
		must(t, err)
		must(t, login(t, s, "anna", d))
		test.forge(d)
		if err := login(t, s, "anna", d); !errors.Is(err, test.want) {
			t.Errorf("%s: login: %v", test.name, err)
		}
		must(t, Remove(background, s.users, "anna", id))
	}
}

// Sessions are for one ceremony, one user and five minutes.
func TestSessions(t *testing.T) {
	s, _ := newSite(t)
	d := newDevice(t)
	_, err := register(t, s, "anna", d)
	must(t, err)
	options, session, err := s.BeginLogin()
	must(t, err)
	d.count++
	answer := d.get(options)
	for _, user := range []string{"bert", "nobody", "no name"} {
		if _, err := s.FinishLogin(background, user, session, answer); !errors.Is(err, ErrResponse) {
			t.Errorf("%s: %v", user, err)
		}
	}
	var data map[string]any
	must(t, json.Unmarshal(session, &data))
	data["expires"] = time.Now().Add(-time.Second)
	late, err := json.Marshal(data)
	must(t, err)
	registration, other, err := s.BeginRegistration(background, "bert")
	must(t, err)
	if bytes.Contains(options, []byte("allowCredentials")) {
		t.Errorf("the options tell keys: %s", options)
	}
	for name, bad := range map[string][]byte{"late": late, "none": nil, "of a registration": other} {
		if _, err := s.FinishLogin(background, "anna", bad, answer); err == nil {
			t.Errorf("%s session is accepted", name)
		}
	}
	if _, err := s.FinishRegistration(background, "anna", "x", other, newDevice(t).create(registration)); !errors.Is(err, ErrResponse) {
		t.Errorf("another user's registration: %v", err)
	}
	_, err = s.FinishLogin(background, "anna", session, answer)
	must(t, err)
	if _, err := s.FinishLogin(background, "anna", session, answer); !errors.Is(err, ErrCopied) {
		t.Errorf("the second time: %v", err)
	}
	if _, err := s.FinishLogin(background, "anna", session, []byte(`"`+strings.Repeat("x", maxResponse)+`"`)); !errors.Is(err, ErrResponse) {
		t.Error(err)
	}
}

// One answer lets in once, however many try it at a time.
func TestParallel(t *testing.T) {
	s, _ := newSite(t)
	d := newDevice(t)
	_, err := register(t, s, "anna", d)
	must(t, err)
	options, session, err := s.BeginLogin()
	must(t, err)
	d.count++
	answer := d.get(options)
	var in atomic.Int32
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			switch _, err := s.FinishLogin(background, "anna", session, answer); {
			case err == nil:
				in.Add(1)
			case !errors.Is(err, ErrCopied):
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if in.Load() != 1 {
		t.Errorf("%d got in", in.Load())
	}
}

func TestBounded(t *testing.T) {
	s, _ := newSite(t)
	for range maxKeys {
		_, err := register(t, s, "anna", newDevice(t))
		must(t, err)
	}
	if _, _, err := s.BeginRegistration(background, "anna"); !errors.Is(err, ErrTooMany) {
		t.Error(err)
	}
	if _, err := New(s.users, "https://example.org/x", "Example", "https://example.org"); err == nil {
		t.Error("a site that is no domain")
	}
}

// one is a user in memory, as quick as fuzzing wants it.
type one struct{ passwd.Record }

func (o *one) Get(context.Context, string) (passwd.Record, error) { return o.Record, nil }

func (o *one) Update(_ context.Context, _ string, change func(*passwd.Record) error) error {
	r := o.Record
	r.Attributes = maps.Clone(r.Attributes)
	err := change(&r)
	if err == nil {
		o.Record = r
	}
	return err
}

func FuzzFinish(f *testing.F) {
	anna := &one{passwd.Record{User: passwd.User{Name: "anna", State: passwd.Active}}}
	s, err := New(anna, "example.org", "Example", "https://mail.example.org")
	must(f, err)
	d := newDevice(f)
	options, session, err := s.BeginRegistration(background, "anna")
	must(f, err)
	f.Add(d.create(options))
	loginOptions, loginSession, err := s.BeginLogin()
	must(f, err)
	f.Add(d.get(loginOptions))
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}`))
	f.Fuzz(func(t *testing.T, response []byte) {
		if id, err := s.FinishRegistration(background, "anna", "x", session, response); err == nil {
			must(t, Remove(background, anna, "anna", id))
		}
		if _, err := s.FinishLogin(background, "anna", loginSession, response); err == nil {
			t.Error("without a key")
		}
	})
}
