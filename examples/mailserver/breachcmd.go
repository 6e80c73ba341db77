package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/mailhavn/mailhavn/passwd/breach"
)

type (
	breachBuildCommand  struct{ breachSource }
	breachUpdateCommand struct{ breachSource }
	breachSource        struct {
		From string `arg:"" help:"List of hashes, ordered by hash, or a folder of range files."`
		NTLM bool   `name:"ntlm" help:"The hashes are NTLM, not SHA-1."`
		Bits int    `name:"bits" enum:"8,16" default:"16" help:"16: one in 65,536 good passwords is refused; 8: one in 256, in half the space."`
		dataFlag
	}
	breachCheckCommand struct{ dataFlag }
)

// breachFile is in the data folder, and may be a link. Beside it are the files of updates, breach.001 and so on.
const breachFile = "breach"

// breachFiles returns those that there are, the large one first.
func breachFiles(dir string) (files []string) {
	for {
		next := breachFileNumber(dir, len(files))
		if _, err := os.Stat(next); err != nil {
			return files
		}
		files = append(files, next)
	}
}

func breachFileNumber(dir string, n int) string {
	path := filepath.Join(dir, breachFile)
	if n > 0 {
		path += fmt.Sprintf(".%03d", n)
	}
	return path
}

// Run makes the large file anew, and updates superfluous.
func (x *breachBuildCommand) Run(c *console) error {
	dir, err := dataFolder(x.Data)
	if err != nil {
		return err
	}
	if err := makeFolder(dir); err != nil {
		return err
	}
	count, err := x.build(c, breachFileNumber(dir, 0), nil)
	if err != nil {
		return err
	}
	for _, old := range breachFiles(dir)[1:] {
		if err := os.Remove(old); err != nil {
			return err
		}
	}
	fmt.Fprintf(c.out, "%d passwords will be refused from now on\n", count)
	return nil
}

// Run makes one more file of what is in none yet.
func (x *breachUpdateCommand) Run(c *console) error {
	dir, err := dataFolder(x.Data)
	if err != nil {
		return err
	}
	files := breachFiles(dir)
	if len(files) == 0 {
		return errNoBreachFile(dir)
	}
	old, err := breach.Open(files...)
	if err != nil {
		return err
	}
	defer old.Close()
	count, err := x.build(c, breachFileNumber(dir, len(files)), old)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%d more passwords will be refused from now on, %d in all\n", count, count+old.Len())
	return nil
}

func (x breachSource) build(c *console, path string, except *breach.Filter) (count uint64, err error) {
	info, err := os.Stat(x.From)
	if err != nil {
		return 0, err
	}
	source := breach.Ranges(os.DirFS(x.From))
	if !info.IsDir() {
		file, err := os.Open(x.From)
		if err != nil {
			return 0, err
		}
		defer file.Close()
		source = breach.List(file, info.Size())
	}
	o := breach.Options{Bits: x.Bits, Except: except}
	if x.NTLM {
		o.Kind = breach.NTLM
	}
	if f, ok := c.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		o.Progress = func(done float64) {
			n := int(done * 40)
			fmt.Fprintf(c.err, "\r[%s%s] %3.0f %%", strings.Repeat("#", n), strings.Repeat("-", 40-n), done*100)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return breach.Build(ctx, path, source, o)
}

func (x *breachCheckCommand) Run(c *console) error {
	dir, err := dataFolder(x.Data)
	if err != nil {
		return err
	}
	files := breachFiles(dir)
	if len(files) == 0 {
		return errNoBreachFile(dir)
	}
	f, err := breach.Open(files...)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Verify(context.Background()); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "all is well: %d passwords\n", f.Len())
	return nil
}

func errNoBreachFile(dir string) error {
	return fmt.Errorf("there is no file of breaches in %s; make one with passwd breach build", dir)
}

// breached returns how to look a password up in a data folder; nil if there is no file of breaches.
func breached(c *console, data string) (func(string) bool, error) {
	dir, err := dataFolder(data)
	if err != nil {
		return nil, err
	}
	files := breachFiles(dir)
	if len(files) == 0 {
		return nil, nil
	}
	f, err := breach.Open(files...)
	if err != nil {
		return nil, err
	}
	return func(password string) bool {
		found, err := f.Contains(password)
		if err != nil {
			fmt.Fprintln(c.err, "mailserver: the password could not be looked up:", err)
		}
		return found
	}, nil
}
