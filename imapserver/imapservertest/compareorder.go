package imapservertest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// order asks both servers to order the messages, by so many at once. Where they differ, as few messages as can be are said to be in
// another place, and each of those must be known to be one of which the place may differ. Without these the order must be the same.
func (c *comparison) order(kind, format string, atOnce int) {
	for first := 1; first <= len(c.messages); first += atOnce {
		last := min(first+atOnce-1, len(c.messages))
		command := fmt.Sprintf(format, fmt.Sprintf("%d:%d", first, last))
		if c.want.ask(command) == c.got.ask(command) {
			c.tally(kind).equal++
			continue
		}
		twin := c.got
		if n := len(c.readings); n > 0 {
			twin = c.readings[n-1].asker
		}
		twin.ask(command)
		loose := make([]bool, last+1) // messages of which the place may differ, by UID
		for uid := first; uid <= last; uid++ {
			loose[uid] = c.isLoose(command, uid)
		}
		misplaced := c.misplaced(kind, command, twin, loose)
		rest := fmt.Sprintf(format, uidList(first, last, loose))
		if want, got := c.want.ask(rest), twin.ask(rest); misplaced || want != got {
			c.unknown(kind, Question{Command: rest, Want: want, Got: got})
			continue
		}
		c.tally(kind).known++
	}
}

// isLoose tells whether a message may have another place.
func (c *comparison) isLoose(command string, uid int) bool {
	return slices.ContainsFunc(c.known, func(d Difference) bool {
		return d.Is != nil && d.Is(Question{Command: command, Message: c.messages[uid-1]})
	})
}

func uidList(first, last int, without []bool) string {
	var uids []string
	for uid := first; uid <= last; uid++ {
		if !without[uid] {
			uids = append(uids, strconv.Itoa(uid))
		}
	}
	return strings.Join(uids, ",")
}

// misplaced compares the last answers of both servers, twin being the second, counts which messages are in another place, and tells whether one is that ought
// not to be.
func (c *comparison) misplaced(kind, command string, twin *asker, loose []bool) bool {
	want, got := threads(c.want.last), threads(twin.last)
	both, elsewhere := shared(want, got)
	place := map[string]int{}
	for i, t := range got {
		place[t.text] = i
	}
	moved := map[int]bool{}
	for _, t := range append(elsewhere, moveFewest(both, place, loose)...) {
		if !t.isLoose(loose) {
			c.t.Logf("%s: %s is in another place", command, t.text)
			return true
		}
		for _, uid := range t.uids {
			moved[uid] = loose[uid]
		}
	}
	for uid, isLoose := range moved {
		if isLoose {
			c.isKnown(kind, Question{Command: command, Message: c.messages[uid-1]})
		}
	}
	return false
}

// shared are the threads that both answers have, and what is different in both: threads with messages in common are put together.
func shared(want, got []thread) (both, different []thread) {
	have := map[string]bool{}
	for _, t := range got {
		have[t.text] = true
	}
	for _, t := range want {
		if have[t.text] {
			both = append(both, t)
			delete(have, t.text)
		} else {
			different = append(different, t)
		}
	}
	for _, t := range got {
		if have[t.text] {
			different = merge(different, t)
		}
	}
	return both, different
}

// merge adds a thread to the one with which it shares messages.
func merge(all []thread, t thread) []thread {
	var apart []thread
	for _, other := range all {
		if slices.ContainsFunc(other.uids, func(uid int) bool { return slices.Contains(t.uids, uid) }) {
			t = thread{t.text + " " + other.text, append(t.uids, other.uids...)}
		} else {
			apart = append(apart, other)
		}
	}
	return append(apart, t)
}

// A thread is one of an answer to THREAD, or a message of an answer to SORT.
type thread struct {
	text string
	uids []int
}

func (t thread) isLoose(loose []bool) bool {
	return slices.ContainsFunc(t.uids, func(uid int) bool { return loose[uid] })
}

func threads(answer [][]value) (all []thread) {
	for _, line := range answer {
		if len(line) == 0 || !line[0].is("SORT") && !line[0].is("THREAD") {
			continue
		}
		for _, v := range line[1:] {
			all = append(all, thread{v.String(), uidsIn(nil, v)})
		}
	}
	return all
}

func uidsIn(uids []int, v value) []int {
	if n, ok := v.number(); ok {
		uids = append(uids, int(n))
	}
	for _, part := range v.list {
		uids = uidsIn(uids, part)
	}
	return uids
}

// moveFewest are those of the threads that have to be moved so that their order becomes that of the places: those of which the place may
// differ before others, and as few as can be.
func moveFewest(all []thread, place map[string]int, loose []bool) []thread {
	const firm = 1_000_000        // more than there are loose ones
	best := make([]int, len(all)) // the weight of what can stay, up to and with this one
	before := make([]int, len(all))
	end := -1
	for i, t := range all {
		best[i], before[i] = 1, -1
		if !t.isLoose(loose) {
			best[i] = firm
		}
		weight := best[i]
		for j := range i {
			if place[all[j].text] < place[t.text] && best[j]+weight > best[i] {
				best[i], before[i] = best[j]+weight, j
			}
		}
		if end < 0 || best[i] > best[end] {
			end = i
		}
	}
	stays := map[int]bool{}
	for ; end >= 0; end = before[end] {
		stays[end] = true
	}
	var moved []thread
	for i, t := range all {
		if !stays[i] {
			moved = append(moved, t)
		}
	}
	return moved
}
