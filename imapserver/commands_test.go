package imapserver

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// arguments are valid arguments for the commands that need some.
var arguments = map[string]string{
	"AUTHENTICATE": " NONSENSE", "LOGIN": " nobody nothing", "SELECT": " INBOX", "EXAMINE": " INBOX", "CREATE": " new",
	"DELETE": " new", "RENAME": " Sent Gone", "SUBSCRIBE": " INBOX", "UNSUBSCRIBE": " INBOX", "LIST": ` "" *`, "LSUB": ` "" *`,
	"STATUS": " INBOX (MESSAGES)", "APPEND": " INBOX {1+}\r\nx", "SEARCH": " ALL", "FETCH": " 1 UID", "STORE": " 1 FLAGS ()",
	"COPY": " 1 Sent", "MOVE": " 1 Sent", "UID SEARCH": " ALL", "UID FETCH": " 1 UID", "UID STORE": " 1 FLAGS ()",
	"UID COPY": " 1 Sent", "UID MOVE": " 1 Sent", "COMPRESS": " DEFLATE", "REPLACE": " 1 Sent {1+}\r\nx", "THREAD": " REFERENCES UTF-8 ALL", "UID THREAD": " REFERENCES UTF-8 ALL", "SORT": " (DATE) UTF-8 ALL", "UID SORT": " (DATE) UTF-8 ALL", "UID REPLACE": " 1 Sent {1+}\r\nx", "UID EXPUNGE": " 1", "ID": " NIL", "ENABLE": " IMAP4rev2",
	"NOTIFY": " NONE", "ESEARCH": " IN (personal) ALL",
}

// TestCommandsByState gives each command of the table in each state: where it is not allowed, the answer is BAD and nothing
// happens; where it is, it is anything else (RFC 9051, section 3).
func TestCommandsByState(t *testing.T) {
	s := newTestServer(t, nil)
	begin := map[state]func(testing.TB) *client{
		notAuthenticated: func(t testing.TB) *client { return s.connect(t) },
		authenticated:    func(t testing.TB) *client { return s.login(t, 1)[0] },
		selectedState:    func(t testing.TB) *client { return s.session(t, 1) },
	}
	for st, connect := range begin {
		c := connect(t)
		for name, cmd := range newRegistry(baseCommands(), extensions()).commands {
			if name == "IDLE" || name == "STARTTLS" || name == "LOGOUT" || name == "CANCELUPDATE" {
				continue // they have tests of their own
			}
			if st == notAuthenticated {
				c = connect(t) // a few faults end the connection
			}
			lines := c.do(name + arguments[name])
			last := lines[len(lines)-1]
			if bad := strings.HasPrefix(last, ". BAD"); bad == (cmd.states&st != 0) {
				t.Errorf("state %b: %s: %q", st, name, lines)
			}
			if cmd.states&st == 0 && len(lines) > 1 {
				t.Errorf("state %b: %s did something: %q", st, name, lines)
			}
			if cmd.states&st != 0 && st != notAuthenticated {
				c.conn.Close()
				c = connect(t) // it may have changed the state
			}
		}
	}
}

// TestCommandsWithoutTLS checks that what needs TLS is refused without.
func TestCommandsWithoutTLS(t *testing.T) {
	s := newTestServer(t, nil)
	for name, cmd := range newRegistry(baseCommands(), extensions()).commands {
		if cmd.states&notAuthenticated == 0 || cmd.flags&preTLS != 0 {
			continue
		}
		s.connectPlain(t).want(name+arguments[name], ". NO [PRIVACYREQUIRED] …")
	}
}

// TestCommandsReadOnly checks that a session that may only read changes nothing, nor one that examines a mailbox.
func TestCommandsReadOnly(t *testing.T) {
	readOnly := false
	s := newTestServer(t, func(s *Server) { s.Restrict = restrict(&readOnly) })
	account := s.login(t, 2)
	writer := account[0]
	writer.append("INBOX", `\Deleted`, "x")
	writer.ok("EXAMINE INBOX")
	readOnly = true
	user, password := s.users.last()
	reader := s.connect(t)
	reader.ok(fmt.Sprintf("LOGIN %s %s", user, password))
	if lines := reader.ok("SELECT INBOX"); !strings.HasPrefix(lines[len(lines)-1], ". OK [READ-ONLY]") {
		t.Errorf("%q", lines)
	}
	for name, cmd := range newRegistry(baseCommands(), extensions()).commands {
		if cmd.flags&(writes|changesMailbox) == 0 {
			continue
		}
		reader.want(name+arguments[name], ". NO [NOPERM] …")
		if cmd.flags&changesMailbox != 0 {
			writer.want(name+arguments[name], ". NO …")
		}
	}
	reader.want("FETCH 1 BODY[]", "* 1 FETCH (BODY[] {1}\r\nx)", ". OK …") // without \Seen
	reader.want("FETCH 1 FLAGS", `* 1 FETCH (FLAGS (\Deleted \Recent))`, ". OK …")
	reader.want("CLOSE", ". OK …")
	writer.want("STATUS INBOX (MESSAGES UNSEEN)", "* STATUS INBOX (MESSAGES 1 UNSEEN 1)", ". OK …")
}

// TestFlagsAgree checks what the flags of a row say together.
func TestFlagsAgree(t *testing.T) {
	for name, cmd := range newRegistry(baseCommands(), extensions()).commands {
		if cmd.name != name || cmd.rfc == "" || cmd.parse == nil || cmd.states == 0 {
			t.Errorf("%s is not complete", name)
		}
		if cmd.flags&changesMailbox != 0 && (cmd.states != selectedState || cmd.flags&writes == 0) {
			t.Errorf("%s changes the mailbox without having one, or without writing", name)
		}
		// RFC 9051, section 7.5.1: no EXPUNGE in answer to these.
		if never := name == "FETCH" || name == "STORE" || name == "SEARCH"; never && cmd.flags&maySendExpunge != 0 {
			t.Errorf("%s may send EXPUNGE", name)
		}
		if cmd.flags&byUID != 0 != (strings.HasPrefix(name, "UID ") || name == "ESEARCH") {
			t.Errorf("%s: byUID is wrong", name)
		}
	}
}

// TestExtensionsHaveTests checks that each extension has its file and a test file, and is in no way doubled.
func TestExtensionsHaveTests(t *testing.T) {
	names := map[string]string{}
	for _, e := range extensions() {
		for _, suffix := range []string{".go", "_test.go"} {
			file := "ext_" + e.file + suffix
			if info, err := os.Stat(file); err != nil || info.Size() == 0 {
				t.Errorf("extension %s has no %s", e.file, file)
			}
		}
		if len(e.capabilities) == 0 {
			t.Errorf("extension %s announces nothing", e.file)
		}
		for _, c := range e.capabilities {
			if names[c.name] != "" || c.rfc == "" {
				t.Errorf("capability %s: in %q and %q, RFC %q", c.name, names[c.name], e.file, c.rfc)
			}
			names[c.name] = e.file
		}
	}
	// A row that hides another of the same name would be lost in the index.
	r := newRegistry(baseCommands(), extensions())
	rows := len(baseCommands()) + len(baseFetchItems()) + len(baseSearchKeys()) + len(baseStatusItems())
	for _, e := range extensions() {
		rows += len(e.commands) + len(e.fetchItems) + len(e.searchKeys) + len(e.statusItems) + len(e.fetchMods) + len(e.storeMods) +
			len(e.searchReturns) + len(e.listSelects) + len(e.listReturns) + len(e.selectParams) + len(e.enables)
	}
	if indexed := len(r.commands) + len(r.fetchItems) + len(r.searchKeys) + len(r.statusItems) + len(r.fetchMods) + len(r.storeMods) +
		len(r.searchReturns) + len(r.listSelects) + len(r.listReturns) + len(r.selectParams) + len(r.enables); indexed != rows {
		t.Errorf("%d rows are in the tables, %d are found by name", rows, indexed)
	}
}
