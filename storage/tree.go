package storage

import (
	"iter"
	"slices"
	"sort"
)

// tree holds the messages of a mailbox in UID order: leaves of up to leafMax messages, pages of up to pageMax
// leaves, and a directory of pages. It is immutable: a change copies one leaf, one page and the directory (4 KiB
// for a million messages) and shares the rest, so that a view costs nothing and two views are compared by
// comparing pointers. The zero value is empty.
//
// One liberty is taken: append writes into the spare capacity of the last leaf's array, beyond what any older tree
// can see. So of all trees made from one, only the newest may be appended to.
type tree struct {
	dir []span[page]
	n   int
}

type page struct {
	leaves []span[leaf]
	n      int
	flags  flagBounds
}

type leaf struct {
	rows  []Message
	flags flagBounds
}

// flagBounds says which flags some of several messages have, and which all of them, so that a search for flags can pass them over.
type flagBounds struct{ some, all Flags }

var noMessages = flagBounds{0, ^Flags(0)}

func (b flagBounds) and(c flagBounds) flagBounds { return flagBounds{b.some | c.some, b.all & c.all} }

// exclude tells whether no message within the bounds has all flags of have and none of lack.
func (b flagBounds) exclude(have, lack Flags) bool { return have&^b.some != 0 || lack&b.all != 0 }

// span is one child with what is needed to find it: the lowest UID below it and how many messages precede it
// (in the whole tree for a page, in its page for a leaf).
type span[T any] struct {
	first UID
	start int
	kid   *T
}

const (
	leafMax = 64
	pageMax = 64
)

func (t tree) len() int { return t.n }

// at returns the i-th message, counted from 0. The pointer is to shared memory: read only.
func (t tree) at(i int) *Message {
	p, i := locate(t.dir, i)
	l, i := locate(p.leaves, i)
	return &l.rows[i]
}

// locate returns the child that holds the i-th message, and the message's place in it.
func locate[T any](s []span[T], i int) (*T, int) {
	k := sort.Search(len(s), func(k int) bool { return s[k].start > i }) - 1
	return s[k].kid, i - s[k].start
}

// find returns the place of the lowest UID that is not below u, and whether it is u itself.
func (t tree) find(u UID) (int, bool) {
	k := childOf(t.dir, u)
	if k < 0 {
		return 0, false
	}
	p := t.dir[k].kid
	base := t.dir[k].start
	k = max(childOf(p.leaves, u), 0)
	base += p.leaves[k].start
	rows := p.leaves[k].kid.rows
	i := sort.Search(len(rows), func(i int) bool { return rows[i].UID >= u })
	return base + i, i < len(rows) && rows[i].UID == u
}

// childOf returns the last child whose lowest UID is not above u, or -1.
func childOf[T any](s []span[T], u UID) int {
	return sort.Search(len(s), func(k int) bool { return s[k].first > u }) - 1
}

// from yields the messages from the i-th on.
func (t tree) from(i int) iter.Seq2[int, *Message] {
	return func(yield func(int, *Message) bool) {
		if i >= t.n {
			return
		}
		k := sort.Search(len(t.dir), func(k int) bool { return t.dir[k].start > i }) - 1
		for _, ps := range t.dir[k:] {
			for _, ls := range ps.kid.leaves {
				at := ps.start + ls.start
				if at+len(ls.kid.rows) <= i {
					continue
				}
				for j := max(i-at, 0); j < len(ls.kid.rows); j++ {
					if !yield(at+j, &ls.kid.rows[j]) {
						return
					}
				}
			}
		}
	}
}

// flagged yields the messages that have all flags of have and none of lack, and their places. It passes over leaves and pages without
// any.
func (t tree) flagged(have, lack Flags) iter.Seq2[int, *Message] {
	return func(yield func(int, *Message) bool) {
		for _, ps := range t.dir {
			if ps.kid.flags.exclude(have, lack) {
				continue
			}
			for _, ls := range ps.kid.leaves {
				if ls.kid.flags.exclude(have, lack) {
					continue
				}
				for i := range ls.kid.rows {
					if m := &ls.kid.rows[i]; m.Flags&have == have && m.Flags&lack == 0 && !yield(ps.start+ls.start+i, m) {
						return
					}
				}
			}
		}
	}
}

// append adds messages in ascending UID order, all above those that are there.
func (t tree) append(rows ...Message) tree {
	if len(rows) == 0 {
		return t
	}
	n := t.n + len(rows)
	pages := kids(t.dir)
	var leaves []*leaf
	if last := len(pages) - 1; last >= 0 {
		leaves = kids(pages[last].leaves)
		pages = pages[:last]
		end := leaves[len(leaves)-1]
		room := min(leafMax-len(end.rows), len(rows))
		leaves[len(leaves)-1] = newLeaf(append(end.rows, rows[:room]...))
		rows = rows[room:]
	}
	for chunk := range slices.Chunk(rows, leafMax) {
		leaves = append(leaves, newLeaf(slices.Clone(chunk)))
	}
	for chunk := range slices.Chunk(leaves, pageMax) {
		pages = append(pages, newPage(chunk))
	}
	return tree{dir: relink(pages), n: n}
}

// clip returns the same tree, which may be appended to beside the one that it was made from.
func (t tree) clip() tree {
	if t.n == 0 {
		return tree{}
	}
	pages := kids(t.dir)
	p := pages[len(pages)-1]
	leaves := kids(p.leaves)
	end := leaves[len(leaves)-1]
	leaves[len(leaves)-1] = newLeaf(slices.Clip(end.rows))
	pages[len(pages)-1] = newPage(leaves)
	return tree{dir: relink(pages), n: t.n}
}

// edit returns the tree with f applied to a copy of each message whose UID is in uids; where f answers false,
// the message is removed.
func (t tree) edit(uids UIDSet, f func(*Message) bool) tree {
	var pages []*page
	for _, ps := range t.dir {
		p, rest := ps.kid.edit(ps.first, uids, f)
		uids = rest
		switch last := len(pages) - 1; {
		case p == nil:
		case p != ps.kid && last >= 0 && len(pages[last].leaves)+len(p.leaves) <= pageMax:
			pages[last] = newPage(slices.Concat(kids(pages[last].leaves), kids(p.leaves)))
		default:
			pages = append(pages, p)
		}
	}
	n := 0
	for _, p := range pages {
		n += p.n
	}
	return tree{dir: relink(pages), n: n}
}

// edit does the same for one page, nil if nothing remains. It returns what is left of uids for later pages.
func (p *page) edit(first UID, uids UIDSet, f func(*Message) bool) (*page, UIDSet) {
	end := lastRow(p).UID
	uids = above(uids, first)
	if len(uids) == 0 || uids[0].First > end {
		return p, uids
	}
	var leaves []*leaf
	for _, ls := range p.leaves {
		l := ls.kid.edit(uids, f)
		switch last := len(leaves) - 1; {
		case l == nil:
		case l != ls.kid && last >= 0 && len(leaves[last].rows)+len(l.rows) <= leafMax:
			leaves[last] = newLeaf(slices.Concat(leaves[last].rows, l.rows))
		default:
			leaves = append(leaves, l)
		}
	}
	if len(leaves) == 0 {
		return nil, uids
	}
	return newPage(leaves), uids
}

func (l *leaf) edit(uids UIDSet, f func(*Message) bool) *leaf {
	uids = above(uids, l.rows[0].UID)
	if len(uids) == 0 || uids[0].First > l.rows[len(l.rows)-1].UID {
		return l
	}
	rows := make([]Message, 0, len(l.rows))
	for _, m := range l.rows {
		if !uids.Contains(m.UID) || f(&m) {
			rows = append(rows, m)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return newLeaf(rows)
}

// above cuts the ranges that end below first.
func above(uids UIDSet, first UID) UIDSet {
	return uids[sort.Search(len(uids), func(i int) bool { return uids[i].Last >= first }):]
}

func lastRow(p *page) *Message {
	l := p.leaves[len(p.leaves)-1].kid
	return &l.rows[len(l.rows)-1]
}

func newLeaf(rows []Message) *leaf {
	l := &leaf{rows: rows, flags: noMessages}
	for i := range rows {
		l.flags = l.flags.and(flagBounds{rows[i].Flags, rows[i].Flags})
	}
	return l
}

func newPage(leaves []*leaf) *page {
	p := &page{leaves: make([]span[leaf], len(leaves)), flags: noMessages}
	for i, l := range leaves {
		p.leaves[i] = span[leaf]{l.rows[0].UID, p.n, l}
		p.n += len(l.rows)
		p.flags = p.flags.and(l.flags)
	}
	return p
}

func relink(pages []*page) []span[page] {
	dir := make([]span[page], len(pages))
	n := 0
	for i, p := range pages {
		dir[i] = span[page]{p.leaves[0].first, n, p}
		n += p.n
	}
	return dir
}

func kids[T any](s []span[T]) []*T {
	out := make([]*T, len(s))
	for i := range s {
		out[i] = s[i].kid
	}
	return out
}

// diff calls removed for each message that only t has, changed for each that both have with another MODSEQ (with
// the new one), and added for each that only u has, in ascending UID order within each kind. Shared parts cost nothing.
func (t tree) diff(u tree, removed, changed, added func(*Message)) {
	a, b := cursor{t: t}, cursor{t: u}
	for a.ok() && b.ok() {
		if a.skipShared(&b) {
			continue
		}
		x, y := a.row(), b.row()
		switch {
		case x.UID < y.UID:
			removed(x)
			a.next()
		case x.UID > y.UID:
			added(y)
			b.next()
		default:
			if x.ModSeq != y.ModSeq {
				changed(y)
			}
			a.next()
			b.next()
		}
	}
	for ; a.ok(); a.next() {
		removed(a.row())
	}
	for ; b.ok(); b.next() {
		added(b.row())
	}
}

// cursor walks a tree row by row, or over a whole leaf or page.
type cursor struct {
	t       tree
	p, l, i int // page, leaf in it, row in it
}

func (c *cursor) ok() bool      { return c.p < len(c.t.dir) }
func (c *cursor) page() *page   { return c.t.dir[c.p].kid }
func (c *cursor) leaf() *leaf   { return c.page().leaves[c.l].kid }
func (c *cursor) row() *Message { return &c.leaf().rows[c.i] }

func (c *cursor) next() {
	if c.i++; c.i == len(c.leaf().rows) {
		c.nextLeaf()
	}
}

func (c *cursor) nextLeaf() {
	c.i = 0
	if c.l++; c.l == len(c.page().leaves) {
		c.l = 0
		c.p++
	}
}

// skipShared moves both cursors over a part that they share.
func (c *cursor) skipShared(d *cursor) bool {
	if c.i != 0 || d.i != 0 {
		return false
	}
	if c.l == 0 && d.l == 0 && c.page() == d.page() {
		c.p++
		d.p++
		return true
	}
	if c.leaf() == d.leaf() {
		c.nextLeaf()
		d.nextLeaf()
		return true
	}
	return false
}
