package imapserver

import "github.com/mailhavn/mailhavn/imapserver/internal/names"

// extListExtended is LIST with options and several patterns (RFC 5258). The syntax is that of the base command.
func extListExtended() extension {
	return extension{
		file:         "listextended",
		capabilities: []capability{{name: "LIST-EXTENDED", rfc: "RFC 5258, section 3"}},
		listSelects: []listOption{
			{"SUBSCRIBED", "RFC 5258, section 3.1", func(_ *conn, l *listing) error {
				l.Subscribed = true
				l.Criteria = append(l.Criteria, names.IsSubscribed)
				l.attributes = append(l.attributes, subscribedAttribute)
				return nil
			}},
			{"REMOTE", "RFC 5258, section 3.1", func(*conn, *listing) error { return nil }}, // all mailboxes are local
			{"RECURSIVEMATCH", "RFC 5258, section 3.1", func(_ *conn, l *listing) error {
				l.Recursive = true
				return nil
			}},
		},
		listReturns: []listOption{{"SUBSCRIBED", "RFC 5258, section 3.2", func(_ *conn, l *listing) error {
			if !l.Subscribed { // else it is told anyhow
				l.attributes = append(l.attributes, subscribedAttribute)
			}
			return nil
		}}},
	}
}

func subscribedAttribute(e *names.Entry) string {
	if e.Subscribed {
		return `\Subscribed`
	}
	return ""
}
