package imapserver

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/mailhavn/mailhavn/imapserver/imapservertest"
)

// touching says which extensions touch each other: each of the first with each of the second. What changes how every response looks (QRESYNC,
// UIDONLY, UTF8=ACCEPT, COMPRESS=DEFLATE, IMAP4rev2) runs with all conversations besides.
var touching = []struct{ ground, first, second string }{
	{"there are no message numbers", "UIDONLY", `CONDSTORE QRESYNC ESEARCH SEARCHRES CONTEXT=SEARCH MULTISEARCH SORT ESORT
		THREAD=ORDEREDSUBJECT THREAD=REFERENCES PARTIAL NOTIFY MOVE REPLACE UIDPLUS PREVIEW BINARY SAVEDATE OBJECTID UNAUTHENTICATE`},
	{"removals have MODSEQs and are told by UID", "QRESYNC", "CONDSTORE MOVE REPLACE UIDPLUS NOTIFY CONTEXT=SEARCH UNAUTHENTICATE"},
	{"changes and results have MODSEQs", "CONDSTORE", "PARTIAL ESEARCH SEARCHRES MULTISEARCH NOTIFY LIST-STATUS UNAUTHENTICATE"},
	{"a piece of a result is told", "PARTIAL", "SORT ESORT ESEARCH SEARCHRES CONTEXT=SEARCH MULTISEARCH"},
	{"a result is kept as $", "SEARCHRES", `ESEARCH SORT ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES CONTEXT=SEARCH MULTISEARCH IMAP4rev2
		UNAUTHENTICATE`},
	{"a result is followed", "CONTEXT=SEARCH", "ESEARCH SORT ESORT WITHIN NOTIFY MULTISEARCH UNAUTHENTICATE"},
	{"a search is answered in another form", "ESEARCH", "WITHIN INPROGRESS IMAP4rev2"},
	{"news come without a command", "NOTIFY", "IDLE UNAUTHENTICATE"},
	{"a message is made", "CATENATE", "MULTIAPPEND LITERAL+ BINARY UTF8=ACCEPT REPLACE UIDPLUS"},
	{"octets are not what they are", "COMPRESS=DEFLATE", "IDLE LITERAL+ BINARY UNAUTHENTICATE"},
	{"text is UTF-8", "UTF8=ACCEPT", "LIST-EXTENDED LIST-STATUS SPECIAL-USE SORT SORT=DISPLAY UNAUTHENTICATE"},
	{"a message changes its place", "SAVEDATE OBJECTID", "MOVE REPLACE UIDPLUS"},
	{"LIST tells more", "LIST-STATUS", "LIST-EXTENDED SPECIAL-USE CHILDREN STATUS=SIZE APPENDLIMIT OBJECTID"},
	{"LIST tells less", "SPECIAL-USE", "LIST-EXTENDED CREATE-SPECIAL-USE"},
	{"sizes are told", "APPENDLIMIT", "STATUS=SIZE"},
}

// apart are the capabilities that touch no other, and why.
var apart = map[string]string{
	"ENABLE":        "is how others begin, in every conversation that needs it",
	"I18NLEVEL=1":   "says how every search compares",
	"ID":            "has no effect",
	"LITERAL-":      "is LITERAL+ before login",
	"LOGINDISABLED": "is before login",
	"NAMESPACE":     "tells what never changes",
	"SASL-IR":       "is at login",
	"STARTTLS":      "is before login",
	"UNSELECT":      "ends everything, as CLOSE does",
}

// pairs is the matrix: extension, those that it meets, the rules for that, and the conversation in testdata/pairs that is written from them.
var pairs = []struct{ first, second, rules, script string }{
	{"UIDONLY", "QRESYNC", "RFC 7162, section 3.2.5; RFC 9586, section 3", "qresync-uidonly"},
	{"UIDONLY", "CONDSTORE", "RFC 7162, sections 3.1.3 to 3.1.5; RFC 9586, section 3", "condstore-uidonly"},
	{"UIDONLY", "ESEARCH SEARCHRES SORT ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES PARTIAL",
		"RFC 9586, section 3; RFC 4731, section 3.1; RFC 5182, section 2; RFC 5256, section 3; RFC 5267, section 3; RFC 9394, section 3", "search-uidonly"},
	{"UIDONLY", "PREVIEW BINARY SAVEDATE OBJECTID", "RFC 9586, section 3; RFC 8970, section 3.1; RFC 3516, section 4.2", "fetch-uidonly"},
	{"UIDONLY", "MOVE REPLACE UIDPLUS", "RFC 9586, section 3; RFC 6851, section 4.3; RFC 8508, section 4.3; RFC 4315, section 2.1", "removing-uidonly"},
	{"UIDONLY", "CONTEXT=SEARCH", "RFC 5267, section 4.3.2; RFC 9586, section 3", "context-uidonly"},
	{"UIDONLY", "MULTISEARCH", "RFC 7377, section 2.1; RFC 9586, section 3", "multisearch-uidonly"},
	{"UIDONLY", "NOTIFY", "RFC 5465, sections 5.1 to 5.3; RFC 9586, section 3", "notify-uidonly"},
	{"QRESYNC", "CONDSTORE NOTIFY", "RFC 5465, sections 5.1 to 5.3; RFC 7162, section 3.2.10", "notify-qresync"},
	{"QRESYNC", "MOVE REPLACE UIDPLUS", "RFC 6851, section 4.4; RFC 8508, section 4.3; RFC 7162, sections 3.2.7 and 3.2.10", "removing-qresync"},
	{"QRESYNC", "CONTEXT=SEARCH", "RFC 5267, sections 4.3.3 and 4.3.4; RFC 7162, section 3.2.10", "context-qresync"},
	{"CONDSTORE", "PARTIAL ESEARCH", "RFC 9394, section 3.4; RFC 4731, section 3.2", "partial-condstore"},
	{"CONDSTORE", "SEARCHRES", "RFC 5182, section 2; RFC 7162, sections 3.1.3 to 3.1.5; RFC 4731, section 3.2", "searchres-condstore"},
	{"CONDSTORE", "MULTISEARCH", "RFC 7377, section 2.1; RFC 4731, section 3.2; RFC 7162, sections 3.1 and 3.1.5", "multisearch-condstore"},
	{"CONDSTORE", "NOTIFY", "RFC 5465, sections 5.1 to 5.3; RFC 7162, section 3.1", "notify-condstore"},
	{"PARTIAL", "SORT ESORT", "RFC 9394, section 3.1; RFC 5267, sections 3.2 and 4.4", "partial-sort"},
	{"PARTIAL", "SEARCHRES ESEARCH", "RFC 9394, section 3.2; RFC 5182, section 2.4", "partial-searchres"},
	{"PARTIAL", "CONTEXT=SEARCH", "RFC 9394, section 3.1; RFC 5267, section 4.4", "partial-context"},
	{"PARTIAL", "MULTISEARCH", "RFC 7377, section 2.2", "partial-multisearch"},
	{"SEARCHRES", "ESEARCH", "RFC 5182, section 2.4", "partial-searchres"},
	{"SEARCHRES", "SORT ESORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES",
		"RFC 5182, section 2; RFC 5267, section 3; RFC 5256, section 3", "searchres-sort"},
	{"SEARCHRES", "CONTEXT=SEARCH", "RFC 5267, section 4.3; RFC 5182, section 2.1", "context-searchres"},
	{"SEARCHRES", "MULTISEARCH", "RFC 7377, section 2.2; RFC 5182, section 2.1", "multisearch-searchres"},
	{"CONTEXT=SEARCH", "SORT ESORT", "RFC 5267, sections 4.3 and 4.3.1", "context-sort"},
	{"CONTEXT=SEARCH", "WITHIN ESEARCH", "RFC 5032, sections 2 and 3; RFC 4731, section 3.1; RFC 5267, section 4.3", "within-esearch"},
	{"CONTEXT=SEARCH", "NOTIFY", "RFC 5465, sections 5.1, 5.2 and 7", "notify-context"},
	{"CONTEXT=SEARCH", "MULTISEARCH", "RFC 7377, sections 2.1 and 2.2", "multisearch-context"},
	{"ESEARCH", "WITHIN", "RFC 5032, sections 2 and 3; RFC 4731, section 3.1", "within-esearch"},
	{"ESEARCH", "INPROGRESS", "RFC 9585, section 4; RFC 4731, section 3.1", "inprogress-esearch"},
	{"IMAP4rev2", "ESEARCH SEARCHRES", "RFC 9051, section 6.4.4; RFC 3501, section 2.3.2; RFC 4731, section 3.1", "rev2-esearch"},
	{"NOTIFY", "IDLE", "RFC 5465, section 4", "notify-idle"},
	{"CATENATE", "MULTIAPPEND UIDPLUS", "RFC 4469, section 3; RFC 3502, section 3", "catenate-multiappend"},
	{"CATENATE", "LITERAL+ BINARY", "RFC 4469, section 3; RFC 7888, section 4; RFC 3516, section 4.4", "catenate-literals"},
	{"CATENATE", "UTF8=ACCEPT", "RFC 6855, section 4; RFC 4469, section 3; RFC 5092, section 7", "catenate-utf8"},
	{"CATENATE", "REPLACE", "RFC 8508, section 4.2; RFC 4469, section 3", "catenate-replace"},
	{"COMPRESS=DEFLATE", "IDLE", "RFC 4978, section 3; RFC 2177, section 3", "compress-idle"},
	{"COMPRESS=DEFLATE", "LITERAL+ BINARY", "RFC 4978, section 3; RFC 7888, section 4; RFC 3516, section 4.4", "compress-literals"},
	{"UNAUTHENTICATE", "CONDSTORE QRESYNC UIDONLY SEARCHRES CONTEXT=SEARCH NOTIFY", "RFC 8437, sections 3 and 4.1", "unauthenticate-selected"},
	{"UNAUTHENTICATE", "UTF8=ACCEPT", "RFC 8437, section 4.1; RFC 6855, section 3", "unauthenticate-utf8"},
	{"UNAUTHENTICATE", "COMPRESS=DEFLATE", "RFC 8437, section 4.1; RFC 4978, section 3", "unauthenticate-compress"},
	{"UTF8=ACCEPT", "LIST-EXTENDED LIST-STATUS SPECIAL-USE",
		"RFC 6855, section 3; RFC 5258, section 3; RFC 5819, section 2; RFC 6154, section 2", "utf8-list"},
	{"UTF8=ACCEPT", "SORT SORT=DISPLAY", "RFC 6855, section 3; RFC 5256, section 3; RFC 5957, section 3", "utf8-search"},
	{"SAVEDATE", "MOVE REPLACE UIDPLUS", "RFC 8514, section 3; RFC 6851, section 4.3; RFC 8508, section 3.4", "identity"},
	{"OBJECTID", "MOVE REPLACE UIDPLUS LIST-STATUS", "RFC 8474, sections 4.1 to 5.1; RFC 6851, section 4.3; RFC 8508, section 3.4", "identity"},
	{"LIST-STATUS", "LIST-EXTENDED SPECIAL-USE CHILDREN STATUS=SIZE CONDSTORE",
		"RFC 5819, sections 2 and 3; RFC 5258, section 3; RFC 6154, section 2; RFC 8438, section 3; RFC 7162, section 3.1.7", "list"},
	{"SPECIAL-USE", "LIST-EXTENDED CREATE-SPECIAL-USE", "RFC 6154, section 2; RFC 5258, section 3", "list"},
	{"APPENDLIMIT", "LIST-STATUS STATUS=SIZE", "RFC 7889, sections 3.1, 3.2 and 4; RFC 8438, section 3", "list-appendlimit"},
}

// pair is two capabilities, in the order of their names.
func pair(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }

// TestPairsAreComplete checks that every capability stands in a table, and every pair that touches each other in the matrix.
func TestPairsAreComplete(t *testing.T) {
	missing := map[[2]string]string{}
	known := map[string]bool{}
	for _, g := range touching {
		for _, a := range strings.Fields(g.first) {
			for _, b := range strings.Fields(g.second) {
				missing[pair(a, b)] = g.ground
				known[a], known[b] = true, true
			}
		}
	}
	for name := range apart {
		if known[name] {
			t.Errorf("%s touches others and is said to be apart", name)
		}
		known[name] = true
	}
	announced := 0
	for _, e := range extensions() {
		for _, c := range e.capabilities {
			announced++
			if !known[c.name] {
				t.Errorf("%s is in no table", c.name)
			}
		}
	}
	if announced != len(known) {
		t.Errorf("%d capabilities are announced, the tables know %d", announced, len(known))
	}
	rows := map[[2]string]bool{}
	for _, row := range pairs {
		for _, b := range strings.Fields(row.second) {
			p := pair(row.first, b)
			if _, ok := missing[p]; !ok && !rows[p] {
				t.Errorf("%v are in the matrix and are not said to touch each other", p)
			}
			delete(missing, p)
			rows[p] = true
		}
	}
	for p, ground := range missing {
		t.Errorf("no conversation of %v: %s", p, ground)
	}
}

// TestPairsHaveConversations checks that each row has a conversation that needs both extensions, has two sessions and names the rules; and
// that each conversation is of a row.
func TestPairsHaveConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/pairs/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	reference := regexp.MustCompile(`RFC \d{4}`)
	used := map[string]bool{}
	for _, row := range pairs {
		file := "testdata/pairs/" + row.script + ".txtar"
		used[file] = true
		b, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		text := strings.ReplaceAll(string(b), "\n# ", " ")
		_, rest, _ := strings.Cut(text, "\nrequire ")
		needs, _, _ := strings.Cut(rest, "\n")
		for _, name := range append(strings.Fields(row.second), row.first) {
			if !slices.Contains(strings.Fields(needs), name) {
				t.Errorf("%s does not require %s", file, name)
			}
		}
		for _, rfc := range reference.FindAllString(row.rules, -1) {
			if !strings.Contains(text, rfc) {
				t.Errorf("%s does not name %s", file, rfc)
			}
		}
		if !strings.Contains(text, "\nA: ") || !strings.Contains(text, "\nB: ") {
			t.Errorf("%s has not two sessions", file)
		}
	}
	for _, file := range files {
		if !used[file] {
			t.Errorf("%s is in no row", file)
		}
	}
}

// TestPairInProgress runs the one conversation that needs a server which tells of progress without waiting; the others run in
// TestConversations.
func TestPairInProgress(t *testing.T) {
	s := newTestServer(t, func(s *Server) { s.Timeouts.Progress = time.Nanosecond })
	scripts := fstest.MapFS{}
	for name, file := range map[string]string{"pair.txtar": "pairs/inprogress-esearch.txtar", "messages/plain.eml": "messages/plain.eml"} {
		b, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		scripts[name] = &fstest.MapFile{Data: b}
	}
	imapservertest.Run(t, imapservertest.Server{Name: "impatient", Dial: s.dialTLS, NewAccount: s.newAccount}, scripts)
}
