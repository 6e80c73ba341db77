package imapservertest

import (
	"slices"
	"strconv"
	"strings"
)

// command is a command that a session has sent and that is not answered yet.
type command struct {
	tag  string
	name string // upper case, with UID: "UID FETCH"
	args string // upper case, without literals and their bytes
	line string
}

// uses tells whether the command's arguments contain one of the words.
func (c *command) uses(words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(c.args, w) })
}

// newCommand takes tag, name and arguments from the first line of a command.
func newCommand(line string) *command {
	f := strings.Fields(strings.ToUpper(line))
	if len(f) < 2 {
		return &command{tag: strings.TrimSpace(line), line: line}
	}
	tag, _, _ := strings.Cut(line, " ")
	c := &command{tag: tag, name: f[1], line: line}
	rest := f[2:]
	if c.name == "UID" && len(f) > 2 {
		c.name, rest = "UID "+f[2], f[3:]
	}
	c.args = strings.Join(rest, " ")
	return c
}

// names tells whether the command's set surely has the UID.
func (c *command) names(uid uint32) bool {
	first, _, _ := strings.Cut(c.args, " ")
	set, _ := parseSet(first)
	return uid != 0 && set.has(uid)
}

// mailbox returns the first argument as it was sent.
func (c *command) mailbox() string {
	_, rest, _ := strings.Cut(c.line, " ")
	_, rest, _ = strings.Cut(rest, " ")
	if lit := literalForm.FindStringSubmatch(rest); lit != nil && strings.HasPrefix(rest, lit[0]) {
		rest = lit[4] // a Go string, or "" where it is a file
	}
	if quoted, err := strconv.QuotedPrefix(rest); err == nil {
		return quoted
	}
	name, _, _ := strings.Cut(rest, " ")
	return name
}

// selects tells whether the command opens a mailbox.
func (c *command) selects() bool { return c.name == "SELECT" || c.name == "EXAMINE" }

// enablesCondstore tells whether it is a CONDSTORE enabling command (RFC 7162, section 3.1).
func (c *command) enablesCondstore() bool {
	switch c.name {
	case "SELECT", "EXAMINE", "ENABLE":
		return c.uses("CONDSTORE", "QRESYNC")
	case "STATUS":
		return c.uses("HIGHESTMODSEQ")
	case "FETCH", "UID FETCH":
		return c.uses("MODSEQ", "CHANGEDSINCE")
	case "SEARCH", "UID SEARCH":
		return c.uses("MODSEQ ")
	case "STORE", "UID STORE":
		return c.uses("UNCHANGEDSINCE")
	}
	return false
}
