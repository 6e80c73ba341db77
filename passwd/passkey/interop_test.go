//go:build interop

package passkey

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/mailhavn/mailhavn/internal/chromium"
	"github.com/mailhavn/mailhavn/passwd"
)

// script is the page's own part of both ceremonies.
const script = `<!doctype html><script>
async function ask(path, body) { return await (await fetch(path, {method: "POST", body})).text() }
async function register() {
	const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(await ask("/register/begin")))
	return await ask("/register/finish", JSON.stringify(await navigator.credentials.create({publicKey})))
}
async function login() {
	const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(await ask("/login/begin")))
	return await ask("/login/finish", JSON.stringify(await navigator.credentials.get({publicKey})))
}
</script>`

// page is a web page on a Site, for one browser and user.
func page(s *Site) http.Handler {
	var mu sync.Mutex
	var session []byte
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, script)
	})
	handle := func(path string, f func(body []byte) ([]byte, error)) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			body, err := io.ReadAll(r.Body)
			if err == nil {
				body, err = f(body)
			}
			if err != nil {
				body = []byte(err.Error())
			}
			w.Write(body)
		})
	}
	handle("/register/begin", func([]byte) (options []byte, err error) {
		options, session, err = s.BeginRegistration(background, "anna")
		return options, err
	})
	handle("/register/finish", func(body []byte) ([]byte, error) {
		_, err := s.FinishRegistration(background, "anna", "phone", session, body)
		return []byte("registered"), err
	})
	handle("/login/begin", func([]byte) (options []byte, err error) {
		options, session, err = s.BeginLogin()
		return options, err
	})
	handle("/login/finish", func(body []byte) ([]byte, error) {
		u, err := s.FinishLogin(background, "anna", session, body)
		return []byte("logged in as " + u.Name), err
	})
	return mux
}

// TestChromium registers and logs in with Chromium's virtual authenticator.
func TestChromium(t *testing.T) {
	users := newUsers(t)
	s, err := New(users, "localhost", "Example", "http://localhost:1")
	must(t, err)
	server := httptest.NewServer(page(s))
	defer server.Close()
	elsewhere := httptest.NewServer(page(s)) // another origin of the same host
	defer elsewhere.Close()
	local := func(url string) string { return strings.Replace(url, "127.0.0.1", "localhost", 1) }
	s.web.Config.RPOrigins = []string{local(server.URL)}

	c := chromium.New(t)
	c.Call("WebAuthn.enable", nil)
	var added struct{ AuthenticatorID string }
	c.Call("WebAuthn.addVirtualAuthenticator", map[string]any{"options": map[string]any{"protocol": "ctap2", "transport": "internal",
		"hasResidentKey": true, "hasUserVerification": true, "isUserVerified": true, "automaticPresenceSimulation": true}}, &added)
	c.Open(local(server.URL))
	try := func(what, want string) {
		t.Helper()
		if got := c.Evaluate(what); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	try("login()", "NotAllowedError") // the device has no key yet
	try("register()", "registered")
	try("register()", "InvalidStateError") // it is there already
	try("login()", "logged in as anna")
	try("login()", "logged in as anna")
	u, err := users.Lookup("anna")
	must(t, err)
	if keys := Keys(u); len(keys) != 1 || keys[0].Count < 2 {
		t.Errorf("%+v", keys)
	}
	c.Open(local(elsewhere.URL))
	try("login()", ErrResponse.Error())
	c.Open(server.URL) // which is no page of the site's domain
	try("login()", "SecurityError")
	c.Open(local(server.URL))

	verify := func(on bool) {
		t.Helper()
		c.Call("WebAuthn.setUserVerified", map[string]any{"authenticatorId": added.AuthenticatorID, "isUserVerified": on})
	}
	verify(false)
	try("login()", "NotAllowedError")
	verify(true)
	try("login()", "logged in as anna")

	var have struct{ Credentials []map[string]any }
	c.Call("WebAuthn.getCredentials", map[string]any{"authenticatorId": added.AuthenticatorID}, &have)
	if len(have.Credentials) != 1 {
		t.Fatalf("%d keys on the device", len(have.Credentials))
	}
	copied := have.Credentials[0]
	copied["signCount"] = 1
	c.Call("WebAuthn.removeCredential", map[string]any{"authenticatorId": added.AuthenticatorID, "credentialId": copied["credentialId"]})
	c.Call("WebAuthn.addCredential", map[string]any{"authenticatorId": added.AuthenticatorID, "credential": copied})
	try("login()", ErrCopied.Error())
	must(t, users.Disable(background, "anna"))
	copied["signCount"] = 100
	c.Call("WebAuthn.removeCredential", map[string]any{"authenticatorId": added.AuthenticatorID, "credentialId": copied["credentialId"]})
	c.Call("WebAuthn.addCredential", map[string]any{"authenticatorId": added.AuthenticatorID, "credential": copied})
	try("login()", passwd.ErrDisabled.Error())
}
