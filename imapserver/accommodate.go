package imapserver

import (
	"slices"
	"strings"
)

// An Accommodation is a fault of mail programs that the server puts up with.
type Accommodation struct {
	Name  string // by which [Server.Strict] switches it off
	Fault string // what programs send or do
	Help  string // what the server does about it
}

// The names of the accommodations.
const (
	emptyLines         = "empty-lines"
	straySpaces        = "stray-spaces"
	trailingSeparators = "trailing-separators"
	shortDates         = "short-dates"
	office365          = "office365-uidonly"
)

var accommodations = []Accommodation{
	{emptyLines, "a line without anything between two commands, as after a literal", "passes it over"},
	{straySpaces, "several spaces instead of one, and spaces inside parentheses", "passes them over"},
	{trailingSeparators, `a mailbox name with the separator at its end, as "Work/"`, "takes it for the name without"},
	{shortDates, `APPEND with a date such as "1-Feb-2026 ..." instead of " 1-Feb-2026 ..."`, "takes it"},
	{office365, "Microsoft Office 365 enables UIDONLY and then uses sequence numbers", "hides UIDONLY from it"},
}

// Accommodations returns the faults of mail programs that the server puts up with. All of them are unambiguous: nothing that RFC 9051
// allows gets another meaning. Everything else that is wrong is answered with BAD and the place.
func Accommodations() []Accommodation { return slices.Clone(accommodations) }

// accommodates tells whether an accommodation is switched on.
func (s *Server) accommodates(name string) bool { return !slices.Contains(s.Strict, name) }

// unknownStrict returns a name in Strict that is none.
func (s *Server) unknownStrict() (string, bool) {
	for _, name := range s.Strict {
		if !slices.ContainsFunc(accommodations, func(a Accommodation) bool { return a.Name == name }) {
			return name, true
		}
	}
	return "", false
}

// accommodate returns what is kept from a client for its own good.
func (s *Server) accommodate(client map[string]string) []string {
	if strings.EqualFold(client["name"], "Microsoft Office 365") && s.accommodates(office365) {
		return []string{"UIDONLY"}
	}
	return nil
}
