package passwd

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mailhavn/mailhavn/passwd/hash"
)

// State says whether a user may log in.
type State string

// The states of a user.
const (
	Active     State = "active"
	Disabled   State = "disabled"
	MustChange State = "must-change" // the password is not accepted until it is changed
)

// expiresKey is the attribute that says when an account expires.
const expiresKey = "expires"

// User is what a user file says of a user, but for the hash of the password.
type User struct {
	Name       string // canonical, see CanonicalName
	State      State
	Attributes map[string]string // for other programs; nil if there are none
}

// Expiry returns when the account expires; the zero time if it does not.
func (u User) Expiry() time.Time {
	t, _ := time.Parse(time.RFC3339, u.Attributes[expiresKey])
	return t
}

// maxLine bounds a line of a user file, in bytes.
const maxLine = 32 << 10

// header begins a new user file.
const header = `# Users, one a line: name:hash:state:attributes
# name is compared without regard to case, hash is argon2id ($argon2id$v=19$...) or another,
# state is "active", "disabled" or "must-change", attributes are key=value separated by spaces.
# This file is read again when it has changed. Keep its mode 0600.
`

// line is a line of a user file. Its text is kept, so that a rewrite changes
// only what it is about.
type line struct {
	text string // without the newline
	name string // canonical; empty for comments, and if the name cannot be used
	user User
	hash hash.Hash
	attr string     // the attributes as they stand there
	err  *LineError // not nil: gives nobody access
}

// table is the content of a user file. It is immutable once parsed.
type table struct {
	lines    []line
	byName   map[string]int // canonical name -> index of the first line that has it
	problems []*LineError
}

// parseTable reads a user file. It never fails: what cannot be understood is in
// problems. file is for them.
func parseTable(file, data string) *table {
	t := &table{byName: map[string]int{}}
	number := 0
	for text := range strings.Lines(data) {
		number++
		l := parseLine(strings.TrimSuffix(text, "\n"))
		if l.err == nil && l.name != "" {
			if first, ok := t.byName[l.name]; ok {
				l.err = &LineError{Reason: fmt.Sprintf("the user %q stands on line %d already", l.name, first+1)}
			}
		}
		if l.err != nil {
			l.err.File, l.err.Line = file, number
			t.problems = append(t.problems, l.err)
		}
		if _, known := t.byName[l.name]; l.name != "" && !known {
			t.byName[l.name] = len(t.lines)
		}
		t.lines = append(t.lines, l)
	}
	return t
}

// parseLine reads one line. An error has no file and number yet.
func parseLine(text string) line {
	l := line{text: text}
	fail := func(reason string) line {
		l.err = &LineError{Reason: reason}
		return l
	}
	text = strings.TrimSuffix(text, "\r") // of an editor on Windows
	if strings.TrimSpace(text) == "" || text[0] == '#' {
		return l
	}
	if len(text) > maxLine {
		return fail(fmt.Sprintf("it is longer than %d bytes", maxLine))
	}
	fields := strings.Split(text, ":")
	if len(fields) < 3 || len(fields) > 4 {
		return fail(fmt.Sprintf("it has %d fields separated by \":\", not name:hash:state or name:hash:state:attributes", len(fields)))
	}
	name, err := CanonicalName(fields[0])
	var fault *NameError
	if errors.As(err, &fault) {
		return fail("the name, its first field, cannot be used: " + fault.Reason)
	}
	l.name = name
	if l.hash, err = hash.Parse(fields[1]); err != nil {
		return fail("the hash, its second field: " + err.Error())
	}
	state := State(fields[2])
	if state != Active && state != Disabled && state != MustChange {
		return fail("the state, its third field, is none of active, disabled, must-change")
	}
	if len(fields) == 4 {
		l.attr = fields[3]
	}
	attributes, reason := parseAttributes(l.attr)
	if reason != "" {
		return fail("the attributes, its fourth field, " + reason)
	}
	l.user = User{Name: name, State: state, Attributes: attributes}
	if when, ok := attributes[expiresKey]; ok && l.user.Expiry().IsZero() {
		return fail(fmt.Sprintf("the attribute expires is no time such as 2030-12-31T23:59:59Z: %.40q", when))
	}
	return l
}

// parseAttributes reads key=value pairs and returns why it cannot, or "".
func parseAttributes(s string) (map[string]string, string) {
	if !utf8.ValidString(s) {
		return nil, "are not valid UTF-8"
	}
	var attributes map[string]string
	for i, pair := range strings.Fields(s) {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || !validKey(key) {
			return nil, fmt.Sprintf("have no KEY=VALUE at place %d", i+1)
		}
		value, err := url.PathUnescape(value)
		if err != nil || !utf8.ValidString(value) {
			return nil, fmt.Sprintf("have a wrong %%XX in the value of %s", key)
		}
		if _, double := attributes[key]; double {
			return nil, fmt.Sprintf("have %s twice", key)
		}
		if attributes == nil {
			attributes = map[string]string{}
		}
		attributes[key] = value
	}
	return attributes, ""
}

// formatAttributes writes what parseAttributes reads, sorted by key.
func formatAttributes(attributes map[string]string) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(key + "=")
		for _, c := range []byte(attributes[key]) {
			if c <= ' ' || c == ':' || c == '%' || c == 0x7f {
				fmt.Fprintf(&b, "%%%02X", c)
			} else {
				b.WriteByte(c)
			}
		}
	}
	return b.String()
}

func validKey(key string) bool {
	for _, c := range []byte(key) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-_.", c) >= 0) {
			return false
		}
	}
	return key != "" && len(key) <= 64
}

// format returns the text of l after name, hash or state have changed.
func (l line) format() string {
	text := fmt.Sprintf("%s:%s:%s", l.user.Name, l.hash, l.user.State)
	if l.attr != "" {
		text += ":" + l.attr
	}
	return text
}

// find returns the line of a user that can be used. The error is a *NameError,
// ErrNotFound or a *LineError.
func (t *table) find(name string) (index int, err error) {
	canonical, err := CanonicalName(name)
	if err != nil {
		return 0, err
	}
	i, ok := t.byName[canonical]
	if !ok {
		return 0, fmt.Errorf("%w: %q", ErrNotFound, canonical)
	}
	if bad := t.lines[i].err; bad != nil {
		return 0, bad
	}
	return i, nil
}

// absent reports as an error if a user, or a line of that name that cannot be
// used, is there; name is canonical.
func (t *table) absent(name string) error {
	if i, ok := t.byName[name]; ok {
		return fmt.Errorf("%w: %q on line %d", ErrExists, name, i+1)
	}
	return nil
}

// replace returns the text of the file with line i changed.
func (t *table) replace(i int, l line) string {
	lines := slices.Clone(t.lines)
	lines[i] = line{text: l.format()}
	return join(lines)
}

// remove returns the text of the file without line i.
func (t *table) remove(i int) string {
	return join(slices.Delete(slices.Clone(t.lines), i, i+1))
}

// add returns the text of the file with one line more.
func (t *table) add(l line) string {
	return join(append(slices.Clip(t.lines), line{text: l.format()}))
}

func join(lines []line) string {
	size := 0
	for _, l := range lines {
		size += len(l.text) + 1
	}
	var b strings.Builder
	b.Grow(size)
	for _, l := range lines {
		b.WriteString(l.text)
		b.WriteByte('\n')
	}
	return b.String()
}
