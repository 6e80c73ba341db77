//go:build interop

package imapserver

import (
	"regexp"
	"slices"
	"strings"

	"github.com/mailhavn/mailhavn/imapserver/imapservertest"
)

// nameDifferences are those of which we know which server is right. The first that recognises a difference counts it.
func nameDifferences() []imapservertest.Difference {
	return []imapservertest.Difference{
		{
			Name: "the identity of a mailbox", Why: "RFC 8474, section 4.1: CREATE tells it; Dovecot has no OBJECTID",
			Without: func(_, answer string) string { return strings.Replace(answer, "OK [MAILBOXID]", "OK", 1) },
		},
		{
			Name: "whether there is something new", Why: `RFC 9051, section 7.3.1: a server that does not know gives neither \Marked nor \Unmarked; ours does not tell it by LIST`, Rare: true,
			Without: func(_, answer string) string { return attributes(answer, `\Marked`, `\UnMarked`) },
		},
		{
			Name: "children that were not asked for", Why: "RFC 5258, section 4: they may be told to all; ours tells them always, Dovecot where no option is given",
			Without: func(command, answer string) string {
				if !isExtended(command) || strings.Contains(command, "CHILDREN") {
					return answer
				}
				return attributes(answer, `\HasChildren`, `\HasNoChildren`)
			},
		},
		{
			Name: "special uses that were not asked for", Why: "RFC 6154, section 2: they may be told to all; ours tells them always by LIST, Dovecot where no option is given, and by LSUB",
			Without: func(command, answer string) string {
				if !isExtended(command) && !strings.HasPrefix(command, "LSUB") || strings.Contains(command, "SPECIAL-USE") {
					return answer
				}
				return attributes(answer, `\Archive`, `\Drafts`, `\Junk`, `\Sent`, `\Trash`)
			},
		},
		{
			Name: "children that are only subscribed to", Why: "RFC 5258, section 4: children are mailboxes; Dovecot counts a subscription without one",
			Without: func(_, answer string) string {
				lines := strings.Split(answer, "\n")
				for i, line := range lines {
					if strings.Contains(line, "CHILDINFO") {
						lines[i] = attributes(line, `\HasChildren`, `\HasNoChildren`)
					}
				}
				return strings.Join(lines, "\n")
			},
		},
		{
			Name: "a name that cannot be selected", Why: `RFC 9051, section 7.3.1: \NonExistent implies \Noselect; ours gives both, for clients that know one of them only; ` +
				"Dovecot forgets both where a mailbox with inferiors was deleted, of which STATUS and SELECT say that it does not exist",
			Without: func(_, answer string) string { return attributes(answer, `\NonExistent`, `\Noselect`) },
		},
		{
			Name: "STATUS of the selected mailbox", Why: "RFC 5530, section 3: CLIENTBUG may be told; clients do this, and RFC 9051, section 6.3.11, wants the answer to be right",
			Without: func(_, answer string) string { return strings.Replace(answer, "OK [CLIENTBUG]", "OK", 1) },
		},
		{
			Name: "RENAME that is wrong in two ways", Why: "RFC 9051, section 6.3.6: both are errors; ours looks first whether the new name exists",
			Is: func(q question) bool {
				return strings.HasPrefix(q.Command, "RENAME") && q.Want == "NO [NONEXISTENT]\n" && q.Got == "NO [ALREADYEXISTS]\n"
			},
		},
		{
			Name: "LSUB with several patterns", Why: "RFC 3501, section 9: only LIST may have them",
			Is: func(q question) bool { return has([]byte(q.Command), `^LSUB \S+ \(`) && q.Got == "BAD\n" },
		},
		{
			Name: "a code that tells more", Why: "RFC 5530, section 3: NONEXISTENT, CANNOT and ALREADYEXISTS say why; Dovecot has NO alone for some",
			Is: func(q question) bool {
				return q.Want == "NO\n" && slices.Contains([]string{"NO [NONEXISTENT]\n", "NO [CANNOT]\n", "NO [ALREADYEXISTS]\n"}, q.Got)
			},
		},
		{
			Name: "a name that is no modified UTF-7", Why: "RFC 3501, section 5.1.3: such a name is an invalid argument, for which section 6 has BAD; Dovecot has NO, or lists nothing",
			Is: func(q question) bool {
				lists := strings.HasPrefix(q.Command, "LIST") || strings.HasPrefix(q.Command, "LSUB")
				return (q.Want == "NO\n" || lists && strings.HasPrefix(q.Want, "OK\n")) && q.Got == "BAD\n" && slices.ContainsFunc(notUTF7, func(name string) bool {
					words := strings.Fields(name)
					return slices.Contains(strings.Fields(strings.ReplaceAll(q.Command, `"`, "")), words[len(words)-1])
				})
			},
		},
		{
			Name: "names with a dot or a tilde", Why: `RFC 9051, section 5.1: only the separator, which is "/", is special; Dovecot keeps mailboxes by these names in a Maildir++`,
			Is: func(q question) bool {
				return strings.HasPrefix(q.Want, "NO [CANNOT]") && has([]byte(q.Command), `"[^"]*\.[^"]*"|~`)
			},
		},
		{
			Name: "a separator at the end", Why: "RFC 9051, section 6.3.4: CREATE takes it away; ours does so for every command, Dovecot refuses others",
			Is: func(q question) bool {
				return strings.HasPrefix(q.Want, "NO") && has([]byte(q.Command), `^\w+ a/( |$)`)
			},
		},
		{
			Name: "a subscription that Dovecot forgets", Why: "RFC 5258, section 3.2: RETURN (SUBSCRIBED) tells the state of each mailbox; Dovecot has it for Trash with % but not with *", Rare: true,
			Is: func(q question) bool {
				return q.Want == attributes(strings.Replace(q.Got, `LIST (\Subscribed) "/" Trash`, `LIST () "/" Trash`, 1))
			},
		},
		{
			Name: "the root of a reference", Why: "RFC 9051, section 6.3.9: it may be the empty string if the reference is not rooted; Dovecot gives the first level",
			Is: func(q question) bool { return q.Command == `LIST a/b ""` },
		},
		{
			Name: "UTF-8 in a name", Why: "RFC 9051, section 5.1: names are UTF-8; Dovecot 2.3 takes modified UTF-7 only",
			Is: func(q question) bool { return q.Want == "NO\n" && has([]byte(q.Command), `\x{e4}`) },
		},
		{
			Name: "a name of 260 octets", Why: "RFC 9051, section 5.1, has no limit; Dovecot's is that of a file's name",
			Is: func(q question) bool { return q.Want == "NO [CANNOT]\n" && has([]byte(q.Command), `l{260}`) },
		},
		{
			Name: "names that are patterns", Why: "RFC 9051, section 5.1: * and % in names are a trap for clients; ours does not make such mailboxes",
			Is: func(q question) bool {
				return strings.HasPrefix(q.Want, "OK") && q.Got == "NO [CANNOT]\n" && has([]byte(q.Command), `^(CREATE|RENAME) .*[*%]`)
			},
		},
		{
			Name: "levels without end", Why: "RFC 9051, section 6.3.4: NO if a mailbox cannot be created; ours bounds the levels",
			Is: func(q question) bool { return q.Got == "NO [CANNOT]\n" && strings.Count(q.Command, "/") >= 32 },
		},
		{
			Name: "mailboxes that everybody has", Why: "RFC 9051, section 6.3.4: CREATE of one that exists is an error; Dovecot makes some when they are first needed",
			Is: func(q question) bool {
				return strings.HasPrefix(q.Want, "OK") && q.Got == "NO [ALREADYEXISTS]\n" && has([]byte(q.Command), `(?is)^CREATE .*(INBOX|Sent)$`)
			},
		},
		{
			Name: "INBOX under another name", Why: "RFC 9051, section 6.3.6: RENAME of INBOX moves its messages; Dovecot refuses it",
			Is: func(q question) bool {
				return q.Want == "NO [CANNOT]\n" && strings.HasPrefix(q.Got, "OK") && has([]byte(q.Command), `(?i)^RENAME INBOX `)
			},
		},
		{
			Name: "subscribing to what there is not", Why: "RFC 9051, section 6.3.7: a server may verify that the mailbox exists; ours does not, so that a subscription outlives it",
			Is: func(q question) bool {
				return strings.HasPrefix(q.Want, "NO") && q.Got == "OK\n" && strings.HasPrefix(q.Command, "SUBSCRIBE")
			},
		},
		{
			Name: "levels that CREATE makes", Why: "RFC 9051, section 6.3.4: superior names that are needed should be created; Dovecot leaves gaps",
			Is: func(q question) bool { return q.Command == `STATUS g (MESSAGES)` },
		},
	}
}

// isExtended tells whether LIST has options or several patterns.
func isExtended(command string) bool {
	return strings.HasPrefix(command, "LIST (") || strings.Contains(command, " RETURN ") || strings.HasPrefix(command, `LIST "" (`)
}

var listed = regexp.MustCompile(`(?m)^((?:LIST|LSUB) )\(([^)]*)\)`)

// attributes is an answer without some attributes of mailboxes, its lines in order.
func attributes(answer string, without ...string) string {
	answer = listed.ReplaceAllStringFunc(answer, func(line string) string {
		m := listed.FindStringSubmatch(line)
		kept := slices.DeleteFunc(strings.Fields(m[2]), func(a string) bool { return slices.Contains(without, a) })
		return m[1] + "(" + strings.Join(kept, " ") + ")"
	})
	lines := strings.Split(answer, "\n")
	slices.Sort(lines[1:])
	return strings.Join(lines, "\n")
}
