package storage

import (
	"fmt"
)

// record is one change of one account (or of the unit's directory), atomic in the log. On disk:
//
//	 0  4  length of the whole record
//	 4  1  version of the record's form: 1
//	 5  3  0
//	 8  8  LSN
//	16  8  LSN of the account's record before this one: a gap in the log is seen
//	24  4  unit epoch: who owned the unit
//	28  4  account generation: rises with every move of the account
//	32 16  account id; zero for records of the unit
//	48     effects, each: kind (1 byte), length (4 bytes), the effect's own fields
//
// The length that each effect carries lets a later version add fields at the end of an effect.
type record struct {
	lsn, prev  LSN
	epoch      uint32
	generation uint32
	account    ID
	effects    []effect
}

const (
	recordHeader  = 48
	recordVersion = 1
)

// effect is one part of a record.
type effect interface {
	kind() effectKind
	encode(*encoder)
	decode(*decoder)
	// apply changes the draft of an account's state. It keeps no reference to memory of the draft's parent.
	apply(*draft) error
}

type effectKind uint8

// The kinds of effects; their values are part of the on-disk format. A log that
// holds a kind not listed was written by a later version.
const (
	kindCheckpoint effectKind = 1
	kindPutAccount effectKind = 2
	kindDelAccount effectKind = 3

	kindCreate    effectKind = 10
	kindDelete    effectKind = 11
	kindRename    effectKind = 12
	kindSubscribe effectKind = 13
	kindRecent    effectKind = 14

	kindAppend  effectKind = 20
	kindCopy    effectKind = 21
	kindFlags   effectKind = 22
	kindExpunge effectKind = 23

	// Reserved: 30 annotations (RFC 5464), 31 rights (RFC 4314), 32 \Seen of one user in a shared mailbox,
	// 33 quota (RFC 9208), 34 a fence around an account that is moving.
)

func newEffect(k effectKind) effect {
	switch k {
	case kindCheckpoint:
		return &checkpointEffect{}
	case kindPutAccount:
		return &putAccount{}
	case kindDelAccount:
		return &delAccount{}
	case kindCreate:
		return &createEffect{}
	case kindDelete:
		return &deleteEffect{}
	case kindRename:
		return &renameEffect{}
	case kindSubscribe:
		return &subscribeEffect{}
	case kindRecent:
		return &recentEffect{}
	case kindAppend:
		return &appendEffect{}
	case kindCopy:
		return &copyEffect{}
	case kindFlags:
		return &flagsEffect{}
	case kindExpunge:
		return &expungeEffect{}
	}
	return nil
}

func (r *record) encode() []byte {
	size := recordHeader + 64
	for _, x := range r.effects {
		if a, ok := x.(*appendEffect); ok {
			size += a.sizeHint()
		}
	}
	e := encoder{b: make([]byte, recordHeader, size)}
	for _, x := range r.effects {
		e.u8(uint8(x.kind()))
		start := len(e.b)
		e.u32(0)
		x.encode(&e)
		le.PutUint32(e.b[start:], uint32(len(e.b)-start-4))
	}
	le.PutUint32(e.b, uint32(len(e.b)))
	e.b[4] = recordVersion
	le.PutUint64(e.b[16:], uint64(r.prev))
	le.PutUint32(e.b[24:], r.epoch)
	le.PutUint32(e.b[28:], r.generation)
	copy(e.b[32:], r.account[:])
	setLSN(e.b, r.lsn)
	return e.b
}

// setLSN fills in the LSN of an encoded record, which is known last.
func setLSN(b []byte, lsn LSN) { le.PutUint64(b[8:], uint64(lsn)) }

// decodeRecord reads the record at the start of b and returns its length. Byte slices of the record are parts of b.
func decodeRecord(b []byte) (*record, int, error) {
	if len(b) < recordHeader {
		return nil, 0, errShort
	}
	n := le.Uint32(b)
	if n < recordHeader || uint64(n) > uint64(len(b)) {
		return nil, 0, errShort
	}
	if b[4] != recordVersion {
		return nil, 0, fmt.Errorf("%w: record version %d", ErrNewerFormat, b[4])
	}
	r := &record{
		lsn:        LSN(le.Uint64(b[8:])),
		prev:       LSN(le.Uint64(b[16:])),
		epoch:      le.Uint32(b[24:]),
		generation: le.Uint32(b[28:]),
		account:    ID(b[32:48]),
	}
	d := decoder{b: b[recordHeader:n]}
	for d.err == nil && len(d.b) > 0 {
		k := effectKind(d.u8())
		body := decoder{b: d.take(uint64(d.u32()))}
		x := newEffect(k)
		if x == nil {
			return nil, 0, fmt.Errorf("%w: effect kind %d", ErrNewerFormat, k)
		}
		if d.err != nil {
			break
		}
		x.decode(&body)
		if body.err != nil {
			return nil, 0, fmt.Errorf("effect kind %d %w", k, body.err)
		}
		r.effects = append(r.effects, x)
	}
	return r, int(n), d.err
}

// checkpointEffect says that everything up to two LSNs is on disk outside the log.
type checkpointEffect struct {
	number uint64 // of the checkpoint: frames with a higher one are not to be trusted
	state  LSN    // the state of all accounts is complete up to here
	files  LSN    // the work on files is complete and synced up to here
	clean  bool   // the unit was closed after this
}

func (*checkpointEffect) kind() effectKind   { return kindCheckpoint }
func (*checkpointEffect) apply(*draft) error { return nil }

func (x *checkpointEffect) encode(e *encoder) {
	e.u64(x.number)
	e.u64(uint64(x.state))
	e.u64(uint64(x.files))
	e.u8(boolByte(x.clean))
}

func (x *checkpointEffect) decode(d *decoder) {
	x.number, x.state, x.files, x.clean = d.u64(), LSN(d.u64()), LSN(d.u64()), d.u8() != 0
}

func boolByte(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}
