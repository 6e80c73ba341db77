package message

import "encoding/binary"

// keptFields are the header fields that a Summary keeps: what mail programs ask for in lists of
// messages. A Summary says itself what it has, so the list may change.
var keptFields = newNameTable([]string{
	"from", "to", "cc", "bcc", "reply-to", "sender", "subject", "date",
	"message-id", "in-reply-to", "references", "content-type",
	"list-id", "list-post", "list-unsubscribe", "newsgroups",
	"x-priority", "priority", "importance", "disposition-notification-to",
	"x-label", "x-spam-flag", "chat-version", "x-tuid", "lines", "auto-submitted",
})

// maxKeptNames is how many names keptFields may have.
const maxKeptNames = 32

// fieldTable collects the fields of the message header that a Summary keeps, and hashes of the
// names of all others.
type fieldTable struct {
	raw     []byte // wire form
	kept    []keptField
	sizes   [maxKeptNames]int // bytes kept per name of keptFields
	dropped [maxKeptNames]bool
	others  []uint16
	tooMany bool // others is not complete
}

type keptField struct {
	name int // in keptFields
	span     // in raw
}

func (t *fieldTable) reset() {
	*t = fieldTable{raw: t.raw[:0], kept: t.kept[:0], others: t.others[:0]}
}

func (t *fieldTable) add(f field) {
	if len(f.name) == 0 {
		return
	}
	k := keptFields.index(f.name)
	if k < 0 || t.dropped[k] {
		t.other(f.name)
		return
	}
	start := len(t.raw)
	t.raw = AppendWire(t.raw, f.raw)
	t.sizes[k] += len(t.raw) - start
	if t.sizes[k] > maxStoredField || len(t.raw) > maxStoredFields || f.raw[len(f.raw)-1] != '\n' {
		t.raw = t.raw[:start]
		t.dropped[k] = true
		t.other(f.name)
		return
	}
	t.kept = append(t.kept, keptField{k, span{start, len(t.raw)}})
}

func (t *fieldTable) other(name []byte) {
	h := nameHash(name)
	for _, have := range t.others {
		if have == h {
			return
		}
	}
	if len(t.others) == maxOtherNames {
		t.tooMany = true
		return
	}
	t.others = append(t.others, h)
}

// appendOthers and appendFields give the two pieces of a Summary.
func (t *fieldTable) appendOthers(dst []byte) []byte {
	for _, h := range t.others {
		dst = binary.LittleEndian.AppendUint16(dst, h)
	}
	return dst
}

func (t *fieldTable) appendFields(dst []byte) []byte {
	for _, f := range t.kept {
		if !t.dropped[f.name] {
			dst = append(dst, f.of(t.raw)...)
		}
	}
	return dst
}

// nameHash is FNV-1a of the name in lower case, folded to 16 bits.
func nameHash(name []byte) uint16 {
	h := uint32(2166136261)
	for _, c := range name {
		h = (h ^ uint32(lowerByte(c))) * 16777619
	}
	return uint16(h ^ h>>16)
}

// FieldSet is a set of names of header fields, whose case does not matter. It is made once per
// command and may then be used by several goroutines.
type FieldSet struct {
	names  []string // in lower case
	hashes []uint16
}

// NewFieldSet makes the set of the given names.
func NewFieldSet(names ...string) *FieldSet {
	s := &FieldSet{}
	for _, name := range names {
		s.names = append(s.names, lowerASCII(name))
		s.hashes = append(s.hashes, nameHash([]byte(name)))
	}
	return s
}

func (s *FieldSet) index(name []byte) int {
	for i, n := range s.names {
		if equalFold(name, n) {
			return i
		}
	}
	return -1
}

// AppendHeader appends what BODY[HEADER.FIELDS (set)] of the message answers: its fields with
// those names in message order, and the empty line. If the Summary cannot tell, complete is false
// and dst comes back as it was: read the header, then.
func (s Summary) AppendHeader(dst []byte, set *FieldSet) (out []byte, complete bool) {
	if !s.knows(set) {
		return dst, false
	}
	for f, rest, ok := nextField(s.fields); ok; f, rest, ok = nextField(rest) {
		if set.index(f.name) >= 0 {
			dst = append(dst, f.raw...)
		}
	}
	return append(dst, "\r\n"...), true
}

// knows reports whether each field of the set is kept or absent.
func (s *Summary) knows(set *FieldSet) bool {
	for i := 0; i+1 < len(s.others); i += 2 {
		h := binary.LittleEndian.Uint16(s.others[i:])
		for _, want := range set.hashes {
			if want == h {
				return false
			}
		}
	}
	return len(s.raw) > 0 && s.flags&flagMoreFields == 0
}
