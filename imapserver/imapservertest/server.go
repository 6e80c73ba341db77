package imapservertest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// Server is the IMAP server that conversations judge.
type Server struct {
	// Name is what a script calls the server in conditions: [dovecot].
	Name string

	// Dial opens a connection on which a client may log in with LOGIN and AUTHENTICATE PLAIN, normally one under TLS.
	Dial func() (net.Conn, error)

	// DialPlain opens a connection in clear text that offers STARTTLS. If nil, scripts that need it are skipped.
	DialPlain func() (net.Conn, error)

	// TLS is the client's side of STARTTLS.
	TLS *tls.Config

	// NewAccount makes an account with an empty INBOX.
	NewAccount func(t testing.TB) (user, password string)

	// Lacks lists capabilities that the server is known not to have; scripts and modes that need one are skipped.
	// Any other capability that a script needs must be announced.
	Lacks []string

	// Tolerates lists rules, by a part of the complaint, that the server is known to break.
	Tolerates []string

	// Timeout bounds every wait for the server. If zero, 5 seconds.
	Timeout time.Duration
}

func (s *Server) timeout() time.Duration {
	if s.Timeout > 0 {
		return s.Timeout
	}
	return 5 * time.Second
}

func (s *Server) lacks(capability string) bool {
	return slices.ContainsFunc(s.Lacks, func(c string) bool { return strings.EqualFold(c, capability) })
}

// mode is a way to run every conversation: which extensions each session enables after it has logged in.
type mode struct {
	name     string
	needs    []string // capabilities
	conds    []string // true in script conditions, beside the name
	compress bool     // by COMPRESS=DEFLATE
	// translates: message numbers of the script into UIDs, and back
	translates bool
}

// modes are run for every script that does not restrict itself.
var modes = []mode{
	{name: "rev1"},
	{name: "rev2", needs: []string{"IMAP4rev2"}},
	{name: "qresync", needs: []string{"QRESYNC"}, conds: []string{"rev1"}},
	{name: "utf8", needs: []string{"UTF8=ACCEPT"}, conds: []string{"rev1"}},
	{name: "compress", conds: []string{"rev1"}, compress: true},
	{name: "uidonly", needs: []string{"UIDONLY"}, conds: []string{"rev1"}, translates: true},
	{name: "uidonlyqresync", needs: []string{"UIDONLY", "QRESYNC"}, conds: []string{"rev1", "qresync", "uidonly"}, translates: true},
	{name: "rev2qresync", needs: []string{"IMAP4rev2", "QRESYNC"}, conds: []string{"rev2", "qresync"}},
}

// holds tells whether a condition of a script is true in the mode, or for the server.
func (m mode) holds(condition string, server *Server) bool {
	condition, negated := strings.CutPrefix(condition, "!")
	holds := condition == m.name || condition == server.Name || slices.Contains(m.conds, condition)
	return holds != negated
}

// Run judges the server by every conversation (*.txtar) of the tree, in every mode, as subtests; with -short in two modes each. It
// fails when the tree has none.
func Run(t *testing.T, s Server, scripts fs.FS) {
	conversations, err := loadConversations(scripts)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range conversations {
		t.Run(c.name, func(t *testing.T) {
			modes := modes
			if testing.Short() {
				modes = []mode{modes[0], modes[1+i%(len(modes)-1)]}
			}
			for _, m := range modes {
				t.Run(m.name, func(t *testing.T) {
					t.Parallel()
					runConversation(t, &s, c, m)
				})
			}
		})
	}
}

// runConversation runs one script in one mode.
func runConversation(t *testing.T, s *Server, c conversation, m mode) {
	user, password := s.NewAccount(t)
	r := newRunner(s, c, m, user, password)
	defer r.closeAll()
	var skip skipped
	if err := r.run(); errors.As(err, &skip) {
		t.Skip(skip)
	} else if err != nil {
		t.Fatalf("%s.txtar%v\n\n%s", c.name, err, r.log)
	}
}

// run runs the script. Its errors begin with the place in the script.
func (r *runner) run() error {
	needs := r.mode.needs
	if r.mode.compress {
		needs = append(slices.Clone(needs), "COMPRESS=DEFLATE")
	}
	if len(needs) > 0 {
		if err := r.require(needs); err != nil {
			return fmt.Errorf(" (%s): %w", r.mode.name, err)
		}
	}
	for _, l := range r.c.lines {
		if !r.applies(l) {
			continue
		}
		if err := r.line(l); err != nil {
			return fmt.Errorf(":%d (%s): %s\n%w", l.number, r.mode.name, l.source, err)
		}
	}
	if err := r.finish(); err != nil {
		return fmt.Errorf(" (%s): at the end: %w", r.mode.name, err)
	}
	return nil
}

// mismatch describes a response that is not what a script wants.
type mismatch struct {
	want string
	got  response
}

func (m mismatch) Error() string {
	return fmt.Sprintf("want: %s\n got: %s", m.want, m.got.raw)
}
