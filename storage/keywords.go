package storage

import (
	"slices"
	"strings"
	"sync"
)

// keywordTable numbers the keywords of a mailbox and the sets of them that its messages carry. It only grows while
// the mailbox is in memory, so all views of the mailbox share it.
type keywordTable struct {
	mu     sync.RWMutex // guards the following fields
	words  []string     // as first met
	byWord map[string]int
	sets   [][]string // by KeywordSet; each in the order of words
	bySet  map[string]KeywordSet
}

func newKeywordTable() *keywordTable {
	return &keywordTable{
		byWord: map[string]int{},
		sets:   [][]string{nil},
		bySet:  map[string]KeywordSet{"": 0},
	}
}

// intern returns the set of the given keywords: without doubles, in the spelling first met.
func (t *keywordTable) intern(words []string) KeywordSet {
	if len(words) == 0 {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	numbers := make([]int, len(words))
	for i, w := range words {
		key := foldASCII(w)
		n, ok := t.byWord[key]
		if !ok {
			n = len(t.words)
			t.words = append(t.words, w)
			t.byWord[key] = n
		}
		numbers[i] = n
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	set := make([]string, len(numbers))
	for i, n := range numbers {
		set[i] = t.words[n]
	}
	return t.addSet(set)
}

// addSet numbers a set of known words in their order; t.mu is held.
func (t *keywordTable) addSet(set []string) KeywordSet {
	key := strings.Join(set, " ") // no keyword contains a space
	id, ok := t.bySet[key]
	if !ok {
		id = KeywordSet(len(t.sets))
		t.sets = append(t.sets, set)
		t.bySet[key] = id
	}
	return id
}

// known returns how many sets there are before the first that has a keyword of which the first n keywords know nothing: views that have n
// keywords use these only. t.mu is held.
func (t *keywordTable) known(n int) int {
	for i, set := range t.sets {
		for _, w := range set {
			if t.byWord[foldASCII(w)] >= n {
				return i
			}
		}
	}
	return len(t.sets)
}

// truncate forgets all but the first n keywords, when nothing that used others has become durable.
func (t *keywordTable) truncate(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n == len(t.words) {
		return
	}
	sets := t.known(n)
	for _, set := range t.sets[sets:] {
		delete(t.bySet, strings.Join(set, " "))
	}
	for _, w := range t.words[n:] {
		delete(t.byWord, foldASCII(w))
	}
	// Views may still have what is cut off in their hands, so it is not written over.
	t.sets, t.words = t.sets[:sets:sets], t.words[:n:n]
}

func (t *keywordTable) setCount() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.sets)
}

func (t *keywordTable) names(set KeywordSet) []string {
	if set == 0 {
		return nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.sets[set]
}

func (t *keywordTable) all(n int) []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.words[:n:n]
}

func (t *keywordTable) len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.words)
}

// change returns the set after an operation on the keywords of set.
func (t *keywordTable) change(set KeywordSet, op StoreOp, words []string) KeywordSet {
	switch op {
	case SetFlags:
		return t.intern(words)
	case AddFlags:
		if len(words) == 0 {
			return set
		}
		return t.intern(slices.Concat(t.names(set), words))
	default:
		if set == 0 || len(words) == 0 {
			return set
		}
		return t.intern(slices.DeleteFunc(slices.Clone(t.names(set)), func(w string) bool {
			return slices.ContainsFunc(words, func(x string) bool { return equalFold(w, x) })
		}))
	}
}

// equalFold compares without regard to ASCII case, as keywords are compared (RFC 9051, section 2.3.2).
func equalFold(a, b string) bool { return len(a) == len(b) && foldASCII(a) == foldASCII(b) }

func foldASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
