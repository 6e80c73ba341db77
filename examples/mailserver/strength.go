package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/mailhavn/mailhavn/passwd/policy"
)

// policyFlag says how good a password must be.
type policyFlag struct {
	Policy string `name:"policy" enum:"asvs,nist,runbox,none" default:"asvs" help:"Rules for passwords: asvs (OWASP ASVS 5.0), nist (NIST SP 800-63B-4), runbox, none."`
}

func (f policyFlag) rules() policy.Policy {
	switch f.Policy {
	case "nist":
		return policy.NIST63B4(false)
	case "runbox":
		return policy.RunboxClassic()
	case "none":
		return policy.Policy{}
	}
	return policy.ASVS5()
}

// check says why a password cannot be used. On a terminal it shows how strong it is, and what would make it stronger.
func (f policyFlag) check(w io.Writer, terminal bool, password string, context policy.Context) error {
	if password == "" {
		return nil // which is no password at all: the user file says so
	}
	r := f.rules().Check(password, context)
	if terminal {
		fmt.Fprintln(w, bar(r.Score))
	}
	if r.OK && r.Score > 2 {
		return nil
	}
	if terminal || !r.OK {
		for _, line := range r.Advice() {
			fmt.Fprintln(w, "  "+line)
		}
	}
	if r.OK {
		return nil
	}
	return fmt.Errorf("%w (--policy chooses other rules; a good one: %s)", r.Err(), policy.Passphrase(0))
}

// bar draws a score of 0 to 4.
func bar(score int) string {
	words := []string{"very weak", "weak", "fair", "strong", "very strong"}
	full := 4 * (score + 1)
	return fmt.Sprintf("[%s%s] %s", strings.Repeat("#", full), strings.Repeat("-", 20-full), words[score])
}
