package storagetest

import (
	"slices"
	"strings"
	"time"
)

// diskNode is a file or a folder as the kernel shows it, with what the disk surely has of it.
type diskNode struct {
	token  *diskToken // the state that may change this node in place
	id     uint64
	folder bool

	modTime        time.Time
	durableModTime time.Time
	modTimePending bool // SetModTime, and no SyncAll since

	// Of a file.
	chunkToken *diskToken // marks the chunks of now that are not shared
	now        diskContent
	durable    diskContent    // never changed in place
	versions   []blockVersion // since the last sync, oldest first
	sizes      []sizeVersion

	// Of a folder.
	names        []diskName // sorted
	durableNames []diskName // sorted; never changed in place
}

// blockVersion is what a block was after some write. Until the next sync the disk may have any version, or the
// durable block.
type blockVersion struct {
	block int64
	data  *diskBlock
	op    int
	// lost: a sync failed since. The kernel takes the block for clean, so no later sync makes this version durable.
	lost bool
}

// sizeVersion is what the size was after some operation.
type sizeVersion struct {
	size int64
	op   int
	lost bool
}

type diskName struct {
	name string
	id   uint64
}

func (n *diskNode) dirty() bool {
	return len(n.versions) > 0 || len(n.sizes) > 0 || n.modTimePending
}

// lookup returns 0 where there is no such name.
func lookup(names []diskName, name string) uint64 {
	if i, found := search(names, name); found {
		return names[i].id
	}
	return 0
}

func search(names []diskName, name string) (int, bool) {
	return slices.BinarySearchFunc(names, name, func(n diskName, name string) int { return strings.Compare(n.name, name) })
}

// assign gives name to id, or takes it away if id is 0.
func assign(names []diskName, name string, id uint64) []diskName {
	i, found := search(names, name)
	switch {
	case found && id == 0:
		return slices.Delete(names, i, i+1)
	case found:
		names[i].id = id
	case id != 0:
		return slices.Insert(names, i, diskName{name, id})
	}
	return names
}

// setBlock needs a node that may be changed in place, as the methods below do.
func (n *diskNode) setBlock(i int64, b *diskBlock, op int) {
	if n.now.block(i) == b {
		return
	}
	n.now.setBlock(n.chunkToken, i, b)
	n.versions = append(n.versions, blockVersion{block: i, data: b, op: op})
}

func (n *diskNode) setSize(size int64, op int) {
	if n.now.size != size {
		n.now.size = size
		n.sizes = append(n.sizes, sizeVersion{size: size, op: op})
	}
}

func (n *diskNode) write(p []byte, off int64, op int) {
	end := off + int64(len(p))
	for len(p) > 0 {
		within := int(off % diskBlockSize)
		m := min(len(p), diskBlockSize-within)
		i := off / diskBlockSize
		n.setBlock(i, overlay(n.now.block(i), p[:m], within), op)
		p = p[m:]
		off += int64(m)
	}
	if end > n.now.size {
		n.setSize(end, op)
	}
}

func (n *diskNode) truncate(size int64, op int) {
	if size < n.now.size {
		old := n.now.size
		n.now.cut(n.chunkToken, size, func(i int64, b *diskBlock) {
			n.versions = append(n.versions, blockVersion{block: i, data: b, op: op})
		})
		n.now.size = old
	}
	n.setSize(size, op)
}

// sync makes bytes and size durable, except what a failed sync has lost.
func (n *diskNode) sync() {
	lost := func(v blockVersion) bool { return v.lost }
	if !slices.ContainsFunc(n.versions, lost) && !slices.ContainsFunc(n.sizes, func(v sizeVersion) bool { return v.lost }) {
		n.durable = n.now.share()
		n.chunkToken = &diskToken{}
		n.versions, n.sizes = nil, nil
		return
	}
	token := &diskToken{}
	durable := n.durable.share()
	synced := map[int64]bool{}
	for _, v := range n.versions {
		if !v.lost {
			durable.setBlock(token, v.block, n.now.block(v.block))
			synced[v.block] = true
		}
	}
	n.versions = slices.DeleteFunc(slices.Clone(n.versions), func(v blockVersion) bool { return synced[v.block] })
	if len(n.sizes) > 0 && !n.sizes[len(n.sizes)-1].lost {
		durable.size = n.now.size
		n.sizes = nil
	}
	n.durable = durable
}

// lose is a failed sync.
func (n *diskNode) lose() {
	n.versions, n.sizes = slices.Clone(n.versions), slices.Clone(n.sizes)
	for i := range n.versions {
		n.versions[i].lost = true
	}
	for i := range n.sizes {
		n.sizes[i].lost = true
	}
}
