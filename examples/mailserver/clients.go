package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailhavn/mailhavn/imapserver"
)

// hideRule keeps capabilities of IMAP from an account, from a mail program, or, where neither is named, from all.
type hideRule struct {
	Capabilities []string `toml:"capabilities"`
	Account      string   `toml:"account"` // before login none has a name
	Client       string   `toml:"client"`  // beginning of the name that it gives by ID
}

func (r hideRule) fits(user string, client map[string]string) bool {
	name := client["name"]
	return (r.Account == "" || strings.EqualFold(r.Account, user)) &&
		(len(name) >= len(r.Client) && strings.EqualFold(r.Client, name[:len(r.Client)]))
}

// hidden is the server's imapserver.Server.Hide.
func (s settings) hidden(user string, client map[string]string) []string {
	var names []string
	for _, r := range s.Hide {
		if r.fits(user, client) {
			names = append(names, r.Capabilities...)
		}
	}
	return names
}

// checkClients finds names in hide and strict that there are not.
func (s settings) checkClients() error {
	known := imapserver.Capabilities()
	for i, r := range s.Hide {
		if len(r.Capabilities) == 0 {
			return fmt.Errorf("hide, rule %d: capabilities is empty", i+1)
		}
		for _, name := range r.Capabilities {
			if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) }) {
				return fmt.Errorf("hide, rule %d: there is no capability %q to hide; there are %s", i+1, name, strings.Join(known, ", "))
			}
		}
	}
	var all []string
	for _, a := range imapserver.Accommodations() {
		all = append(all, a.Name)
	}
	for _, name := range s.Strict {
		if !slices.Contains(all, name) {
			return fmt.Errorf("strict: there is no accommodation %q; there are %s", name, strings.Join(all, ", "))
		}
	}
	return nil
}
