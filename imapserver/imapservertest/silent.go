package imapservertest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// silentForm is a STORE whose result the client has to compute: set, operation, flags.
var silentForm = regexp.MustCompile(`^([\d:,*]+) (?:\(UNCHANGEDSINCE \d+\) )?([+-]?)FLAGS\.SILENT \(?([^()]*)\)?$`)

// silentStore applies what a STORE .SILENT did (RFC 9051, section 6.4.6): the server does not tell a change that the
// client can compute. Where it told flags all the same, those are the result.
func (b *mailbox) silentStore(c *command, r response) {
	f := silentForm.FindStringSubmatch(c.args)
	var set numSet
	if f != nil {
		set, _ = parseSet(strings.ReplaceAll(f[1], "*", strconv.Itoa(b.last(c))))
	}
	if strings.Contains(c.args, "*") { // whether it was one of those that came meanwhile, nobody can tell
		for i := b.before; i < len(b.messages); i++ {
			b.messages[i].known = b.messages[i].fresh
		}
	}
	var modified numSet
	if code := r.code(); r.codeName() == "MODIFIED" && len(code) == 2 {
		modified, _ = parseSet(code[1].text)
	}
	for i := range b.messages {
		msg := &b.messages[i]
		n := uint32(i + 1)
		if c.name == "UID STORE" {
			n = msg.uid
		}
		switch {
		case msg.fresh:
		case set == nil || n == 0 || set.has(n) && r.word(0) != "OK":
			msg.known = false
		case set.has(n) && !modified.has(n):
			msg.flags = storedFlags(msg.flags, f[2], strings.Fields(strings.ToLower(f[3])))
			msg.known = msg.known || f[2] == "" && i < b.before
		}
	}
}

// last returns what "*" stands for in the command's set, as far as the client knows.
func (b *mailbox) last(c *command) int {
	n := min(b.before, len(b.messages))
	if c.name == "UID STORE" && n > 0 {
		return int(b.messages[n-1].uid)
	}
	return n
}

// storedFlags returns what becomes of flags by an operation "", "+" or "-".
func storedFlags(flags, op string, words []string) string {
	have := strings.Fields(flags)
	switch op {
	case "+":
		have = append(have, words...)
	case "-":
		have = slices.DeleteFunc(have, func(w string) bool { return slices.Contains(words, w) })
	default:
		have = words
	}
	return flagString(have)
}
