package imapserver

import (
	"strings"
	"time"

	"github.com/mailhavn/mailhavn/imapserver/internal/names"
	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/message"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
)

// A searchKey is a key of SEARCH.
type searchKey struct {
	name  string
	rfc   string
	parse func(c *conn, p *program) (predicate, error) // reads what follows the name
}

func (k searchKey) key() string { return k.name }

// baseSearchKeys are the keys of RFC 9051, section 6.4.4, and those of RFC 3501, section 6.4.4, which it left out.
func baseSearchKeys() []searchKey {
	const rev1, rev2 = "RFC 3501, section 6.4.4", "RFC 9051, section 6.4.4"
	keys := []searchKey{
		{"ALL", rev2, columnKey(func(*candidate) bool { return true })},
		{"NEW", rev1, columnKey(func(m *candidate) bool { return m.recent() && m.m.Flags&storage.Seen == 0 })},
		{"OLD", rev1, columnKey(func(m *candidate) bool { return !m.recent() })},
		{"RECENT", rev1, columnKey((*candidate).recent)},
		{"KEYWORD", rev2, keywordKey(true)},
		{"UNKEYWORD", rev2, keywordKey(false)},
		{"LARGER", rev2, sizeKey(func(size, n int64) bool { return size > n })},
		{"SMALLER", rev2, sizeKey(func(size, n int64) bool { return size < n })},
		{"BEFORE", rev2, dateKey(fromView, internalDay, func(day, n int64) bool { return day < n })},
		{"ON", rev2, dateKey(fromView, internalDay, func(day, n int64) bool { return day == n })},
		{"SINCE", rev2, dateKey(fromView, internalDay, func(day, n int64) bool { return day >= n })},
		{"SENTBEFORE", rev2, dateKey(fromSummary, sentDay, func(day, n int64) bool { return day < n })},
		{"SENTON", rev2, dateKey(fromSummary, sentDay, func(day, n int64) bool { return day == n })},
		{"SENTSINCE", rev2, dateKey(fromSummary, sentDay, func(day, n int64) bool { return day >= n })},
		{"BCC", rev2, fieldKey("BCC")},
		{"CC", rev2, fieldKey("CC")},
		{"FROM", rev2, fieldKey("FROM")},
		{"SUBJECT", rev2, fieldKey("SUBJECT")},
		{"TO", rev2, fieldKey("TO")},
		{"HEADER", rev2, parseHeaderKey},
		{"BODY", rev2, textKey(false)},
		{"TEXT", rev2, textKey(true)},
		{"UID", rev2, parseUIDKey},
		{"NOT", rev2, parseNot},
		{"OR", rev2, parseOr},
	}
	for _, f := range names.SystemFlags {
		name := strings.ToUpper(f.Name[1:])
		keys = append(keys,
			searchKey{name, rev2, columnKey(func(m *candidate) bool { return m.m.Flags&f.Flag != 0 })},
			searchKey{"UN" + name, rev2, columnKey(func(m *candidate) bool { return m.m.Flags&f.Flag == 0 })})
	}
	return keys
}

// parseKeys reads the keys of the top level.
func (p *program) parseKeys(c *conn) (err error) {
	for first := true; first || c.dec.SP(); first = false {
		key, err := p.parseKey(c)
		if err != nil || c.dec.Err() != nil {
			return err
		}
		p.all = append(p.all, key)
	}
	sortByCost(p.all)
	return nil
}

// parseKey reads one key: a set of message sequence numbers, keys in parentheses, or a name with what follows it.
func (p *program) parseKey(c *conn) (key predicate, err error) {
	d, column := c.dec, c.dec.Column()
	if p.keys++; p.keys > p.limit {
		return key, no("LIMIT", "Too many search keys")
	}
	var set wire.NumSet
	if d.SeqSet(&set) {
		if c.uidOnly() && !set.Saved() {
			return key, errUIDRequired
		}
		p.usesSeq = p.usesSeq || !set.Saved()
		return p.setKey(set, false), nil
	}
	var list []predicate
	if d.List(func() bool {
		var one predicate
		one, err = p.parseKey(c)
		list = append(list, one)
		return err == nil && d.Err() == nil
	}) && len(list) > 0 {
		return conjunction(list), nil
	}
	var name []byte
	if err != nil || !d.ExpectKeyword(&name, "a search key") {
		return key, err
	}
	k, ok := c.registry.searchKeys[string(name)]
	if !ok {
		return key, badAt("unknown search key", column)
	}
	return k.parse(c, p)
}

// setKey makes a key of a set of messages.
func (p *program) setKey(set wire.NumSet, byUID bool) predicate {
	s := &setKey{set: set, byUID: byUID}
	p.sets = append(p.sets, s)
	return predicate{set: s, test: func(m *candidate) (bool, error) { return s.uids.Contains(m.m.UID), nil }}
}

func parseUIDKey(c *conn, p *program) (predicate, error) {
	var set wire.NumSet
	c.parseSet(&set)
	return p.setKey(set, true), nil
}

func parseNot(c *conn, p *program) (predicate, error) {
	if !c.dec.ExpectSP() {
		return predicate{}, nil
	}
	key, err := p.parseKey(c)
	return predicate{cost: key.cost, test: func(m *candidate) (bool, error) {
		ok, err := key.test(m)
		return !ok && err == nil, err
	}}, err
}

func parseOr(c *conn, p *program) (predicate, error) {
	var keys []predicate
	for range 2 {
		if !c.dec.ExpectSP() {
			return predicate{}, nil
		}
		key, err := p.parseKey(c)
		if err != nil {
			return predicate{}, err
		}
		keys = append(keys, key)
	}
	sortByCost(keys)
	return predicate{cost: keys[1].cost, test: func(m *candidate) (bool, error) {
		if ok, err := keys[0].test(m); ok || err != nil {
			return ok, err
		}
		return keys[1].test(m)
	}}, nil
}

// columnKey is a key that is known without reading anything.
func columnKey(test func(*candidate) bool) func(*conn, *program) (predicate, error) {
	return func(*conn, *program) (predicate, error) {
		return predicate{test: func(m *candidate) (bool, error) { return test(m), nil }}, nil
	}
}

func (m *candidate) recent() bool { return m.in.recent.Contains(m.m.UID) }

func keywordKey(want bool) func(*conn, *program) (predicate, error) {
	return func(c *conn, _ *program) (predicate, error) {
		var name string
		if !c.dec.ExpectSP() || !c.dec.ExpectAtom(&name) {
			return predicate{}, nil
		}
		// Messages of a mailbox with the same keywords have the same set: each set is judged once.
		type setOf struct {
			in  *selected
			set storage.KeywordSet
		}
		judged := map[setOf]bool{}
		return predicate{test: func(m *candidate) (bool, error) {
			key := setOf{m.in, m.m.Keywords}
			has, ok := judged[key]
			if !ok {
				has = m.in.view.data.HasKeyword(m.m.Keywords, name)
				judged[key] = has
			}
			return has == want, nil
		}}, nil
	}
}

func sizeKey(test func(size, n int64) bool) func(*conn, *program) (predicate, error) {
	return func(c *conn, _ *program) (predicate, error) {
		var n int64
		if !c.dec.ExpectSP() || !c.dec.ExpectNumber64(&n) {
			return predicate{}, nil
		}
		return predicate{test: func(m *candidate) (bool, error) { return test(int64(m.m.Size), n), nil }}, nil
	}
}

const secondsPerDay = 24 * 60 * 60

// dateKey compares days, counted from the first of 1970.
func dateKey(c cost, day func(*candidate) (int64, bool, error), test func(day, n int64) bool) func(*conn, *program) (predicate, error) {
	return func(conn *conn, _ *program) (predicate, error) {
		var date time.Time
		if !conn.dec.ExpectSP() || !conn.dec.ExpectDate(&date) {
			return predicate{}, nil
		}
		n := floorDay(date.Unix())
		return predicate{cost: c, test: func(m *candidate) (bool, error) {
			d, ok, err := day(m)
			return ok && test(d, n), err
		}}, nil
	}
}

func floorDay(unix int64) int64 {
	day := unix / secondsPerDay
	if unix%secondsPerDay < 0 {
		day--
	}
	return day
}

// internalDay is the day of INTERNALDATE, as FETCH shows it.
func internalDay(m *candidate) (int64, bool, error) { return floorDay(m.m.InternalDate), true, nil }

// sentDay is the day of the Date field as it stands there, whatever the zone (RFC 9051, section 6.4.4). Without a date nothing matches.
func sentDay(m *candidate) (int64, bool, error) {
	if err := m.summarize(); err != nil {
		return 0, false, err
	}
	date, ok := m.summary.Sent()
	return date.Day(), ok, nil
}

var errBadCharset = &Error{Status: No, Code: "BADCHARSET (US-ASCII UTF-8)", Text: "Character set is not supported"}

// setCharset sets what the strings of the program are written in.
func (p *program) setCharset(name string) error {
	if strings.EqualFold(name, "UTF-8") || strings.EqualFold(name, "US-ASCII") {
		return nil
	}
	enc, err := ianaindex.MIME.Encoding(name)
	if err != nil || enc == nil {
		if enc, err = htmlindex.Get(name); err != nil || enc == encoding.Replacement {
			return errBadCharset
		}
	}
	p.decode = func(s string) (string, bool) {
		out, err := enc.NewDecoder().String(s)
		return out, err == nil
	}
	return nil
}

// text reads a string to search for, after a space.
func (p *program) text(c *conn) (*message.Matcher, string, error) {
	var s string
	column := c.dec.Column() + 1
	if !c.dec.ExpectSP() || !c.dec.ExpectAString(&s) {
		return nil, "", nil
	}
	if p.decode != nil {
		var ok bool
		if s, ok = p.decode(s); !ok {
			return nil, "", badAt("expected a string of the character set", column)
		}
	}
	return message.NewMatcher(s), s, nil
}
