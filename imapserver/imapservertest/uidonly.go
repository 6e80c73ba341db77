package imapservertest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Scripts speak of message numbers. A session that has enabled UIDONLY may not (RFC 9586, section 3): in the mode uidonly its
// commands are sent with the UIDs that the numbers stand for, and what the server says by UID is turned into numbers
// before it is compared. Both by the client's own view, whose new UIDs a companion looks up.

// byUID returns the line as a session without message numbers has to send it.
func (s *session) byUID(line string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &s.mirror
	if !s.translates || !m.uidOnly || m.box == nil {
		return line, nil
	}
	tag, rest, _ := strings.Cut(line, " ")
	name, args, _ := strings.Cut(rest, " ")
	switch strings.ToUpper(name) {
	case "FETCH", "STORE", "COPY", "MOVE", "REPLACE":
		set, tail, _ := strings.Cut(args, " ")
		set, err := m.box.uidSet(set)
		if err != nil {
			return "", err
		}
		args = set + " " + tail
	case "SEARCH", "SORT", "THREAD":
		keys, err := m.box.uidKeys(args)
		if err != nil {
			return "", err
		}
		args = keys
	case "UID": // sets of message numbers may still stand among search keys
		verb, keys, _ := strings.Cut(args, " ")
		switch strings.ToUpper(verb) {
		case "SEARCH", "SORT", "THREAD":
			keys, err := m.box.uidKeys(keys)
			return tag + " UID " + verb + " " + keys, err
		}
		return line, nil
	default:
		return line, nil
	}
	m.byNumber = append(m.byNumber, tag)
	return tag + " UID " + name + " " + args, nil
}

// setForm is a set of numbers (RFC 9051, section 9: sequence-set).
var setForm = regexp.MustCompile(`^[1-9*][\d:,*]*$`)

// uidSet returns a set of message numbers as one of UIDs. What is no set stays as it is.
func (b *mailbox) uidSet(set string) (string, error) {
	if !setForm.MatchString(set) {
		return set, nil
	}
	var parts []string
	for part := range strings.SplitSeq(set, ",") {
		if part == "*" {
			parts = append(parts, part)
			continue
		}
		first, open := strings.CutSuffix(part, ":*")
		numbers, ok := parseSet(first)
		if !ok {
			return set, nil
		}
		uids, err := b.uidsOf(numbers)
		if err != nil {
			return "", err
		}
		if first = uids.String(); open {
			first += ":*"
		}
		parts = append(parts, first)
	}
	return strings.Join(parts, ","), nil
}

// uidsOf returns the UIDs of numbered messages, in that order.
func (b *mailbox) uidsOf(numbers numSet) (uids numSet, err error) {
	for _, r := range numbers {
		if r.last > uint32(len(b.messages)) {
			return nil, fmt.Errorf("message number %d where the client counts %d: a script for no UIDONLY", r.last, len(b.messages))
		}
		for n := r.first; n <= r.last; n++ {
			uid := b.messages[n-1].uid
			if uid == 0 {
				return nil, fmt.Errorf("the UID of message %d is not known", n)
			}
			uids = append(uids, numRange{uid, uid})
		}
	}
	return uids.merged(), nil
}

// keyArguments are the search keys with arguments, which may look like sets, and how many they have.
var keyArguments = map[string]int{
	"BCC": 1, "BEFORE": 1, "BODY": 1, "CC": 1, "CHARSET": 1, "EMAILID": 1, "FROM": 1, "HEADER": 2, "KEYWORD": 1, "LARGER": 1, "MODSEQ": 1,
	"OLDER": 1, "ON": 1, "SAVEDBEFORE": 1, "SAVEDON": 1, "SAVEDSINCE": 1, "SENTBEFORE": 1, "SENTON": 1, "SENTSINCE": 1, "SINCE": 1,
	"SMALLER": 1, "SUBJECT": 1, "TEXT": 1, "THREADID": 1, "TO": 1, "UID": 1, "UNKEYWORD": 1, "YOUNGER": 1,
}

// searchToken is a piece of a search program: result options, a string, a parenthesis, space, or a word.
var searchToken = regexp.MustCompile(`^(?:(?i:RETURN) \([^)]*\)|"(?:[^"\\]|\\.)*"|<<[^>]*>>|[() ]|[^() "]+|.)`)

// uidKeys returns a search program in which sets of message numbers have become the key UID.
func (b *mailbox) uidKeys(program string) (string, error) {
	var out strings.Builder
	word, arguments := "", 0
	for program != "" {
		token := searchToken.FindString(program)
		program = program[len(token):]
		switch {
		case strings.ContainsAny(token[:1], "() "):
		case arguments > 0:
			arguments--
			if word == "MODSEQ" && token[0] == '"' { // RFC 7162, section 3.1.5: a name and a type before the number
				arguments = 2
			}
			word = ""
		case setForm.MatchString(token):
			set, err := b.uidSet(token)
			if err != nil {
				return "", err
			}
			token = "UID " + set
		default:
			word = strings.ToUpper(token)
			arguments = keyArguments[word]
		}
		out.WriteString(token)
	}
	return out.String(), nil
}

// numbered returns a response of a session without message numbers as one with them would get it, and checks that it has none.
func (m *mirror) numbered(r response) (response, error) {
	if !m.uidOnly {
		return r, nil
	}
	switch name := r.name(); {
	case name == "FETCH" || name == "EXPUNGE" || r.codeName() == "UNSEEN":
		return r, violation("%s after ENABLE UIDONLY: RFC 9586, section 3", name)
	case name == "UIDFETCH":
		return m.numberedFetch(r)
	case name == "SEARCH" || name == "SORT" || name == "THREAD":
		if c := m.current(); c != nil && slices.Contains(m.byNumber, c.tag) {
			return m.withNumbers(r, r.body[1:])
		}
	case name == "ESEARCH":
		return m.numberedESearch(r)
	case r.codeName() == "MODIFIED" && slices.Contains(m.byNumber, r.tag):
		return m.withNumbers(r, r.code()[1:])
	}
	return r, nil
}

// numberedFetch turns UIDFETCH into FETCH.
func (m *mirror) numberedFetch(r response) (response, error) {
	uid, _ := r.body[0].number()
	box := m.target()
	if box == nil || len(r.body) != 3 {
		return r, violation("UIDFETCH without a selected mailbox, or without a list")
	}
	n, ok := box.number(uid)
	if !ok {
		return r, violation("UIDFETCH of UID %d, which the client does not have", uid)
	}
	items := r.body[2]
	if pairs, _, _ := toPairs(items.list); pairs["UID"].text == "" {
		items.list = append([]value{{text: "UID"}, r.body[0]}, items.list...)
	}
	r.body = []value{n, {text: "FETCH"}, items}
	return r, nil
}

// numberedESearch turns the results of a search by number, which were told by UID, into numbers.
func (m *mirror) numberedESearch(r response) (response, error) {
	if len(r.body) < 2 || len(r.body[1].list) < 2 || !slices.Contains(m.byNumber, r.body[1].list[1].text) {
		return r, nil
	}
	if r.word(2) != "UID" {
		return r, violation("ESEARCH with message numbers after ENABLE UIDONLY: RFC 9586, section 3")
	}
	body := slices.Delete(slices.Clone(r.body), 2, 3)
	for i := 2; i+1 < len(body); i += 2 {
		values := body[i+1 : i+2]
		switch strings.ToUpper(body[i].text) {
		case "COUNT", "MODSEQ":
			continue
		case "PARTIAL":
			values = values[0].list[1:]
		case "ADDTO", "REMOVEFROM":
			values = values[0].list[1:2] // the harness knows no server that tells more than one place
		}
		if err := m.number(values); err != nil {
			return r, err
		}
	}
	r.body = body
	return r, nil
}

// withNumbers turns UIDs among values of the response into message numbers.
func (m *mirror) withNumbers(r response, values []value) (response, error) {
	return r, m.number(values)
}

// number replaces sets of UIDs by sets of message numbers.
func (m *mirror) number(values []value) error {
	box := m.target()
	for i, v := range values {
		switch set, ok := parseSet(v.text); {
		case v.kind == list && len(v.list) > 0 && !v.list[0].is("MODSEQ"):
			if err := m.number(v.list); err != nil {
				return err
			}
		case v.kind == atom && ok && box != nil:
			numbers := box.numbersOf(set)
			if numbers.size() == 0 {
				return violation("%s: UIDs of no message that the client has", v.text)
			}
			values[i].text = numbers.String()
		}
	}
	return nil
}

// number returns the message number of a UID.
func (b *mailbox) number(uid uint64) (value, bool) {
	i := slices.IndexFunc(b.messages, func(msg message) bool { return msg.uid != 0 && uint64(msg.uid) == uid })
	return value{text: strconv.Itoa(i + 1)}, i >= 0
}

// numbersOf returns the message numbers of a set of UIDs, in its order.
func (b *mailbox) numbersOf(uids numSet) (numbers numSet) {
	for _, r := range uids {
		for i, msg := range b.messages {
			if msg.uid != 0 && r.first <= msg.uid && msg.uid <= r.last {
				numbers = append(numbers, numRange{uint32(i + 1), uint32(i + 1)})
			}
		}
	}
	return numbers.merged()
}

// companion is a session that sees the same mailbox with message numbers. It changes nothing.
type companion struct {
	connect func() (*session, error) // makes a session that has logged in
	s       *session
	box     *mailbox // which it looks at
}

// learn looks up the UIDs of the messages at the end that the client has not been told yet. Where that fails (the mailbox
// is gone, say) they stay unknown.
func (c *companion) learn(b *mailbox) {
	if err := c.look(b); err != nil {
		c.close()
		return
	}
	found, err := c.s.command("UID SEARCH ALL")
	if err != nil {
		c.close()
		return
	}
	for _, r := range found {
		if r.name() == "SEARCH" {
			b.append(r.body[1:])
		}
	}
}

// look brings the companion up to date in the mailbox.
func (c *companion) look(b *mailbox) (err error) {
	if c.s == nil {
		if c.s, err = c.connect(); err != nil {
			return err
		}
	}
	if c.box == b {
		_, err = c.s.command("NOOP")
		return err
	}
	name := b.plainName()
	if name == "" {
		return errors.New("no name for another client")
	}
	c.box = b
	_, err = c.s.command("EXAMINE " + name)
	return err
}

func (c *companion) close() {
	if c.s != nil {
		c.s.close()
	}
	c.s, c.box = nil, nil
}

// append gives the messages at the end that have no UID yet those of the UIDs that are higher than all before.
func (b *mailbox) append(uids []value) {
	n := len(b.messages)
	for n > 0 && b.messages[n-1].uid == 0 {
		n--
	}
	for _, v := range uids {
		uid, _ := v.number()
		if n < len(b.messages) && (n == 0 || uid > uint64(b.messages[n-1].uid)) {
			b.messages[n].uid = uint32(uid)
			n++
		}
	}
}
