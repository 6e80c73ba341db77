package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/passwd/logins"
	"github.com/mailhavn/mailhavn/passwd/policy"
)

// accountCommand is the family of commands on accounts.
type accountCommand struct {
	Add     addCommand     `cmd:"" help:"Make an account with INBOX, Drafts, Sent, Junk, Trash and Archive."`
	List    listCommand    `cmd:"" help:"List all accounts with their states."`
	Show    showCommand    `cmd:"" help:"Show an account and its mailboxes."`
	Passwd  passwdCommand  `cmd:"" help:"Set a password. Ends the account's sessions."`
	Disable disableCommand `cmd:"" help:"Let the user not log in any more; mail is still accepted. Ends the account's sessions."`
	Enable  enableCommand  `cmd:"" help:"Let the user log in again."`
	Rename  renameCommand  `cmd:"" help:"Give an account another name; it keeps its mail."`
	Remove  removeCommand  `cmd:"" help:"Remove an account with all its mail."`

	Expire     expireCommand     `cmd:"" help:"Let an account end at a day; mail is still accepted then."`
	Renew      renewCommand      `cmd:"" help:"Let an account that ends last some days longer."`
	MustChange mustChangeCommand `cmd:"" name:"must-change" help:"Make the password useless until it is changed, as after a leak. Ends the account's sessions."`
	Key        keyCommand        `cmd:"" help:"Encrypt mail on delivery, to an OpenPGP key."`
	App        appCommand        `cmd:"" help:"Manage passwords for single programs and devices."`
	Trace      traceCommand      `cmd:"" help:"Show what mail programs and the running server say to each other, as it happens."`
}

// dataFlag names the data folder.
type dataFlag struct {
	Data string `name:"data" placeholder:"DIR" help:"Folder of all data (default: $XDG_DATA_HOME/mailhavn or ~/.local/share/mailhavn)."`
}

// nameArgument names an account, and the data folder it is in.
type nameArgument struct {
	Name string `arg:"" help:"Name of the account: its address."`
	dataFlag
}

// passwordFlag says where a password comes from. It never comes from the command line, which other users can see.
type passwordFlag struct {
	PasswordStdin bool `name:"password-stdin" help:"Read the password from the first line of standard input instead of asking."`
	policyFlag
}

type (
	addCommand struct {
		nameArgument
		passwordFlag
	}
	passwdCommand struct {
		nameArgument
		passwordFlag
	}
	listCommand    struct{ dataFlag }
	showCommand    struct{ nameArgument }
	disableCommand struct{ nameArgument }
	enableCommand  struct{ nameArgument }
	removeCommand  struct{ nameArgument }
	renameCommand  struct {
		nameArgument
		To string `arg:"" help:"The new name."`
	}
	checkCommand struct{ dataFlag }
)

func (x *listCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "list"})
}

func (x *showCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "show", Name: x.Name})
}

func (x *disableCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "disable", Name: x.Name})
}

func (x *enableCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "enable", Name: x.Name})
}

func (x *removeCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "remove", Name: x.Name})
}

func (x *renameCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "rename", Name: x.Name, To: x.To})
}

func (x *checkCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "check"})
}

func (x *addCommand) Run(c *console) error {
	return askWithPassword(c, x.nameArgument, x.passwordFlag, "add")
}

func (x *passwdCommand) Run(c *console) error {
	return askWithPassword(c, x.nameArgument, x.passwordFlag, "passwd")
}

func askWithPassword(c *console, name nameArgument, from passwordFlag, command string) error {
	if _, err := passwd.CanonicalName(name.Name); err != nil {
		return err // before anybody types a password
	}
	known, err := breached(c, name.Data)
	if err != nil {
		return err
	}
	password, err := from.read(c, name.Name, known)
	if err != nil {
		return err
	}
	return ask(c, name.Data, request{Command: command, Name: name.Name, Password: password})
}

// ask has a request done by the running server, or does it here where none runs. It ends at an interrupt.
func ask(c *console, data string, r request) error {
	dir, err := dataFolder(data)
	if err != nil {
		return err
	}
	out := func(line string) { fmt.Fprintln(c.out, line) }
	if err := askServer(dir, r, out); !errors.Is(err, errNoServer) {
		return err
	}
	o := c.storage
	o.Logger = slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := openStore(dir, r.Command == "add" || r.Command == "import", o)
	if err != nil {
		return err
	}
	last, err := logins.Load(filepath.Join(dir, loginsFile))
	if err != nil {
		o.Logger.Warn("what was known of last logins is lost", "error", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = (&admin{store: s, logins: last}).do(ctx, r, out)
	return errors.Join(err, s.close())
}

// read gets a password from standard input or, by asking twice, from the terminal.
func (f passwordFlag) read(c *console, name string, breached func(string) bool) (string, error) {
	if f.PasswordStdin {
		line, err := bufio.NewReader(io.LimitReader(c.in, passwd.MaxPassword+2)).ReadString('\n')
		if err != nil && err != io.EOF {
			return "", fmt.Errorf("standard input: %w", err)
		}
		password := strings.TrimRight(line, "\r\n")
		return password, f.check(c.err, false, password, policy.Context{User: name, Breached: breached})
	}
	if !term.IsTerminal(int(c.in.Fd())) {
		return "", errors.New("there is no terminal to ask for the password; use --password-stdin")
	}
	first, err := f.ask(c, name, breached)
	if err != nil {
		return "", err
	}
	second, err := prompt(c, "Once more: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords differ; nothing was changed")
	}
	return first, nil
}

// ask asks until the password is good enough, and says each time how strong it is and what is wrong with it.
func (f passwordFlag) ask(c *console, name string, breached func(string) bool) (string, error) {
	for {
		password, err := prompt(c, "Password for "+name+": ")
		if err != nil {
			return "", err
		}
		refused := f.check(c.err, true, password, policy.Context{User: name, Breached: breached})
		if refused == nil {
			return password, nil
		}
		fmt.Fprintln(c.err, refused)
	}
}

// prompt asks on the terminal without showing what is typed. An interrupt restores the terminal before it ends the process.
func prompt(c *console, question string) (string, error) {
	fd := int(c.in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("terminal: %w", err)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	defer close(done)
	defer signal.Stop(interrupted)
	go func() {
		select {
		case <-interrupted:
			term.Restore(fd, before)
			os.Exit(1)
		case <-done:
		}
	}()
	fmt.Fprint(c.err, question)
	b, err := term.ReadPassword(fd)
	fmt.Fprintln(c.err)
	return string(b), err
}
