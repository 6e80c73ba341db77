//go:build interop

package imapserver

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/imapserver/imapservertest"
)

var nameScripts = flag.Int("exact.names", 10, "compare with Dovecot by so many random scripts of commands on mailboxes")

// TestExactNames compares the server with Dovecot in what it says of mailboxes with odd names.
func TestExactNames(t *testing.T) {
	s := newTestServer(t, nil)
	ours := imapservertest.Server{Name: "mailhavn", Dial: s.dialTLS, NewAccount: s.newAccount}
	scripts := oddScripts()
	for i := range *nameScripts {
		scripts = append(scripts, randomScript(rand.New(rand.NewPCG(*malformedSeed, uint64(i)))))
	}
	imapservertest.CompareCommands(t, imapservertest.Dovecot(t), ours, scripts, nameDifferences())
}

// oddNames are valid names, as they are written in a command.
var oddNames = []string{"a", "A", "a/b", "a/b/c", "a/b/c/d", "x", "x/y", "x/y/z", `"two words"`, `"b(1)"`, "&AOQ-", "&AOQ-/&ZeVnLIqe-", "Hi!", "{3+}\nlit", "l", "{3+}\nl/i", "{5+}\nl/i/t", "INBOX/sub", "inbox/Sub2", "INBOXES", `"#n"`, "Sent/2020", "&-", "a&-b"}

// notUTF7 are names that are no modified UTF-7 of printable text.
var notUTF7 = []string{"&", "a&b", "&AOQ", "&AOQ-&AOQ-", "&AGE-", "&Jjo!", "&2D3cAA-", "&2D0-", "{3+}\na\x01b", "{2+}\n\xe4x"}

// refusedNames are names that a server may refuse.
var refusedNames = []string{"/", "//", "/a", "a//b", "a/", `""`, `"."`, `".."`, `"a.b"`, `"a/../b"`, `"%"`, `"a*"`, `"a%b"`, "~a", `"~"`, "INBOX",
	"inbox", "iNbOx", "{2+}\n\xc3\xa4", `"b\\s"`, `"q\"q"`, `" lead"`, `"trail "`, strings.Repeat("l", 260), strings.Repeat("d/", 40) + "d"}

var oddPatterns = []string{`"" "*"`, `"" "%"`, `"" a`, `"" "a/%"`, `"" "a/*"`, `"" "%/%"`, `"" "*/%"`, `"" "%/b"`, `"" "a*"`, `"" "*c*"`, `"" "**"`, `"" "%%"`, `"" "*%"`, `"" "%*"`, `"" inbox`, `"" "iNb%"`, `"" "INBOX/%"`,
	`"" "inbox/*"`, `"" "InBoX*"`, `a "%"`, `a/ "%"`, `a/ "*"`, `"a/b/" "*"`, `"" "&AOQ-*"`, `"" "&AOQ-/%"`, `"" {1+}` + "\n*", `{2+}` + "\na/ {1+}\n%", `"" ""`, `a/b ""`, `"" "x/y"`, `"" "x/%/z"`, `"" "/*"`, `"/" "%"`, `"" "*/"`,
	`"" "&"`, `"" "nothing"`, `"" (a x/% "*c*")`, `"" ("%" "*")`, `inbox/ "%"`, `"" "%n%"`, `"" two*`, `"" "a/b/%/d"`, `"" "A"`}

var listForms = []string{"LIST %s", "LSUB %s", `LIST %s RETURN (SUBSCRIBED)`, `LIST %s RETURN (CHILDREN)`, `LIST %s RETURN (SPECIAL-USE)`, `LIST %s RETURN (STATUS (MESSAGES UNSEEN))`,
	`LIST %s RETURN (SUBSCRIBED CHILDREN SPECIAL-USE)`, `LIST (SUBSCRIBED) %s`, `LIST (SUBSCRIBED RECURSIVEMATCH) %s`, `LIST (RECURSIVEMATCH) %s`, `LIST (SUBSCRIBED RECURSIVEMATCH) %s RETURN (CHILDREN SUBSCRIBED)`,
	`LIST (SPECIAL-USE) %s`, `LIST (REMOTE) %s`, `LIST (SUBSCRIBED SPECIAL-USE) %s`, `LIST () %s`, `LIST %s RETURN ()`, `LIST (SUBSCRIBED REMOTE) %s RETURN (CHILDREN)`}

// nameCommands are asked of every name.
var nameCommands = []string{"STATUS %s (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)", "EXAMINE %s", "CREATE %s", "CREATE %s", "STATUS %s (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)", "SUBSCRIBE %s", "SUBSCRIBE %s",
	"APPEND %s {15+}\nSubject: a\n\nb", "SELECT %s", "NOOP", "CLOSE", "LIST \"\" %s", "LSUB \"\" %s", "RENAME %s renamed", "STATUS %s (MESSAGES)", "RENAME renamed %s", "STATUS %s (MESSAGES)", "DELETE %s", "DELETE %s", "UNSUBSCRIBE %s", "UNSUBSCRIBE %s", "LIST \"\" *", "LSUB \"\" *"}

// codeCommands are commands that fail, or tell something by a code.
var codeCommands = []string{
	"SELECT nothing", "EXAMINE nothing", "STATUS nothing (MESSAGES)", "DELETE nothing", "RENAME nothing other", "SUBSCRIBE nothing", "UNSUBSCRIBE nothing", "APPEND nothing {1+}\nx", "CREATE inbox", "DELETE inbox", "CREATE a", "CREATE a", "CREATE a/b",
	"RENAME a a", "RENAME a/b a", "RENAME a a/c", "RENAME a/b inbox", "RENAME a/b a/b/c", "DELETE a", "LIST \"\" a*", "DELETE a", "STATUS a (MESSAGES)", "SELECT a", "APPEND a {1+}\nx", "CREATE a", "LIST \"\" a*",
	"LIST \"\" *", "APPEND inbox (\\Seen) {1+}\nx", "APPEND inbox {1+}\ny", "STATUS inbox (MESSAGES UNSEEN UIDNEXT UIDVALIDITY RECENT HIGHESTMODSEQ)", "SELECT inbox", "COPY 1 nothing", "COPY 1 a", "COPY 9 a", "UID COPY 99 a",
	"UID COPY 99 nothing", "MOVE 1 nothing", "MOVE 1 a", "STATUS a (MESSAGES)", "EXAMINE a", "STORE 1 +FLAGS (\\Seen)", "EXPUNGE", "MOVE 1 inbox", "UID EXPUNGE 1", "UNSELECT", "FETCH 1 FLAGS", "DELETE a", "SELECT a/b", "DELETE a/b", "NOOP",
	"FETCH 1 FLAGS", "STATUS inbox ()", "STATUS inbox (NONSENSE)", "STATUS inbox MESSAGES", "LIST", "LIST \"\"", "LIST (NONSENSE) \"\" *", "LIST \"\" * RETURN (NONSENSE)", "NONSENSE", "SELECT", "APPEND inbox", "APPEND inbox (\\Nonsense) {1+}\nx",
	"APPEND inbox (\\Recent) {1+}\nx", "APPEND inbox \"31-Feb-2020 00:00:00 +0000\" {1+}\nx", "APPEND inbox {0+}\n", "SEARCH ALL", "CLOSE", "CREATE \"\"", "LOGIN a b", "AUTHENTICATE PLAIN", "STARTTLS", "SELECT inbox", "SEARCH CHARSET nonsense ALL", "SEARCH NONSENSE", "UID FETCH 1:* (FLAGS)", "FETCH 5 FLAGS", "STORE 1 FLAGS (\\Recent)", "STORE 1 FLAGS (a b c)", "UID STORE 77 FLAGS ()", "SORT (NONSENSE) UTF-8 ALL",
	"THREAD NONSENSE UTF-8 ALL", "ENABLE NONSENSE", "ENABLE CONDSTORE", "SELECT inbox (NONSENSE)", "UNSELECT", "UNSELECT", "CHECK", "EXPUNGE"}

// oddScripts are the scripts that are always run.
func oddScripts() [][]string {
	scripts := [][]string{codeCommands, patternScript(), {"CREATE g/h/i", `LIST "" g*`, "STATUS g (MESSAGES)"}, {"APPEND inbox {1+}\nx", "RENAME inbox moved", `LIST "" *`}, {"SUBSCRIBE nothing", `LSUB "" *`}}
	for _, name := range oddNames {
		scripts = append(scripts, append(superiors(name), each(name, nameCommands)...))
	}
	for _, name := range append(notUTF7, refusedNames...) {
		scripts = append(scripts, each(name, nameCommands))
	}
	return scripts
}

// superiors makes the levels above a name, which only ours makes itself.
func superiors(name string) (script []string) {
	text := strings.Trim(name[strings.Index(name, "\n")+1:], `"`)
	for i, c := range text {
		if c == '/' {
			script = append(script, fmt.Sprintf("CREATE {%d+}\n%s", i, text[:i]))
		}
	}
	return script
}

// patternScript makes a hierarchy with gaps, and lists it in all ways.
func patternScript() (script []string) {
	for _, name := range oddNames {
		script = append(script, "CREATE "+name)
	}
	script = append(script, "CREATE gap", "CREATE gap/below", "DELETE gap", "CREATE gone", "SUBSCRIBE gone", "DELETE gone", "SUBSCRIBE a/b/c/d", "SUBSCRIBE x/y", "SUBSCRIBE INBOX", "SUBSCRIBE gap/below", "SUBSCRIBE &AOQ-", "SUBSCRIBE Trash", "CREATE gap2", "CREATE gap2/a", "CREATE gap2/a/b", "SUBSCRIBE gap2/a/b",
		"DELETE gap2/a", "DELETE gap2/a/b", "APPEND a {1+}\nx")
	for _, pattern := range oddPatterns {
		script = append(script, each(pattern, listForms)...)
	}
	return script
}

// each puts something into commands.
func each(what string, commands []string) (script []string) {
	for _, command := range commands {
		script = append(script, strings.ReplaceAll(command, "%s", what))
	}
	return script
}

// randomScript changes mailboxes at random and looks at them.
func randomScript(rnd *rand.Rand) (script []string) {
	pick := func(list []string) string { return list[rnd.IntN(len(list))] }
	name := func() string {
		parts := make([]string, 1+rnd.IntN(3))
		for i := range parts {
			parts[i] = pick([]string{"a", "b", "cc", "INBOX", "&AOQ-", "Sent"})
		}
		if len(parts) > 1 && parts[0] == "INBOX" && rnd.IntN(2) == 0 {
			parts[0] = "inbox"
		}
		return strings.Join(parts, "/")
	}
	withSuperiors := func(name string) string {
		script = append(script, superiors(name)...)
		return name
	}
	for range 60 {
		switch rnd.IntN(8) {
		case 0, 1:
			script = append(script, "CREATE "+withSuperiors(name()))
		case 2:
			script = append(script, "DELETE "+name())
		case 3:
			to := withSuperiors(name())
			script = append(script, fmt.Sprintf("RENAME %s %s", pick([]string{"a", "b", "cc", "a/b", "b/a", "&AOQ-", "Sent/a"}), to))
		case 4:
			to := withSuperiors(name())
			script = append(script, "CREATE "+to, "SUBSCRIBE "+to)
		case 5:
			script = append(script, "UNSUBSCRIBE "+name())
		case 6:
			script = append(script, fmt.Sprintf("STATUS %s (MESSAGES UIDNEXT UNSEEN)", name()))
		case 7:
			script = append(script, strings.ReplaceAll(pick(listForms), "%s", pick(oddPatterns)))
		}
	}
	return append(script, `LIST "" *`, `LSUB "" *`, `LIST (SUBSCRIBED) "" * RETURN (CHILDREN)`)
}
