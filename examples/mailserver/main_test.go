package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/tlspolicy"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mailserver": func() {
		syscall.Umask(0o077)
		small := storage.Options{SegmentSize: 1 << 20, Ballast: 1 << 16}
		os.Exit(run(os.Args[1:], &console{in: os.Stdin, out: os.Stdout, err: os.Stderr, storage: small}))
	}, "mailissuer": mailissuer})
}

// TestScripts runs the command line as people and programs do. Besides testscript's own commands there are
//
//	serve ARGS...               starts the server, waits for its ready line, sets $imaps, $imap, $lmtp
//	stop [-kill|-twice]         ends it by SIGTERM, SIGKILL or two times SIGTERM; the log is in serve.log
//	hold TO                     begins a delivery by LMTP and does not end it
//	deliver FROM FILE TO...     delivers a file by LMTP; prints the outcome of each recipient
//	fetch DATA USER PASSWORD    logs in over TLS and prints the bodies in INBOX
//	certificate DIR NAME DAYS   puts a certificate into a folder that ends in so many days; an OID more is its policy
//	flip FILE-PATTERN           changes the last byte of a file
func TestScripts(t *testing.T) {
	if names, _ := filepath.Glob("testdata/script/*.txtar"); len(names) == 0 {
		t.Fatal("no scripts")
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": scriptServe, "stop": scriptStop, "deliver": scriptDeliver, "hold": scriptHold, "fetch": scriptFetch, "flip": scriptFlip, "certificate": scriptCertificate,
		},
		Setup: func(e *testscript.Env) error {
			e.Values[runningKey{}] = &running{}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("no condition %q", cond)
		},
	})
}

// running is the server of a script.
type running struct {
	cmd *exec.Cmd
	log *os.File
}

type runningKey struct{}

func scriptServe(ts *testscript.TestScript, _ bool, args []string) {
	r := ts.Value(runningKey{}).(*running)
	log, err := os.OpenFile(ts.MkAbs("serve.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	r.log = log
	r.cmd = exec.Command(findCommand(ts, "mailserver"), args...)
	r.cmd.Dir = ts.MkAbs(".")
	r.cmd.Stderr = log
	r.cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"), "XDG_DATA_HOME=")
	out, err := r.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(r.cmd.Start())
	ts.Defer(func() {
		if r.cmd != nil {
			r.cmd.Process.Kill()
			r.cmd.Wait()
		}
	})
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		ts.Fatalf("server ended: %v\n%s", r.cmd.Wait(), ts.ReadFile("serve.log"))
	}
	ts.Logf("%s", line)
	words := strings.Fields(line)
	if len(words) == 0 || words[0] != "ready" {
		ts.Fatalf("not a ready line: %q", line)
	}
	for _, word := range words[1:] {
		name, addr, _ := strings.Cut(word, "=")
		ts.Setenv(name, addr)
	}
	rest, err := os.Create(ts.MkAbs("serve.out"))
	ts.Check(err)
	go func() {
		defer rest.Close()
		io.Copy(rest, lines)
	}()
}

// findCommand returns the path of a command that testscript has installed.
func findCommand(ts *testscript.TestScript, name string) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, name); exec.Command(path).Err == nil {
			if _, err := os.Stat(path); err == nil {
				return path
			}
		}
	}
	ts.Fatalf("there is no command %s", name)
	return ""
}

func scriptStop(ts *testscript.TestScript, _ bool, args []string) {
	r := ts.Value(runningKey{}).(*running)
	var sig os.Signal = syscall.SIGTERM
	twice := slices.Contains(args, "-twice")
	if slices.Contains(args, "-kill") {
		sig = os.Kill
	}
	cmd := r.cmd
	r.cmd = nil
	began := time.Now()
	ts.Check(cmd.Process.Signal(sig))
	if twice {
		time.Sleep(200 * time.Millisecond)
		ts.Check(cmd.Process.Signal(sig)) // fails if the first one was enough
	}
	err := cmd.Wait()
	r.log.Close()
	if took := time.Since(began); took > 20*time.Second {
		ts.Fatalf("took %s to end", took)
	}
	if want := sig == syscall.SIGTERM && !twice; want != (err == nil) {
		ts.Fatalf("ended with %v", err)
	}
}

// dialLMTP connects to the address of a ready line.
func dialLMTP(ts *testscript.TestScript) (*smtp.Client, error) {
	network, addr := "tcp", ts.Getenv("lmtp")
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, addr = "unix", ts.MkAbs(path)
	}
	c, err := net.Dial(network, addr)
	if err != nil {
		return nil, err
	}
	return smtp.NewClientLMTP(c), nil
}

func scriptDeliver(ts *testscript.TestScript, _ bool, args []string) {
	c, err := dialLMTP(ts)
	ts.Check(err)
	defer c.Close()
	ts.Check(c.Mail(args[0], nil))
	accepted := 0
	for _, to := range args[2:] {
		if err := c.Rcpt(to, nil); err != nil {
			fmt.Fprintf(ts.Stdout(), "%s: %s\n", to, wireForm(err))
		} else {
			accepted++
		}
	}
	if accepted == 0 {
		return
	}
	w, err := c.Data()
	ts.Check(err)
	_, err = io.WriteString(w, strings.ReplaceAll(ts.ReadFile(args[1]), "\n", "\r\n"))
	ts.Check(err)
	responses, err := w.CloseWithLMTPResponse()
	var failed smtp.LMTPDataError
	if err != nil && !errors.As(err, &failed) {
		ts.Check(err)
	}
	for _, to := range args[2:] {
		if r, ok := responses[to]; ok {
			fmt.Fprintf(ts.Stdout(), "%s: %s\n", to, r.StatusText)
		} else if failed[to] != nil {
			fmt.Fprintf(ts.Stdout(), "%s: %s\n", to, wireForm(failed[to]))
		}
	}
}

func scriptHold(ts *testscript.TestScript, _ bool, args []string) {
	c, err := dialLMTP(ts)
	ts.Check(err)
	ts.Defer(func() { c.Close() })
	ts.Check(c.Mail("", nil))
	ts.Check(c.Rcpt(args[0], nil))
	_, err = c.Data()
	ts.Check(err)
}

// wireForm writes an SMTP error as the server has sent it.
func wireForm(err error) string {
	var e *smtp.SMTPError
	if !errors.As(err, &e) {
		return err.Error()
	}
	return fmt.Sprintf("%d %d.%d.%d %s", e.Code, e.EnhancedCode[0], e.EnhancedCode[1], e.EnhancedCode[2], e.Message)
}

// trusting returns a client configuration for the self-signed certificate in a data folder.
func trusting(data string) (*tls.Config, error) {
	pem, err := os.ReadFile(filepath.Join(data, tlsFolder, tlspolicy.SelfSignedCert))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: roots, ServerName: "localhost", NextProtos: []string{"imap"}}, nil
}

// readInbox returns the messages in a user's INBOX.
func readInbox(addr, data, user, password string) ([][]byte, error) {
	config, err := trusting(data)
	if err != nil {
		return nil, err
	}
	c, err := imapclient.DialTLS(addr, &imapclient.Options{TLSConfig: config})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.Login(user, password).Wait(); err != nil {
		return nil, err
	}
	box, err := c.Select("INBOX", nil).Wait()
	if err != nil || box.NumMessages == 0 {
		return nil, err
	}
	all := imap.SeqSet{{Start: 1, Stop: 0}}
	section := &imap.FetchItemBodySection{Peek: true}
	fetched, err := c.Fetch(all, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil {
		return nil, err
	}
	var bodies [][]byte
	for _, m := range fetched {
		bodies = append(bodies, m.FindBodySection(section))
	}
	return bodies, c.Logout().Wait()
}

func scriptFetch(ts *testscript.TestScript, neg bool, args []string) {
	bodies, err := readInbox(ts.Getenv("imaps"), ts.MkAbs(args[0]), args[1], args[2])
	if neg != (err != nil) {
		ts.Fatalf("error: %v", err)
	}
	if err != nil {
		fmt.Fprintln(ts.Stdout(), err)
	}
	for _, b := range bodies {
		fmt.Fprintf(ts.Stdout(), "%s\n", bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")))
	}
	fmt.Fprintf(ts.Stdout(), "%d messages\n", len(bodies))
}

func scriptFlip(ts *testscript.TestScript, _ bool, args []string) {
	names, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(names) != 1 {
		ts.Fatalf("%d files match %s", len(names), args[0])
	}
	data, err := os.ReadFile(names[0])
	ts.Check(err)
	data[len(data)-1] ^= 1
	ts.Check(os.WriteFile(names[0], data, 0o600))
}
