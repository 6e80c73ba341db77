//go:build interop

package interop_test

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// wire is a client that knows just enough of IMAP to say what was acknowledged.
type wire struct {
	conn net.Conn
	r    *bufio.Reader
	tag  int
}

// response is one response: its text, in which each literal is left out after its {count}, and the literals.
type response struct {
	text     string
	literals []string
}

// dialWire connects by TLS and logs in.
func dialWire(address, user string) (*wire, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return nil, err
	}
	w := &wire{conn: conn, r: bufio.NewReaderSize(conn, 64<<10)}
	w.conn.SetDeadline(time.Now().Add(patience))
	if _, err := w.read(); err != nil {
		conn.Close()
		return nil, err
	}
	if _, err := w.command("LOGIN %s \"%s\"", user, password); err != nil {
		conn.Close()
		return nil, err
	}
	return w, nil
}

// connect is dialWire in a test that needs the connection.
func (s *server) connect(user string) *wire {
	s.t.Helper()
	w, err := dialWire(s.imaps, user)
	if err != nil {
		s.t.Fatalf("connecting: %v; log of the server:\n%s", err, s.log.tail(2000))
	}
	s.t.Cleanup(w.close)
	return w
}

func (w *wire) close() { w.conn.Close() }

var literalAtEnd = regexp.MustCompile(`\{(\d+)\}\r\n$`)

// read returns the next response.
func (w *wire) read() (response, error) {
	var r response
	for {
		line, err := w.r.ReadString('\n')
		if err != nil {
			return r, err
		}
		r.text += line
		m := literalAtEnd.FindStringSubmatch(line)
		if m == nil {
			r.text = strings.TrimSuffix(r.text, "\r\n")
			return r, nil
		}
		r.text = strings.TrimSuffix(r.text, "\r\n")
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return r, err
		}
		literal := make([]byte, n)
		if _, err := io.ReadFull(w.r, literal); err != nil {
			return r, err
		}
		r.literals = append(r.literals, string(literal))
	}
}

// refused is a command answered with NO or BAD.
type refused struct{ command, answer string }

func (e *refused) Error() string { return fmt.Sprintf("%.100q is answered %q", e.command, e.answer) }

// command sends a command, which may contain synchronizing-free literals, and returns all responses up to its own, which is the
// last one and must be OK.
func (w *wire) command(format string, args ...any) ([]response, error) {
	w.tag++
	tag := fmt.Sprintf("w%d", w.tag)
	text := fmt.Sprintf(format, args...)
	w.conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(w.conn, tag+" "+text+"\r\n"); err != nil {
		return nil, err
	}
	var all []response
	for {
		r, err := w.read()
		if err != nil {
			return all, err
		}
		all = append(all, r)
		if rest, ok := strings.CutPrefix(r.text, tag+" "); ok {
			if !strings.HasPrefix(rest, "OK") {
				return all, &refused{text, rest}
			}
			return all, nil
		}
	}
}

// must is command in a test that cannot go on without it.
func (w *wire) must(t *testing.T, format string, args ...any) []response {
	t.Helper()
	rs, err := w.command(format, args...)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// literal is the text of a literal that the server need not ask for (LITERAL+).
func literal(s string) string { return fmt.Sprintf("{%d+}\r\n%s", len(s), s) }

// stored is a message as the server shows it.
type stored struct {
	uid   uint32
	size  int
	flags string // sorted, without \Recent
	body  string
}

var (
	fetchUID   = regexp.MustCompile(`[( ]UID (\d+)`)
	fetchSize  = regexp.MustCompile(`RFC822\.SIZE (\d+)`)
	fetchFlags = regexp.MustCompile(`FLAGS \(([^)]*)\)`)
	bodyItem   = regexp.MustCompile(`BODY\[\] (""|~?\{)`)
)

// fetchAll returns all messages of a mailbox in the order of their UIDs, and its UIDVALIDITY and UIDNEXT.
func (w *wire) fetchAll(mailbox string) (all []stored, validity, next uint32, err error) {
	rs, err := w.command("EXAMINE %q", mailbox)
	if err != nil {
		return nil, 0, 0, err
	}
	validity, next = number(rs, `\[UIDVALIDITY (\d+)\]`), number(rs, `\[UIDNEXT (\d+)\]`)
	rs, err = w.command("UID FETCH 1:* (UID FLAGS RFC822.SIZE BODY.PEEK[])")
	if err != nil {
		return nil, 0, 0, err
	}
	for _, r := range rs {
		if !bodyItem.MatchString(r.text) { // flags that another session has changed
			continue
		}
		m := stored{uid: number([]response{r}, fetchUID.String()), size: int(number([]response{r}, fetchSize.String()))}
		if f := fetchFlags.FindStringSubmatch(r.text); f != nil {
			m.flags = canonicalFlags(f[1])
		}
		if len(r.literals) == 1 {
			m.body = r.literals[0]
		}
		all = append(all, m)
	}
	return all, validity, next, nil
}

// messages is fetchAll in a test that cannot go on without it.
func (s *server) messages(user, mailbox string) (all []stored, validity uint32) {
	s.t.Helper()
	w := s.connect(user)
	defer w.close()
	all, validity, _, err := w.fetchAll(mailbox)
	if err != nil {
		s.t.Fatalf("reading %s: %v", mailbox, err)
	}
	for _, m := range all {
		if m.size != len(m.body) {
			s.t.Errorf("%s, UID %d: RFC822.SIZE is %d, BODY[] has %d octets", mailbox, m.uid, m.size, len(m.body))
		}
	}
	return all, validity
}

// number returns the first number that a pattern finds, 0 if none.
func number(rs []response, pattern string) uint32 {
	re := regexp.MustCompile(pattern)
	for _, r := range rs {
		if m := re.FindStringSubmatch(r.text); m != nil {
			n, _ := strconv.ParseUint(m[1], 10, 32)
			return uint32(n)
		}
	}
	return 0
}

// canonicalFlags sorts flags; \Recent is not a flag of the message.
func canonicalFlags(s string) string {
	flags := slices.DeleteFunc(strings.Fields(s), func(f string) bool { return f == `\Recent` })
	slices.Sort(flags)
	return strings.Join(slices.Compact(flags), " ")
}

// digest names content.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return fmt.Sprintf("%x", sum[:12])
}
