package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailhavn/mailhavn/pgp"
)

type versionCommand struct {
	Extended bool `help:"Print more."`
	Backend  bool `help:"Print the version of what does the work."`
	SopSpec  bool `help:"Print which draft this follows."`
	Sopv     bool `help:"Print which version of the subset for verification this has."`
}

func (v *versionCommand) Run(c console) error {
	switch {
	case v.SopSpec:
		fmt.Fprintln(c.out, "~draft-dkg-openpgp-stateless-cli-10")
	case v.Sopv:
		fmt.Fprintln(c.out, "1.0")
	default:
		fmt.Fprintln(c.out, "mailhavn-sop 0.1")
	}
	return nil
}

// profiles are those of generate-key. The first is the default.
var profiles = []struct {
	name, text string
	profile    pgp.Profile
}{
	{"compatible", "version 4, Ed25519 and Curve25519; every program reads it", pgp.Compatible},
	{"rfc4880", "version 4, RSA with 4096 bits", pgp.RSA4096},
	{"rfc9580", "version 6, Ed25519 and X25519", pgp.Modern},
	{"rfc9980", "version 6, ML-DSA-65+Ed25519 and ML-KEM-768+X25519", pgp.PostQuantum},
}

type listProfilesCommand struct {
	Subcommand string `arg:"" help:"The subcommand."`
}

func (l *listProfilesCommand) Run(c console) error {
	switch l.Subcommand {
	case "generate-key":
		for _, p := range profiles {
			fmt.Fprintf(c.out, "%s: %s\n", p.name, p.text)
		}
	case "encrypt":
		fmt.Fprintln(c.out, "default: the form that all recipients can read")
	default:
		return fail(unsupportedProfile, "%s has no profiles", l.Subcommand)
	}
	return nil
}

type generateKeyCommand struct {
	NoArmor         bool     `help:"Write binary data."`
	Profile         string   `default:"default" help:"See list-profiles."`
	WithKeyPassword string   `help:"File with the password of the key."`
	UserID          []string `arg:"" optional:"" help:"Whose key it is: Name <address>."`
}

func (g *generateKeyCommand) Run(c console) error {
	i := slices.IndexFunc(profiles, func(p struct {
		name, text string
		profile    pgp.Profile
	}) bool {
		return p.name == g.Profile
	})
	switch {
	case g.Profile == "default":
		i = 0
	case i < 0:
		return fail(unsupportedProfile, "there is no profile %s", g.Profile)
	case len(g.UserID) > 1:
		return fail(unsupportedOption, "one user ID only")
	}
	n := pgp.NewKey{Profile: profiles[i].profile}
	if len(g.UserID) == 1 {
		n.Name, n.Email = splitUserID(g.UserID[0])
	}
	if g.WithKeyPassword != "" {
		all, err := passwords([]string{g.WithKeyPassword})
		if err != nil {
			return err
		}
		n.Passphrase = all[0]
	}
	k, err := pgp.Generate(n)
	if err != nil {
		return err
	}
	return c.keys(g.NoArmor, k)
}

func splitUserID(id string) (name, email string) {
	before, after, ok := strings.Cut(id, "<")
	switch {
	case ok:
		return strings.TrimSpace(before), strings.TrimSuffix(strings.TrimSpace(after), ">")
	case strings.Contains(id, "@"):
		return "", id
	}
	return id, ""
}

// stdinKeys reads private keys from standard input and unlocks them.
func (c console) stdinKeys(passwordNames []string) ([]*pgp.Key, error) {
	keys, err := pgp.ReadKeys(c.in)
	if err != nil {
		return nil, err
	}
	tries, err := passwords(passwordNames)
	if err != nil {
		return nil, err
	}
	for i, k := range keys {
		if keys[i] = unlock(k, tries); !k.Private() {
			return nil, fail(badData, "%s is no private key", k.Fingerprint())
		}
	}
	return keys, nil
}

type changePasswordCommand struct {
	NoArmor        bool     `help:"Write binary data."`
	OldKeyPassword []string `help:"Files with old passwords."`
	NewKeyPassword string   `help:"File with the new password; none leaves the keys unlocked."`
}

func (p *changePasswordCommand) Run(c console) error {
	keys, err := c.stdinKeys(p.OldKeyPassword)
	if err != nil {
		return err
	}
	for i, k := range keys {
		if k.Locked() {
			return fail(keyIsProtected, "no password unlocks %s", k.Fingerprint())
		}
		if p.NewKeyPassword == "" {
			continue
		}
		password, err := passwords([]string{p.NewKeyPassword})
		if err != nil {
			return err
		}
		if keys[i], err = k.Lock(password[0]); err != nil {
			return err
		}
	}
	return c.keys(p.NoArmor, keys...)
}

type revokeKeyCommand struct {
	NoArmor         bool     `help:"Write binary data."`
	WithKeyPassword []string `help:"Files with passwords of the keys."`
}

func (r *revokeKeyCommand) Run(c console) error {
	keys, err := c.stdinKeys(r.WithKeyPassword)
	if err != nil {
		return err
	}
	for i, k := range keys {
		revoked, err := k.Revoke(pgp.RevokedForNoReason, "", time.Time{})
		if err != nil {
			return err
		}
		keys[i] = revoked.Public()
	}
	return c.keys(r.NoArmor, keys...)
}

type extractCertCommand struct {
	NoArmor bool `help:"Write binary data."`
}

func (e *extractCertCommand) Run(c console) error {
	keys, err := c.stdinKeys(nil)
	if err != nil {
		return err
	}
	for i, k := range keys {
		keys[i] = k.Public()
	}
	return c.keys(e.NoArmor, keys...)
}

type mergeCertsCommand struct {
	NoArmor bool     `help:"Write binary data."`
	Certs   []string `arg:"" optional:"" help:"Files with news about the certificates."`
}

func (m *mergeCertsCommand) Run(c console) error {
	keys, err := pgp.ReadKeys(c.in)
	if err != nil {
		return err
	}
	news, err := certificates(m.Certs)
	if err != nil {
		return err
	}
	for i := range keys {
		for _, other := range news {
			if other.Fingerprint() != keys[i].Fingerprint() {
				continue
			}
			if keys[i], err = keys[i].Merge(other.Public()); err != nil {
				return err
			}
		}
	}
	return c.keys(m.NoArmor, slices.CompactFunc(keys, func(a, b *pgp.Key) bool { return bytes.Equal(a.Bytes(), b.Bytes()) })...)
}
