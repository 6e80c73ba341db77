package imapserver

import (
	"cmp"
	"context"
	"slices"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/message"
)

// program is the criteria of a search, compiled.
type program struct {
	all     []predicate // all of them have to hold; the cheap ones first
	decode  func(string) (string, bool)
	keys    int
	limit   int
	sets    []*setKey
	texts   []*textFilter
	usesSeq bool   // has message sequence numbers
	modseq  bool   // has MODSEQ
	enable  string // what the command switches on
}

// A predicate judges a message.
type predicate struct {
	cost cost
	test func(*candidate) (bool, error)
	set  *setKey     // if it is no more than a set of messages
	text *textFilter // where it can hold, if it looks for a text
}

// cost orders predicates: what is known first, what has to be read last.
type cost uint8

const (
	fromView cost = iota
	fromSummary
	fromHeader
	fromText
)

// candidate is a message that is judged.
type candidate struct {
	reading
	seq int
}

// setKey is a set of messages in a search.
type setKey struct {
	set   wire.NumSet
	byUID bool
	uids  storage.UIDSet // resolved
}

func (p *program) init(c *conn) { p.limit = c.server.limits.SearchKeys }

// textFilter is where a text can be, as an index tells.
type textFilter struct {
	folded  []byte
	classes []message.TextClass
	within  storage.UIDSet // resolved
}

// filtered makes a predicate that looks for a text in texts of some classes look only where the text can be.
func (p *program) filtered(want *message.Matcher, classes []message.TextClass, pr predicate) predicate {
	if want == nil || len(want.Folded()) < 2 {
		return pr
	}
	f := &textFilter{folded: want.Folded(), classes: classes}
	p.texts = append(p.texts, f)
	test := pr.test
	pr.text = f
	pr.test = func(m *candidate) (bool, error) {
		if !f.within.Contains(m.m.UID) {
			return false, nil
		}
		return test(m)
	}
	return pr
}

// prepare resolves sets and texts, and returns the messages to be judged.
func (p *program) prepare(ctx context.Context, in *selected) (storage.UIDSet, error) {
	for _, f := range p.texts {
		indexed, found, err := in.mbox.MayContain(ctx, f.folded, f.classes...)
		if err != nil {
			return nil, err
		}
		f.within = everyUID.Subtract(indexed).Union(found)
	}
	for _, s := range p.sets {
		s.uids = in.existing(&s.set, s.byUID)
	}
	scope := everyUID
	for _, pr := range p.all {
		if pr.set != nil {
			scope = scope.Intersect(pr.set.uids)
		}
		if pr.text != nil {
			scope = scope.Intersect(pr.text.within)
		}
	}
	return scope, nil
}

// test tells whether all predicates hold.
func (p *program) test(m *candidate) (bool, error) { return allHold(p.all, m) }

func allHold(list []predicate, m *candidate) (bool, error) {
	for i := range list {
		if ok, err := list[i].test(m); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// conjunction joins predicates, all of which have to hold.
func conjunction(list []predicate) predicate {
	if len(list) == 1 {
		return list[0]
	}
	sortByCost(list)
	return predicate{
		cost: list[len(list)-1].cost,
		test: func(m *candidate) (bool, error) { return allHold(list, m) },
	}
}

func sortByCost(list []predicate) {
	slices.SortStableFunc(list, func(a, b predicate) int { return cmp.Compare(a.cost, b.cost) })
}
