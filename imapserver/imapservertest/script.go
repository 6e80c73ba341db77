package imapservertest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// archive is a text archive: a script, then files that each begin with a line "-- name --".
type archive struct {
	script string
	files  map[string][]byte
}

func parseArchive(b []byte) archive {
	a := archive{files: map[string][]byte{}}
	var name string
	var script strings.Builder
	for line := range bytes.Lines(b) {
		if f, ok := strings.CutPrefix(string(bytes.TrimSpace(line)), "-- "); ok && strings.HasSuffix(f, " --") {
			name = strings.TrimSpace(strings.TrimSuffix(f, "--"))
			a.files[name] = []byte{}
		} else if name == "" {
			script.Write(line)
		} else {
			a.files[name] = append(a.files[name], line...)
		}
	}
	a.script = script.String()
	return a
}

// messageBytes turns a file into the octets it stands for: text gets CRLF line ends, ".b64" is base64.
func messageBytes(name string, b []byte) ([]byte, error) {
	if path.Ext(name) == ".b64" {
		return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(b)), ""))
	}
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")), nil
}

// lineKind is what a line of a script does.
type lineKind uint8

const (
	directive lineKind = iota // message, mailbox, require, modes, A connect ...
	send                      // A: text
	queue                     // A:+ text
	expect                    // A< response
	skip                      // A< ...
	group                     // A< {  with the lines up to  A< }
	gone                      // A< GONE 2,4
	found                     // A< FOUND 1:3
	eof                       // A< <eof>
)

// scriptLine is one line of a script, taken apart.
type scriptLine struct {
	number     int
	source     string
	conditions [][]string // all must hold; of each the alternatives
	kind       lineKind
	session    string
	text       string   // what to send, or the rest of a directive or of GONE and FOUND
	words      []string // of a directive
	pattern    response // of expect
	group      []scriptLine
}

var (
	conditionForm = regexp.MustCompile(`^\[([\w!|:=+./-]+)\]\s*`)
	sessionForm   = regexp.MustCompile(`^([A-Z]\w*)(:\+|:|<)(?: (.*))?$`)
)

// parseScript takes a script apart; files are what it may name in <<...>>.
func parseScript(text string, files map[string][]byte) ([]scriptLine, error) {
	var lines []scriptLine
	var open *scriptLine
	for i, source := range strings.Split(text, "\n") {
		l, err := parseLine(strings.TrimRight(source, "\r"), files)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", i+1, source, err)
		}
		if l == nil {
			continue
		}
		l.number = i + 1
		switch {
		case open != nil && l.kind == expect && l.text == "}":
			lines = append(lines, *open)
			open = nil
		case open != nil && (l.kind == expect || l.kind == skip) && l.session == open.session:
			open.group = append(open.group, *l)
		case open != nil:
			return nil, fmt.Errorf("line %d: %s: not allowed within { }", i+1, source)
		case l.kind == group:
			open = l
		default:
			lines = append(lines, *l)
		}
	}
	if open != nil {
		return nil, fmt.Errorf("line %d: no closing }", open.number)
	}
	return lines, nil
}

// parseLine takes one line apart; nil for blank lines and comments.
func parseLine(source string, files map[string][]byte) (*scriptLine, error) {
	rest := strings.TrimLeft(source, " \t")
	if rest == "" || rest[0] == '#' {
		return nil, nil
	}
	l := &scriptLine{source: source}
	for {
		m := conditionForm.FindStringSubmatch(rest)
		if m == nil {
			break
		}
		l.conditions = append(l.conditions, strings.Split(m[1], "|"))
		rest = rest[len(m[0]):]
	}
	m := sessionForm.FindStringSubmatch(rest)
	if m == nil {
		l.words = strings.Fields(rest)
		l.text = rest
		return l, nil
	}
	l.session, l.text = m[1], m[3]
	switch m[2] {
	case ":":
		l.kind = send
	case ":+":
		l.kind = queue
	default:
		return l, l.parseExpectation(files)
	}
	return l, nil
}

func (l *scriptLine) parseExpectation(files map[string][]byte) error {
	word, rest, _ := strings.Cut(strings.TrimSpace(l.text), " ")
	l.kind = expect
	switch word {
	case "...":
		l.kind = skip
	case "{":
		l.kind = group
	case "<eof>":
		l.kind = eof
	case "GONE":
		l.kind, l.text = gone, rest
	case "FOUND":
		l.kind, l.text = found, rest
	case "}":
		l.text = word
	default:
		text, err := inlineFiles(l.text, files)
		if err != nil {
			return err
		}
		l.pattern, err = parsePattern(text)
		return err
	}
	return nil
}

// parsePattern reads an expected response.
func parsePattern(s string) (response, error) {
	tag, rest, _ := strings.Cut(s, " ")
	r := response{tag: tag, raw: []byte(s)}
	if tag == "+" {
		r.body = []value{{kind: text, text: rest}}
		return r, nil
	}
	var err error
	r.body, err = parseBody([]byte(rest), true)
	return r, err
}

var fileForm = regexp.MustCompile(`<<(~?\+?)([\w./-]+)>>`)

// inlineFiles replaces <<name>> by <<"its octets">>, for patterns.
func inlineFiles(s string, files map[string][]byte) (string, error) {
	var missing error
	s = fileForm.ReplaceAllStringFunc(s, func(ref string) string {
		name := fileForm.FindStringSubmatch(ref)[2]
		b, ok := files[name]
		if !ok {
			missing = fmt.Errorf("no file %s", name)
		}
		return "<<" + strconv.Quote(string(b)) + ">>"
	})
	return s, missing
}

// literal is a literal that a client sends (RFC 9051, section 4.3; RFC 7888; RFC 3516).
type literal struct {
	data   []byte
	sync   bool
	binary bool // literal8
}

func (l *literal) header() string {
	h := "{" + strconv.Itoa(len(l.data))
	if !l.sync {
		h += "+"
	}
	if l.binary {
		h = "~" + h
	}
	return h + "}\r\n"
}

// linePart is text of a client's line and the literal that follows it, if any.
type linePart struct {
	text    string
	literal *literal
}

var literalForm = regexp.MustCompile(`<<(~?)(\+?)(?:([\w./-]+)|("(?:[^"\\]|\\.)*"))>>`)

// lineParts finds the literals in a client's line: <<file>>, <<"Go string">>, with + non-synchronising, with ~ literal8.
func lineParts(s string, files map[string][]byte) ([]linePart, error) {
	var parts []linePart
	for {
		m := literalForm.FindStringSubmatchIndex(s)
		if m == nil {
			return append(parts, linePart{text: s}), nil
		}
		lit := &literal{binary: m[2] < m[3], sync: m[4] == m[5]}
		if m[6] >= 0 {
			b, ok := files[s[m[6]:m[7]]]
			if !ok {
				return nil, fmt.Errorf("no file %s", s[m[6]:m[7]])
			}
			lit.data = b
		} else {
			text, err := strconv.Unquote(s[m[8]:m[9]])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s[m[8]:m[9]], err)
			}
			lit.data = []byte(text)
		}
		parts = append(parts, linePart{text: s[:m[0]], literal: lit})
		s = s[m[1]:]
	}
}

// conversation is one script with its files.
type conversation struct {
	name  string
	lines []scriptLine
	files map[string][]byte
}

// loadConversations reads all *.txtar of a folder, and of those in it; files below messages/ may be named by every script.
func loadConversations(fsys fs.FS) ([]conversation, error) {
	shared := map[string][]byte{"huge.eml": hugeMessage()}
	names, err := fs.Glob(fsys, "messages/*")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := addFile(shared, path.Base(name), func() ([]byte, error) { return fs.ReadFile(fsys, name) }); err != nil {
			return nil, err
		}
	}
	scripts, err := fs.Glob(fsys, "*.txtar")
	if err != nil {
		return nil, err
	}
	below, err := fs.Glob(fsys, "*/*.txtar")
	if err == nil && len(scripts)+len(below) == 0 {
		err = fmt.Errorf("no conversations: %w", fs.ErrNotExist)
	}
	var all []conversation
	for _, name := range append(scripts, below...) {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		c, err := newConversation(strings.TrimSuffix(name, ".txtar"), b, shared)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, c)
	}
	return all, err
}

// hugeMessage makes a message of about a megabyte, larger than what a server likes to keep in memory.
func hugeMessage() []byte {
	line := strings.Repeat("0123456789", 7) + "\r\n"
	return []byte("Subject: huge\r\n\r\n" + strings.Repeat(line, 15_000) + "the-last-line\r\n")
}

func addFile(files map[string][]byte, name string, read func() ([]byte, error)) error {
	b, err := read()
	if err == nil {
		files[name], err = messageBytes(name, b)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func newConversation(name string, b []byte, shared map[string][]byte) (conversation, error) {
	a := parseArchive(b)
	c := conversation{name: name, files: map[string][]byte{}}
	for n, data := range shared {
		c.files[n] = data
	}
	for n, data := range a.files {
		if err := addFile(c.files, n, func() ([]byte, error) { return data, nil }); err != nil {
			return c, err
		}
	}
	var err error
	c.lines, err = parseScript(a.script, c.files)
	return c, err
}
