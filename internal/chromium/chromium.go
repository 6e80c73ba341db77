// Package chromium drives a page of headless Chromium by the DevTools protocol. It is for tests.
package chromium

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

// Page is a page of a browser of its own, which ends with the test. It is for one goroutine.
type Page struct {
	t       testing.TB
	out     io.Writer
	in      *bufio.Reader
	session string
	last    int
	seen    map[string]int // events, and how often each has come
}

// message is one of the protocol, over a pipe: JSON that ends in a zero byte.
type message struct {
	ID        int                       `json:"id,omitempty"`
	Method    string                    `json:"method,omitempty"`
	SessionID string                    `json:"sessionId,omitempty"`
	Params    any                       `json:"params,omitempty"`
	Result    json.RawMessage           `json:"result,omitempty"`
	Error     *struct{ Message string } `json:"error,omitempty"`
}

// New starts a browser. It fails the test where there is no Chromium.
func New(t testing.TB) *Page {
	t.Helper()
	theirs, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	in, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--window-size=1280,800", "--remote-debugging-pipe",
		"--user-data-dir="+t.TempDir())
	cmd.ExtraFiles = []*os.File{theirs, theirOut} // 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	theirOut.Close()
	t.Cleanup(func() {
		out.Close() // which ends it
		io.Copy(io.Discard, in)
		cmd.Wait()
	})
	p := &Page{t: t, out: out, in: bufio.NewReader(in), seen: map[string]int{}}
	var target struct{ TargetID, SessionID string }
	p.Call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	p.Call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &target)
	p.session = target.SessionID
	p.Call("Page.enable", nil)
	return p
}

// Open goes to an address and waits until it is loaded.
func (p *Page) Open(url string) {
	p.t.Helper()
	p.seen["Page.loadEventFired"] = 0
	p.Call("Page.navigate", map[string]any{"url": url})
	for p.seen["Page.loadEventFired"] == 0 {
		p.read()
	}
}

// Call sends a command and reads until its answer.
func (p *Page) Call(method string, params any, result ...any) {
	p.t.Helper()
	p.last++
	text, err := json.Marshal(message{ID: p.last, Method: method, SessionID: p.session, Params: params})
	if err == nil {
		_, err = p.out.Write(append(text, 0))
	}
	if err != nil {
		p.t.Fatal(err)
	}
	for {
		m := p.read()
		if m.ID != p.last {
			continue
		}
		if m.Error != nil {
			p.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		for _, r := range result {
			if err := json.Unmarshal(m.Result, r); err != nil {
				p.t.Fatalf("%s: %v", method, err)
			}
		}
		return
	}
}

func (p *Page) read() (m message) {
	p.t.Helper()
	text, err := p.in.ReadBytes(0)
	if err == nil {
		err = json.Unmarshal(text[:len(text)-1], &m)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.seen[m.Method]++
	return m
}

// Seen tells how often an event has come.
func (p *Page) Seen(event string) int { return p.seen[event] }

// Evaluate returns what an expression of the page, or the promise that it is, becomes, or why it does not.
func (p *Page) Evaluate(expression string) string {
	p.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	p.Call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "userGesture": true}, &r)
	if e := r.ExceptionDetails; e != nil {
		return e.Text + " " + e.Exception.Description
	}
	return fmt.Sprint(r.Result.Value)
}

// Screenshot writes what the page looks like to a PNG file.
func (p *Page) Screenshot(file string) {
	p.t.Helper()
	var shot struct{ Data string }
	p.Call("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(file, png, 0o644)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}
