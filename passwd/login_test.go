package passwd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/xdg-go/scram"

	"github.com/mailhavn/mailhavn/passwd/hash"
)

// login tries PLAIN and returns what was granted.
func login(t testing.TB, a *Authenticator, user, password string) (string, sasl.Server, error) {
	t.Helper()
	server, name, err := a.Start(background, "PLAIN", somewhere, withTLS)
	must(t, err)
	_, _, err = server.Next([]byte("\x00" + user + "\x00" + password))
	return name(), server, err
}

// store replaces a user's hash by another program's.
func store(t testing.TB, f *File, user, text string) {
	t.Helper()
	h, err := hash.Parse(text)
	must(t, err)
	must(t, f.Update(background, user, func(r *Record) error { r.Hash = h; return nil }))
}

// An old hash becomes today's at the first login, once, however many log in at a time.
func TestUpgradeOnce(t *testing.T) {
	f, count := newFile(t)
	f.Hasher.Queue = 1000
	must(t, f.Add(background, "anna", "x"))
	store(t, f, "anna", "{SSHA512}wi9YafcoofJmf2EAse7rB2ZqIkYZ84r2aOkSfr9/l8lIv/xaWkApO0FlcpQrYxnZAgL4316JpqTb4psQuw7ig9kOANM=")
	writes := &counting{Users: f}
	a := NewAuthenticator(f)
	a.Users = writes
	var wait sync.WaitGroup
	for range 100 {
		wait.Go(func() {
			if _, _, err := login(t, a, "anna", "pässwörd 1"); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := writes.stored.Load(); n != 1 {
		t.Errorf("stored %d times", n)
	}
	r, err := f.Get(background, "anna")
	must(t, err)
	if r.Hash.Scheme() != "ARGON2ID" {
		t.Errorf("scheme %s", r.Hash.Scheme())
	}
	before := count.Load()
	if _, _, err := login(t, a, "anna", "pässwörd 1"); err != nil || count.Load() != before+1 {
		t.Errorf("%v, %d computations", err, count.Load()-before)
	}
	// A wrong password upgrades nothing, and a weaker hash than today's is upgraded too.
	store(t, f, "anna", "{PLAIN}secret")
	login(t, a, "anna", "wrong")
	if r, _ := f.Get(background, "anna"); r.Hash.Scheme() != "PLAIN" {
		t.Error("upgraded to a wrong password")
	}
	f.Hasher.Params = Params{Memory: 64}
	must(t, f.SetPassword(background, "anna", "secret"))
	f.Hasher.Params = Params{Memory: 128}
	login(t, a, "anna", "secret")
	if r, _ := f.Get(background, "anna"); !strings.Contains(r.Hash.String(), "m=128,") {
		t.Errorf("still %s", r.Hash)
	}
}

// counting counts what is stored.
type counting struct {
	Users
	stored atomic.Int64
}

func (c *counting) Update(ctx context.Context, name string, change func(*Record) error) error {
	err := c.Users.Update(ctx, name, change)
	if err == nil {
		c.stored.Add(1)
	}
	return err
}

func TestRemember(t *testing.T) {
	f, count := newFile(t)
	f.Hasher.Remember = time.Minute
	must(t, f.Add(background, "anna", "secret"))
	try := func(password string, wanted error, hashes int64) {
		t.Helper()
		before := count.Load()
		_, err := f.Authenticate(background, "anna", password)
		want(t, password, err, wanted)
		if n := count.Load() - before; n != hashes {
			t.Errorf("%q: %d computations, want %d", password, n, hashes)
		}
	}
	try("secret", nil, 1)
	try("secret", nil, 0)
	try("wrong", ErrCredentials, 1)
	try("wrong", ErrCredentials, 1)
	must(t, f.Disable(background, "anna"))
	try("secret", ErrDisabled, 0)
	must(t, f.Enable(background, "anna"))
	must(t, f.SetPassword(background, "anna", "other"))
	try("secret", ErrCredentials, 1)
	try("other", nil, 1)
	must(t, f.SetPassword(background, "anna", "secret"))
	try("secret", nil, 1)
}

// Passwords typed on different systems are the same (RFC 8265, section 4.2), and those of old hashes count as they were.
func TestPreparation(t *testing.T) {
	f, count := newFile(t)
	must(t, f.Add(background, "anna", "p\u00e4ss w\u00f6rd"))
	for _, typed := range []string{"p\u00e4ss w\u00f6rd", "pa\u0308ss wo\u0308rd", "p\u00e4ss\u00a0w\u00f6rd", "pa\u0308ss\u3000w\u00f6rd"} {
		if _, err := f.Authenticate(background, "anna", typed); err != nil {
			t.Errorf("%q: %v", typed, err)
		}
	}
	for _, wrong := range []string{"pass word", "P\u00e4ss w\u00f6rd", "p\u00e4ssw\u00f6rd"} {
		_, err := f.Authenticate(background, "anna", wrong)
		want(t, wrong, err, ErrCredentials)
	}
	store(t, f, "anna", "{PLAIN}pa\u0308ss") // as a Mac sent it to another server
	for _, user := range []string{"anna", "nobody"} {
		before := count.Load()
		f.Authenticate(background, user, "xa\u0308ss")
		if n := count.Load() - before; user == "nobody" && n != 2 {
			t.Errorf("%s: %d computations", user, n)
		}
	}
	if _, err := f.Authenticate(background, "anna", "pa\u0308ss"); err != nil {
		t.Error(err)
	}
	if _, err := f.Authenticate(background, "anna", "p\u00e4ss"); err != nil { // since then
		t.Error(err)
	}
}

func TestExpiry(t *testing.T) {
	f, _ := newFile(t)
	must(t, f.Add(background, "anna", "secret"))
	try := func(what string, wanted error) {
		t.Helper()
		_, err := f.Authenticate(background, "anna", "secret")
		want(t, what, err, wanted)
		_, err = f.Authenticate(background, "anna", "wrong")
		want(t, what+", wrong password", err, ErrCredentials)
	}
	must(t, SetExpiry(background, f, "anna", time.Now().Add(time.Hour)))
	try("an hour left", nil)
	must(t, SetExpiry(background, f, "anna", time.Now().Add(-time.Hour)))
	try("an hour ago", ErrExpired)
	until, err := Renew(background, f, "anna", 24*time.Hour)
	if left := time.Until(until); err != nil || left < 23*time.Hour || left > 24*time.Hour {
		t.Errorf("%v, %v", until, err)
	}
	try("renewed", nil)
	again, err := Renew(background, f, "anna", 24*time.Hour)
	if err != nil || again.Sub(until) != 24*time.Hour {
		t.Errorf("%v after %v, %v", again, until, err)
	}
	must(t, SetExpiry(background, f, "anna", time.Time{}))
	if until, err := Renew(background, f, "anna", time.Hour); !until.IsZero() || err != nil {
		t.Errorf("%v, %v", until, err)
	}
	must(t, f.Update(background, "anna", func(r *Record) error { r.State = MustChange; return nil }))
	try("must change", ErrExpired)
	must(t, f.SetPassword(background, "anna", "secret"))
	try("changed", nil)

	expiry := time.Date(2027, 3, 31, 0, 0, 0, 0, time.UTC)
	u := User{Attributes: map[string]string{"expires": expiry.Format(time.RFC3339)}}
	const day = 24 * time.Hour
	for _, test := range []struct {
		last, now, want time.Duration // before the expiry
		ok              bool
	}{{40 * day, 31 * day, 0, false}, {31 * day, 30 * day, 30 * day, true}, {30 * day, 29 * day, 0, false}, {31 * day, 2 * day, 7 * day, true}, {7 * day, 0, 0, false}} {
		if n, ok := u.Notice(expiry.Add(-test.last), expiry.Add(-test.now), 30*day, 7*day); n != test.want || ok != test.ok {
			t.Errorf("%v: %v, %v", test, n, ok)
		}
	}
}

func TestAppPasswords(t *testing.T) {
	f, count := newFile(t)
	must(t, f.Add(background, "anna", "secret"))
	a := NewAuthenticator(f)
	a.Protocol = "imap"
	phone, id, err := AddAppPassword(background, f, &f.Hasher, "anna", AppPassword{Name: "phone: my own", Protocols: []string{"imap"}})
	must(t, err)
	reader, _, err := AddAppPassword(background, f, &f.Hasher, "anna", AppPassword{Name: "reader", ReadOnly: true, Expires: time.Now().Add(time.Hour)})
	must(t, err)
	elsewhere, _, err := AddAppPassword(background, f, &f.Hasher, "anna", AppPassword{Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	must(t, err)
	smtp, _, err := AddAppPassword(background, f, &f.Hasher, "anna", AppPassword{Protocols: []string{"smtp"}})
	must(t, err)
	old, _, err := AddAppPassword(background, f, &f.Hasher, "anna", AppPassword{Expires: time.Now().Add(-time.Second)})
	must(t, err)
	for _, test := range []struct {
		password string
		want     error
		readOnly bool
	}{
		{phone, nil, false}, {strings.ToUpper(phone), nil, false}, {strings.ReplaceAll(phone, "-", " "), nil, false}, {reader, nil, true},
		{elsewhere, ErrRestricted, false}, {smtp, ErrRestricted, false}, {old, ErrRestricted, false}, {phone[1:], ErrCredentials, false}, {"secret", nil, false},
	} {
		before := count.Load()
		user, server, err := login(t, a, "anna", test.password)
		want(t, test.password, err, test.want)
		readOnly, _ := server.(interface{ Grant() (bool, time.Time) }).Grant()
		if readOnly != test.readOnly || (user == "anna") != (err == nil) {
			t.Errorf("%s: user %q, read only %v", test.password, user, readOnly)
		}
		if n := count.Load() - before; n > 1 {
			t.Errorf("%s: %d slow hashes", test.password, n)
		}
		if strings.Contains(content(t, f), test.password) {
			t.Error("the file holds a password")
		}
	}
	lists, listID, err := AddAppPassword(background, f, &f.Hasher, "anna", AppPassword{Mailboxes: []string{"Lists"}})
	must(t, err)
	_, _, err = login(t, a, "anna", lists)
	want(t, "mailboxes that the server does not keep to", err, ErrRestricted)
	a.KeepsToMailboxes = true
	_, server, err := login(t, a, "anna", lists)
	want(t, "mailboxes", err, nil)
	if got := server.(interface{ Mailboxes() []string }).Mailboxes(); !slices.Equal(got, []string{"Lists"}) {
		t.Errorf("mailboxes %q", got)
	}
	must(t, RemoveAppPassword(background, f, "anna", listID))
	must(t, SetAppOnly(background, f, "anna", "imap", "smtp"))
	_, _, err = login(t, a, "anna", "secret")
	want(t, "main password switched off", err, ErrRestricted)
	_, _, err = login(t, a, "anna", phone)
	want(t, "app password", err, nil)
	_, err = f.Authenticate(background, "anna", "secret")
	want(t, "main password on the web page", err, nil)
	must(t, f.Disable(background, "anna"))
	_, _, err = login(t, a, "anna", phone)
	want(t, "disabled", err, ErrDisabled)
	must(t, f.Enable(background, "anna"))
	u, err := f.Lookup("anna")
	if apps := u.AppPasswords(); err != nil || len(apps) != 5 || !slices.ContainsFunc(apps, func(a AppPassword) bool { return a.ID == id && a.Name == "phone: my own" }) {
		t.Errorf("%+v, %v", apps, err)
	}
	must(t, RemoveAppPassword(background, f, "anna", id))
	want(t, "remove twice", RemoveAppPassword(background, f, "anna", id), ErrNotFound)
	_, _, err = login(t, a, "anna", phone)
	want(t, "removed", err, ErrCredentials)
	for range maxAppPasswords {
		_, _, err = AddAppPassword(background, f, &f.Hasher, "anna", AppPassword{})
	}
	want(t, "too many", err, ErrPassword)
}

// scramLogin lets xdg-go's client log in.
func scramLogin(t *testing.T, a *Authenticator, user, password string) (string, error) {
	t.Helper()
	x, err := scramExchange(t, a, user, password)
	return x.grant.user, err
}

// scramExchange returns the server's side too.
func scramExchange(t *testing.T, a *Authenticator, user, password string) (*exchange, error) {
	t.Helper()
	c, err := scram.SHA256.NewClientUnprepped(user, password, "")
	must(t, err)
	conversation := c.NewConversation()
	server, _, err := a.Start(background, "SCRAM-SHA-256", somewhere, withTLS)
	must(t, err)
	for challenge := ""; ; {
		response, err := conversation.Step(challenge)
		must(t, err)
		next, done, err := server.Next([]byte(response))
		if done {
			_, err = conversation.Step(string(next)) // the server's proof
		}
		if done || err != nil {
			return server.(*exchange), err
		}
		challenge = string(next)
	}
}

func TestSCRAM(t *testing.T) {
	f, _ := newFile(t)
	must(t, f.Add(background, "old", "p\u00e4ss")) // before SCRAM was switched on
	f.Hasher.SCRAM, f.Hasher.Iterations = []string{"SHA-256"}, 4096
	a := NewAuthenticator(f)
	var err error
	a.Secret, err = f.Secret()
	must(t, err)
	must(t, f.Add(background, "anna", "p\u00e4ss"))
	must(t, f.Add(background, "dora", "p\u00e4ss"))
	must(t, f.Disable(background, "dora"))
	if got := a.Mechanisms(somewhere, withTLS); !slices.Equal(got, []string{"SCRAM-SHA-256", "PLAIN"}) {
		t.Errorf("mechanisms %v", got)
	}
	for _, test := range []struct {
		user, password string
		want           error
	}{
		{"anna", "p\u00e4ss", nil}, {"ANNA", "p\u00e4ss", nil}, {"anna", "pass", ErrCredentials}, {"nobody", "p\u00e4ss", ErrCredentials},
		{"dora", "p\u00e4ss", ErrDisabled}, {"dora", "pass", ErrCredentials}, {"old", "p\u00e4ss", ErrCredentials}, {"no name", "x", ErrCredentials},
	} {
		user, err := scramLogin(t, a, test.user, test.password)
		want(t, test.user, err, test.want)
		if (user == "anna") != (err == nil) {
			t.Errorf("%s: user %q", test.user, user)
		}
	}
	_, _, err = login(t, a, "old", "p\u00e4ss")
	must(t, err)
	_, err = scramLogin(t, a, "old", "p\u00e4ss")
	want(t, "after one login with PLAIN", err, nil)
	must(t, f.SetPassword(background, "anna", "other"))
	_, err = scramLogin(t, a, "anna", "p\u00e4ss")
	want(t, "the former password", err, ErrCredentials)
	_, err = scramLogin(t, a, "anna", "other")
	want(t, "the new password", err, nil)

	// A verifier of another server is enough.
	v, err := hash.NewSCRAM("SHA-256", "from dovecot", 4096)
	must(t, err)
	must(t, f.Add(background, "emil", "x"))
	must(t, f.Update(background, "emil", func(r *Record) error { r.setAttribute(scramAttribute("SHA-256"), ""); return nil }))
	store(t, f, "emil", v.String())
	_, err = scramLogin(t, a, "emil", "from dovecot")
	want(t, "imported verifier", err, nil)
	_, err = scramLogin(t, a, "emil", "x")
	want(t, "imported verifier, wrong password", err, ErrCredentials)

	// What a stranger sees of a user who does not exist stays the same, also after a restart.
	first := func(a *Authenticator, user string) string {
		server, _, err := a.Start(background, "SCRAM-SHA-256", somewhere, withTLS)
		must(t, err)
		c, _, err := server.Next([]byte("n,,n=" + user + ",r=x"))
		must(t, err)
		return string(c[strings.Index(string(c), ",s="):])
	}
	again, _ := open(t, f.path)
	again.Hasher.SCRAM, again.Hasher.Iterations = f.Hasher.SCRAM, f.Hasher.Iterations
	b := NewAuthenticator(again)
	b.Secret, err = again.Secret()
	must(t, err)
	if x, y := first(a, "nobody"), first(b, "Nobody"); x != y || x == first(a, "nobody2") || len(x) != len(first(a, "anna")) {
		t.Errorf("%s and %s", x, y)
	}
}

// tokens is a TokenVerifier.
type tokens map[string]string

func (v tokens) VerifyToken(_ context.Context, token string) (string, error) {
	switch user, ok := v[token]; {
	case token == "down":
		return "", ErrUnavailable
	case ok:
		return user, nil
	}
	return "", errors.New("unknown token")
}

func TestTokensAndCertificates(t *testing.T) {
	f, _ := newFile(t)
	must(t, f.Add(background, "anna", "secret"))
	must(t, f.Add(background, "dora", "secret"))
	must(t, f.Disable(background, "dora"))
	must(t, f.Add(background, "carl", "secret"))
	must(t, SetExpiry(background, f, "carl", time.Now().Add(-time.Hour)))
	a := NewAuthenticator(f)
	a.Tokens = tokens{"a": "anna", "d": "dora", "n": "nobody", "c": "carl"}
	a.Certificate = func(c *x509.Certificate) (string, error) {
		if c.Subject.CommonName == "" {
			return "", errors.New("no name")
		}
		return c.Subject.CommonName, nil
	}
	for _, test := range []struct {
		user, token string
		want        error
	}{
		{"anna", "a", nil}, {"", "a", nil}, {"Anna", "a", nil}, {"bob", "a", ErrAuthorization}, {"anna", "x", ErrCredentials},
		{"dora", "d", ErrNoUser}, {"nobody", "n", ErrNoUser}, {"carl", "c", ErrExpired}, {"anna", "down", ErrUnavailable},
	} {
		server, user, err := a.Start(background, "OAUTHBEARER", somewhere, withTLS)
		must(t, err)
		authzid := ""
		if test.user != "" {
			authzid = "a=" + test.user
		}
		_, done, err := server.Next([]byte("n," + authzid + ",\x01auth=Bearer " + test.token + "\x01\x01"))
		if err == nil && !done {
			_, _, err = server.Next([]byte{1})
		}
		want(t, fmt.Sprint(test), err, test.want)
		if (user() == "anna") != (err == nil) {
			t.Errorf("%v: user %q", test, user())
		}
	}
	for _, test := range []struct {
		name, authzid string
		want          error
	}{{"anna", "", nil}, {"anna", "anna", nil}, {"anna", "bob", ErrAuthorization}, {"nobody", "", ErrNoUser}, {"dora", "", ErrNoUser}, {"", "", ErrNoUser}} {
		c := &x509.Certificate{}
		c.Subject.CommonName = test.name
		state := &tls.ConnectionState{HandshakeComplete: true, VerifiedChains: [][]*x509.Certificate{{c}}}
		server, user, err := a.Start(background, "EXTERNAL", somewhere, state)
		must(t, err)
		_, _, err = server.Next([]byte(test.authzid))
		want(t, fmt.Sprint(test), err, test.want)
		if (user() == "anna") != (err == nil) {
			t.Errorf("%v: user %q", test, user())
		}
	}
	if slices.Contains(a.Mechanisms(somewhere, withTLS), "EXTERNAL") {
		t.Error("EXTERNAL without a certificate")
	}
}

// What a client is told does not depend on whether there is a user, nor on what he may.
func TestAnswersAreEqual(t *testing.T) {
	f, count := newFile(t)
	for _, user := range []string{"anna", "dora", "carl", "emil"} {
		must(t, f.Add(background, user, "secret"))
	}
	must(t, f.Disable(background, "dora"))
	must(t, SetExpiry(background, f, "carl", time.Now().Add(-time.Hour)))
	must(t, SetAppOnly(background, f, "emil", "*"))
	a := NewAuthenticator(f)
	for _, password := range []string{"wrong", "secret"} {
		for _, user := range []string{"anna", "dora", "carl", "emil", "nobody", "no name"} {
			before := count.Load()
			_, _, err := login(t, a, user, password)
			var c interface{ ResponseCode() string }
			if errors.As(err, &c) && c.ResponseCode() != "AUTHENTICATIONFAILED" && user+password != "carlsecret" {
				t.Errorf("%s %s: %s", user, password, c.ResponseCode())
			}
			if n := count.Load() - before; n != 1 {
				t.Errorf("%s %s: %d computations", user, password, n)
			}
		}
	}
}

// guard lets nobody in after three failures.
type guard struct {
	failures int
	ends     []error
	last     Attempt
}

func (g *guard) Begin(a Attempt) (bool, func(error), error) {
	g.last = a
	if g.failures >= 3 {
		return false, nil, ErrThrottled
	}
	return false, func(err error) {
		g.ends = append(g.ends, err)
		if err != nil {
			g.failures++
		}
	}, nil
}

func TestGuardAndEvents(t *testing.T) {
	f, count := newFile(t)
	must(t, f.Add(background, "anna", "secret canary"))
	g := &guard{}
	a := NewAuthenticator(f)
	a.Guard, a.Protocol = g, "imap"
	var events []Event
	a.Events = func(e Event) { events = append(events, e) }
	login(t, a, "Anna", "secret canary")
	for range 3 {
		login(t, a, "ANNA", "wrong canary")
	}
	before := count.Load()
	_, _, err := login(t, a, "anna", "secret canary")
	want(t, "throttled", err, ErrThrottled)
	if count.Load() != before || g.last.User != "anna" || g.last.Remote != net.Addr(somewhere) || len(g.ends) != 4 {
		t.Errorf("%d computations, attempt %+v, %d ends", count.Load()-before, g.last, len(g.ends))
	}
	if len(events) != 5 || events[0].Err != nil || !errors.Is(events[4].Err, ErrThrottled) || events[1].User != "ANNA" || events[1].Protocol != "imap" || events[1].Mechanism != "PLAIN" {
		t.Errorf("events %+v", events)
	}
	if strings.Contains(fmt.Sprintf("%+v", events), "canary") {
		t.Error("events quote passwords")
	}
}

// Clients that prefer SCRAM can use app passwords too, with their restrictions, and neither more nor fewer passwords than with PLAIN.
func TestAppPasswordsBySCRAM(t *testing.T) {
	f, _ := newFile(t)
	must(t, f.Add(background, "anna", "secret"))
	a := NewAuthenticator(f)
	a.Protocol = "imap"
	add := func(app AppPassword) (secret, id string) {
		t.Helper()
		secret, id, err := AddAppPassword(background, f, &f.Hasher, "anna", app)
		must(t, err)
		return secret, id
	}
	early, _ := add(AppPassword{Name: "made before SCRAM was switched on"})
	f.Hasher.SCRAM, f.Hasher.Iterations = []string{"SHA-256"}, 4096
	phone, id := add(AppPassword{ReadOnly: true})
	smtp, _ := add(AppPassword{Protocols: []string{"smtp"}})
	try := func(what, password string, wanted error) *exchange {
		t.Helper()
		server, err := scramExchange(t, a, "anna", password)
		want(t, what, err, wanted)
		return server
	}
	if x := try("phone", phone, nil); !x.grant.readOnly || x.grant.app != id {
		t.Errorf("grant %+v", x.grant)
	}
	try("another protocol", smtp, ErrRestricted)
	try("no verifier yet", early, ErrCredentials)
	try("main password, no verifier yet", "secret", ErrCredentials)
	for _, password := range []string{early, "secret"} { // by PLAIN
		_, _, err := login(t, a, "anna", password)
		must(t, err)
		try("verifier made by PLAIN", password, nil)
	}
	must(t, f.SetPassword(background, "anna", "other"))
	try("main password, changed", "other", nil)
	try("former main password", "secret", ErrCredentials)
	try("phone, after the main password was changed", phone, nil)
	f.Hasher.Iterations = 5000
	must(t, f.SetPassword(background, "anna", "secret"))
	try("phone, after the costs were changed", phone, nil)

	must(t, SetAppOnly(background, f, "anna", "imap"))
	try("main password switched off", "secret", ErrCredentials)
	try("phone", phone, nil)
	must(t, f.Disable(background, "anna"))
	try("disabled", phone, ErrDisabled)
	must(t, f.Enable(background, "anna"))
	must(t, RemoveAppPassword(background, f, "anna", id))
	try("revoked", phone, ErrCredentials)
	try("the other one", early, nil)
}
