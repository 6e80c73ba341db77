package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mailhavn/mailhavn/passwd"
	"github.com/mailhavn/mailhavn/passwd/hash"
)

// passwdFamily are the commands on many passwords.
type passwdFamily struct {
	Import   importCommand `cmd:"" help:"Take over the users of another program, with their passwords, and make accounts for them."`
	Export   exportCommand `cmd:"" help:"Write the users for another program to standard output."`
	Campaign struct {
		Start  campaignStartCommand  `cmd:"" help:"Make all passwords useless that are not newer, until they are changed; revoke app passwords that are not newer; end all sessions. May be given again."`
		Status campaignStatusCommand `cmd:"" help:"Tell who has changed the password since, and who has not."`
	} `cmd:"" help:"Have everybody change the password, as after a leak."`
	Breach struct {
		Build  breachBuildCommand  `cmd:"" help:"Make the file by which passwords from breaches are refused, of a list of Have I Been Pwned."`
		Update breachUpdateCommand `cmd:"" help:"Add what is new in a list, in a file of its own, without making the large one anew."`
		Check  breachCheckCommand  `cmd:"" help:"Read the files once and say whether they are whole."`
	} `cmd:"" help:"Passwords that are known from breaches."`
}

type (
	importCommand struct {
		File   string `arg:"" help:"File to read; - is standard input."`
		Format string `name:"format" enum:"dovecot,htpasswd,shadow" default:"dovecot" help:"dovecot (passwd-file), htpasswd or shadow."`
		dataFlag
	}
	exportCommand struct {
		Format string `name:"format" enum:"dovecot,htpasswd,shadow" default:"dovecot" help:"dovecot (passwd-file), htpasswd or shadow."`
		dataFlag
	}
)

// userLine is a user on the way to the owner of the data folder.
type userLine struct {
	Name       string            `json:"name"`
	Hash       string            `json:"hash"`
	State      passwd.State      `json:"state"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// batch is how many users go into one request, whose size is bounded.
const batch = 50

func (x *importCommand) Run(c *console) error {
	in := io.Reader(c.in)
	if x.File != "-" {
		file, err := os.Open(x.File)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	users, problems, err := passwd.ReadUsers(ctx, in, passwd.Format(x.Format), &passwd.Hasher{})
	if err != nil {
		return err
	}
	for _, p := range problems {
		fmt.Fprintf(c.err, "%s:%d: left out: %s\n", x.File, p.Line, p.Reason)
	}
	for len(users) > 0 {
		n := min(batch, len(users))
		r := request{Command: "import"}
		for _, u := range users[:n] {
			r.Users = append(r.Users, userLine{u.Name, u.Hash.String(), u.State, u.Attributes})
		}
		if err := ask(c, x.Data, r); err != nil {
			return err
		}
		users = users[n:]
	}
	if len(problems) > 0 {
		return fmt.Errorf("%d lines were left out", len(problems))
	}
	return nil
}

// importUsers makes accounts and users; those that are there keep what they have.
func (a *admin) importUsers(ctx context.Context, r request, out func(string)) error {
	var records []passwd.Record
	for _, u := range r.Users {
		h, err := hash.Parse(u.Hash)
		if err != nil {
			return fmt.Errorf("%s: %w", u.Name, err)
		}
		has, err := a.hasAccount(ctx, u.Name)
		if err != nil {
			return err
		}
		if !has {
			account, err := a.store.unit.CreateAccount(ctx, u.Name)
			if err != nil {
				return fmt.Errorf("%s: %w", u.Name, err)
			}
			account.Close()
		}
		records = append(records, passwd.Record{User: passwd.User{Name: u.Name, State: u.State, Attributes: u.Attributes}, Hash: h})
	}
	left, err := a.store.users.Import(ctx, records)
	if err != nil {
		return err
	}
	for _, name := range left {
		out(name + " is there already and keeps the password")
	}
	out(fmt.Sprintf("imported %d users", len(records)-len(left)))
	return nil
}

func (x *exportCommand) Run(c *console) error {
	dir, err := dataFolder(x.Data)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, usersFile)); err != nil {
		return err
	}
	users, err := passwd.OpenFile(filepath.Join(dir, usersFile))
	if err != nil {
		return err
	}
	records, err := users.Records()
	if err != nil {
		return err
	}
	left, err := passwd.WriteUsers(c.out, passwd.Format(x.Format), records)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("left out, because %s knows no such hash or state: %s", x.Format, strings.Join(left, ", "))
	}
	return nil
}
