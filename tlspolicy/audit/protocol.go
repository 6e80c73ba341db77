package audit

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
)

// Protocol is what is spoken around TLS.
type Protocol string

// The protocols.
const (
	TLS         Protocol = "tls" // anything that speaks TLS at once
	HTTPS       Protocol = "https"
	IMAPS       Protocol = "imaps"
	POP3S       Protocol = "pop3s"
	SMTPS       Protocol = "smtps"       // also submissions
	IMAP        Protocol = "imap"        // with STARTTLS (RFC 9051, section 6.2.1)
	POP3        Protocol = "pop3"        // with STLS (RFC 2595, section 4)
	SMTP        Protocol = "smtp"        // with STARTTLS (RFC 3207), also submission
	LMTP        Protocol = "lmtp"        // likewise
	ManageSieve Protocol = "managesieve" // with STARTTLS (RFC 5804, section 2.2)
)

// Protocols returns the names of all protocols.
func Protocols() []Protocol {
	return []Protocol{TLS, HTTPS, IMAPS, POP3S, SMTPS, IMAP, POP3, SMTP, LMTP, ManageSieve}
}

// ports are where protocols are at home.
var ports = map[string]Protocol{
	"443": HTTPS, "993": IMAPS, "995": POP3S, "465": SMTPS,
	"143": IMAP, "110": POP3, "25": SMTP, "587": SMTP, "24": LMTP, "4190": ManageSieve,
}

// dialect is what one has to know of a protocol to get to TLS and to end it.
type dialect struct {
	alpn  []string // names in the registry of ALPN
	steps []step   // to STARTTLS; none: TLS at once
	bye   string   // ends the session inside TLS; %s is the server's name

	// injected is sent in one packet with STARTTLS; if proof matches what the server
	// answers inside TLS up to its end, it has taken the command from before TLS.
	injected string
	proof    *regexp.Regexp
}

// step sends a line and reads lines up to one that last matches; good tells whether that is the answer hoped for.
type step struct {
	send       string
	last, good *regexp.Regexp
}

var (
	reply    = regexp.MustCompile(`^\d\d\d( |$)`)
	status   = regexp.MustCompile(`^[+-]`)
	twoLines = regexp.MustCompile(`(?ms)^\d\d\d( |\r?$).*^\d\d\d( |\r?$)`)
	is       = regexp.MustCompile
)

var dialects = map[Protocol]dialect{
	TLS:   {},
	HTTPS: {alpn: []string{"h2", "http/1.1"}, bye: "HEAD / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"},
	IMAPS: {alpn: []string{"imap"}, bye: "a LOGOUT\r\n"},
	POP3S: {alpn: []string{"pop3"}, bye: "QUIT\r\n"},
	SMTPS: {bye: "QUIT\r\n"},
	IMAP: {alpn: []string{"imap"}, bye: "c LOGOUT\r\n",
		steps:    []step{{"", is(`^\* (OK|BYE|PREAUTH)`), is(`^\* OK`)}, {"a STARTTLS", is(`^a `), is(`^a OK`)}},
		injected: "b NOOP", proof: is(`(?m)^b `)},
	POP3: {alpn: []string{"pop3"}, bye: "QUIT\r\n",
		steps:    []step{{"", status, is(`^\+`)}, {"STLS", status, is(`^\+`)}},
		injected: "NOOP", proof: is(`(?ms)^[+-].*^[+-]`)},
	SMTP: {bye: "QUIT\r\n",
		steps:    []step{{"", reply, is(`^220`)}, {"EHLO audit.invalid", reply, is(`^250`)}, {"STARTTLS", reply, is(`^220`)}},
		injected: "NOOP", proof: twoLines},
	LMTP: {bye: "QUIT\r\n",
		steps:    []step{{"", reply, is(`^220`)}, {"LHLO audit.invalid", reply, is(`^250`)}, {"STARTTLS", reply, is(`^220`)}},
		injected: "NOOP", proof: twoLines},
	ManageSieve: {alpn: []string{"managesieve"}, bye: "LOGOUT\r\n",
		steps:    []step{{"", is(`^(OK|NO|BYE)`), is(`^OK`)}, {"STARTTLS", is(`^(OK|NO|BYE)`), is(`^OK`)}},
		injected: `NOOP "injected"`, proof: is(`(?m)^OK \(TAG "injected"\)`)},
}

// protocolOf returns the protocol at an address for which none was named.
func protocolOf(address string) (Protocol, error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("audit: %q is not of the form HOST:PORT", address)
	}
	p, ok := ports[port]
	if !ok {
		return "", fmt.Errorf("audit: what is spoken at %s cannot be told by its port; name the protocol, one of %s", address, names(Protocols()))
	}
	return p, nil
}

// known reports a protocol that there is not.
func (p Protocol) known() error {
	if !slices.Contains(Protocols(), p) {
		return fmt.Errorf("audit: there is no protocol %q; there are %s", p, names(Protocols()))
	}
	return nil
}

func names[T ~string](list []T) string {
	var words []string
	for _, x := range list {
		words = append(words, string(x))
	}
	return strings.Join(words, ", ")
}

const (
	maxLine  = 4096 // bytes of one line of a server
	maxLines = 200  // lines of one answer
)

// startTLS brings a connection to where TLS begins. more, if not "", is sent in
// one packet with the last command.
func (d dialect) startTLS(conn net.Conn, more string) error {
	in := bufio.NewReaderSize(conn, maxLine)
	for i, s := range d.steps {
		text := s.send
		if text != "" {
			text += "\r\n"
		}
		if more != "" && i == len(d.steps)-1 {
			text += more + "\r\n"
		}
		if text != "" {
			if _, err := conn.Write([]byte(text)); err != nil {
				return err
			}
		}
		line, err := s.answer(in)
		if err != nil {
			return err
		}
		if !s.good.MatchString(line) {
			return fmt.Errorf("the server answers %q with %.200q", s.send, line)
		}
	}
	if in.Buffered() > 0 && more == "" {
		return errors.New("the server says more than its answer to STARTTLS before TLS begins")
	}
	return nil
}

// answer reads up to the last line of an answer, and returns that.
func (s step) answer(in *bufio.Reader) (string, error) {
	for range maxLines {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return "", fmt.Errorf("a line of the server is longer than %d bytes", maxLine)
		}
		if err != nil {
			return "", fmt.Errorf("before TLS: %w", err)
		}
		if s.last.Match(line) {
			return strings.TrimRight(string(line), "\r\n"), nil
		}
	}
	return "", fmt.Errorf("the server's answer has more than %d lines", maxLines)
}
