package storagetest

import (
	"iter"
	"math/rand/v2"
)

// maxEnumerated is how many combinations of outcomes are tried one by one; of more, a sample is taken.
const maxEnumerated = 1 << 10

// CrashStates yields disks that can be found after a power cut now, at most limit, no combination of outcomes twice. If all fit into limit and
// are no more than 1024, it yields all. Otherwise it begins with the extremes (nothing survives, everything, names without
// contents, contents without names, sizes without bytes, bytes without sizes), then takes each single thing missing, each alone, then
// random mixtures, among them those in which all that came after some moment is lost. The sequence depends on the
// state and on rng only. It is about the disk at the moment of the call, whatever happens to it later.
func (d *Disk) CrashStates(rng *rand.Rand, limit int) iter.Seq[*Disk] {
	plan := newCrashPlan(d.Clone().state)
	return func(yield func(*Disk) bool) {
		s := &sampler{plan: plan, rng: rng, left: limit, seen: map[string]bool{}, yield: yield}
		if n := plan.combinations(); n <= maxEnumerated && n <= limit {
			s.enumerate()
		} else {
			s.sample(limit)
		}
	}
}

// combinations returns the product of all choices, or more than maxEnumerated.
func (p *crashPlan) combinations() int {
	n := 1
	for _, item := range p.items {
		if n *= len(item.ops) + 1; n > maxEnumerated {
			break
		}
	}
	return n
}

// sampler is one pass over crash states.
type sampler struct {
	plan  *crashPlan
	rng   *rand.Rand
	left  int
	seen  map[string]bool
	yield func(*Disk) bool
}

// try yields the disk of choices, which it repairs, unless it was yielded before. It returns false when enough were.
func (s *sampler) try(choices []uint8) bool {
	if s.left <= 0 {
		return false
	}
	s.plan.repair(choices)
	if s.seen[string(choices)] {
		return true
	}
	s.seen[string(choices)] = true
	s.left--
	if !s.yield(s.plan.disk(choices)) {
		s.left = 0
	}
	return s.left > 0
}

// enumerate counts through all combinations.
func (s *sampler) enumerate() {
	counter := make([]uint8, len(s.plan.items))
	for {
		if !s.try(append([]uint8(nil), counter...)) {
			return
		}
		i := 0
		for ; i < len(counter); i++ {
			if int(counter[i]) < len(s.plan.items[i].ops) {
				counter[i]++
				break
			}
			counter[i] = 0
		}
		if i == len(counter) {
			return
		}
	}
}

func (s *sampler) sample(limit int) {
	for _, kinds := range extremes {
		if !s.try(s.survivors(kinds...)) {
			return
		}
	}
	singles := s.singles()
	if len(singles) > limit/2 {
		s.rng.Shuffle(len(singles), func(i, j int) { singles[i], singles[j] = singles[j], singles[i] })
		singles = singles[:limit/2]
	}
	for _, single := range singles {
		if !s.try(single()) {
			return
		}
	}
	for range 4 * limit { // some are repeats
		if !s.try(s.mixture()) {
			return
		}
	}
}

// extremes lists the kinds of things of which all survive, the rest being lost.
var extremes = [][]PendingKind{
	{},
	{PendingName, PendingBlock, PendingSize, PendingModTime},
	{PendingName},
	{PendingBlock, PendingSize, PendingModTime},
	{PendingName, PendingSize},
	{PendingName, PendingBlock},
}

// survivors returns the newest outcome for things of these kinds.
func (s *sampler) survivors(kinds ...PendingKind) []uint8 {
	choices := make([]uint8, len(s.plan.items))
	for i, item := range s.plan.items {
		for _, kind := range kinds {
			if item.kind == kind {
				choices[i] = uint8(len(item.ops))
			}
		}
	}
	return choices
}

// singles returns functions, since there can be many: each thing missing, and each alone. A name is alone with and
// without all contents; a part of a file is alone among contents, with all names.
func (s *sampler) singles() []func() []uint8 {
	var list []func() []uint8
	for i, item := range s.plan.items {
		newest := uint8(len(item.ops))
		with := func(choice uint8, kinds ...PendingKind) {
			list = append(list, func() []uint8 {
				choices := s.survivors(kinds...)
				choices[i] = choice
				if choice > 0 {
					s.addNeeds(choices, i)
				}
				return choices
			})
		}
		with(0, extremes[1]...)
		if item.kind == PendingName {
			with(newest)
			with(newest, extremes[3]...)
		} else {
			with(newest, PendingName)
		}
	}
	return list
}

// addNeeds makes what a name needs survive.
func (s *sampler) addNeeds(choices []uint8, i int) {
	if i >= len(s.plan.needs) {
		return
	}
	for ; i >= 0; i-- {
		if choices[i] == 1 {
			for _, need := range s.plan.needs[i] {
				choices[need] = 1
			}
		}
	}
}

// mixture draws how names and contents are decided, then decides.
func (s *sampler) mixture() []uint8 {
	choices := make([]uint8, len(s.plan.items))
	names, contents := s.rule(), s.rule()
	for i := range s.plan.items {
		item := &s.plan.items[i]
		rule := contents
		if item.kind == PendingName {
			rule = names
		}
		choices[i] = rule(i, item)
	}
	return choices
}

// rule draws a way to decide.
func (s *sampler) rule() func(i int, item *crashItem) uint8 {
	before := func(item *crashItem, moment int) (n uint8) {
		for _, op := range item.ops {
			if op <= moment {
				n++
			}
		}
		return n
	}
	moments := len(s.plan.base.log) + 1
	switch s.rng.IntN(6) {
	case 0: // all that came before some moment
		moment := s.rng.IntN(moments)
		return func(_ int, item *crashItem) uint8 { return before(item, moment) }
	case 1: // the same, with a moment for each folder or file
		moment := map[uint64]int{}
		return func(i int, item *crashItem) uint8 {
			m := moments
			for _, id := range s.holders(i, item) {
				if _, ok := moment[id]; !ok {
					moment[id] = s.rng.IntN(moments)
				}
				m = min(m, moment[id])
			}
			return before(item, m)
		}
	case 2: // folders and files whole or not at all
		lost := map[uint64]bool{}
		return func(i int, item *crashItem) uint8 {
			for _, id := range s.holders(i, item) {
				if _, ok := lost[id]; !ok {
					lost[id] = s.rng.IntN(2) == 0
				}
				if lost[id] {
					return 0
				}
			}
			return uint8(len(item.ops))
		}
	default: // each by itself, mostly lost, mostly kept or evenly
		keep := [...]float64{0.1, 0.5, 0.9}[s.rng.IntN(3)]
		return func(_ int, item *crashItem) uint8 {
			if s.rng.Float64() >= keep {
				return uint8(s.rng.IntN(len(item.ops))) // durable, or an older version
			}
			return uint8(len(item.ops))
		}
	}
}

// holders returns the folders of a name, or the file of a part.
func (s *sampler) holders(i int, item *crashItem) []uint64 {
	if item.file >= 0 {
		return []uint64{s.plan.files[item.file].node.id}
	}
	var ids []uint64
	for _, slot := range s.plan.base.pending[i].slots {
		ids = append(ids, slot.folder)
	}
	return ids
}
