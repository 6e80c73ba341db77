package trigram

import (
	"encoding/binary"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A segment is a row of blocks, what is needed to find them, and the documents. Numbers without a width are varints:
//
//	blocks  each compressed by zstd: entries, by trigram
//	          trigram    with its class: distance from the one before in the block, or from 0
//	          number     of documents
//	          length     of what follows
//	          documents  places in the list of documents, each as its distance from the one before, less 1
//	tail    documents    number; each number as its distance from the one before
//	        blocks       number; of each: distance of its first trigram from that of the block before, length, CRC-32C (4 bytes)
//	end     4 bytes      length of the tail
//	        4 bytes      CRC-32C of the tail and its length
//	        4 bytes      magic "MHT2"
const (
	magic      = 0x3254484d // "MHT2"
	endLength  = 12
	blockBytes = 16 << 10 // entries of a block before compression
)

var (
	le         = binary.LittleEndian
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// The one compressor and decompressor serve all goroutines. With options that are right, making them cannot fail.
var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		e, _ := zstd.NewWriter(nil, zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true))
		return e
	})
	decompressor = sync.OnceValue(func() *zstd.Decoder {
		d, _ := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxBlock))
		return d
	})
)

// writer writes a segment; trigrams come in order, and the documents of each.
type writer struct {
	docs  []uint32
	out   []byte
	index []byte // of the blocks
	count int    // of blocks
	first key    // of the last finished block

	block []byte
	start key // of the present block
	last  key // of the present block

	key    key
	places []byte
	n      int
	place  int
}

func newWriter(docs []uint32) *writer { return &writer{docs: docs} }

// begin begins the entry of a trigram.
func (w *writer) begin(k key) {
	w.key, w.n, w.place, w.places = k, 0, -1, w.places[:0]
}

// post adds a document, by its place, to the entry.
func (w *writer) post(place uint32) {
	w.places = binary.AppendUvarint(w.places, uint64(int(place)-w.place-1))
	w.place = int(place)
	w.n++
}

// end ends the entry. One without documents is left out.
func (w *writer) end() {
	if w.n == 0 {
		return
	}
	if len(w.block) == 0 {
		w.start, w.last = w.key, 0
	}
	w.block = binary.AppendUvarint(w.block, uint64(w.key-w.last))
	w.block = binary.AppendUvarint(w.block, uint64(w.n))
	w.block = binary.AppendUvarint(w.block, uint64(len(w.places)))
	w.block = append(w.block, w.places...)
	w.last = w.key
	if len(w.block) >= blockBytes {
		w.flush()
	}
}

func (w *writer) flush() {
	if len(w.block) == 0 {
		return
	}
	begin := len(w.out)
	w.out = encoder().EncodeAll(w.block, w.out)
	w.index = binary.AppendUvarint(w.index, uint64(w.start-w.first))
	w.index = binary.AppendUvarint(w.index, uint64(len(w.out)-begin))
	w.index = le.AppendUint32(w.index, crc32.Checksum(w.out[begin:], castagnoli))
	w.first = w.start
	w.count++
	w.block = w.block[:0]
}

// finish returns the segment.
func (w *writer) finish() []byte {
	w.flush()
	begin := len(w.out)
	w.out = binary.AppendUvarint(w.out, uint64(len(w.docs)))
	last := uint32(0)
	for _, d := range w.docs {
		w.out = binary.AppendUvarint(w.out, uint64(d-last))
		last = d
	}
	w.out = binary.AppendUvarint(w.out, uint64(w.count))
	w.out = append(w.out, w.index...)
	w.out = le.AppendUint32(w.out, uint32(len(w.out)-begin))
	w.out = le.AppendUint32(w.out, crc32.Checksum(w.out[begin:], castagnoli))
	return le.AppendUint32(w.out, magic)
}
