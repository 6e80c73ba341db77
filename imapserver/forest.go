package imapserver

import (
	"cmp"
	"slices"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
)

// forest is messages with their places in conversations (RFC 5256, section 3). Node 0 is above all others.
type forest struct {
	nodes []threadNode
}

// threadNode is a message, or a dummy: one that others refer to and that is not there.
type threadNode struct {
	message  int // index of the message, -1 for a dummy
	parent   int // -1: none
	children []int
}

// maxDepth bounds how deep a conversation can go; what would be deeper stays beside it. It also bounds the search for loops, so that
// no mailbox takes long.
const maxDepth = 1000

func newForest(size int) *forest {
	f := &forest{nodes: make([]threadNode, 1, size+1)}
	f.nodes[0] = threadNode{-1, -1, nil}
	return f
}

func (f *forest) add(message int) int {
	f.nodes = append(f.nodes, threadNode{message, -1, nil})
	return len(f.nodes) - 1
}

// within tells whether node is ancestor, or below it, or too deep to be anything's parent.
func (f *forest) within(node, ancestor int) bool {
	for range maxDepth {
		if node == ancestor {
			return true
		}
		if node = f.nodes[node].parent; node < 0 {
			return false
		}
	}
	return true
}

// link makes parent the parent of child, unless that makes a loop.
func (f *forest) link(parent, child int) {
	if !f.within(parent, child) {
		f.nodes[child].parent = parent
	}
}

// gather fills the lists of children; who has no parent becomes a child of node 0: step 2.
func (f *forest) gather() {
	for i := 1; i < len(f.nodes); i++ {
		n := &f.nodes[i]
		n.parent = max(n.parent, 0)
		f.nodes[n.parent].children = append(f.nodes[n.parent].children, i)
	}
}

// prune removes dummies below a node: step 3. Their children take their places, but several do not come to the top.
func (f *forest) prune(node int) {
	var kept []int
	for _, child := range f.nodes[node].children {
		f.prune(child)
		c := &f.nodes[child]
		if c.message >= 0 || node == 0 && len(c.children) > 1 {
			kept = append(kept, child)
			continue
		}
		for _, grandchild := range c.children {
			f.nodes[grandchild].parent = node
		}
		kept = append(kept, c.children...)
	}
	f.nodes[node].children = kept
}

// first returns the message of a node; of a dummy, that of its first child.
func (f *forest) first(node int) int {
	for f.nodes[node].message < 0 {
		node = f.nodes[node].children[0]
	}
	return f.nodes[node].message
}

// sort sorts the children of a node, and below them, by date: steps 4 and 6. Messages with the same date stay in the order of the
// mailbox.
func (f *forest) sort(node int, messages []threadMessage) {
	children := f.nodes[node].children
	for _, child := range children {
		f.sort(child, messages)
	}
	slices.SortStableFunc(children, func(a, b int) int {
		x, y := f.first(a), f.first(b)
		return cmp.Or(cmp.Compare(messages[x].date, messages[y].date), cmp.Compare(x, y))
	})
}

// write writes the threads of a THREAD response (RFC 5256, section 4).
func (f *forest) write(e *wire.Encoder, messages []threadMessage) {
	for _, thread := range f.nodes[0].children {
		e.Byte('(')
		f.writeThread(e, thread, messages)
		e.Byte(')')
	}
}

// writeThread writes a node with what is below it: a row of messages as long as each has one child, then each branch in parentheses.
func (f *forest) writeThread(e *wire.Encoder, node int, messages []threadMessage) {
	for {
		n := &f.nodes[node]
		if n.message >= 0 {
			e.Number(messages[n.message].number)
			if len(n.children) == 0 {
				return
			}
			e.SP()
		}
		if len(n.children) > 1 {
			for _, child := range n.children {
				e.Byte('(')
				f.writeThread(e, child, messages)
				e.Byte(')')
			}
			return
		}
		node = n.children[0]
	}
}

// threadBySubject puts messages with the same base subject below the earliest of them.
func threadBySubject(messages []threadMessage) *forest {
	f := newForest(len(messages))
	order := make([]int, len(messages))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(messages[a].date, messages[b].date) })
	heads := map[string]int{}
	for _, i := range order {
		node := f.add(i)
		head, ok := heads[messages[i].subject]
		if !ok {
			heads[messages[i].subject] = node
			head = 0
		}
		f.nodes[head].children = append(f.nodes[head].children, node)
	}
	return f
}

// threadByReferences puts messages below those that they refer to.
func threadByReferences(messages []threadMessage) *forest {
	f := newForest(2 * len(messages))
	nodes := map[string]int{} // by identifier
	own := make([]int, len(messages))
	for i := range messages {
		own[i] = f.add(i)
		if id := messages[i].id; id != "" {
			if _, double := nodes[id]; !double {
				nodes[id] = own[i]
			}
		}
	}
	for i := range messages { // step 1
		last := -1
		for _, id := range messages[i].references {
			node, ok := nodes[id]
			if !ok {
				node = f.add(-1)
				nodes[id] = node
			}
			if last >= 0 && f.nodes[node].parent < 0 {
				f.link(last, node)
			}
			last = node
		}
		f.nodes[own[i]].parent = -1
		if last >= 0 {
			f.link(last, own[i])
		}
	}
	f.gather()
	f.prune(0)
	f.sort(0, messages)
	f.joinSubjects(messages)
	f.sort(0, messages)
	return f
}

// joinSubjects joins the threads with the same subject: step 5.
func (f *forest) joinSubjects(messages []threadMessage) {
	table := map[string]int{}
	dummy := func(node int) bool { return f.nodes[node].message < 0 }
	reply := func(node int) bool { return !dummy(node) && messages[f.nodes[node].message].reply }
	subject := func(node int) string { return messages[f.first(node)].subject }
	threads := f.nodes[0].children
	for _, node := range threads {
		s := subject(node)
		have, ok := table[s]
		if s != "" && (!ok || !dummy(have) && (dummy(node) || reply(have) && !reply(node))) {
			table[s] = node
		}
	}
	place := map[int]int{} // of each thread that stays, by node
	joined := map[int]bool{}
	var kept []int
	for _, node := range threads {
		have, ok := table[subject(node)]
		switch {
		case joined[node]:
		case !ok || have == node:
			place[node] = len(kept)
			kept = append(kept, node)
		case dummy(have) && dummy(node):
			f.nodes[have].children = append(f.nodes[have].children, f.nodes[node].children...)
		case dummy(have), reply(node) && !reply(have):
			f.nodes[have].children = append(f.nodes[have].children, node)
		default:
			both := f.add(-1)
			f.nodes[both].children = []int{have, node}
			table[subject(node)] = both
			joined[have] = true
			at, before := place[have]
			if !before {
				at = len(kept)
				kept = append(kept, 0)
			}
			place[both], kept[at] = at, both
		}
	}
	f.nodes[0].children = kept
}
