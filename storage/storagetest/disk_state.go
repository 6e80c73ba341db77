package storagetest

import (
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/mailhavn/mailhavn/storage/vfs"
)

// diskState is all of a [Disk] that another Disk can share: a pure value with no lock, copied on write.
type diskState struct {
	token   *diskToken
	nodes   []*diskNode // nodes[id-1]; a node stays when its last name goes
	pending []pendingName
	log     []Op
	ticks   int // operations, also those before the last power cut
}

const diskRoot = 1

// diskEpoch is the time on a new disk; each operation takes a millisecond.
var diskEpoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

func newDiskState() *diskState {
	s := &diskState{token: &diskToken{}}
	s.newNode(true, diskEpoch)
	return s
}

// clone shares all nodes: from now on both sides copy them before they change them.
func (s *diskState) clone() *diskState {
	s.token = &diskToken{}
	return &diskState{
		token:   &diskToken{},
		nodes:   slices.Clone(s.nodes),
		pending: slices.Clone(s.pending),
		log:     slices.Clip(s.log),
		ticks:   s.ticks,
	}
}

func (s *diskState) newNode(folder bool, now time.Time) *diskNode {
	n := &diskNode{
		token: s.token, chunkToken: &diskToken{},
		id: uint64(len(s.nodes) + 1), folder: folder,
		modTime: now, durableModTime: now,
	}
	s.nodes = append(s.nodes, n)
	return n
}

func (s *diskState) node(id uint64) *diskNode { return s.nodes[id-1] }

// own returns a node that may be changed in place.
func (s *diskState) own(id uint64) *diskNode {
	n := s.node(id)
	if n.token == s.token {
		return n
	}
	mine := *n
	mine.token, mine.chunkToken = s.token, &diskToken{}
	mine.now = n.now.share()
	mine.names = slices.Clone(n.names)
	mine.versions, mine.sizes = slices.Clip(n.versions), slices.Clip(n.sizes)
	s.nodes[id-1] = &mine
	return &mine
}

// find looks up a checked name.
func (s *diskState) find(name string) (*diskNode, error) {
	n := s.node(diskRoot)
	if name == "" {
		return n, nil
	}
	for element := range strings.SplitSeq(name, "/") {
		if !n.folder {
			return nil, vfs.ErrNotRegular
		}
		id := lookup(n.names, element)
		if id == 0 {
			return nil, fs.ErrNotExist
		}
		n = s.node(id)
	}
	return n, nil
}

func (s *diskState) findFolder(name string) (*diskNode, error) {
	n, err := s.find(name)
	if err == nil && !n.folder {
		err = vfs.ErrNotRegular
	}
	return n, err
}

// findSlot returns the place of a name and the id that it has now, or 0.
func (s *diskState) findSlot(name string) (diskSlot, uint64, error) {
	folder, element, err := vfs.Split(name)
	if err != nil {
		return diskSlot{}, 0, err
	}
	n, err := s.findFolder(folder)
	if err != nil {
		return diskSlot{}, 0, err
	}
	return diskSlot{n.id, element}, lookup(n.names, element), nil
}

func (s *diskState) findFile(name string) (*diskNode, error) {
	_, id, err := s.findSlot(name)
	switch {
	case err != nil:
		return nil, err
	case id == 0:
		return nil, fs.ErrNotExist
	case s.node(id).folder:
		return nil, vfs.ErrNotRegular
	}
	return s.node(id), nil
}

// next counts and logs an operation.
func (s *diskState) next(op Op) Op {
	op.N = len(s.log) + 1
	s.log = append(s.log, op)
	s.ticks++
	return op
}

func (s *diskState) now() time.Time {
	return diskEpoch.Add(time.Duration(s.ticks) * time.Millisecond)
}

// change applies a change of names to what the kernel shows, and leaves it pending.
func (s *diskState) change(change *nameOp) {
	for i, slot := range change.slots {
		folder := s.own(slot.folder)
		folder.names = assign(folder.names, slot.name, change.ids[i])
		folder.modTime = s.now()
	}
	s.pending = append(s.pending, pendingName{nameOp: change})
}

func (s *diskState) make(name string, op Op) (*diskNode, error) {
	slot, id, err := s.findSlot(name)
	if err != nil {
		return nil, err
	}
	if id != 0 {
		return nil, fs.ErrExist
	}
	op = s.next(op)
	n := s.newNode(op.Kind == OpMkdir, s.now())
	s.change(&nameOp{op: op, slots: []diskSlot{slot}, ids: []uint64{n.id}})
	return n, nil
}

func (s *diskState) remove(name string) error {
	slot, id, err := s.findSlot(name)
	if err != nil {
		return err
	}
	if id == 0 {
		return fs.ErrNotExist
	}
	change := &nameOp{slots: []diskSlot{slot}, ids: []uint64{0}}
	if n := s.node(id); n.folder {
		if len(n.names) > 0 {
			return fs.ErrExist
		}
		change.emptied = id
	}
	change.op = s.next(Op{Kind: OpRemove, Name: name})
	s.change(change)
	return nil
}

func (s *diskState) link(from, to string) error {
	n, err := s.findFile(from)
	if err != nil {
		return err
	}
	slot, taken, err := s.findSlot(to)
	if err != nil {
		return err
	}
	if taken != 0 {
		return fs.ErrExist
	}
	op := s.next(Op{Kind: OpLink, Name: from, To: to})
	s.change(&nameOp{op: op, slots: []diskSlot{slot}, ids: []uint64{n.id}})
	return nil
}

func (s *diskState) rename(from, to string) error {
	fromSlot, id, err := s.findSlot(from)
	if err != nil {
		return err
	}
	toSlot, oldID, err := s.findSlot(to)
	if err != nil {
		return err
	}
	if id == 0 {
		return fs.ErrNotExist
	}
	n := s.node(id)
	change := &nameOp{
		slots: []diskSlot{fromSlot, toSlot}, ids: []uint64{0, id},
		moved: n.folder && fromSlot.folder != toSlot.folder,
	}
	if n.folder && strings.HasPrefix(to, from+"/") {
		return fs.ErrInvalid
	}
	if oldID != 0 && oldID != id {
		old := s.node(oldID)
		if old.folder != n.folder {
			return vfs.ErrNotRegular
		}
		if old.folder {
			if len(old.names) > 0 {
				return fs.ErrExist
			}
			change.emptied = oldID
		}
	}
	change.op = s.next(Op{Kind: OpRename, Name: from, To: to})
	if oldID != id { // two names of one file: POSIX keeps both
		s.change(change)
	}
	return nil
}
