package storagetest

import "slices"

// diskSlot is a place for a name.
type diskSlot struct {
	folder uint64
	name   string
}

// nameOp is a change of one or two slots, which a power cut undoes whole or not at all. It is never changed.
type nameOp struct {
	op    Op
	slots []diskSlot
	ids   []uint64 // what each slot holds after it; 0: nothing
	// emptied is the folder that lost its name here, 0 if none did: its last names had to go before.
	emptied uint64
	// moved tells that a folder went to another folder. Two such moves could make a ring if the earlier were undone alone.
	moved bool
}

// pendingName is a nameOp that is not durable.
type pendingName struct {
	*nameOp
	synced uint8 // one bit for each slot whose folder was synced
	lost   bool  // a sync of its folder failed: no later one proves anything
}

// dependencies lists, for each pending operation, earlier ones without which it cannot survive. With unsynced, these include
// the making of the folders that it is about: while neither is synced, a file moved into a new folder is not lost with it.
func dependencies(pending []pendingName, unsynced bool) [][]int {
	deps := make([][]int, len(pending))
	made := map[uint64]int{} // the making of each folder
	last := map[diskSlot]int{}
	inside := map[uint64][]int{} // by folder
	lastMove := -1
	for i, p := range pending {
		for _, slot := range p.slots {
			if before, ok := last[slot]; ok {
				deps[i] = append(deps[i], before)
			}
			last[slot] = i
			if before, ok := made[slot.folder]; ok && unsynced {
				deps[i] = append(deps[i], before)
			}
		}
		if p.op.Kind == OpMkdir {
			made[p.ids[0]] = i
		}
		if p.emptied != 0 {
			deps[i] = append(deps[i], inside[p.emptied]...)
		}
		for _, slot := range p.slots {
			inside[slot.folder] = append(inside[slot.folder], i)
		}
		if p.moved {
			if lastMove >= 0 {
				deps[i] = append(deps[i], lastMove)
			}
			lastMove = i
		}
	}
	return deps
}

// withNeeds adds to chosen what the chosen depend on.
func withNeeds(chosen []bool, deps [][]int) {
	for i := len(chosen) - 1; i >= 0; i-- {
		if chosen[i] {
			for _, d := range deps[i] {
				chosen[d] = true
			}
		}
	}
}

// makeDurable applies the chosen pending operations, and what they depend on, to the durable names.
func (s *diskState) makeDurable(chosen []bool) {
	if !slices.Contains(chosen, true) {
		return
	}
	withNeeds(chosen, dependencies(s.pending, false))
	fresh := map[uint64]bool{} // folders whose durableNames were copied
	var rest []pendingName
	for i, p := range s.pending {
		if !chosen[i] {
			rest = append(rest, p)
			continue
		}
		for j, slot := range p.slots {
			folder := s.own(slot.folder)
			if !fresh[slot.folder] {
				fresh[slot.folder] = true
				folder.durableNames = slices.Clone(folder.durableNames)
			}
			folder.durableNames = assign(folder.durableNames, slot.name, p.ids[j])
		}
	}
	s.pending = rest
}

// syncFolder makes durable what has now been synced in all its folders.
func (s *diskState) syncFolder(id uint64) {
	chosen := make([]bool, len(s.pending))
	for i := range s.pending {
		p := &s.pending[i]
		for j, slot := range p.slots {
			if slot.folder == id {
				p.synced |= 1 << j
			}
		}
		chosen[i] = !p.lost && p.synced == 1<<len(p.slots)-1
	}
	s.makeDurable(chosen)
}

// loseFolder is a failed sync of a folder.
func (s *diskState) loseFolder(id uint64) {
	for i := range s.pending {
		for _, slot := range s.pending[i].slots {
			if slot.folder == id {
				s.pending[i].lost = true
			}
		}
	}
}

func (s *diskState) syncAll() {
	for _, n := range s.nodes {
		if n.dirty() {
			n = s.own(n.id)
			n.sync()
			n.durableModTime, n.modTimePending = n.modTime, false
		}
	}
	chosen := make([]bool, len(s.pending))
	for i, p := range s.pending {
		chosen[i] = !p.lost
	}
	s.makeDurable(chosen)
}

// loseAll is a failed syncAll.
func (s *diskState) loseAll() {
	for _, n := range s.nodes {
		if n.dirty() {
			s.own(n.id).lose()
		}
	}
	for i := range s.pending {
		s.pending[i].lost = true
	}
}
