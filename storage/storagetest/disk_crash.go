package storagetest

import (
	"fmt"
	"strings"
)

// PendingKind says what a [Pending] is about.
type PendingKind string

const (
	PendingName    PendingKind = "name"    // a change of one name, or of two by a rename
	PendingBlock   PendingKind = "block"   // a block of a file
	PendingSize    PendingKind = "size"    // the size of a file
	PendingModTime PendingKind = "modtime" // what SetModTime set
)

// Pending is something that a power cut would decide.
type Pending struct {
	Kind PendingKind
	Op   Op     // of a name: the operation that changed it
	File string // of the rest: a present name of the file; "" if it has none
	// Block is the number of a block.
	Block int64
	// Choices is how many outcomes there are: 0 is what is durable, the last one what programs see now, those between are older
	// writes, oldest first.
	Choices int
}

// Pending lists what a power cut now would decide: names in the order of their changes, then files.
func (d *Disk) Pending() []Pending {
	plan := newCrashPlan(d.Clone().state)
	return plan.describe()
}

// Crash returns the disk as it is found after a power cut now, where choose decides, for each of Pending, which outcome
// it has. A change of a name that lacks what it needs is undone whatever choose says. On the new disk everything is durable.
func (d *Disk) Crash(choose func(Pending) int) *Disk {
	plan := newCrashPlan(d.Clone().state)
	choices := make([]uint8, len(plan.items))
	for i, p := range plan.describe() {
		choices[i] = uint8(min(max(choose(p), 0), p.Choices-1))
	}
	plan.repair(choices)
	return plan.disk(choices)
}

// Origin tells which outcomes the power cut chose that left this disk; "" if there was none.
func (d *Disk) Origin() string {
	if d.origin == nil {
		return ""
	}
	return d.origin()
}

// crashPlan is all that a power cut would decide about one state. It is not changed after it was made; the disks that it
// makes share everything with it that they do not change.
type crashPlan struct {
	base    *diskState
	items   []crashItem // names first, in the order of base.pending
	needs   [][]int     // of each name
	folders []uint64    // with pending names
	files   []crashFile
}

// crashItem has an outcome for each of ops, and 0.
type crashItem struct {
	kind  PendingKind
	ops   []int // the operation that made each outcome, ascending
	file  int   // index in files
	block int64
}

// crashFile is a dirty file. Its fields are indices of items, or -1.
type crashFile struct {
	node     *diskNode
	named    bool  // by a durable name
	namedBy  []int // the pending names that lead to it
	size     int
	modTime  int
	blocks   []int
	numbers  []int64        // of each of blocks
	versions [][]*diskBlock // of each of blocks, oldest first
}

// maxVersions bounds the outcomes of one item: of more, the newest are taken.
const maxVersions = 200

func newCrashPlan(base *diskState) *crashPlan {
	p := &crashPlan{base: base, needs: dependencies(base.pending, true)}
	seen := map[uint64]bool{}
	namedBy := map[uint64][]int{}
	for i, n := range base.pending {
		p.items = append(p.items, crashItem{kind: PendingName, ops: []int{n.op.N}, file: -1})
		for j, slot := range n.slots {
			if !seen[slot.folder] {
				seen[slot.folder] = true
				p.folders = append(p.folders, slot.folder)
			}
			if n.ids[j] != 0 {
				namedBy[n.ids[j]] = append(namedBy[n.ids[j]], i)
			}
		}
	}
	var dirty []*diskNode
	for _, n := range base.nodes {
		if n.dirty() {
			dirty = append(dirty, n)
		}
	}
	if len(dirty) == 0 {
		return p
	}
	named := base.durablyNamed()
	for _, n := range dirty {
		if named[n.id] || namedBy[n.id] != nil {
			p.addFile(crashFile{node: n, named: named[n.id], namedBy: namedBy[n.id]})
		}
	}
	return p
}

func (s *diskState) durablyNamed() map[uint64]bool {
	named := map[uint64]bool{}
	for _, n := range s.nodes {
		for _, name := range n.durableNames {
			named[name.id] = true
		}
	}
	return named
}

func (p *crashPlan) addFile(f crashFile) {
	f.size, f.modTime = -1, -1
	n := f.node
	item := func(kind PendingKind, ops ...int) int {
		p.items = append(p.items, crashItem{kind: kind, ops: ops, file: len(p.files)})
		return len(p.items) - 1
	}
	if len(n.sizes) > 0 {
		f.size = item(PendingSize)
		for _, v := range n.pendingSizes() {
			p.items[f.size].ops = append(p.items[f.size].ops, v.op)
		}
	}
	if n.modTimePending {
		f.modTime = item(PendingModTime, len(p.base.log))
	}
	at := map[int64]int{} // block: index in f.blocks
	for _, v := range n.versions {
		k, found := at[v.block]
		if !found {
			k = len(f.blocks)
			at[v.block] = k
			f.blocks = append(f.blocks, item(PendingBlock))
			f.numbers = append(f.numbers, v.block)
			f.versions = append(f.versions, nil)
			p.items[f.blocks[k]].block = v.block
		}
		it := &p.items[f.blocks[k]]
		if len(it.ops) == maxVersions {
			it.ops, f.versions[k] = it.ops[1:], f.versions[k][1:]
		}
		it.ops = append(it.ops, v.op)
		f.versions[k] = append(f.versions[k], v.data)
	}
	p.files = append(p.files, f)
}

// pendingSizes returns the newest outcomes for the size.
func (n *diskNode) pendingSizes() []sizeVersion {
	return n.sizes[max(0, len(n.sizes)-maxVersions):]
}

// repair makes choices possible: a name that lacks what it needs is undone, and so are, for the sake of counting each state once,
// the contents of files that no name leads to.
func (p *crashPlan) repair(choices []uint8) {
	for i, needs := range p.needs {
		for _, need := range needs {
			choices[i] &= choices[need]
		}
	}
	for _, f := range p.files {
		named := f.named
		for _, i := range f.namedBy {
			named = named || choices[i] == 1
		}
		if !named {
			f.clear(choices)
		}
	}
}

func (f *crashFile) clear(choices []uint8) {
	if f.size >= 0 {
		choices[f.size] = 0
	}
	if f.modTime >= 0 {
		choices[f.modTime] = 0
	}
	for _, i := range f.blocks {
		choices[i] = 0
	}
}

// disk makes the disk of repaired choices, which it keeps.
func (p *crashPlan) disk(choices []uint8) *Disk {
	s := &diskState{token: &diskToken{}, ticks: p.base.ticks}
	s.nodes = append(make([]*diskNode, 0, len(p.base.nodes)+8), p.base.nodes...)
	shared := &diskToken{} // nobody's: whoever changes these nodes copies them
	for _, id := range p.folders {
		n := *s.node(id)
		n.token, n.names = shared, append(make([]diskName, 0, len(n.durableNames)+len(p.base.pending)), n.durableNames...)
		s.nodes[id-1] = &n
	}
	for i, change := range p.base.pending {
		if choices[i] == 1 {
			for j, slot := range change.slots {
				n := s.node(slot.folder)
				n.names = assign(n.names, slot.name, change.ids[j])
			}
		}
	}
	for _, id := range p.folders {
		n := s.node(id)
		n.durableNames = n.names
	}
	for i := range p.files {
		n := p.files[i].outcome(choices)
		n.token = shared
		s.nodes[n.id-1] = n
	}
	d := newDisk(s)
	d.origin = func() string { return p.tell(choices) }
	return d
}

// outcome is the file as the power cut leaves it.
func (f *crashFile) outcome(choices []uint8) *diskNode {
	n := *f.node
	n.versions, n.sizes, n.modTimePending = nil, nil, false
	if f.modTime >= 0 && choices[f.modTime] == 0 {
		n.modTime = n.durableModTime
	}
	n.durableModTime = n.modTime
	token := &diskToken{}
	content := n.durable.share()
	size, reach := content.size, content.size
	if f.size >= 0 && choices[f.size] > 0 {
		size = f.node.pendingSizes()[choices[f.size]-1].size
	}
	for k, i := range f.blocks {
		if choices[i] > 0 {
			block := f.numbers[k]
			content.setBlock(token, block, f.versions[k][choices[i]-1])
			reach = max(reach, (block+1)*diskBlockSize)
		}
	}
	content.size = size
	if size < reach {
		content.cut(token, size, nil)
	}
	n.durable, n.now = content, content
	return &n
}

// describe gives the items names.
func (p *crashPlan) describe() []Pending {
	paths := p.base.paths()
	list := make([]Pending, len(p.items))
	for i, item := range p.items {
		list[i] = Pending{Kind: item.kind, Block: item.block, Choices: len(item.ops) + 1}
		if item.file < 0 {
			list[i].Op = p.base.pending[i].op
		} else {
			list[i].File = paths[p.files[item.file].node.id]
		}
	}
	return list
}

// paths returns a name for each file that programs see.
func (s *diskState) paths() map[uint64]string {
	paths := map[uint64]string{}
	var walk func(folder *diskNode, prefix string)
	walk = func(folder *diskNode, prefix string) {
		for _, e := range folder.names {
			if n := s.node(e.id); n.folder {
				walk(n, prefix+e.name+"/")
			} else {
				paths[e.id] = prefix + e.name
			}
		}
	}
	walk(s.node(diskRoot), "")
	return paths
}

// tell writes choices for people.
func (p *crashPlan) tell(choices []uint8) string {
	var b strings.Builder
	for i, item := range p.describe() {
		outcome := [...]string{"lost", "kept"}[min(choices[i], 1)]
		if item.Choices > 2 && choices[i] > 0 {
			outcome = fmt.Sprintf("version %d of %d", choices[i], item.Choices-1)
		}
		switch item.Kind {
		case PendingName:
			fmt.Fprintf(&b, "%s: %s\n", item.Op, outcome)
		case PendingBlock:
			fmt.Fprintf(&b, "%s block %d: %s\n", item.File, item.Block, outcome)
		default:
			fmt.Fprintf(&b, "%s %s: %s\n", item.File, item.Kind, outcome)
		}
	}
	return b.String()
}
