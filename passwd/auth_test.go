package passwd

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
)

// authenticator is what servers ask for.
type authenticator interface {
	Mechanisms(remote net.Addr, tlsState *tls.ConnectionState) []string
	Start(ctx context.Context, mech string, remote net.Addr, tlsState *tls.ConnectionState) (server sasl.Server, user func() string, err error)
}

var _ authenticator = (*Authenticator)(nil)

var (
	somewhere = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1234}
	withTLS   = &tls.ConnectionState{Version: tls.VersionTLS13} // made by hand, it has no channel bindings
)

func start(t testing.TB, f *File) (sasl.Server, func() string) {
	t.Helper()
	server, user, err := NewAuthenticator(f).Start(background, "PLAIN", somewhere, withTLS)
	must(t, err)
	return server, user
}

func TestMechanisms(t *testing.T) {
	f, _ := newFile(t)
	a := NewAuthenticator(f)
	if got := a.Mechanisms(somewhere, nil); len(got) != 0 {
		t.Errorf("without TLS: %v", got)
	}
	if got := a.Mechanisms(somewhere, withTLS); len(got) != 1 || got[0] != "PLAIN" {
		t.Errorf("with TLS: %v", got)
	}
	for _, test := range []struct {
		mech  string
		state *tls.ConnectionState
	}{{"PLAIN", nil}, {"plain", withTLS}, {"", withTLS}, {"LOGIN", withTLS}, {"SCRAM-SHA-256", withTLS}} {
		server, user, err := a.Start(background, test.mech, somewhere, test.state)
		want(t, test.mech, err, ErrMechanism)
		if server != nil || user != nil {
			t.Errorf("%q started", test.mech)
		}
	}
}

func TestPlain(t *testing.T) {
	f, count := newFile(t)
	must(t, f.Add(background, "anna", "secret canary"))
	must(t, f.Add(background, "dora", "secret canary"))
	must(t, f.Disable(background, "dora"))
	tests := []struct {
		message string
		want    error
		hashes  int64
	}{
		{"\x00anna\x00secret canary", nil, 1},
		{"anna\x00anna\x00secret canary", nil, 1},
		{"Anna\x00ANNA\x00secret canary", nil, 1},
		{"\x00anna\x00secret canarY", ErrCredentials, 1},
		{"\x00anna\x00secret canary ", ErrCredentials, 1},
		{"\x00nobody\x00secret canary", ErrCredentials, 1},
		{"\x00dora\x00secret canary", ErrDisabled, 1},
		{"\x00dora\x00wrong", ErrCredentials, 1},
		{"\x00not a name\x00secret canary", ErrCredentials, 1},
		{"\x00\xff\x00secret canary", ErrCredentials, 1},
		{"\x00anna\x00\xff", ErrCredentials, 0},
		{"\x00nobody\x00\xff", ErrCredentials, 0},
		{"\x00anna\x00" + strings.Repeat("x", MaxPassword+1), ErrCredentials, 0},
		{"dora\x00anna\x00secret canary", ErrAuthorization, 0},
		{"nobody\x00anna\x00secret canary", ErrAuthorization, 0},
		{"not a name\x00not a name\x00x", ErrAuthorization, 0},
		{"", ErrMessage, 0},
		{"\x00", ErrMessage, 0},
		{"anna\x00secret canary", ErrMessage, 0},
		{"\x00\x00secret canary", ErrMessage, 0},
		{"\x00anna\x00", ErrMessage, 0},
		{"\x00anna\x00secret\x00canary", ErrMessage, 0},
		{strings.Repeat("\x00", 9000), ErrMessage, 0},
	}
	for _, test := range tests {
		server, user := start(t, f)
		before := count.Load()
		challenge, done, err := server.Next([]byte(test.message))
		want(t, test.message, err, test.want)
		if done != (err == nil) || len(challenge) != 0 || (user() == "anna") != (err == nil) {
			t.Errorf("%q: done %v, challenge %q, user %q, %v", test.message, done, challenge, user(), err)
		}
		if n := count.Load() - before; n != test.hashes {
			t.Errorf("%q: %d hashes computed, want %d", test.message, n, test.hashes)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: the error quotes the password: %v", test.message, err)
		}
		if _, _, err := server.Next([]byte("\x00anna\x00secret canary")); !errors.Is(err, sasl.ErrUnexpectedClientResponse) {
			t.Errorf("%q: a second try in one exchange: %v", test.message, err)
		}
	}
}

// The computations for a user that does not exist are those for one that does.
func TestUnknownUserCostsTheSame(t *testing.T) {
	f, _ := newFile(t)
	f.Hasher.Params = Params{Memory: 64, Time: 3, Threads: 2}
	must(t, f.Add(background, "anna", "secret"))
	var costs []any
	inner := f.Hasher.derive
	f.Hasher.derive = func(p Params, password, salt []byte, size int) []byte {
		costs = append(costs, [4]any{p, len(password), len(salt), size})
		return inner(p, password, salt, size)
	}
	for _, name := range []string{"anna", "nobody", "not a name"} {
		_, err := f.Authenticate(background, name, "wrong!")
		want(t, name, err, ErrCredentials)
	}
	if len(costs) != 3 || costs[0] != costs[1] || costs[1] != costs[2] {
		t.Errorf("computed %v", costs)
	}
	store(t, f, "anna", "{PLAIN}secret") // as imported
	costs = nil
	for _, name := range []string{"anna", "nobody"} {
		_, err := f.Authenticate(background, name, "wrong!")
		want(t, name, err, ErrCredentials)
	}
	if len(costs) != 2 || costs[0] != costs[1] {
		t.Errorf("with an imported hash: computed %v", costs)
	}
}

func TestPlainByChallenge(t *testing.T) {
	f, _ := newFile(t)
	must(t, f.Add(background, "anna", "secret"))
	server, user := start(t, f)
	challenge, done, err := server.Next(nil)
	if challenge == nil || len(challenge) != 0 || done || err != nil || user() != "" {
		t.Errorf("challenge %q, done %v, %v, user %q", challenge, done, err, user())
	}
	_, message, err := sasl.NewPlainClient("", "anna", "secret").Start()
	must(t, err)
	if _, done, err = server.Next(message); !done || err != nil || user() != "anna" {
		t.Errorf("done %v, %v, user %q", done, err, user())
	}
	// A client that answers the challenge with nothing.
	server, _ = start(t, f)
	server.Next(nil)
	_, _, err = server.Next(nil)
	want(t, "no answer", err, ErrMessage)
}

// What is not the client's fault can be told by anyone from a wrong password.
func TestTemporaryErrors(t *testing.T) {
	temporary := func(err error) bool {
		var e interface{ Temporary() bool }
		return errors.As(err, &e) && e.Temporary()
	}
	f, _ := newFile(t)
	must(t, f.Add(background, "anna", "secret"))
	ended, cancel := context.WithCancel(background)
	cancel()
	for _, name := range []string{"anna", "nobody"} {
		_, err := f.Authenticate(ended, name, "secret")
		want(t, "context ended", err, ErrBusy)
		if !temporary(err) {
			t.Errorf("not temporary: %v", err)
		}
	}
	must(t, os.Remove(f.path))
	server, user := start(t, f)
	_, done, err := server.Next([]byte("\x00anna\x00secret"))
	want(t, "file removed", err, ErrUnavailable)
	if done || user() != "" || !temporary(err) {
		t.Errorf("done %v, user %q, %v", done, user(), err)
	}
	for _, err := range []error{ErrCredentials, ErrDisabled, ErrAuthorization, ErrMechanism, ErrMessage} {
		if temporary(err) {
			t.Errorf("temporary: %v", err)
		}
	}
}

// Who is disabled, renamed, removed or given another password while his old one
// is being checked does not get in.
func TestChangeDuringCheck(t *testing.T) {
	for what, test := range map[string]struct {
		change func(*File) error
		want   error
	}{
		"nothing":  {func(*File) error { return nil }, nil},
		"disable":  {func(f *File) error { return f.Disable(background, "anna") }, ErrDisabled},
		"rename":   {func(f *File) error { return f.Rename(background, "anna", "bob") }, ErrCredentials},
		"remove":   {func(f *File) error { return f.Remove(background, "anna") }, ErrCredentials},
		"password": {func(f *File) error { return f.SetPassword(background, "anna", "other") }, ErrCredentials},
		"lose all": {func(f *File) error { return os.Remove(f.path) }, ErrUnavailable},
	} {
		f, _ := newFile(t)
		must(t, f.Add(background, "anna", "secret"))
		inner := f.Hasher.derive
		f.Hasher.Slots = 2
		f.Hasher.derive = func(p Params, password, salt []byte, size int) []byte {
			f.Hasher.derive = inner // once
			must(t, test.change(f))
			return inner(p, password, salt, size)
		}
		_, err := f.Authenticate(background, "anna", "secret")
		want(t, what, err, test.want)
	}
}

func FuzzPlain(f *testing.F) {
	users, _ := newFile(f)
	must(f, users.Add(background, "anna", "secret"))
	f.Add([]byte("\x00anna\x00secret"))
	f.Add([]byte("anna\x00anna\x00secret"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, message []byte) {
		server, user := start(t, users)
		_, done, err := server.Next(append([]byte{}, message...)) // not nil: an answer
		if done != (err == nil) || done != (user() != "") {
			t.Errorf("done %v, %v, user %q", done, err, user())
		}
		if done && !bytes.HasSuffix(message, []byte("\x00secret")) {
			t.Errorf("%q logged in", message)
		}
	})
}
