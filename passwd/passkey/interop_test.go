//go:build interop

package passkey

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

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

	c := chromium(t)
	open := func(url string) {
		t.Helper()
		c.call("Page.navigate", map[string]any{"url": url})
		c.wait("Page.loadEventFired")
	}
	c.call("Page.enable", nil)
	c.call("WebAuthn.enable", nil)
	var added struct{ AuthenticatorID string }
	c.call("WebAuthn.addVirtualAuthenticator", map[string]any{"options": map[string]any{"protocol": "ctap2", "transport": "internal",
		"hasResidentKey": true, "hasUserVerification": true, "isUserVerified": true, "automaticPresenceSimulation": true}}, &added)
	open(local(server.URL))
	try := func(what, want string) {
		t.Helper()
		if got := c.evaluate(what); !strings.Contains(got, want) {
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
	open(local(elsewhere.URL))
	try("login()", ErrResponse.Error())
	open(server.URL) // which is no page of the site's domain
	try("login()", "SecurityError")
	open(local(server.URL))

	verify := func(on bool) {
		t.Helper()
		c.call("WebAuthn.setUserVerified", map[string]any{"authenticatorId": added.AuthenticatorID, "isUserVerified": on})
	}
	verify(false)
	try("login()", "NotAllowedError")
	verify(true)
	try("login()", "logged in as anna")

	var have struct{ Credentials []map[string]any }
	c.call("WebAuthn.getCredentials", map[string]any{"authenticatorId": added.AuthenticatorID}, &have)
	if len(have.Credentials) != 1 {
		t.Fatalf("%d keys on the device", len(have.Credentials))
	}
	copied := have.Credentials[0]
	copied["signCount"] = 1
	c.call("WebAuthn.removeCredential", map[string]any{"authenticatorId": added.AuthenticatorID, "credentialId": copied["credentialId"]})
	c.call("WebAuthn.addCredential", map[string]any{"authenticatorId": added.AuthenticatorID, "credential": copied})
	try("login()", ErrCopied.Error())
	must(t, users.Disable(background, "anna"))
	copied["signCount"] = 100
	c.call("WebAuthn.removeCredential", map[string]any{"authenticatorId": added.AuthenticatorID, "credentialId": copied["credentialId"]})
	c.call("WebAuthn.addCredential", map[string]any{"authenticatorId": added.AuthenticatorID, "credential": copied})
	try("login()", passwd.ErrDisabled.Error())
}

// browser is a page of Chromium, driven by the DevTools protocol over a pipe: JSON that ends in a zero byte.
type browser struct {
	t       *testing.T
	out     io.Writer
	in      *bufio.Reader
	session string
	last    int
	seen    map[string]bool // events
}

// message is one of the protocol.
type message struct {
	ID        int                       `json:"id,omitempty"`
	Method    string                    `json:"method,omitempty"`
	SessionID string                    `json:"sessionId,omitempty"`
	Params    any                       `json:"params,omitempty"`
	Result    json.RawMessage           `json:"result,omitempty"`
	Error     *struct{ Message string } `json:"error,omitempty"`
}

func chromium(t *testing.T) *browser {
	t.Helper()
	theirs, out, err := os.Pipe()
	must(t, err)
	in, theirOut, err := os.Pipe()
	must(t, err)
	cmd := exec.Command("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir())
	cmd.ExtraFiles = []*os.File{theirs, theirOut} // 3 and 4
	must(t, cmd.Start())
	theirs.Close()
	theirOut.Close()
	t.Cleanup(func() {
		out.Close() // which ends it
		io.Copy(io.Discard, in)
		cmd.Wait()
	})
	b := &browser{t: t, out: out, in: bufio.NewReader(in), seen: map[string]bool{}}
	var target struct{ TargetID, SessionID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &target)
	b.session = target.SessionID
	return b
}

// call sends a command and reads until its answer.
func (b *browser) call(method string, params any, result ...any) {
	b.t.Helper()
	b.last++
	text, err := json.Marshal(message{ID: b.last, Method: method, SessionID: b.session, Params: params})
	must(b.t, err)
	_, err = b.out.Write(append(text, 0))
	must(b.t, err)
	for {
		m := b.read()
		if m.ID != b.last {
			continue
		}
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		for _, r := range result {
			must(b.t, json.Unmarshal(m.Result, r))
		}
		return
	}
}

func (b *browser) read() (m message) {
	b.t.Helper()
	text, err := b.in.ReadBytes(0)
	must(b.t, err)
	must(b.t, json.Unmarshal(text[:len(text)-1], &m))
	b.seen[m.Method] = true
	return m
}

// wait reads until an event has come since it was last waited for.
func (b *browser) wait(event string) {
	b.t.Helper()
	for !b.seen[event] {
		b.read()
	}
	b.seen[event] = false
}

// evaluate returns what a promise of the page becomes, or why it does not.
func (b *browser) evaluate(expression string) string {
	b.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "userGesture": true}, &r)
	if r.ExceptionDetails != nil {
		return r.ExceptionDetails.Exception.Description
	}
	return fmt.Sprint(r.Result.Value)
}
