package goimap

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/message"
)

// Search is SEARCH (RFC 9051, section 6.4.4).
func (s *Session) Search(kind imapserver.NumKind, criteria *imap.SearchCriteria, options *imap.SearchOptions) (data *imap.SearchData, err error) {
	err = s.inMailbox(reads, func(ctx context.Context, b *selected) error {
		if options.ReturnSave {
			b.saved = nil // it stays so, where the search fails (RFC 9051, section 6.4.4.1)
		}
		found, err := b.search(ctx, criteria)
		if err != nil {
			return err
		}
		if options.ReturnSave {
			b.saved = found.saved(options)
		}
		data = found.data(kind)
		return nil
	})
	return data, err
}

// found is the result of a search.
type found struct {
	uids storage.UIDSet
	seqs imap.SeqSet
}

// saved returns what "$" means after the search: all messages, or those told as MIN and MAX (RFC 9051, section 6.4.4.1). The library sets
// ReturnAll where nothing else was asked for.
func (f *found) saved(o *imap.SearchOptions) storage.UIDSet {
	n := len(f.uids)
	if o.ReturnAll || o.ReturnCount || n == 0 {
		return f.uids
	}
	var edges []storage.UID
	if o.ReturnMin {
		edges = append(edges, f.uids[0].First)
	}
	if o.ReturnMax {
		edges = append(edges, f.uids[n-1].Last)
	}
	return storage.NewUIDSet(edges...)
}

// data returns the result in numbers of a kind.
func (f *found) data(kind imapserver.NumKind) *imap.SearchData {
	data := &imap.SearchData{All: f.seqs, Count: uint32(f.uids.Len())}
	if kind == imapserver.NumKindUID {
		data.All = uidSet(f.uids)
	}
	if n := len(f.uids); n > 0 {
		data.Min, data.Max = f.seqs[0].Start, f.seqs[len(f.seqs)-1].Stop
		if kind == imapserver.NumKindUID {
			data.Min, data.Max = uint32(f.uids[0].First), uint32(f.uids[n-1].Last)
		}
	}
	return data
}

// candidate is a message that is judged.
type candidate struct {
	reading
	b   *selected
	raw collector
}

// A test judges a message.
type test func(*candidate) (bool, error)

// search judges all messages of the view. Those whose text is needed and gone are passed over, which the client learns by EXPUNGE.
func (b *selected) search(ctx context.Context, criteria *imap.SearchCriteria) (*found, error) {
	now, err := b.mbox.View(ctx)
	if err != nil {
		return nil, err
	}
	k := compiler{ctx: ctx, b: b}
	matches, err := k.all(criteria)
	if err != nil {
		return nil, err
	}
	f := &found{}
	c := &candidate{reading: reading{ctx: ctx, mbox: b.mbox}, b: b}
	defer c.close()
	for seq, m := range b.view.All() {
		c.next(b.present(now, m))
		ok, err := matches(c)
		if err != nil && !errors.Is(err, storage.ErrExpunged) {
			return nil, err
		}
		if ok {
			f.uids = f.uids.Append(m.UID)
			f.seqs.AddNum(uint32(seq))
		}
	}
	return f, nil
}

// maxSearchKeys is how many keys one SEARCH may have.
const maxSearchKeys = 1000

// compiler makes tests of criteria.
type compiler struct {
	ctx  context.Context
	b    *selected
	keys int
}

// all makes the test that all criteria hold: the cheap ones first.
func (k *compiler) all(c *imap.SearchCriteria) (test, error) {
	k.keys += 1 + len(c.Flag) + len(c.NotFlag) + len(c.SeqNum) + len(c.UID) + len(c.Header) + len(c.Text) + len(c.Body)
	if k.keys > maxSearchKeys {
		return nil, no(imap.ResponseCodeLimit, "Too many search keys")
	}
	var tests []test
	add := func(t test) { tests = append(tests, t) }
	k.b.hold = k.b.hold || len(c.SeqNum) > 0 // the library lets EXPUNGE follow any UID SEARCH
	for _, set := range c.SeqNum {
		add(isIn(k.b.existing(set)))
	}
	for _, set := range c.UID {
		add(isIn(k.b.existing(set)))
	}
	for _, flag := range c.Flag {
		add(hasFlag(flag, true))
	}
	for _, flag := range c.NotFlag {
		add(hasFlag(flag, false))
	}
	if c.Larger > 0 {
		add(func(m *candidate) (bool, error) { return int64(m.m.Size) > c.Larger, nil })
	}
	if c.Smaller > 0 {
		add(func(m *candidate) (bool, error) { return int64(m.m.Size) < c.Smaller, nil })
	}
	if !c.Since.IsZero() || !c.Before.IsZero() {
		add(between(internalDay, c.Since, c.Before))
	}
	if !c.SentSince.IsZero() || !c.SentBefore.IsZero() {
		add(between(sentDay, c.SentSince, c.SentBefore))
	}
	if err := k.texts(c, add); err != nil {
		return nil, err
	}
	for i := range c.Not {
		inner, err := k.all(&c.Not[i])
		if err != nil {
			return nil, err
		}
		add(func(m *candidate) (bool, error) {
			ok, err := inner(m)
			return !ok && err == nil, err
		})
	}
	for i := range c.Or {
		left, err1 := k.all(&c.Or[i][0])
		right, err2 := k.all(&c.Or[i][1])
		if err := cmp.Or(err1, err2); err != nil {
			return nil, err
		}
		add(func(m *candidate) (bool, error) {
			if ok, err := left(m); ok || err != nil {
				return ok, err
			}
			return right(m)
		})
	}
	return func(m *candidate) (bool, error) {
		for _, t := range tests {
			if ok, err := t(m); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	}, nil
}

// texts adds tests that look for texts.
func (k *compiler) texts(c *imap.SearchCriteria, add func(test)) error {
	for _, h := range c.Header {
		want := message.NewMatcher(h.Value)
		t, err := k.within(want, []message.TextClass{message.FieldClass(h.Key)}, headerHas(message.NewFieldSet(h.Key), want, h.Value == ""))
		if err != nil {
			return err
		}
		add(t)
	}
	for i, text := range slices.Concat(c.Body, c.Text) {
		want := message.NewMatcher(text)
		t, err := k.within(want, message.ClassesOf(i >= len(c.Body)), textHas(want, i >= len(c.Body)))
		if err != nil {
			return err
		}
		add(t)
	}
	return nil
}

// within makes a test that looks for a text look only where the index tells that it can be.
func (k *compiler) within(want *message.Matcher, classes []message.TextClass, t test) (test, error) {
	if len(want.Folded()) < 2 {
		return t, nil
	}
	indexed, found, err := k.b.mbox.MayContain(k.ctx, want.Folded(), classes...)
	if err != nil {
		return nil, err
	}
	possible := everyUID.Subtract(indexed).Union(found)
	return func(m *candidate) (bool, error) {
		if !possible.Contains(m.m.UID) {
			return false, nil
		}
		return t(m)
	}, nil
}

func isIn(uids storage.UIDSet) test {
	return func(m *candidate) (bool, error) { return uids.Contains(m.m.UID), nil }
}

// hasFlag tests a flag, of any kind.
func hasFlag(name imap.Flag, want bool) test {
	flag := systemFlag(name)
	return func(m *candidate) (has bool, err error) {
		switch {
		case flag != 0:
			has = m.m.Flags&flag != 0
		case strings.EqualFold(string(name), string(flagRecent)):
			has = m.b.recent.Contains(m.m.UID)
		default:
			has = m.b.view.HasKeyword(m.m.Keywords, string(name))
		}
		return has == want, nil
	}
}

const secondsPerDay = 24 * 60 * 60

// floorDay returns the day of a time, counted from the first of 1970.
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

// between tests that a day is not before since and before before; zero is no bound.
func between(day func(*candidate) (int64, bool, error), since, before time.Time) test {
	return func(m *candidate) (bool, error) {
		d, ok, err := day(m)
		ok = ok && (since.IsZero() || d >= floorDay(since.Unix())) && (before.IsZero() || d < floorDay(before.Unix()))
		return ok, err
	}
}

// headerHas tests that there is a field of the set that has the text, or any such field.
func headerHas(set *message.FieldSet, want *message.Matcher, whatever bool) test {
	var decoded []byte
	return func(m *candidate) (bool, error) {
		if err := m.fields(&m.raw, set); err != nil {
			return false, err
		}
		for name, body := range message.Fields(m.raw.b) {
			decoded = message.DecodeHeader(decoded[:0], body)
			if len(name) > 0 && (whatever || want.Match(decoded)) {
				return true, nil
			}
		}
		return false, nil
	}
}

// textHas tests the text of a message; with headers, also those of the message and of its parts. Parts that are neither text nor
// messages are left out (RFC 9051, section 6.4.4).
func textHas(want *message.Matcher, headers bool) test {
	return func(m *candidate) (has bool, err error) {
		if err := cmp.Or(m.summarize(), m.open()); err != nil {
			return false, err
		}
		err = m.summary.SearchTexts(m.content, func(t message.SearchText) (more bool, err error) {
			switch {
			case t.Part != nil:
				has, err = want.MatchReader(t.Part)
			case headers || !t.Outer:
				has = want.Match(t.Field)
			}
			return !has && err == nil, err
		})
		if errors.Is(err, message.ErrCut) {
			err = nil
		}
		return has, err
	}
}
