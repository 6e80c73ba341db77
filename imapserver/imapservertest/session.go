package imapservertest

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// transcript records what all sessions of a conversation said, in the order in which it happened.
type transcript struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// maxShown bounds how much of one line the transcript keeps.
const maxShown = 400

func (t *transcript) add(session, arrow string, line []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	shown := line
	if len(shown) > maxShown {
		shown = shown[:maxShown]
	}
	text := strings.NewReplacer("\r\n", "\n"+strings.Repeat(" ", len(session)+3)).Replace(string(shown))
	fmt.Fprintf(&t.b, "%s%s %s", session, arrow, strings.ToValidUTF8(text, "\uFFFD"))
	if len(shown) < len(line) {
		fmt.Fprintf(&t.b, "... (%d octets)", len(line))
	}
	t.b.WriteByte('\n')
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// arrival is what the reader of a session hands over: a response, or why there is none.
type arrival struct {
	response
	err error
}

// session is one connection of a conversation. A goroutine reads it all the time, so that a server is never blocked by
// a client that looks elsewhere; the methods are used by one goroutine.
type session struct {
	name      string
	conn      net.Conn
	log       *transcript
	timeout   time.Duration
	tolerates []string       // see Server
	queued    []byte         // to be sent with the next line
	held      []arrival      // read while something else was waited for
	arrivals  chan arrival   // closed by the reader when it ends
	reader    sync.WaitGroup // the reader
	count     int            // tags given out
	lastTag   string
	lastName  string   // of the last command sent
	unmet     []string // tags of commands whose answer nobody has taken from next yet
	skipping  bool     // "..." came: responses that do not match the next expectation are passed over

	inLiteral bool // the line sent last announced a literal, so the next is no command

	translates bool // between message numbers of the script and UIDs, once UIDONLY is enabled
	companion  companion

	mu     sync.Mutex // guards mirror
	mirror mirror
}

// newSession returns a session that reads once it is started.
func newSession(name string, log *transcript, server *Server) *session {
	return &session{name: name, log: log, timeout: server.timeout(), tolerates: server.Tolerates}
}

// start begins to read from a new or newly encrypted connection.
func (s *session) start(conn net.Conn) {
	s.conn = conn
	s.arrivals = make(chan arrival, 1<<14)
	out := s.arrivals
	s.reader.Go(func() {
		defer close(out)
		s.read(bufio.NewReader(conn), out)
	})
}

// read hands over responses until the connection ends, or until a command has succeeded after which it looks different.
func (s *session) read(r *bufio.Reader, out chan<- arrival) {
	for {
		resp, err := readResponse(r)
		if err != nil {
			s.log.add(s.name, "<", []byte("("+err.Error()+")"))
			out <- arrival{resp, err}
			if !errors.Is(err, errSyntax) {
				return
			}
			continue
		}
		s.log.add(s.name, "<", resp.raw)
		s.mu.Lock()
		changes := resp.tagged() && resp.word(0) == "OK" && s.mirror.during("STARTTLS", "COMPRESS")
		unauthenticated := resp.tagged() && resp.word(0) == "OK" && s.mirror.during("UNAUTHENTICATE")
		numbered, err := s.mirror.numbered(resp)
		if err == nil {
			err = s.mirror.apply(numbered)
		}
		if s.translates {
			resp = numbered
		}
		s.mu.Unlock()
		if d, ok := s.conn.(*deflated); ok && unauthenticated { // RFC 8437, section 3
			s.conn = d.Conn
			r = bufio.NewReader(d.Conn)
		}
		if err != nil && slices.ContainsFunc(s.tolerates, func(rule string) bool { return strings.Contains(err.Error(), rule) }) {
			err = nil
		}
		if changes && r.Buffered() > 0 {
			err = violation("data after the answer to a command that changes the connection")
		}
		out <- arrival{resp, err}
		if changes {
			return
		}
	}
}

// errSilent means that a server did not say anything in time.
var errSilent = errors.New("nothing came")

// next returns the next response. io.EOF: the server closed the connection.
func (s *session) next(wait time.Duration) (response, error) {
	var a arrival
	if len(s.held) > 0 {
		a, s.held = s.held[0], s.held[1:]
	} else {
		var err error
		if a, err = s.receive(wait); err != nil {
			return response{}, err
		}
	}
	if i := slices.Index(s.unmet, a.tag); i >= 0 && a.tagged() {
		s.unmet = slices.Delete(s.unmet, i, i+1)
	}
	return a.response, a.err
}

func (s *session) receive(wait time.Duration) (arrival, error) {
	if len(s.arrivals) > 0 {
		wait = max(wait, time.Second) // it is there already
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case a, ok := <-s.arrivals:
		if !ok {
			return a, io.EOF
		}
		return a, nil
	case <-timer.C:
		return arrival{}, fmt.Errorf("%w within %v", errSilent, wait)
	}
}

// newTag makes a tag for the next command.
func (s *session) newTag() string {
	s.count++
	return fmt.Sprintf("%s%d", strings.ToLower(s.name), s.count)
}

// note tells the mirror of a command before it goes out.
func (s *session) note(line string) {
	c := newCommand(line)
	s.lastTag, s.lastName = c.tag, c.name
	s.unmet = append(s.unmet, c.tag)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mirror.send(c)
}

// write sends bytes, with what was queued before them.
func (s *session) write(b []byte) error {
	b = append(s.queued, b...)
	s.queued = nil
	s.log.add(s.name, ":", bytes.TrimSuffix(b, []byte("\r\n")))
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return err
	}
	_, err := s.conn.Write(b)
	return err
}

// sendLine sends one line, or several in one go if earlier ones are queued. Synchronising literals wait for the server.
func (s *session) sendLine(parts []linePart, queue bool) error {
	var b []byte
	for _, p := range parts {
		b = append(b, p.text...)
		if p.literal == nil {
			continue
		}
		b = append(b, p.literal.header()...)
		if p.literal.sync {
			if err := s.write(b); err != nil {
				return err
			}
			if err := s.awaitContinuation(); err != nil {
				if errors.Is(err, errRefused) {
					return nil // the answer is held for whom it may concern
				}
				return err
			}
			b = nil
		}
		b = append(b, p.literal.data...)
	}
	b = append(b, "\r\n"...)
	if queue {
		s.queued = append(s.queued, b...)
		return nil
	}
	return s.write(b)
}

// awaitContinuation waits for the server's leave to send a literal.
func (s *session) awaitContinuation() error {
	for {
		a, err := s.receive(s.timeout)
		switch {
		case err != nil:
			return fmt.Errorf("waiting for a continuation request: %w", err)
		case a.err != nil:
			return a.err
		case a.tag == "+":
			return nil
		}
		s.held = append(s.held, a)
		if a.tag == s.lastTag {
			return fmt.Errorf("literal %w: %s", errRefused, a.raw)
		}
	}
}

// command sends a command of the harness itself and returns its untagged responses; anything but OK is an error.
func (s *session) command(line string) ([]response, error) {
	return s.commandParts([]linePart{{text: line}})
}

// commandParts is command with literals.
func (s *session) commandParts(parts []linePart) ([]response, error) {
	tag, line := s.newTag(), parts[0].text
	parts[0].text = tag + " " + line
	s.note(parts[0].text)
	if err := s.sendLine(parts, false); err != nil {
		return nil, err
	}
	untagged, err := s.await(tag)
	if err != nil {
		err = fmt.Errorf("%s: %w", line, err)
	}
	return untagged, err
}

// errRefused is the error of a command that was answered NO.
var errRefused = errors.New("refused")

// await waits for the end of a command and returns the responses before it.
func (s *session) await(tag string) ([]response, error) {
	var untagged []response
	for {
		r, err := s.next(s.timeout)
		if err != nil {
			return untagged, err
		}
		if r.tag == tag {
			switch r.word(0) {
			case "OK":
				return untagged, nil
			case "NO":
				return untagged, fmt.Errorf("%w: %s", errRefused, r.raw)
			}
			return untagged, fmt.Errorf("answered %s", r.raw)
		}
		untagged = append(untagged, r)
	}
}

// startTLS puts the connection under TLS, after the server agreed.
func (s *session) startTLS(config *tls.Config) error {
	s.reader.Wait()
	conn := tls.Client(s.conn, config)
	if err := conn.SetDeadline(time.Now().Add(s.timeout)); err != nil {
		return err
	}
	if err := conn.Handshake(); err != nil {
		return err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	s.log.add(s.name, " ", []byte("(TLS)"))
	s.start(conn)
	return nil
}

// deflated is a compressed connection (RFC 4978, section 3).
type deflated struct {
	net.Conn
	in  io.Reader
	out *flate.Writer
}

func (d *deflated) Read(p []byte) (int, error) { return d.in.Read(p) }

func (d *deflated) Write(p []byte) (int, error) {
	if _, err := d.out.Write(p); err != nil {
		return 0, err
	}
	return len(p), d.out.Flush()
}

// compress compresses the connection from now on, after the server agreed.
func (s *session) compress() {
	s.reader.Wait()
	w, err := flate.NewWriter(s.conn, flate.DefaultCompression)
	if err != nil {
		panic(err) // there is such a level
	}
	s.log.add(s.name, " ", []byte("(compressed)"))
	s.start(&deflated{s.conn, flate.NewReader(s.conn), w})
}

// close drops the connection and waits until the reader has ended.
func (s *session) close() {
	s.conn.Close()
	go func() {
		for range s.arrivals { // so that the reader never waits for a taker
		}
	}()
	s.reader.Wait()
	s.companion.close()
}
