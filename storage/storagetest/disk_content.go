package storagetest

import (
	"bytes"
	"slices"
)

const (
	diskBlockSize   = 512 // what a disk writes whole or not at all
	diskChunkBlocks = 64
)

// diskToken marks who may change a thing in place; whoever holds another token copies it first.
type diskToken struct{ _ int }

// diskBlock is never changed once it is in a chunk. A nil block is all zeros.
type diskBlock [diskBlockSize]byte

type diskChunk struct {
	token  *diskToken
	blocks [diskChunkBlocks]*diskBlock
}

// diskContent is the bytes of a file. Blocks beyond its size are nil, and the rest of the last block is zero.
type diskContent struct {
	size   int64
	chunks []*diskChunk
}

// share returns a copy that has all chunks in common; from now on neither side may change one under its present token.
func (c diskContent) share() diskContent {
	return diskContent{size: c.size, chunks: slices.Clone(c.chunks)}
}

func (c *diskContent) block(i int64) *diskBlock {
	if i/diskChunkBlocks >= int64(len(c.chunks)) {
		return nil
	}
	chunk := c.chunks[i/diskChunkBlocks]
	if chunk == nil {
		return nil
	}
	return chunk.blocks[i%diskChunkBlocks]
}

func (c *diskContent) setBlock(token *diskToken, i int64, b *diskBlock) {
	at := int(i / diskChunkBlocks)
	if at >= len(c.chunks) {
		if b == nil {
			return
		}
		c.chunks = append(c.chunks, make([]*diskChunk, at+1-len(c.chunks))...)
	}
	switch chunk := c.chunks[at]; {
	case chunk == nil:
		c.chunks[at] = &diskChunk{token: token}
	case chunk.token != token:
		c.chunks[at] = &diskChunk{token: token, blocks: chunk.blocks}
	}
	c.chunks[at].blocks[i%diskChunkBlocks] = b
}

// readAt copies what lies below the size.
func (c *diskContent) readAt(p []byte, off int64) int {
	if off >= c.size {
		return 0
	}
	p = p[:min(int64(len(p)), c.size-off)]
	for n := 0; n < len(p); {
		b := c.block(off / diskBlockSize)
		within := off % diskBlockSize
		m := min(len(p)-n, diskBlockSize-int(within))
		if b == nil {
			clear(p[n : n+m])
		} else {
			copy(p[n:n+m], b[within:])
		}
		n += m
		off += int64(m)
	}
	return len(p)
}

// cut makes the content end at size: blocks beyond become nil, and the rest of the last one zero. It calls changed, if not nil,
// for each block that it changes.
func (c *diskContent) cut(token *diskToken, size int64, changed func(i int64, b *diskBlock)) {
	c.size = size
	set := func(i int64, b *diskBlock) {
		c.setBlock(token, i, b)
		if changed != nil {
			changed(i, b)
		}
	}
	first := size / diskBlockSize
	if within := size % diskBlockSize; within != 0 {
		if b := c.block(first); b != nil && !allZero(b[within:]) {
			short := &diskBlock{}
			copy(short[:within], b[:])
			set(first, short)
		}
		first++
	}
	for i := first; i < int64(len(c.chunks))*diskChunkBlocks; i++ {
		if c.block(i) != nil {
			set(i, nil)
		}
	}
}

// overlay returns the block that old becomes when p is written into it.
func overlay(old *diskBlock, p []byte, within int) *diskBlock {
	b := &diskBlock{}
	if old != nil && len(p) < diskBlockSize {
		*b = *old
	}
	copy(b[within:], p)
	if allZero(b[:]) {
		return nil
	}
	return b
}

var zeroBlock diskBlock // read only

func allZero(p []byte) bool { return bytes.Equal(p, zeroBlock[:len(p)]) }
