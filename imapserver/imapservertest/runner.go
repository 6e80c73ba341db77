package imapservertest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// runner runs one conversation in one mode.
type runner struct {
	server   *Server
	c        conversation
	mode     mode
	log      *transcript
	vars     vars
	user     string
	password string
	sessions map[string]*session
	order    []string // names of open sessions, oldest first
	caps     []string // announced after login
}

func newRunner(s *Server, c conversation, m mode, user, password string) *runner {
	r := &runner{server: s, c: c, mode: m, user: user, password: password, log: &transcript{}, vars: vars{}, sessions: map[string]*session{}}
	r.vars["user"], r.vars["password"] = r.user, r.password
	r.vars["sasl"] = base64.StdEncoding.EncodeToString([]byte("\x00" + r.user + "\x00" + r.password))
	r.vars["badsasl"] = base64.StdEncoding.EncodeToString([]byte("\x00" + r.user + "\x00not" + r.password))
	r.vars["len:user"], r.vars["len:password"] = strconv.Itoa(len(r.user)), strconv.Itoa(len(r.password))
	for name, b := range c.files {
		r.vars["size:"+name] = strconv.Itoa(len(b))
		r.vars["text:"+name] = strings.TrimRight(string(b), "\r\n")
	}
	return r
}

func (r *runner) applies(l scriptLine) bool {
	for _, alternatives := range l.conditions {
		if !slices.ContainsFunc(alternatives, func(c string) bool { return r.mode.holds(c, r.server) }) {
			return false
		}
	}
	return true
}

// line runs one line of the script.
func (r *runner) line(l scriptLine) error {
	if l.kind == directive {
		return r.directive(l)
	}
	s, err := r.session(l.session)
	if err != nil {
		return err
	}
	switch l.kind {
	case send, queue:
		return r.send(s, l)
	case skip:
		s.skipping = true
		return nil
	case group:
		return r.group(s, l)
	case gone:
		return r.gone(s, l.text)
	case found:
		return r.found(s, l.text)
	case eof:
		return r.eof(s)
	}
	return r.expect(s, l)
}

// session returns the named session; a new one connects, logs in and enables what the mode wants.
func (r *runner) session(name string) (*session, error) {
	if s := r.sessions[name]; s != nil {
		return s, nil
	}
	s, err := r.connect(name, r.server.Dial)
	if err != nil {
		return nil, err
	}
	if _, err := s.next(s.timeout); err != nil {
		return nil, fmt.Errorf("greeting: %w", err)
	}
	if _, err := s.command(fmt.Sprintf("LOGIN %q %q", r.user, r.password)); err != nil {
		return nil, err
	}
	if len(r.mode.needs) > 0 {
		if _, err := s.command("ENABLE " + strings.Join(r.mode.needs, " ")); err != nil {
			return nil, err
		}
	}
	if !r.mode.compress {
		return s, nil
	}
	if _, err := s.command("COMPRESS DEFLATE"); err != nil {
		return nil, err
	}
	s.compress()
	return s, nil
}

func (r *runner) connect(name string, dial func() (net.Conn, error)) (*session, error) {
	conn, err := dial()
	if err != nil {
		return nil, err
	}
	s := newSession(name, r.log, r.server)
	s.translates = r.mode.translates
	s.companion.connect = r.silentSession
	s.mirror.learn = s.companion.learn
	s.start(conn)
	r.sessions[name] = s
	r.order = append(r.order, name)
	return s, nil
}

// send sends a client's line. "." is a new tag; a line that continues a literal, IDLE or AUTHENTICATE is no command.
func (r *runner) send(s *session, l scriptLine) error {
	line, err := r.vars.expand(l.text)
	if err != nil {
		return err
	}
	if rest, ok := strings.CutPrefix(line, ". "); ok {
		line = s.newTag() + " " + rest
	}
	if !s.continues(line) {
		if line, err = s.byUID(line); err != nil {
			return err
		}
		s.note(line)
	}
	parts, err := lineParts(line, r.c.files)
	if err != nil {
		return err
	}
	return s.sendLine(parts, l.kind == queue)
}

// eof waits until the server has closed the connection.
func (r *runner) eof(s *session) error {
	for {
		got, err := s.next(s.timeout)
		switch {
		case errors.Is(err, errSilent):
			return fmt.Errorf("want the connection closed: %w", err)
		case errors.Is(err, errRule):
			return err
		case err != nil:
			r.drop(s)
			return nil
		case !isNoise(got) && !s.skipping:
			return mismatch{"<eof>", got}
		}
	}
}

func (r *runner) drop(s *session) {
	s.close()
	delete(r.sessions, s.name)
	r.order = slices.DeleteFunc(r.order, func(n string) bool { return n == s.name })
}

func (r *runner) closeAll() {
	for _, name := range r.order {
		r.sessions[name].close()
	}
}

// quietTime is how long a server must be silent to count as quiet.
const quietTime = 100 * time.Millisecond

// quiet checks that the server says nothing.
func (r *runner) quiet(s *session) error {
	got, err := s.next(quietTime)
	if errors.Is(err, errSilent) {
		return nil
	}
	if err == nil {
		err = mismatch{"nothing", got}
	}
	return err
}
