package imapservertest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// directive runs a line that is neither sent nor expected.
func (r *runner) directive(l scriptLine) error {
	switch args := l.words[1:]; l.words[0] {
	case "require":
		return r.require(args)
	case "modes":
		if !slices.Contains(args, r.mode.name) {
			return skipped("not for this mode")
		}
		return nil
	case "skip":
		return skipped(strings.TrimSpace(strings.TrimPrefix(l.text, "skip")))
	case "plain":
		if r.server.DialPlain == nil {
			return skipped("no connections in clear text")
		}
		return nil
	case "mailbox":
		return r.setup(func(s *session) error { return createMailboxes(s, args) })
	case "message":
		return r.setup(func(s *session) error { return r.appendMessage(s, strings.TrimPrefix(l.text, "message ")) })
	}
	if len(l.words) < 2 {
		return fmt.Errorf("unknown directive %s", l.words[0])
	}
	return r.sessionDirective(l.words[0], l.words[1], strings.TrimSpace(strings.TrimPrefix(l.text, l.words[0]+" "+l.words[1])))
}

// sessionDirective runs "A connect" and the like.
func (r *runner) sessionDirective(name, verb, rest string) error {
	switch verb {
	case "connect":
		_, err := r.connect(name, r.server.Dial)
		return err
	case "connect-plain":
		dial := r.server.DialPlain
		if dial == nil {
			dial = func() (net.Conn, error) { return nil, errors.New("no connections in clear text") }
		}
		_, err := r.connect(name, dial)
		return err
	}
	s, err := r.session(name)
	if err != nil {
		return err
	}
	switch verb {
	case "starttls":
		return s.startTLS(r.server.TLS)
	case "compress":
		s.compress()
		return nil
	case "starttls-or-eof":
		return r.startTLSOrEOF(s)
	case "close":
		r.drop(s)
		return nil
	case "quiet":
		return r.quiet(s)
	case "flood":
		n, err := strconv.Atoi(rest)
		if err != nil || n < 0 {
			return fmt.Errorf("flood %s: want a number", rest)
		}
		return s.flood(n)
	case "raw":
		b, err := strconv.Unquote(rest)
		if err != nil {
			return fmt.Errorf("raw %s: %w", rest, err)
		}
		return s.write([]byte(b))
	}
	return fmt.Errorf("unknown directive %s %s", name, verb)
}

// flood sends a command of n octets, with the tag "flood", that does not end. A server may have enough before the last.
func (s *session) flood(n int) error {
	s.note("flood FLOOD")
	err := s.write(append([]byte("flood "), bytes.Repeat([]byte("x"), n)...))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil
}

// startTLSOrEOF is for a client that sent more after STARTTLS before TLS began: the server ends the connection, or goes
// on as if that had never been sent.
func (r *runner) startTLSOrEOF(s *session) error {
	if err := s.startTLS(r.server.TLS); err != nil {
		r.drop(s)
		return nil
	}
	before, err := s.command("CAPABILITY")
	for _, u := range before {
		if u.tagged() {
			err = mismatch{"nothing", u}
		}
	}
	r.drop(s)
	return err
}

// setup does something in a session of its own, which the conversation does not see.
func (r *runner) setup(do func(*session) error) error {
	s, err := r.silentSession()
	if err != nil {
		return err
	}
	defer s.close()
	if err = do(s); err == nil {
		_, err = s.command("LOGOUT")
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, s.log)
	}
	return nil
}

// silentSession returns a session that has logged in and is no part of the conversation.
func (r *runner) silentSession() (*session, error) {
	conn, err := r.server.Dial()
	if err != nil {
		return nil, err
	}
	s := newSession("setup", &transcript{}, r.server)
	s.start(conn)
	if _, err = s.next(s.timeout); err == nil {
		_, err = s.command(fmt.Sprintf("LOGIN %q %q", r.user, r.password))
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("%w\n%s", err, s.log)
	}
	return s, nil
}

func createMailboxes(s *session, names []string) error {
	for _, name := range names {
		if _, err := s.command("CREATE " + name); err != nil {
			return err
		}
	}
	return nil
}

// appendMessage adds a message as "MAILBOX FILE [(flags)] ["date"]" says.
func (r *runner) appendMessage(s *session, args string) error {
	box, rest, _ := strings.Cut(args, " ")
	file, options, _ := strings.Cut(rest, " ")
	b, ok := r.c.files[file]
	if !ok {
		return fmt.Errorf("no file %s", file)
	}
	parts, err := lineParts(strings.TrimRight("APPEND "+box+" "+options, " ")+" ", nil)
	if err != nil {
		return err
	}
	parts[len(parts)-1].literal = &literal{data: b, sync: true}
	_, err = s.commandParts(append(parts, linePart{}))
	return err
}

// skipped is the error of a script that is not to be run.
type skipped string

func (s skipped) Error() string { return string(s) }

// capabilityValue is the value of a capability, such as APPENDLIMIT=1000, which a script need not know.
var capabilityValue = regexp.MustCompile(`=\d+$`)

// require checks that the server has the capabilities. A script that needs one that the server is known to lack is
// skipped; one that should be there and is not announced is an error.
func (r *runner) require(capabilities []string) error {
	for _, c := range capabilities {
		if r.server.lacks(c) {
			return skipped(r.server.Name + " lacks " + c)
		}
	}
	if r.caps == nil {
		if err := r.setup(r.askCapabilities); err != nil {
			return err
		}
	}
	for _, c := range capabilities {
		if !slices.ContainsFunc(r.caps, func(have string) bool { return capabilityValue.ReplaceAllString(have, "") == strings.ToUpper(c) }) {
			return fmt.Errorf("%s is not announced: %v", c, r.caps)
		}
	}
	return nil
}

func (r *runner) askCapabilities(s *session) error {
	untagged, err := s.command("CAPABILITY")
	for _, u := range untagged {
		if u.name() == "CAPABILITY" {
			for _, v := range u.body[1:] {
				r.caps = append(r.caps, strings.ToUpper(v.text))
			}
		}
	}
	return err
}
