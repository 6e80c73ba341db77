package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"

	"github.com/mailhavn/mailhavn/imapserver"
	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// outbox is a mail transfer agent that keeps what it gets, and refuses addresses with "refused".
type outbox struct{ from, to, text string }

func (o *outbox) NewSession(*smtp.Conn) (smtp.Session, error) { return o, nil }
func (o *outbox) Reset()                                      {}
func (o *outbox) Logout() error                               { return nil }

func (o *outbox) Mail(from string, _ *smtp.MailOptions) error {
	o.from, o.to = from, ""
	return nil
}

func (o *outbox) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "refused") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "nobody of this name"}
	}
	o.to += to + " "
	return nil
}

func (o *outbox) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	o.text = string(text)
	return err
}

// site is the page over an IMAP server in this process, and a browser that keeps cookies.
type site struct {
	t       *testing.T
	server  *httptest.Server
	browser *http.Client
	mail    *mail
	outbox  outbox
}

const testPassword = "correct horse battery"

func newSite(t *testing.T) *site {
	t.Helper()
	x := &site{t: t}
	unit, err1 := storage.Open(vfs.NewMem(), storage.Options{Ballast: -1, Logger: slog.New(slog.DiscardHandler)})
	users, err2 := passwd.OpenFile(filepath.Join(t.TempDir(), "users"))
	l, err3 := net.Listen("tcp", "127.0.0.1:0")
	agent, err4 := net.Listen("tcp", "127.0.0.1:0")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	users.Hasher.Params = passwd.Params{Memory: 8, Time: 1}
	account, err := unit.CreateAccount(t.Context(), "anna@example.org")
	if err := errors.Join(err, users.Add(t.Context(), "anna@example.org", testPassword)); err != nil {
		t.Fatal(err)
	}
	account.Close()
	certified := httptest.NewTLSServer(nil)
	certified.Close()
	imap := &imapserver.Server{TLS: &tls.Config{Certificates: certified.TLS.Certificates}, Auth: passwd.NewAuthenticator(users), Open: unit.OpenAccount,
		Logger: slog.New(slog.DiscardHandler)}
	served := make(chan error, 2)
	go func() { served <- imap.ServeTLS(l) }()
	mta := smtp.NewServer(&x.outbox)
	go func() { served <- mta.Serve(agent) }()

	x.mail, err = newMail(l.Addr().String(), "", "smtp:"+agent.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	x.mail.dial = func() (*imapclient.Client, error) {
		return imapclient.DialTLS(l.Addr().String(), &imapclient.Options{TLSConfig: &tls.Config{InsecureSkipVerify: true}})
	}
	modules := t.TempDir()
	for name, text := range map[string]string{"openpgp/dist/openpgp.min.mjs": "openpgp", "dompurify/dist/purify.es.mjs": "dompurify", "postal-mime/dist/esm/postal-mime.js": "postal-mime", "secret": "x"} {
		os.MkdirAll(filepath.Dir(filepath.Join(modules, name)), 0o755)
		if err := os.WriteFile(filepath.Join(modules, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	handler, err := newHandler(x.mail, modules)
	if err != nil {
		t.Fatal(err)
	}
	x.server = httptest.NewTLSServer(handler)
	x.browser = x.server.Client()
	x.browser.Jar, _ = cookiejar.New(nil)
	t.Cleanup(func() {
		x.server.Close()
		mta.Close()
		imap.Shutdown(context.Background())
		<-served
		<-served
		unit.Close()
	})
	return x
}

// ask returns status and text of an answer. A body makes it a POST.
func (x *site) ask(path string, body string, header ...string) (int, string) {
	x.t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequest(method, x.server.URL+path, strings.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := x.browser.Do(r)
	if err != nil {
		x.t.Fatal(err)
	}
	defer answer.Body.Close()
	if got := answer.Header.Get("Content-Security-Policy"); got != policy || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
		x.t.Errorf("%s: policy %q", path, got)
	}
	for _, c := range answer.Cookies() {
		if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode {
			x.t.Errorf("%s: cookie %v", path, c)
		}
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return answer.StatusCode, strings.TrimSpace(string(text))
}

func TestSite(t *testing.T) {
	x := newSite(t)
	login := `{"user": "Anna@example.org", "password": "` + testPassword + `"}`
	const letter = "From: anna@example.org\r\nTo: b@example.net, c@example.net\r\nSubject: x\r\n\r\nhello\r\n"
	for _, step := range []struct {
		path, body string
		header     []string
		status     int
		want       string // in the answer
	}{
		{"/", "", nil, 200, "app.js"},
		{"/crypto.js", "", nil, 200, "openpgp"},
		{"/lib/openpgp.js", "", nil, 200, "openpgp"},
		{"/lib/postal-mime/postal-mime.js", "", nil, 200, "postal-mime"},
		{"/lib/secret", "", nil, 404, ""},
		{"/lib/postal-mime/..%2f..%2f..%2fsecret", "", nil, 404, ""},
		{"/lib/postal-mime/%2fetc%2fpasswd", "", nil, 404, ""},
		{"/api/session", "", nil, 401, "log in first"},
		{"/api/send", letter, nil, 401, "log in first"},
		{"/api/login", "hello", nil, 400, ""},
		{"/api/login", strings.Replace(login, "horse", "mule", 1), nil, 403, "Wrong user name or password"},
		{"/api/login", login, []string{"Sec-Fetch-Site", "cross-site"}, 403, "cross-origin"},
		{"/api/login", login, []string{"Origin", "https://elsewhere.example"}, 403, "cross-origin"},
		{"/api/login", login, nil, 204, ""},
		{"/api/session", "", nil, 200, `"anna@example.org"`},
		{"/api/mailboxes", "", nil, 200, `"Sent"`},
		{"/api/messages?mailbox=INBOX", "", nil, 200, "[]"},
		{"/api/messages?mailbox=None", "", nil, 502, "the mail server says: "},
		{"/api/message?mailbox=INBOX&uid=1", "", nil, 404, "not there any more"},
		{"/api/message?mailbox=INBOX&uid=0", "", nil, 400, "uid"},
		{"/api/send", letter, []string{"Sec-Fetch-Site", "same-site"}, 403, "cross-origin"},
		{"/api/send", strings.Replace(letter, "anna@", "bob@", 1), nil, 400, "From must be anna@example.org"},
		{"/api/send", strings.Replace(letter, "To: ", "To: nonsense ", 1), nil, 400, "To has no addresses"},
		{"/api/send", strings.Replace(letter, "b@", "refused@", 1), nil, 502, "not sent: nobody of this name"},
		{"/api/send", letter, nil, 200, `{"copied":true}`},
		{"/api/messages?mailbox=Sent", "", nil, 200, `"subject":"x"`},
		{"/api/message?mailbox=Sent&uid=1", "", nil, 200, strings.TrimSpace(letter)},
		{"/api/key?address=nonsense", "", nil, 404, "no key"},
		{"/api/logout", "x", nil, 204, ""},
		{"/api/session", "", nil, 401, ""},
	} {
		if status, text := x.ask(step.path, step.body, step.header...); status != step.status || !strings.Contains(text, step.want) {
			t.Errorf("%s: %d %q", step.path, status, text)
		}
	}
	if x.outbox.from != "anna@example.org" || x.outbox.to != "b@example.net c@example.net " || x.outbox.text != letter {
		t.Errorf("sent: %+v", x.outbox)
	}
	if len(x.mail.sessions.all) != 0 {
		t.Errorf("%d sessions are left", len(x.mail.sessions.all))
	}
}

// TestPages lists more messages than one answer has.
func TestPages(t *testing.T) {
	x := newSite(t)
	x.ask("/api/login", `{"user": "anna@example.org", "password": "`+testPassword+`"}`)
	for range pageSize + 5 {
		if status, text := x.ask("/api/send", "From: anna@example.org\r\nTo: b@example.net\r\nSubject: x\r\n\r\nhello\r\n"); status != 200 {
			t.Fatal(text)
		}
	}
	for path, want := range map[string][]uint32{"/api/messages?mailbox=Sent": {pageSize + 5, 6, pageSize}, "/api/messages?mailbox=Sent&before=6": {5, 1, 5}, "/api/messages?mailbox=Sent&before=1": nil} {
		var lines []line
		_, text := x.ask(path, "")
		if err := json.Unmarshal([]byte(text), &lines); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			if len(lines) != 0 {
				t.Errorf("%s: %d lines", path, len(lines))
			}
		} else if len(lines) != int(want[2]) || uint32(lines[0].UID) != want[0] || uint32(lines[len(lines)-1].UID) != want[1] {
			t.Errorf("%s: %d lines from %d to %d", path, len(lines), lines[0].UID, lines[len(lines)-1].UID)
		}
	}
}

func TestFlags(t *testing.T) {
	if _, err := newHandler(&mail{}, t.TempDir()); err == nil || !strings.Contains(err.Error(), "npm ci") {
		t.Errorf("without modules: %v", err)
	}
	for _, args := range [][3]string{{"nowhere", "", "smtp:x:25"}, {"x:993", "/none", "smtp:x:25"}, {"x:993", "", "x:25"}} {
		if _, err := newMail(args[0], args[1], args[2]); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
