//go:build interop

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mailhavn/mailhavn/internal/chromium"
	"github.com/mailhavn/mailhavn/pgp"
	"github.com/mailhavn/mailhavn/pgp/pgpmime"
)

var screenshots = flag.String("webmail.screenshots", "", "folder for screenshots")

const (
	anna, bob  = "anna@example.org", "bob@example.org"
	password   = "correct horse battery"
	passphrase = "seagulls over granite"
)

// mailServer is a process of examples/mailserver with two accounts.
type mailServer struct {
	t                          *testing.T
	program, data, imaps, lmtp string
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	dir := t.TempDir()
	s := &mailServer{t: t, program: filepath.Join(dir, "mailserver"), data: filepath.Join(dir, "data")}
	s.run("go", "", "build", "-o", s.program, "../mailserver")
	for _, name := range []string{anna, bob} {
		s.run(s.program, password+"\n", "account", "add", name, "--password-stdin", "--data", s.data)
	}
	cmd := exec.Command(s.program, "serve", "--data", s.data, "--imaps", "127.0.0.1:0", "--lmtp", "127.0.0.1:0")
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	line, _ := bufio.NewReader(out).ReadString('\n')
	m := regexp.MustCompile(`imaps=127\.0\.0\.1(:\d+) lmtp=(\S+)`).FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("not ready: %q", line)
	}
	s.imaps, s.lmtp = "localhost"+m[1], m[2]
	return s
}

func (s *mailServer) run(program, input string, args ...string) {
	s.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
}

func (s *mailServer) deliver(to, text string) {
	s.t.Helper()
	m, err := newMail(s.imaps, "", "lmtp:"+s.lmtp)
	if err != nil {
		s.t.Fatal(err)
	}
	c, err := m.agent()
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	if err := c.SendMail("carol@example.net", []string{to}, strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
		s.t.Fatal(err)
	}
}

// stored gives all files of mail that the server keeps.
func (s *mailServer) stored() (all []string) {
	s.t.Helper()
	names, err := filepath.Glob(s.data + "/unit/a/*/*/Maildir/cur/*")
	if err != nil {
		s.t.Fatal(err)
	}
	sent, _ := filepath.Glob(s.data + "/unit/a/*/*/Maildir/.Sent/cur/*")
	for _, name := range append(names, sent...) {
		b, err := os.ReadFile(name)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, string(b))
	}
	return all
}

// wire remembers all that the browser has sent.
type wire struct {
	mu  sync.Mutex // guards the following field
	all bytes.Buffer
}

func (x *wire) listen(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		x.mu.Lock()
		fmt.Fprintf(&x.all, "%s %s %v\n%s\n", r.Method, r.URL, r.Header, body)
		x.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// pageTest is the page in a browser.
type pageTest struct {
	*chromium.Page
	t *testing.T
}

// want waits until something is so in the page. An error of the page ends the wait.
func (p *pageTest) want(condition string) {
	p.t.Helper()
	got := p.Evaluate(`new Promise(done => {
		const look = () => {
			const error = document.getElementById('error');
			if (` + condition + `) done('ok');
			else if (error && !error.hidden) done(error.textContent);
			else return false;
			return true;
		};
		if (look()) return;
		const o = new MutationObserver(() => { if (look()) o.disconnect(); });
		o.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
		setTimeout(() => done('never: ' + document.body.innerText), 60000);
	})`)
	if got != "ok" {
		p.shot("failed")
		p.t.Fatalf("%s: %s", condition, got)
	}
}

// fill writes into the fields of a form, by name, and submits it.
func (p *pageTest) fill(form string, fields map[string]any) {
	p.t.Helper()
	text, _ := json.Marshal(fields)
	p.Evaluate(`{ const f = document.querySelector('` + form + `');
		for (const [name, value] of Object.entries(` + string(text) + `)) f.elements[name][typeof value === 'boolean' ? 'checked' : 'value'] = value;
		f.requestSubmit(); }`)
}

func (p *pageTest) click(selector string) {
	p.t.Helper()
	p.Evaluate(`document.querySelector("` + selector + `").click()`)
}

// view is the text of the message that is shown.
func (p *pageTest) view() string { return p.Evaluate("document.getElementById('view').innerText") }

// read opens the newest message of a mailbox, and waits until its view has some text.
func (p *pageTest) read(mailbox string, number int, text string) string {
	p.t.Helper()
	p.Evaluate(`[...document.querySelectorAll('#mailboxes button')].find(b => b.textContent === '` + mailbox + `').click()`)
	p.want(fmt.Sprintf(`document.querySelectorAll('#list li').length === %d && document.querySelector('#view').innerText === ''`, number))
	p.click("#list li button")
	p.want(`document.querySelector('#view').innerText.includes(` + fmt.Sprintf("%q", text) + `)`)
	return p.view()
}

func (p *pageTest) shot(name string) {
	if *screenshots != "" {
		p.Screenshot(filepath.Join(*screenshots, name+".png"))
	}
}

func open(t *testing.T, text string, d pgp.Decrypter) (string, *pgpmime.Opened) {
	t.Helper()
	o, err := pgpmime.Open(context.Background(), strings.NewReader(text), d)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	t.Cleanup(func() { o.Close() })
	got, err := io.ReadAll(o.Message())
	if err != nil {
		t.Fatal(err)
	}
	return string(got), o
}

// TestChromium reads and writes mail as a person would, against the mail server with encryption on delivery.
func TestChromium(t *testing.T) {
	if *screenshots != "" {
		os.MkdirAll(*screenshots, 0o755)
	}
	modules := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		os.WriteFile(filepath.Join(modules, name), text, 0o644)
	}
	if out, err := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", modules).CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	server := newMailServer(t)
	m, err := newMail(server.imaps, filepath.Join(server.data, "tls", "selfsigned.crt"), "lmtp:"+server.lmtp)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := newHandler(m, filepath.Join(modules, "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	var heard wire
	web := httptest.NewServer(heard.listen(handler))
	defer web.Close()
	var outside atomic.Int32 // requests that a mail has made
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { outside.Add(1) }))
	defer elsewhere.Close()

	p := &pageTest{chromium.New(t), t}
	p.Call("Runtime.enable", nil)
	p.Open(strings.Replace(web.URL, "127.0.0.1", "localhost", 1))
	p.want("!document.getElementById('login').hidden")
	p.shot("login")
	p.fill("#login", map[string]any{"user": anna, "password": "wrong"})
	p.want("!document.getElementById('error').hidden")
	p.fill("#login", map[string]any{"user": anna, "password": password})
	p.want("document.getElementById('user').textContent === '" + anna + "' && document.querySelector('#mailboxes button')")

	// Keys: one for anna, made in the browser; bob's is given to her.
	bobsKey, err := pgp.Generate(pgp.NewKey{Email: bob})
	if err != nil {
		t.Fatal(err)
	}
	p.click("#keys")
	p.fill("#adopt", map[string]any{"passphrase": passphrase})
	p.want("document.getElementById('public')")
	p.fill("#learn", map[string]any{"key": bobsKey.Public().Armor()})
	p.want("document.querySelector('#view').innerText.includes('" + bob + "')")
	p.shot("keys")
	public := p.Evaluate("document.getElementById('public').value")
	keys, err := pgp.ReadKeys(strings.NewReader(public))
	if err != nil {
		t.Fatal(err)
	}
	annasKey := keys[0]
	if err := annasKey.CanEncrypt(time.Now()); err != nil || annasKey.Private() {
		t.Fatal(err)
	}
	server.run(server.program, public, "account", "key", "set", anna, "-", "--data", server.data)

	// What comes in clear is encrypted by the server, and opened here.
	server.deliver(anna, "From: Carol <carol@example.net>\nTo: anna@example.org\nSubject: first secret\nDate: Sat, 28 Nov 2026 10:00:00 +0000\n\nThe ship comes at noon.\n")
	if got := p.read("INBOX", 1, "The ship comes at noon."); !strings.Contains(got, "first secret") || !strings.Contains(got, "Encrypted to you.") || !strings.Contains(got, "Not signed.") {
		t.Errorf("%s", got)
	}
	if got := p.Evaluate("document.querySelector('#list .subject').textContent"); got != "[...]" {
		t.Errorf("the subject in the list: %q", got)
	}
	p.shot("message")

	// Encrypted and signed by bob: the signature counts because the message says that it is from him.
	for i, from := range []string{bob, "mallory@example.net"} {
		var mail bytes.Buffer
		plain := "From: " + from + "\r\nTo: " + anna + "\r\nSubject: signed secret\r\n\r\nOnly bob can say this.\r\n"
		if err := pgpmime.Encrypt(&mail, strings.NewReader(plain), pgp.Encrypter{To: []*pgp.Key{annasKey}, Signers: []*pgp.Key{bobsKey}}, nil); err != nil {
			t.Fatal(err)
		}
		server.deliver(anna, strings.ReplaceAll(mail.String(), "\r\n", "\n"))
		want := []string{"Signed by bob@example.org, key", "Signed by bob@example.org, but it says that it is from mallory@example.net."}[i]
		if got := p.read("INBOX", 2+i, "Only bob can say this."); !strings.Contains(got, want) || !strings.Contains(got, "signed secret") {
			t.Errorf("%s", got)
		}
	}

	// One octet changed: nothing of it is shown.
	var mail bytes.Buffer
	if err := pgpmime.Encrypt(&mail, strings.NewReader("From: "+bob+"\r\nSubject: x\r\n\r\n"+strings.Repeat("damaged secret. ", 200)), pgp.Encrypter{To: []*pgp.Key{annasKey}}, nil); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.ReplaceAll(mail.String(), "\r\n", "\n"), "\n")
	middle := len(lines) / 2
	lines[middle] = strings.Map(func(r rune) rune {
		if r == 'A' {
			return 'B'
		}
		return r
	}, "A"+lines[middle][1:])
	server.deliver(anna, strings.Join(lines, "\n"))
	if got := p.read("INBOX", 4, "cannot be opened"); strings.Contains(got, "damaged") {
		t.Errorf("%s", got)
	}

	// HTML: nothing runs, nothing is loaded, and what is shown is in a frame without rights.
	server.deliver(anna, strings.ReplaceAll(hostile, "ELSEWHERE", elsewhere.URL))
	p.read("INBOX", 5, "hostile html")
	p.want("document.querySelector('iframe')")
	if got := p.Evaluate("(f => f.getAttribute('sandbox') + ' ' + (f.contentDocument === null) + ' ' + window.pwned + ' ' + location.pathname)(document.querySelector('iframe'))"); got != "allow-popups allow-popups-to-escape-sandbox true undefined /" {
		t.Errorf("the frame: %s", got)
	}
	srcdoc := p.Evaluate("document.querySelector('iframe').srcdoc")
	for _, bad := range []string{"script", "onerror", "onload", "style", "iframe", "form", "javascript:", "ELSEWHERE/a", elsewhere.URL + "/img", "<base", "meta"} {
		if strings.Contains(srcdoc, bad) {
			t.Errorf("%q is left in %s", bad, srcdoc)
		}
	}
	if !strings.Contains(srcdoc, "data:image/png;base64") || !strings.Contains(srcdoc, `href="`+elsewhere.URL+`/link"`) {
		t.Errorf("the picture or the link is gone: %s", srcdoc)
	}
	p.Evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
	p.shot("html")

	// Anna writes to bob, encrypted, then signed only; to somebody without a key she cannot.
	for i, encrypted := range []bool{true, false} {
		p.click("#write")
		p.fill("#compose", map[string]any{"to": bob, "subject": "grüße, secret", "text": "Answer to the secret: ½.\nFrom here.", "encrypted": encrypted})
		if i == 0 {
			p.shot("write")
		}
		p.want("document.querySelector('#view').innerText.includes('Sent.')")
	}
	p.click("#write")
	p.fill("#compose", map[string]any{"to": "nobody@localhost.invalid", "subject": "x", "text": "unsent secret"})
	p.want("!document.getElementById('error').hidden && document.getElementById('error').textContent.includes('there is no key for nobody@')")

	if got := p.read("Sent", 2, "Answer to the secret: ½."); !strings.Contains(got, "Signed by "+anna) {
		t.Errorf("%s", got)
	}
	sent := fetchAll(t, m, bob)
	if len(sent) != 2 {
		t.Fatalf("bob has %d messages", len(sent))
	}
	for i, text := range sent {
		d := pgp.Decrypter{Keys: []*pgp.Key{bobsKey}, Verify: []*pgp.Key{annasKey}}
		got, o := open(t, text, d)
		if o.Encrypted != (i == 0) || len(o.Signatures) != 1 || o.Signatures[0].Err != nil || o.Header == pgpmime.HeaderUnprotected {
			t.Errorf("message %d: %+v", i, o)
		}
		if !strings.Contains(got, "Subject: =?utf-8?B?Z3LDvMOfZSwgc2VjcmV0?=") || i == 0 && !strings.Contains(text, "Subject: [...]") {
			t.Errorf("message %d:\n%s", i, got)
		}
	}

	// After a reload the session is still there, and the key is locked.
	p.Open(strings.Replace(web.URL, "127.0.0.1", "localhost", 1))
	p.want("document.getElementById('user').textContent === '" + anna + "' && document.querySelector('#list li')")
	p.click("#list li:last-child button")
	p.want("document.querySelector('#view').innerText.includes('unlock your key')")
	p.shot("locked")
	p.fill("#unlock", map[string]any{"passphrase": "wrong"})
	p.want("!document.getElementById('error').hidden")
	p.fill("#unlock", map[string]any{"passphrase": passphrase})
	p.want("document.querySelector('#view').innerText.includes('The ship comes at noon.')")
	p.click("#logout")
	p.want("!document.getElementById('login').hidden")

	// The servers have never had the key, the passphrase, or a text that was to be encrypted.
	for _, secret := range []string{passphrase, "PRIVATE KEY", "Only bob can say", "unsent secret"} {
		if strings.Contains(heard.all.String(), secret) {
			t.Errorf("the browser has sent %q", secret)
		}
		for _, text := range server.stored() {
			if strings.Contains(text, secret) {
				t.Errorf("the mail server stores %q", secret)
			}
		}
	}
	if strings.Count(heard.all.String(), "QW5zd2VyIHRvIHRoZSBzZWNyZXQ") != 1 { // "Answer to the secret": in the message that was signed only
		t.Error("a text that was to be encrypted was sent as it is")
	}
	if n := outside.Load(); n != 0 {
		t.Errorf("a mail has made %d requests", n)
	}
	if n := p.Seen("Page.javascriptDialogOpening") + p.Seen("Page.windowOpen"); n != 0 {
		t.Errorf("a mail has opened %d windows", n)
	}
}

// fetchAll gives all messages of an INBOX.
func fetchAll(t *testing.T, m *mail, user string) (all []string) {
	t.Helper()
	c, err := m.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(user, password).Wait(); err != nil {
		t.Fatal(err)
	}
	s := &session{user: user, imap: c}
	for uid := 1; ; uid++ {
		r := httptest.NewRequest("GET", fmt.Sprintf("/api/message?mailbox=INBOX&uid=%d", uid), nil)
		text, err := message(s, r)
		if err != nil {
			return all
		}
		all = append(all, string(text.([]byte)))
	}
}

const hostile = `From: Carol <carol@example.net>
To: anna@example.org
Subject: hostile html
MIME-Version: 1.0
Content-Type: multipart/related; boundary=b

--b
Content-Type: text/html; charset=utf-8

<html><head><base href="ELSEWHERE/base/"><meta http-equiv="refresh" content="0; url=ELSEWHERE/meta"><link rel="stylesheet" href="ELSEWHERE/css">
<style>@import "ELSEWHERE/import"; body { background: url(ELSEWHERE/bg) }</style></head>
<body onload="parent.pwned = 1" background="ELSEWHERE/background">
<h1>Harbour news</h1><p style="background: url(ELSEWHERE/inline)">The <b>gulls</b> are back. <a href="ELSEWHERE/link">More</a> <a href="javascript:parent.pwned=2">bad</a></p>
<script>parent.pwned = 3; fetch("ELSEWHERE/fetch")</script>
<img src="ELSEWHERE/img"><img src=x onerror="parent.pwned = 4"><img src="cid:gull"><img srcset="ELSEWHERE/srcset 1x">
<svg><script>parent.pwned = 5</script><image href="ELSEWHERE/svg"/></svg><math><mtext><img src=x onerror="top.pwned=6"></mtext></math>
<iframe src="ELSEWHERE/frame"></iframe><object data="ELSEWHERE/object"></object><embed src="ELSEWHERE/embed"><video src="ELSEWHERE/video" autoplay></video>
<form action="ELSEWHERE/form"><input name="password"><button>Log in</button></form>
</body></html>
--b
Content-Type: image/png
Content-ID: <gull>
Content-Transfer-Encoding: base64

iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFklEQVR4nGNkYPjPgA0wYRUdtBIAO/8BD/pF6wkAAAAASUVORK5CYII=
--b--
`
