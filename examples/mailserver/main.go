// Command mailserver is the reference server of mailhavn: IMAP for mail programs, LMTP for the mail transfer agent in front of
// it, accounts with passwords, on one folder. It shows how the packages fit together; all that it knows of mail is in them.
//
// Run without a command, it starts a demonstration on the loopback interface and says how to look at it.
package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/mailhavn/mailhavn/storage"
)

// grammar is the command line.
type grammar struct {
	Serve   serveCommand   `cmd:"" help:"Serve mail."`
	Account accountCommand `cmd:"" help:"Manage accounts, of a running server or without one."`
	Passwd  passwdFamily   `cmd:"" help:"Import, export and check passwords of many users."`
	TLS     tlsFamily      `cmd:"" help:"Certificates and keys."`
	Check   checkCommand   `cmd:"" help:"Read all mail and compare it with what the store promises; one line a finding, then exit status 1."`
	Version versionCommand `cmd:"" help:"Print the version."`
	Demo    demoCommand    `cmd:"" default:"withargs" hidden:"" help:"Serve a demonstration on the loopback interface."`
}

// console is where a command reads and writes.
type console struct {
	in       *os.File
	out, err io.Writer
	storage  storage.Options // how units are opened: the zero value but in tests, which want small logs
}

// errFindings ends a check that found something; the findings are printed already.
var errFindings = errors.New("there are findings")

func main() {
	syscall.Umask(0o077)                                      // whatever is made is nobody else's, from the moment it is made
	syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) // no dump of memory, which holds passwords and keys; if it cannot be set, all works
	os.Exit(run(os.Args[1:], &console{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// run executes one command line and returns the exit status: 0, 1 for a failure or findings, 2 for a wrong command line.
func run(args []string, c *console) int {
	status := -1
	parser, err := kong.New(&grammar{}, kong.Name("mailserver"), kong.Writers(c.out, c.err),
		kong.Description("A mail server: IMAP for mail programs, LMTP for deliveries. Without a command: a demonstration."),
		kong.Exit(func(code int) { status = code }), kong.Bind(c))
	if err != nil {
		fmt.Fprintln(c.err, "mailserver:", err)
		return 2
	}
	command, err := parser.Parse(args)
	switch {
	case status >= 0: // --help
		return status
	case err != nil:
		fmt.Fprintf(c.err, "mailserver: %v (mailserver --help tells more)\n", err)
		return 2
	}
	switch err := command.Run(); {
	case errors.Is(err, errFindings):
		return 1
	case err != nil:
		fmt.Fprintln(c.err, "mailserver:", explain(err))
		return 1
	}
	return 0
}

// newLogger writes to standard error, which supervisors collect.
func newLogger(w io.Writer, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log-level %q is none of debug, info, warn, error", level)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
}

type versionCommand struct{}

// Run prints the module's version as the build recorded it.
func (versionCommand) Run(c *console) error {
	_, err := fmt.Fprintf(c.out, "mailserver %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
