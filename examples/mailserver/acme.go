package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/mailhavn/mailhavn/tlspolicy/acme"
)

// acmeTable is the table [acme] of the configuration. Without it no authority is asked for anything.
type acmeTable struct {
	Names     []string `toml:"names"`
	Email     string   `toml:"email"`
	Agreed    bool     `toml:"agreed"`
	Directory string   `toml:"directory"`
	Roots     string   `toml:"roots"` // PEM file
	Profile   string   `toml:"profile"`
	DNS       string   `toml:"dns"` // command
	HTTPPort  int      `toml:"http-port"`
	TLSPort   int      `toml:"tls-port"`
}

// acmeFolder is in the data folder.
const acmeFolder = "acme"

func acmeCertificates(dir string) string { return filepath.Join(dir, acmeFolder, "certificates") }

// openACME prepares getting certificates, if that is configured.
func (s *server) openACME() error {
	x := s.settings.ACME
	if x == nil {
		return nil
	}
	o := acme.Options{Dir: filepath.Join(s.store.dir, acmeFolder), Names: x.Names, Email: x.Email, Agreed: x.Agreed, Directory: x.Directory, Profile: x.Profile,
		HTTPPort: x.HTTPPort, TLSPort: x.TLSPort, Logger: s.logger,
		Changed: func(string) { s.certs.Reload() }} // what is wrong with a pair is logged
	if x.Roots != "" {
		data, err := os.ReadFile(x.Roots)
		if err != nil {
			return fmt.Errorf("acme: roots: %w", err)
		}
		if o.Roots = x509.NewCertPool(); !o.Roots.AppendCertsFromPEM(data) {
			return fmt.Errorf("acme: roots: %s holds no certificates in PEM", x.Roots)
		}
	}
	if x.DNS != "" {
		o.DNS = dnsCommand(x.DNS)
	}
	var err error
	s.acme, err = acme.Open(o)
	return err
}

// dnsCommand is a program that publishes TXT records: "COMMAND publish NAME VALUE", which ends when all servers of the zone have it, and
// "COMMAND withdraw NAME VALUE".
type dnsCommand string

// Publish implements [acme.DNS].
func (c dnsCommand) Publish(ctx context.Context, name, value string) error {
	return c.run(ctx, "publish", name, value)
}

// Withdraw implements [acme.DNS].
func (c dnsCommand) Withdraw(ctx context.Context, name, value string) error {
	return c.run(ctx, "withdraw", name, value)
}

func (c dnsCommand) run(ctx context.Context, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, issuerTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, string(c), args...)
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", string(c), strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
