package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/mailhavn/mailhavn/tlspolicy/lint"
)

// settings are the options of serve, by flag and, under the same names, by TOML file. Flags win. Hide and ACME are in files only.
type settings struct {
	Data           string `name:"data" toml:"data" placeholder:"DIR" help:"Folder of all data (default: $XDG_DATA_HOME/mailhavn or ~/.local/share/mailhavn)."`
	IMAPS          string `name:"imaps" toml:"imaps" placeholder:"ADDR" help:"Listen for IMAP with TLS, for instance :993; port 0 takes any free one."`
	IMAP           string `name:"imap" toml:"imap" placeholder:"ADDR" help:"Listen for IMAP with STARTTLS, for instance :143."`
	LMTP           string `name:"lmtp" toml:"lmtp" placeholder:"ADDR" help:"Listen for deliveries by LMTP, at an address or unix:PATH."`
	AuthSocket     string `name:"auth-socket" toml:"auth-socket" placeholder:"unix:PATH" help:"Let Postfix or Exim authenticate their clients here, by the Dovecot protocol."`
	UsersSocket    string `name:"users-socket" toml:"users-socket" placeholder:"unix:PATH" help:"Let Postfix look recipients up here, by the socketmap protocol."`
	WKD            string `name:"wkd" toml:"wkd" placeholder:"ADDR" help:"Publish the OpenPGP keys of accounts here as a Web Key Directory over HTTPS, for instance :443."`
	ClientCA       string `name:"client-ca" toml:"client-ca" placeholder:"FILE" help:"Let clients log in with certificates of this authority, PEM, by the address in them."`
	OAuthIssuer    string `name:"oauth-issuer" toml:"oauth-issuer" placeholder:"URL" help:"Let clients log in with tokens (JWT) of this issuer, by the verified address in them."`
	OAuthKeys      string `name:"oauth-keys" toml:"oauth-keys" placeholder:"URL" help:"Where the issuer publishes its keys (jwks_uri)."`
	OAuthAudience  string `name:"oauth-audience" toml:"oauth-audience" placeholder:"NAME" help:"Name of this service in the tokens."`
	Cert           string `name:"cert" toml:"cert" placeholder:"FILE" help:"Certificate chain, PEM (default: a self-signed one in the data folder)."`
	Key            string `name:"key" toml:"key" placeholder:"FILE" help:"Private key of the certificate, PEM."`
	Certs          string `name:"certs" toml:"certs" placeholder:"DIR" help:"Folder of certificates for many names, as ACME clients leave them; clients get the one for the name they ask for."`
	Issuer         string `name:"issuer" toml:"issuer" placeholder:"COMMAND" help:"Program that has certificates issued and revoked, for tls drill."`
	SessionTickets bool   `name:"session-tickets" toml:"session-tickets" help:"Let clients resume sessions, under keys that live a day at most (default: every connection has a full handshake)."`
	TLSPolicy      string `name:"tls-policy" toml:"tls-policy" placeholder:"NAME" help:"modern, intermediate or strict (default: intermediate)."`
	Hostname       string `name:"hostname" toml:"hostname" placeholder:"NAME" help:"Name of this server in Received fields and in a self-signed certificate (default: the machine's)."`
	Postmaster     string `name:"postmaster" toml:"postmaster" placeholder:"NAME" help:"Account that gets mail to postmaster where no account has that name."`
	MaxMessageSize int64  `name:"max-message-size" toml:"max-message-size" placeholder:"BYTES" help:"Largest message (default: 67108864, which is 64 MiB)."`
	LogLevel       string `name:"log-level" toml:"log-level" placeholder:"LEVEL" help:"debug, info, warn or error (default: info)."`

	LintAllow []string `name:"lint-allow" toml:"lint-allow" placeholder:"NAME" help:"Faults of certificates that do not keep them from being served, by the names that mailserver tls report shows."`

	Strict []string   `name:"strict" toml:"strict" placeholder:"NAME" help:"Faults of mail programs not to put up with: empty-lines, stray-spaces, trailing-separators, short-dates, office365-uidonly."`
	Hide   []hideRule `kong:"-" toml:"hide"`
	ACME   *acmeTable `kong:"-" toml:"acme"`
}

// Where a server listens that is told nothing: loopback, ports that need no privilege.
const (
	defaultIMAPS = "127.0.0.1:1993"
	defaultIMAP  = "127.0.0.1:1143"
	defaultLMTP  = "127.0.0.1:2424"
)

const defaultMaxMessageSize = 64 << 20

// resolve reads the file, if one is named, puts the flags over it and defaults under it, and checks the whole.
func (flags settings) resolve(file string) (settings, error) {
	var s settings
	if file != "" {
		if err := s.read(file); err != nil {
			return s, err
		}
	}
	s.overlay(flags)
	if err := s.complete(); err != nil {
		return s, err
	}
	return s, s.check()
}

// read fills s from a TOML file.
func (s *settings) read(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	known, err := toml.Decode(string(text), s)
	if err != nil {
		var syntax toml.ParseError
		if errors.As(err, &syntax) {
			return fmt.Errorf("%s:%d: %s", file, syntax.Position.Line, syntax.Message)
		}
		return fmt.Errorf("%s: %w", file, err)
	}
	if unknown := known.Undecoded(); len(unknown) > 0 {
		name := unknown[0].String()
		return fmt.Errorf("%s:%d: there is no setting %q; the settings are the options of mailserver serve", file, lineOf(string(text), name), name)
	}
	return nil
}

// lineOf returns the line that sets a top-level key or begins a table; 0 where it is written in an unusual way.
func lineOf(text, key string) int {
	first, _, _ := strings.Cut(key, ".")
	for i, line := range strings.Split(text, "\n") {
		name := strings.TrimLeft(line, " \t[\"'")
		if rest, ok := strings.CutPrefix(name, first); ok && strings.ContainsAny(rest[:min(1, len(rest))], " \t=.]\"'") {
			return i + 1
		}
	}
	return 0
}

// overlay takes what is set in over.
func (s *settings) overlay(over settings) {
	to, from := reflect.ValueOf(s).Elem(), reflect.ValueOf(over)
	for i := range from.NumField() {
		if !from.Field(i).IsZero() {
			to.Field(i).Set(from.Field(i))
		}
	}
}

// complete sets what is not set.
func (s *settings) complete() (err error) {
	if s.IMAPS == "" && s.IMAP == "" && s.LMTP == "" {
		s.IMAPS, s.IMAP, s.LMTP = defaultIMAPS, defaultIMAP, defaultLMTP
	}
	if s.MaxMessageSize == 0 {
		s.MaxMessageSize = defaultMaxMessageSize
	}
	if s.LogLevel == "" {
		s.LogLevel = "info"
	}
	if s.Hostname == "" {
		if s.Hostname, err = os.Hostname(); err != nil {
			return fmt.Errorf("the machine does not tell its name, set hostname: %w", err)
		}
	}
	s.Data, err = dataFolder(s.Data)
	return err
}

func (s *settings) check() error {
	_, err := s.policy()
	switch {
	case err != nil:
		return fmt.Errorf("tls-policy: %w", err)
	case (s.Cert == "") != (s.Key == ""):
		return errors.New("cert and key go together: give both, or neither for a self-signed certificate")
	case s.MaxMessageSize < 1<<10 || s.MaxMessageSize >= 1<<32:
		return fmt.Errorf("max-message-size %d is not between 1024 and 4294967295", s.MaxMessageSize)
	case !isSocket(s.AuthSocket) || !isSocket(s.UsersSocket):
		return errors.New("auth-socket and users-socket are of the form unix:PATH, in a folder that only the mail transfer agent can open")
	case sanitizeHost(s.Hostname) != s.Hostname:
		return fmt.Errorf("hostname %q is not the name of a host", s.Hostname)
	}
	for _, name := range s.LintAllow {
		if !lint.Known(name) {
			return fmt.Errorf("lint-allow: there is no lint %q; mailserver tls report shows the names", name)
		}
	}
	return s.checkClients()
}

func isSocket(addr string) bool { return addr == "" || strings.HasPrefix(addr, "unix:") }

// dataFolder returns the data folder's absolute path; dir is "" where none was named.
func dataFolder(dir string) (string, error) {
	if dir != "" {
		return filepath.Abs(dir)
	}
	if base := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "mailhavn"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("there is no home folder, name a data folder with --data: %w", err)
	}
	return filepath.Join(home, ".local", "share", "mailhavn"), nil
}
