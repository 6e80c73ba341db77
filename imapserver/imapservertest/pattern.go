package imapservertest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// vars are the values that a conversation has captured.
type vars map[string]string

// matcher compares one response with one pattern. What it binds counts only when the whole response matches.
type matcher struct {
	vars    vars
	bound   vars
	tag     string // what "." stands for
	strict  bool   // strings and atoms are told apart
	anyCase bool   // strings, too, are compared without regard to case
	copied  bool   // within COPYUID: the order of sets counts
}

// match compares the bodies of two responses of the same tag, and adds to vars what the pattern captures.
func match(pattern, got response, known vars, tag string) bool {
	m := &matcher{vars: known, bound: vars{}, tag: tag}
	if !m.body(pattern, got) {
		return false
	}
	for name, v := range m.bound {
		known[name] = v
	}
	return true
}

func (m *matcher) body(pattern, got response) bool {
	if pattern.tag == "+" || len(pattern.body) == 0 {
		return pattern.tag == "+" && (pattern.body[0].text == "" || pattern.body[0].text == got.body[0].text)
	}
	if first := pattern.body[0].text; isStatus(strings.Split(first, "|")[0]) {
		return m.status(first, pattern, got)
	}
	switch name := pattern.name(); name {
	case "FETCH", "UIDFETCH":
		m.strict = true
		return len(got.body) == 3 && got.name() == name && len(pattern.body) == 3 &&
			m.value(pattern.body[0], got.body[0]) && m.pairs(pattern.body[2].list, got.body[2].list, "UID", "MODSEQ")
	case "STATUS":
		return len(got.body) == 3 && got.name() == name && len(pattern.body) == 3 &&
			m.mailbox(pattern.body[1], got.body[1]) && m.pairs(pattern.body[2].list, got.body[2].list)
	case "LIST", "LSUB":
		return m.list(pattern.body, got.body)
	case "ESEARCH":
		return m.esearch(pattern.body, got.body)
	case "SEARCH", "CAPABILITY", "ENABLED":
		return got.name() == name && m.unordered(pattern.body, got.body)
	case "FLAGS":
		return got.name() == name && len(got.body) == 2 && m.unordered(pattern.body[1].list, got.body[1].list)
	}
	return m.values(pattern.body, got.body)
}

// status compares a status response; its human text is free (RFC 9051, section 7.1).
func (m *matcher) status(words string, pattern, got response) bool {
	if !slices.Contains(strings.Split(words, "|"), got.word(0)) {
		return false
	}
	want := pattern.code()
	if want == nil {
		return true
	}
	have := got.code()
	if not, ok := strings.CutPrefix(want[0].text, "!"); ok {
		return !strings.EqualFold(got.codeName(), not)
	}
	switch strings.ToUpper(want[0].text) {
	case "CAPABILITY":
		return m.unordered(want, have)
	case "PERMANENTFLAGS":
		return len(have) == 2 && got.codeName() == "PERMANENTFLAGS" && m.unordered(want[1].list, have[1].list)
	case "COPYUID":
		m.copied = true
	}
	return m.values(want, have)
}

// list compares LIST responses: attributes in any order, then delimiter, name and extended data (RFC 9051, section 7.3.1).
func (m *matcher) list(pattern, got []value) bool {
	if len(pattern) < 4 || len(got) < 4 || !m.value(pattern[0], got[0]) || got[1].kind != list {
		return false
	}
	return m.unordered(pattern[1].list, got[1].list) && m.value(pattern[2], got[2]) && m.mailbox(pattern[3], got[3]) &&
		m.values(pattern[4:], got[4:])
}

// esearch compares ESEARCH responses (RFC 4731, section 3.1): correlator, UID, then pairs in any order.
func (m *matcher) esearch(pattern, got []value) bool {
	split := func(vs []value) (tag []value, uid bool, rest []value) {
		vs = vs[1:]
		if len(vs) > 0 && vs[0].kind == list {
			tag, vs = vs[0].list, vs[1:]
		}
		if len(vs) > 0 && vs[0].is("UID") {
			uid, vs = true, vs[1:]
		}
		return tag, uid, vs
	}
	if len(got) == 0 || !got[0].is("ESEARCH") {
		return false
	}
	wantTag, wantUID, want := split(pattern)
	gotTag, gotUID, have := split(got)
	return wantUID == gotUID && m.values(wantTag, gotTag) && m.pairs(want, have)
}

// mailbox compares mailbox names: exactly, however quoted, INBOX in any case.
func (m *matcher) mailbox(pattern, got value) bool {
	if strings.HasPrefix(pattern.text, "${") || pattern.is("<any>") {
		return m.value(pattern, got)
	}
	return (got.kind == atom || got.kind == str) && (pattern.text == got.text ||
		strings.EqualFold(pattern.text, "INBOX") && strings.EqualFold(got.text, "INBOX"))
}

// isRest tells whether a pattern element stands for any further elements.
func isRest(v value) bool { return v.is("...") }

// values compares element by element; "..." at the end of the pattern matches the rest.
func (m *matcher) values(pattern, got []value) bool {
	for i, p := range pattern {
		if isRest(p) {
			return true
		}
		if i >= len(got) || !m.value(p, got[i]) {
			return false
		}
	}
	return len(pattern) == len(got)
}

// unordered compares two collections; with "..." in the pattern there may be more than it names.
func (m *matcher) unordered(pattern, got []value) bool {
	left, more := slices.Clone(got), false
	for _, p := range pattern {
		if isRest(p) {
			more = true
			continue
		}
		i := slices.IndexFunc(left, func(v value) bool { return m.value(p, v) })
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return more || len(left) == 0
}

// pairs compares "KEY value KEY value" in any order. Keys in extra may stand in the response although the pattern
// does not name them, unless it says !KEY.
func (m *matcher) pairs(pattern, got []value, extra ...string) bool {
	want, more, forbidden := toPairs(pattern)
	have, _, _ := toPairs(got)
	if len(got)%2 != 0 {
		return false
	}
	for key, p := range want {
		g, ok := have[key]
		if !ok || !m.item(key, p, g) {
			return false
		}
	}
	for key := range have {
		if _, ok := want[key]; ok {
			continue
		}
		if slices.Contains(forbidden, key) || !more && !slices.Contains(extra, key) {
			return false
		}
	}
	return true
}

func toPairs(vs []value) (pairs map[string]value, more bool, forbidden []string) {
	pairs = map[string]value{}
	for i := 0; i < len(vs); i++ {
		switch not, ok := strings.CutPrefix(vs[i].text, "!"); {
		case isRest(vs[i]):
			more = true
		case ok:
			forbidden = append(forbidden, strings.ToUpper(not))
		case i+1 < len(vs):
			pairs[itemName(vs[i].text)] = vs[i+1]
			i++
		}
	}
	return pairs, more, forbidden
}

// itemName brings the name of a data item to one form: BODY[HEADER.FIELDS ("To")] is BODY[HEADER.FIELDS (TO)].
func itemName(s string) string { return strings.ToUpper(strings.ReplaceAll(s, `"`, "")) }

func (m *matcher) item(key string, pattern, got value) bool {
	if key == "FLAGS" && pattern.kind == list {
		return got.kind == list && m.unordered(pattern.list, got.list)
	}
	m.anyCase = key == "BODY" || key == "BODYSTRUCTURE" // media types and charsets (RFC 2045, section 5.1)
	if key == "INTERNALDATE" && pattern.kind == str {
		want, err := time.Parse(internalDate, pattern.text)
		have, err2 := time.Parse(internalDate, got.text)
		return err == nil && err2 == nil && got.kind == str && want.Equal(have)
	}
	return m.value(pattern, got)
}

// internalDate is the form of a date-time (RFC 9051, section 9); the zone in which a server tells it is its own choice.
const internalDate = "_2-Jan-2006 15:04:05 -0700"

func (m *matcher) value(p, got value) bool {
	switch p.kind {
	case list, code:
		return got.kind == p.kind && m.values(p.list, got.list)
	case str:
		same := p.text == got.text || m.anyCase && strings.EqualFold(p.text, got.text)
		return same && (got.kind == str || got.kind == atom && !m.strict && !got.is("NIL"))
	}
	switch {
	case p.text == "<any>":
		return true
	case p.text == "<num>":
		_, ok := got.number()
		return ok
	case p.text == "<str>":
		return got.kind == str
	case p.text == ".":
		return got.text == m.tag
	case strings.HasPrefix(p.text, "${"):
		return m.variable(p.text, got)
	case strings.HasPrefix(p.text, `\`) && strings.Contains(p.text, "|"):
		return slices.ContainsFunc(strings.Split(p.text, "|"), got.is)
	case got.kind == atom:
		return itemName(p.text) == itemName(got.text) || equalSets(p.text, got.text, m.copied)
	}
	return got.kind == str && !m.strict && !p.is("NIL") && p.text == got.text
}

var variableForm = regexp.MustCompile(`^\$\{([\w:./-]+)(?:(<=|>=|<|>|=)([\w:./-]+))?\}$`)

// variable matches ${name}: a value not yet known is captured, a known one is compared; ${name>other} captures and compares.
func (m *matcher) variable(p string, got value) bool {
	f := variableForm.FindStringSubmatch(p)
	if f == nil || got.kind == list || got.kind == code {
		return false
	}
	if known, ok := m.lookup(f[1]); ok && known != got.text && f[2] == "" {
		return false
	}
	m.bound[f[1]] = got.text
	if f[2] == "" {
		return true
	}
	operand, ok := m.lookup(f[3])
	if !ok {
		operand = f[3]
	}
	x, err := strconv.ParseUint(got.text, 10, 64)
	y, err2 := strconv.ParseUint(operand, 10, 64)
	if err != nil || err2 != nil {
		return false
	}
	return map[string]bool{"<": x < y, "<=": x <= y, "=": x == y, ">=": x >= y, ">": x > y}[f[2]]
}

func (m *matcher) lookup(name string) (string, bool) {
	if v, ok := m.bound[name]; ok {
		return v, true
	}
	v, ok := m.vars[name]
	return v, ok
}

var substitution = regexp.MustCompile(`\$\{([\w:./-]+)(?:([+])(\d+))?\}`)

// expand puts the values of ${name} and ${name+1} into a line that a client is to send.
func (v vars) expand(line string) (string, error) {
	var missing error
	out := substitution.ReplaceAllStringFunc(line, func(s string) string {
		f := substitution.FindStringSubmatch(s)
		value, ok := v[f[1]]
		if !ok {
			missing = fmt.Errorf("no value for %s", s)
		}
		if f[2] == "" {
			return value
		}
		x, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			missing = fmt.Errorf("%s: %q is no number", s, value)
		}
		y, _ := strconv.ParseUint(f[3], 10, 32)
		return strconv.FormatUint(x+y, 10)
	})
	return out, missing
}
