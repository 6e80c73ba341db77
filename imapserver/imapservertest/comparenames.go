package imapservertest

import (
	"slices"
	"strings"
	"testing"
)

// CompareCommands gives two servers the same commands, each script to an account of its own, and compares the answers: the condition and
// the response code, and the untagged LIST, LSUB and STATUS responses in any order. Numbers that servers choose are left out. A line of a
// script is a command; line ends in it are written as "\n". Where only one server did what it was told to do, a script ends: what follows
// would differ because of that. What differs and is not known fails the test, and so does a known difference
// that never occurs. A table of what was compared goes to the log.
func CompareCommands(t testing.TB, want, got Server, scripts [][]string, known []Difference) {
	c := newComparison(t, known)
	for _, script := range scripts {
		c.want, c.got = newAsker(t, want), newAsker(t, got)
		for _, command := range script {
			command = strings.ReplaceAll(command, "\n", "\r\n")
			q := Question{Command: command, Want: c.want.told(command), Got: c.got.told(command)}
			c.answered(commandKind(command), q)
			if parts(q) {
				break
			}
		}
		c.want.conn.Close()
		c.got.conn.Close()
	}
	c.report()
}

// parts tells whether a command has changed only one server.
func parts(q Question) bool {
	kind := commandKind(q.Command)
	return strings.HasPrefix(q.Want, "OK") != strings.HasPrefix(q.Got, "OK") && !strings.HasPrefix(kind, "LIST") && kind != "LSUB" && kind != "STATUS"
}

// commandKind is the name of a command, and of LIST also what is asked for.
func commandKind(command string) string {
	kind, _, _ := strings.Cut(command, " ")
	if kind == "LIST" && strings.Contains(command, "(") {
		return "LIST-EXTENDED"
	}
	return kind
}

// told asks a command and returns what matters of the answer.
func (a *asker) told(command string) string {
	a.t.Helper()
	a.send(command)
	var lines []string
	for {
		r, err := readResponse(a.r)
		if err != nil {
			a.conn.Close()
			a.connect()
			return ConnectionLost
		}
		if r.tagged() {
			slices.Sort(lines)
			return strings.TrimSpace(r.word(0)+" "+toldCode(r.code())) + "\n" + strings.Join(lines, "\n")
		}
		switch r.word(0) {
		case "LIST", "LSUB":
			slices.SortFunc(r.body[1].list, func(a, b value) int { return strings.Compare(strings.ToLower(a.text), strings.ToLower(b.text)) })
			for _, extended := range r.body[min(4, len(r.body)):] {
				for i := range extended.list {
					extended.list[i].kind = max(extended.list[i].kind, str) // tags are atoms or strings
				}
			}
			lines = append(lines, join(r.body))
		case "STATUS":
			lines = append(lines, join(toldStatus(r.body)))
		}
	}
}

// chosen are the codes and items of which servers choose the numbers.
var chosen = []string{"UIDVALIDITY", "UIDNEXT", "HIGHESTMODSEQ", "APPENDUID", "COPYUID", "MAILBOXID"}

func toldCode(code []value) string {
	if len(code) == 0 {
		return ""
	}
	if name := strings.ToUpper(code[0].text); slices.Contains(chosen, name) {
		return "[" + name + "]"
	}
	return "[" + join(code) + "]"
}

// toldStatus is a STATUS response with its items in order, without the numbers that servers choose.
func toldStatus(body []value) []value {
	items := body[2].list
	var pairs []string
	for i := 0; i+1 < len(items); i += 2 {
		name, number := strings.ToUpper(items[i].text), items[i+1].text
		if slices.Contains(chosen, name) && name != "UIDNEXT" {
			number = "#"
		}
		pairs = append(pairs, name+" "+number)
	}
	slices.Sort(pairs)
	name := body[1].text
	if first, rest, _ := strings.Cut(name, "/"); strings.EqualFold(first, "INBOX") { // in whatever case
		name = strings.TrimSuffix("INBOX/"+rest, "/")
	}
	return []value{body[0], {kind: str, text: name}, {kind: text, text: "(" + strings.Join(pairs, " ") + ")"}}
}
