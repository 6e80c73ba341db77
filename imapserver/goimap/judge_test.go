package goimap_test

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mailhavn/mailhavn/imapserver/imapservertest"
)

// lacks are the capabilities of mailhavn's imapserver that go-imap's does not have.
var lacks = []string{
	"CATENATE", "COMPRESS=DEFLATE", "CONDSTORE", "CONTEXT=SEARCH", "CONTEXT=SORT", "ESORT", "I18NLEVEL", "ID", "INPROGRESS", "LITERAL+",
	"MULTIAPPEND", "MULTISEARCH", "NOTIFY", "OBJECTID", "PARTIAL", "PREVIEW", "QRESYNC", "REPLACE", "SAVEDATE", "SORT", "SORT=DISPLAY",
	"THREAD=ORDEREDSUBJECT", "THREAD=REFERENCES", "UIDONLY", "WITHIN",
}

// departures are the conversations that the library cannot follow, and where it departs from them.
var departures = map[string]string{
	"append-huge":            "a large literal has to wait",
	"append-refused":         "it takes any order of flags",
	"binary":                 "BINARY does not tell the offset of a partial",
	"bodystructure":          "Content-MD5 is NIL",
	"capability":             "it has fewer capabilities",
	"create":                 "it ends the connection on NUL",
	"enable":                 "it has no CONDSTORE",
	"esearch":                "CHARSET after ENABLE UTF8=ACCEPT is taken",
	"examine":                "EXPUNGE answers OK",
	"expunge-withheld-flags": "new messages wait with EXPUNGE",
	"fetch-items":            "a date is written anew",
	"fetch-sections":         "BODY[0] is taken",
	"id":                     "it has no ID",
	"idle":                   "done in lower case is not taken",
	"list-extended":          "an empty pattern in parentheses is refused",
	"literal-minus":          "it has LITERAL- only",
	"literals-bad-command":   "the literal of an unknown command is taken for a command",
	"login":                  "a command that fails with its literal loses its place",
	"login-pipelined":        "it has no QRESYNC",
	"mailbox-deleted-noop":   "BYE comes without a tagged answer",
	"names-utf8":             "& begins modified UTF-7 although IMAP4rev2 is enabled",
	"pairs/rev2-esearch":     "RETURN (SAVE) answers ALL",
	"search":                 "SEARCH CHARSET without keys is taken",
	"search-charset":         "it knows US-ASCII and UTF-8 only",
	"searchres":              "RETURN (SAVE) answers ALL",
	"searchres-two-sessions": "RETURN (SAVE) answers ALL",
	"special-use":            "RECURSIVEMATCH wants SUBSCRIBED",
	"state-authenticated":    "CHECK needs no selected mailbox",
	"state-bad-arguments":    "STATUS without items is taken",
	"state-unknown-command":  "it ends the connection",
	"status":                 "it has no HIGHESTMODSEQ",
	"subscribe":              `LSUB of "%" does not tell of hidden levels`,
	"syntax-bytes":           "it ends the connection",
	"syntax-limits":          "it ends the connection",
	"unauthenticate":         "a command that fails with its literal loses its place",
	"utf8":                   "ENVELOPE has encoded words, where UTF-8 is enabled",
}

// judged is a server as imapservertest wants it.
func (s *testServer) judged(name string, l net.Listener) imapservertest.Server {
	return imapservertest.Server{
		Name: name, Lacks: lacks,
		Dial: func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) },
		NewAccount: func(t testing.TB) (string, string) {
			name := fmt.Sprintf("user%d", s.accounts.Add(1))
			account, err := s.unit.CreateAccount(t.Context(), name)
			must(t, err)
			defer account.Close()
			for _, box := range slices.Clone(account.Subscriptions()) {
				must(t, account.Subscribe(t.Context(), box, false))
			}
			return name, password
		},
	}
}

// TestConversations holds go-imap's server on our sessions to the conversations that mailhavn's own is held to.
func TestConversations(t *testing.T) {
	const folder = "../testdata"
	scripts, left := fstest.MapFS{}, 0
	must(t, fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		conversation, isOne := strings.CutSuffix(name, ".txtar")
		if _, departs := departures[conversation]; isOne && departs {
			left++
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(folder, name))
		scripts[name] = &fstest.MapFile{Data: text}
		return err
	}))
	if left != len(departures) {
		t.Errorf("%d of %d departures have a conversation", left, len(departures))
	}
	s := newServer(t)
	imapservertest.Run(t, s.judged("goimap", s.goimap), scripts)
}
