package storage

import (
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"slices"
	"sync"

	"github.com/mailhavn/mailhavn/storage/message"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// cache keeps the summaries of a mailbox's messages, so that ENVELOPE, BODYSTRUCTURE and common header fields are answered
// without opening message files. It is made at delivery, lies in meta/<mailbox id>.cache, and can be lost at any time: what is
// missing or not what was written is made again from the message.
//
// The file is a row of blocks, one a checkpoint:
//
//	 0  4  magic "MHCB"
//	 4  4  CRC-32C of bytes 8 to the end of the table
//	 8  4  number of entries
//	12  4  length of the data
//	16 16  each: UID, offset in the data, length, CRC-32C of the summary
//	       data
type cache struct {
	name string
	fs   vfs.FS
	unit *Unit

	mu    sync.Mutex // guards the following fields
	fresh map[UID][]byte
	read  bool         // index is as in the file
	index []cacheEntry // by UID
	end   int64        // of the file
	file  vfs.File     // open for reading once it has been read; nil where there is none
}

type cacheEntry struct {
	uid    UID
	length uint32
	sum    uint32
	offset int64 // in the file
}

// maxFresh is how many bytes of summaries a unit gathers before it writes them, in bytes.
const maxFresh = 32 << 20

const (
	cacheMagic  = 0x4243484d // "MHCB"
	cacheHeader = 16
)

// Summary returns what a message's header and structure say. ErrExpunged when the message is gone.
func (m *Mailbox) Summary(ctx context.Context, uid UID) (message.Summary, error) {
	if err := ctx.Err(); err != nil {
		return message.Summary{}, err
	}
	c := m.account.files.cache(m.id)
	if s, ok := c.get(uid); ok {
		return s, nil
	}
	r, row, err := m.stored(ctx, uid)
	if err != nil {
		return message.Summary{}, err
	}
	if f, ok := r.(vfs.File); ok {
		defer f.Close()
	}
	s, _, err := message.Summarize(r, int64(row.StoredSize))
	if err != nil {
		return message.Summary{}, fmt.Errorf("message %d of mailbox %s: %w", uid, m.id, err)
	}
	c.put(uid, s.Bytes())
	return s, nil
}

// Preview returns the beginning of what a message says, see [message.Summary.Preview]. It is made once. ErrExpunged when the message is gone.
func (m *Mailbox) Preview(ctx context.Context, uid UID) ([]byte, error) {
	s, err := m.Summary(ctx, uid)
	if err != nil {
		return nil, err
	}
	if text, known := s.Preview(); known {
		return text, nil
	}
	content, err := m.Open(ctx, uid)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	if s, err = s.WithPreview(content); err != nil {
		return nil, fmt.Errorf("message %d of mailbox %s: %w", uid, m.id, err)
	}
	m.account.files.cache(m.id).put(uid, s.Bytes())
	text, _ := s.Preview()
	return text, nil
}

// cache returns the cache of a mailbox.
func (w *fileWork) cache(box ID) *cache {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cacheLocked(box)
}

func (w *fileWork) cacheLocked(box ID) *cache {
	c := w.caches[box]
	if c == nil {
		c = &cache{name: w.account.cacheFile(box), fs: w.account.unit.fs, unit: w.account.unit, fresh: map[UID][]byte{}}
		w.caches[box] = c
	}
	return c
}

func (c *cache) put(uid UID, summary []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fresh[uid] = summary
	if c.unit.cached.Add(int64(len(summary))) > maxFresh {
		c.unit.cached.Store(0)
		c.unit.keeper.request()
	}
}

func (c *cache) get(uid UID) (message.Summary, bool) {
	b, ok := c.bytes(uid)
	if !ok {
		return message.Summary{}, false
	}
	s, err := message.DecodeSummary(b)
	return s, err == nil // an older form is made again
}

// bytes returns a summary as it is kept.
func (c *cache) bytes(uid UID) ([]byte, bool) {
	c.mu.Lock()
	if b, ok := c.fresh[uid]; ok {
		c.mu.Unlock()
		return b, true
	}
	c.load()
	i, ok := slices.BinarySearchFunc(c.index, uid, func(e cacheEntry, u UID) int { return cmp.Compare(e.uid, u) })
	if !ok {
		c.mu.Unlock()
		return nil, false
	}
	e, f := c.index[i], c.file
	c.mu.Unlock()
	b := make([]byte, e.length)
	if n, _ := f.ReadAt(b, e.offset); n < len(b) || crc32.Checksum(b, castagnoli) != e.sum {
		return nil, false
	}
	return b, true
}

// load reads the tables of the file's blocks, up to the first that is not whole.
func (c *cache) load() {
	if c.read {
		return
	}
	c.read = true
	f, err := c.fs.OpenRW(c.name)
	if err != nil {
		return
	}
	c.file = f
	size, err := f.Size()
	if err != nil {
		return
	}
	entries := map[UID]cacheEntry{}
	for c.end < size {
		n := c.readBlock(f, size, entries)
		if n == 0 {
			break
		}
		c.end += n
	}
	c.index = make([]cacheEntry, 0, len(entries))
	for _, e := range entries {
		c.index = append(c.index, e)
	}
	slices.SortFunc(c.index, func(a, b cacheEntry) int { return cmp.Compare(a.uid, b.uid) })
}

// readBlock reads the table of the block at c.end and returns the block's length, 0 if it is not whole.
func (c *cache) readBlock(f vfs.File, size int64, entries map[UID]cacheEntry) int64 {
	head := make([]byte, cacheHeader)
	if n, _ := f.ReadAt(head, c.end); n < len(head) || le.Uint32(head) != cacheMagic {
		return 0
	}
	count, data := int64(le.Uint32(head[8:])), int64(le.Uint32(head[12:]))
	length := cacheHeader + 16*count + data
	if length > size-c.end {
		return 0
	}
	table := make([]byte, 16*count)
	if n, _ := f.ReadAt(table, c.end+cacheHeader); n < len(table) {
		return 0
	}
	if crc32.Update(crc32.Checksum(head[8:], castagnoli), castagnoli, table) != le.Uint32(head[4:]) {
		return 0
	}
	start := c.end + length - data
	for ; len(table) > 0; table = table[16:] {
		e := cacheEntry{UID(le.Uint32(table)), le.Uint32(table[8:]), le.Uint32(table[12:]), start + int64(le.Uint32(table[4:]))}
		if e.offset+int64(e.length) <= start+data {
			entries[e.uid] = e
		}
	}
	return length
}

// drop forgets summaries of messages that are gone.
func (c *cache) drop(uids UIDSet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for uid := range c.fresh {
		if uids.Contains(uid) {
			delete(c.fresh, uid)
		}
	}
}

// flush writes the summaries that are not in the file yet.
func (c *cache) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.fresh) == 0 {
		return nil
	}
	c.load()
	if c.file == nil {
		f, err := c.fs.Create(c.name)
		if err != nil {
			return err
		}
		c.file = f
	}
	block, entries := encodeBlock(c.fresh, c.end)
	if _, err := c.file.WriteAt(block, c.end); err != nil {
		return err
	}
	c.end += int64(len(block))
	c.index = mergeEntries(c.index, entries)
	clear(c.fresh)
	return nil
}

// close gives the file back; the cache may be used again.
func (c *cache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file != nil {
		c.file.Close()
	}
	c.file, c.read, c.index, c.end = nil, false, nil, 0
}

func encodeBlock(summaries map[UID][]byte, at int64) ([]byte, []cacheEntry) {
	uids := make([]UID, 0, len(summaries))
	for uid := range summaries {
		uids = append(uids, uid)
	}
	slices.Sort(uids)
	head := encoder{b: make([]byte, 8, cacheHeader+16*len(uids))}
	var data []byte
	for _, uid := range uids {
		data = append(data, summaries[uid]...)
	}
	head.u32(uint32(len(uids)))
	head.u32(uint32(len(data)))
	entries := make([]cacheEntry, len(uids))
	offset := 0
	for i, uid := range uids {
		s := summaries[uid]
		entries[i] = cacheEntry{uid, uint32(len(s)), crc32.Checksum(s, castagnoli), at + int64(cacheHeader+16*len(uids)+offset)}
		head.u32(uint32(uid))
		head.u32(uint32(offset))
		head.u32(entries[i].length)
		head.u32(entries[i].sum)
		offset += len(s)
	}
	le.PutUint32(head.b, cacheMagic)
	le.PutUint32(head.b[4:], crc32.Checksum(head.b[8:], castagnoli))
	return append(head.b, data...), entries
}

// mergeEntries joins two rows of entries in UID order; the second wins.
func mergeEntries(a, b []cacheEntry) []cacheEntry {
	out := make([]cacheEntry, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].uid < b[0].uid:
			out, a = append(out, a[0]), a[1:]
		case a[0].uid > b[0].uid:
			out, b = append(out, b[0]), b[1:]
		default:
			a = a[1:]
		}
	}
	return append(append(out, a...), b...)
}

// closeCaches gives back the files of all caches and indexes.
func (w *fileWork) closeCaches() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.caches {
		c.close()
	}
	for _, x := range w.texts {
		x.closeFiles()
	}
}

// flushCaches writes what the caches of the account have gathered.
func (w *fileWork) flushCaches() error {
	w.mu.Lock()
	caches := make([]*cache, 0, len(w.caches))
	for _, c := range w.caches {
		caches = append(caches, c)
	}
	w.mu.Unlock()
	for _, c := range caches {
		if err := c.flush(); err != nil {
			return err
		}
	}
	return nil
}
