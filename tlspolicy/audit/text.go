package audit

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Text writes the report for a person at a terminal. Control characters that the
// server sent are written escaped.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(printable(fmt.Sprintf(format, args...)) + "\n") }
	line("%s (%s, %s): grade %s", r.Address, r.Name, r.Protocol, r.Grade.Letter)
	line("  score %d of 100: versions %d, key exchange %d, ciphers %d", r.Grade.Score, r.Grade.Protocol, r.Grade.KeyExchange, r.Grade.Cipher)
	for _, reason := range r.Grade.Reasons {
		line("    %s", reason)
	}
	line("")
	for _, v := range r.Versions {
		line("%s%s", v.Name, v.groups())
		for _, s := range v.Suites {
			line("  %04X  %-48s %3d bits%s", s.ID, s.Name, s.Bits, s.remarks())
		}
	}
	line("")
	for _, c := range r.Certificates {
		line("certificate for %s", c.title())
		line("  %s, signed with %s, issued by %s", c.Key, c.Signature, c.Issuer)
		line("  from %s to %s, %d in the chain", c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly), len(c.Chain))
	}
	line("sessions: %s", r.Sessions)
	line("application protocols: %s", r.protocols())
	line("")
	for _, f := range r.Findings {
		line("%-8s %s: %s", f.Severity, f.ID, f.Detail)
		line("         %s (%s)", f.Fix, f.Source)
	}
	if len(r.Findings) == 0 {
		line("nothing found")
	}
	for _, n := range r.Notes {
		line("note     %s", n)
	}
	for _, u := range r.Unknown {
		line("unknown  %s", u)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printable escapes what a terminal would obey.
func printable(s string) string {
	quoted := fmt.Sprintf("%q", s)
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted[1 : len(quoted)-1])
}

func (v Version) groups() string {
	var words []string
	for _, g := range v.Groups {
		words = append(words, g.Name)
	}
	if len(words) == 0 {
		return ""
	}
	return ", groups " + strings.Join(words, " ")
}

func (s Suite) remarks() string {
	var words []string
	if !s.ForwardSecret {
		words = append(words, "no forward secrecy")
	}
	if !s.AEAD {
		words = append(words, "no authenticated encryption")
	}
	if len(words) == 0 {
		return ""
	}
	return ", " + strings.Join(words, ", ")
}

// title is whom a certificate was shown to, and whom it is for.
func (c Certificate) title() string {
	var words []string
	for _, name := range c.Names {
		words = append(words, orNobody(name))
	}
	return fmt.Sprintf("%s: %s", strings.Join(words, ", "), strings.Join(c.DNSNames, ", "))
}

func (s Sessions) String() string {
	life := fmt.Sprintf("for %v", s.TicketLife)
	if s.TicketLife == 0 {
		life = "that do not say how long they live"
	}
	switch {
	case !s.Tickets:
		return "no tickets"
	case !s.Resumes:
		return "tickets " + life + ", which open nothing"
	}
	return "resumed by tickets " + life
}

func (r *Report) protocols() string {
	text := "none"
	if r.ALPN != "" {
		text = r.ALPN
	}
	if r.ALPNStrict {
		return text + ", others are refused"
	}
	return text + ", others are served as well"
}
