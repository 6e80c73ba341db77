//go:build interop

// Package interop_test judges the mail server by programs that others wrote, with mail that others wrote, and by kill -9. It needs
// the programs; one that is missing is a failure. Run it with
//
//	go test -tags interop ./examples/mailserver/interop [-kills=N]
package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// patience is how long anything may take that should take no time; machines are shared.
	patience = 90 * time.Second

	anna     = "anna@example.org"
	bert     = "bert@example.org"
	password = "correct horse battery"
)

// mailserver is the program under test; TestMain builds it.
var mailserver string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	mailserver = filepath.Join(dir, "mailserver")
	if out, err := exec.Command("go", "build", "-o", mailserver, "..").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// server is the mail server on its data, which outlive its processes. The addresses change with each process.
type server struct {
	t       *testing.T
	dir     string // of the test, for files of clients
	data    string
	options []string // of serve, beside --data and the addresses
	lmtpAt  string   // what --lmtp says

	imaps, imap, lmtp, wkd string // host:port, lmtp also unix:PATH; wkd is "" without --wkd

	process *exec.Cmd
	ended   chan struct{} // closed when the process has ended
	log     *logBuffer
}

// newServer serves accounts on fresh data. When the test ends, the server is drained, and its data must be in order.
func newServer(t *testing.T, options ...string) *server {
	t.Helper()
	s := prepareServer(t, options...)
	s.start()
	return s
}

// prepareServer is newServer without a process.
func prepareServer(t *testing.T, options ...string) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{t: t, dir: dir, data: filepath.Join(dir, "data"), options: options, lmtpAt: "127.0.0.1:0", log: &logBuffer{}}
	for _, name := range []string{anna, bert} {
		run(t, command(mailserver, "account", "add", name, "--password-stdin", "--data", s.data).input(password+"\n"))
	}
	t.Cleanup(s.finish)
	return s
}

var readyLine = regexp.MustCompile(`^ready imaps=(\S+) imap=(\S+) lmtp=(\S+)(?: wkd=(\S+))?$`)

// start starts a process and waits until it accepts connections.
func (s *server) start() {
	s.t.Helper()
	out := s.spawn()
	lines := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		lines <- strings.TrimSpace(line)
		io.Copy(io.Discard, out)
	}()
	select {
	case line := <-lines:
		m := readyLine.FindStringSubmatch(line)
		if m == nil {
			s.t.Fatalf("serve printed %q instead of a ready line; log:\n%s", line, s.log)
		}
		s.imaps, s.imap, s.lmtp, s.wkd = m[1], m[2], m[3], m[4]
	case <-time.After(patience):
		s.t.Fatalf("serve is not ready after %v; log:\n%s", patience, s.log)
	}
}

// spawn starts a process without waiting for it to be ready.
func (s *server) spawn() io.Reader {
	s.t.Helper()
	args := append([]string{"serve", "--data", s.data, "--imaps", "127.0.0.1:0", "--imap", "127.0.0.1:0", "--lmtp", s.lmtpAt}, s.options...)
	cmd := exec.Command(mailserver, args...)
	r, w, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, s.log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	w.Close()
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	s.process, s.ended = cmd, ended
	return r
}

// kill ends the process as kill -9 does, and waits until it is gone.
func (s *server) kill() {
	s.process.Process.Kill()
	<-s.ended
	s.process = nil
}

// restart is a kill and a new process.
func (s *server) restart() {
	s.t.Helper()
	s.kill()
	s.start()
}

// finish drains the server and checks its data.
func (s *server) finish() {
	if s.process != nil {
		s.process.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.ended:
			if !s.process.ProcessState.Success() {
				s.t.Errorf("serve ended with %v; log:\n%s", s.process.ProcessState, s.log)
			}
		case <-time.After(patience):
			s.process.Process.Kill()
			s.t.Errorf("serve does not end after SIGTERM; log:\n%s", s.log)
		}
	}
	s.check()
	if bad := s.log.find(password, base64.StdEncoding.EncodeToString([]byte(password))[:24]); bad != "" {
		s.t.Errorf("the log has a password: %s", bad)
	}
	if bad := s.log.find("panic", "level=ERROR"); bad != "" {
		s.t.Errorf("the server logged: %s", bad)
	}
	if s.t.Failed() {
		s.t.Logf("log of the server:\n%s", s.log.tail(8000))
	}
}

// check has the data checked, by the running server or directly.
func (s *server) check() {
	s.t.Helper()
	if r := try(s.t, command(mailserver, "check", "--data", s.data)); r.err != nil {
		s.t.Errorf("mailserver check: %v\n%s%s", r.err, r.stdout, r.stderr)
	}
}

// certificate is the self-signed certificate that the server presents.
func (s *server) certificate() string {
	s.t.Helper()
	path := filepath.Join(s.data, "tls", "selfsigned.crt")
	if _, err := os.Stat(path); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// file writes a file for a client and returns its path.
func (s *server) file(name, content string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// logBuffer keeps what all processes of a server write.
type logBuffer struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.Write(p)
}

func (b *logBuffer) String() string { return b.tail(1 << 20) }

func (b *logBuffer) tail(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.bytes.String()
	return s[max(0, len(s)-n):]
}

// find returns the first line that has one of the words.
func (b *logBuffer) find(words ...string) string {
	for line := range strings.Lines(b.String()) {
		for _, w := range words {
			if strings.Contains(line, w) {
				return line
			}
		}
	}
	return ""
}

// count returns how often a word is there.
func (b *logBuffer) count(word string) int { return strings.Count(b.String(), word) }

// program is a command to run.
type program struct {
	name  string
	args  []string
	stdin string
	env   []string
}

func command(name string, args ...string) program { return program{name: name, args: args} }

func (p program) input(stdin string) program { p.stdin = stdin; return p }

func (p program) with(env ...string) program { p.env = env; return p }

// result is what a program did.
type result struct {
	stdout, stderr string
	err            error
}

func (r result) String() string {
	return fmt.Sprintf("%v\n--- stdout\n%s\n--- stderr\n%s", r.err, r.stdout, r.stderr)
}

// try runs a program to its end; to take too long is an error of it, not to exist is one of the test.
func try(t *testing.T, p program) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	if t.Context().Err() != nil { // in a cleanup
		ctx, cancel = context.WithTimeout(context.Background(), patience)
	}
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, p.name, p.args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(p.stdin), &stdout, &stderr
	cmd.Env = append(append(os.Environ(), "LC_ALL=C.UTF-8"), p.env...)
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		t.Fatalf("%s is not installed; this test needs it", p.name)
	}
	return result{stdout.String(), stderr.String(), err}
}

// run runs a program that must succeed.
func run(t *testing.T, p program) result {
	t.Helper()
	r := try(t, p)
	if r.err != nil {
		t.Fatalf("%s %q: %v", filepath.Base(p.name), p.args, r)
	}
	return r
}
