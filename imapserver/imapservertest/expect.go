package imapservertest

import (
	"fmt"
	"slices"
	"strings"
)

// expect waits for a response and compares it.
func (r *runner) expect(s *session, l scriptLine) error {
	want := l.pattern
	if want.tag == "." {
		want.tag = s.oldestTag()
	}
	skipping := s.skipping
	s.skipping = false
	for {
		got, err := s.next(s.timeout)
		if err != nil {
			return fmt.Errorf("want: %s\n got: %w %s", l.text, err, got.raw)
		}
		if got.tag == want.tag && match(want, got, r.vars, s.lastTag) {
			return nil
		}
		if got.tagged() || !skipping && !isNoise(got) {
			return mismatch{l.text, got}
		}
	}
}

// isNoise tells whether a response may come at any time without being of interest to a script that does not ask for it.
func isNoise(r response) bool {
	switch r.name() {
	case "OK":
		return r.tag == "*" && slices.Contains([]string{"", "PERMANENTFLAGS", "HIGHESTMODSEQ", "CLOSED"}, r.codeName())
	case "FLAGS", "RECENT", "CAPABILITY":
		return true
	case "FETCH": // only a new MODSEQ
		items, _, _ := toPairs(r.body[len(r.body)-1].list)
		delete(items, "UID")
		delete(items, "MODSEQ")
		return len(items) == 0
	}
	return false
}

// group waits for responses that may come in any order.
func (r *runner) group(s *session, l scriptLine) error {
	left := slices.DeleteFunc(slices.Clone(l.group), func(l scriptLine) bool { return l.kind == skip || !r.applies(l) })
	others := slices.ContainsFunc(l.group, func(l scriptLine) bool { return l.kind == skip && r.applies(l) })
	for len(left) > 0 {
		got, err := s.next(s.timeout)
		if err != nil {
			return fmt.Errorf("want: %s\n got: %w %s", left[0].text, err, got.raw)
		}
		i := slices.IndexFunc(left, func(l scriptLine) bool {
			return l.pattern.tag == got.tag && match(l.pattern, got, r.vars, s.lastTag)
		})
		switch {
		case i >= 0:
			left = slices.Delete(left, i, i+1)
		case got.tagged() || !others && !isNoise(got):
			return mismatch{left[0].text + " (any order)", got}
		}
	}
	s.skipping = others
	return nil
}

// gone waits until the messages with these sequence numbers, as counted before the first response, are reported as
// expunged. Where the session gets VANISHED they are UIDs; "2,4 = 12,14" tells them where they differ.
func (r *runner) gone(s *session, sets string) error {
	sets, err := r.vars.expand(sets)
	if err != nil {
		return err
	}
	seqs, uids, both := strings.Cut(sets, " = ")
	if !both {
		uids = seqs
	}
	left, ok := parseSet(seqs)
	leftUIDs, ok2 := parseSet(uids)
	if !ok || !ok2 {
		return fmt.Errorf("bad set in GONE %s", sets)
	}
	g := goneCheck{seqs: left, uids: leftUIDs}
	skipping := s.skipping
	s.skipping = false
	for !g.done() {
		got, err := s.next(s.timeout)
		if err != nil {
			return fmt.Errorf("want: GONE %s\n got: %w %s", sets, err, got.raw)
		}
		ok := !got.tagged() && (skipping || isNoise(got))
		if name := got.name(); name == "EXPUNGE" || name == "VANISHED" {
			ok = g.take(got)
		}
		if !ok {
			return mismatch{"GONE " + sets, got}
		}
	}
	return nil
}

// goneCheck is what of a set of messages has not been reported as expunged yet.
type goneCheck struct {
	seqs    numSet
	uids    numSet
	removed []uint32 // sequence numbers as counted before, ascending
}

func (g *goneCheck) done() bool { return len(g.seqs) == 0 || len(g.uids) == 0 }

// take takes in EXPUNGE or VANISHED; false if it tells of another message.
func (g *goneCheck) take(r response) bool {
	if r.name() == "VANISHED" {
		set, ok := parseSet(r.body[len(r.body)-1].text)
		ok = ok && len(r.body) == 2 && len(set.without(g.uids)) == 0
		g.uids = g.uids.without(set)
		return ok
	}
	n, _ := r.body[0].number()
	seq := originalSeq(uint32(n), g.removed)
	if !g.seqs.has(seq) {
		return false
	}
	g.seqs = g.seqs.without(numSet{{seq, seq}})
	g.removed = append(g.removed, seq)
	slices.Sort(g.removed)
	return true
}

// originalSeq returns the sequence number that a message had before the removed ones went.
func originalSeq(n uint32, removed []uint32) uint32 {
	for _, gone := range removed {
		if gone <= n {
			n++
		}
	}
	return n
}

// found waits for the result of a SEARCH without RETURN: SEARCH in IMAP4rev1, ESEARCH in IMAP4rev2
// (RFC 9051, section 6.4.4).
func (r *runner) found(s *session, set string) error {
	set, err := r.vars.expand(strings.TrimSpace(set))
	if err != nil {
		return err
	}
	skipping := s.skipping
	s.skipping = false
	for {
		got, err := s.next(s.timeout)
		if err != nil {
			return fmt.Errorf("want: FOUND %s\n got: %w %s", set, err, got.raw)
		}
		if isNoise(got) || skipping && got.tag == "*" && got.name() != "SEARCH" && got.name() != "ESEARCH" {
			continue
		}
		have, ok := r.result(s, got)
		if !ok || have != set && !equalSets(have, set, false) {
			return mismatch{"FOUND " + set, got}
		}
		return nil
	}
}

// result returns the numbers of a SEARCH or ESEARCH response as a set.
func (r *runner) result(s *session, got response) (string, bool) {
	var numbers []string
	switch {
	case r.mode.holds("rev2", r.server):
		return r.extendedResult(s, got)
	case got.name() != "SEARCH":
		return "", false
	}
	for _, v := range got.body[1:] {
		if v.kind == list { // (MODSEQ 12), RFC 7162, section 3.1.5
			continue
		}
		if _, ok := v.number(); !ok {
			return "", false
		}
		numbers = append(numbers, v.text)
	}
	return strings.Join(numbers, ","), true
}

// extendedResult returns the set of an ESEARCH response that has nothing but ALL, or nothing at all.
func (r *runner) extendedResult(s *session, got response) (string, bool) {
	all := vars{}
	head := "* ESEARCH (TAG .)"
	if strings.HasPrefix(s.lastName, "UID ") {
		head += " UID"
	}
	for _, p := range []string{head + " ALL ${all}", head} {
		if want, err := parsePattern(p); err == nil && match(want, got, all, s.lastTag) {
			return all["all"], true
		}
	}
	return "", false
}
