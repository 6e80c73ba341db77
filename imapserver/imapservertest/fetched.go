package imapservertest

import (
	"slices"
	"strings"
)

// fetch takes in a FETCH response (RFC 9051, section 7.5.2).
func (m *mirror) fetch(r response) error {
	n, _ := r.body[0].number()
	box := m.target()
	switch {
	case box == nil:
		return violation("FETCH without a selected mailbox")
	case n == 0 || n > uint64(len(box.messages)):
		return violation("FETCH %d where the client counts %d", n, len(box.messages))
	case len(r.body) != 3 || r.body[2].kind != list || len(r.body[2].list)%2 != 0:
		return violation("FETCH without a list of pairs")
	}
	m.fetched = true
	items, _, _ := toPairs(r.body[2].list)
	if err := box.update(int(n), items); err != nil {
		return err
	}
	return m.fetchItems(items, box.messages[n-1].uid)
}

// fetchItems checks what the items of a FETCH response must contain; uid is that of the message, or 0 if the client does
// not know it.
func (m *mirror) fetchItems(items map[string]value, uid uint32) error {
	_, hasUID := items["UID"]
	_, hasFlags := items["FLAGS"]
	_, hasModSeq := items["MODSEQ"]
	if !hasUID && m.during("UID FETCH", "UID STORE") && m.current().names(uid) {
		return violation("FETCH without UID during %s: RFC 9051, section 6.4.9", m.current().name)
	}
	asked := m.during("FETCH", "UID FETCH") && m.current().uses("FLAGS", "ALL", "FULL", "FAST")
	if !hasFlags || asked || !m.condstore {
		return nil
	}
	if !hasModSeq {
		return violation("FETCH with changed flags but no MODSEQ for a CONDSTORE-aware client: RFC 7162, section 3.1")
	}
	if !hasUID && m.qresync {
		return violation("FETCH with changed flags but no UID: RFC 7162, section 3.2.4")
	}
	return nil
}

// update stores what a FETCH response says of message n.
func (b *mailbox) update(n int, items map[string]value) error {
	msg := &b.messages[n-1]
	if v, ok := items["UID"]; ok {
		uid, ok := v.number()
		if !ok || uid == 0 || uid > 1<<32-1 {
			return violation("UID %s", v)
		}
		if msg.uid != 0 && msg.uid != uint32(uid) {
			return violation("message %d has UID %d, the client knows it as %d", n, uid, msg.uid)
		}
		msg.uid = uint32(uid)
		if err := b.ascending(n); err != nil {
			return err
		}
	}
	if v, ok := items["MODSEQ"]; ok {
		var modseq uint64
		if v.kind == list && len(v.list) == 1 {
			modseq, _ = v.list[0].number()
		}
		if modseq == 0 || modseq >= 1<<63 || modseq < msg.modseq {
			return violation("MODSEQ %s after %d for message %d: RFC 7162, section 3.1.1", v, msg.modseq, n)
		}
		msg.modseq = modseq
		b.maximum = max(b.maximum, modseq)
	}
	if v, ok := items["FLAGS"]; ok {
		if v.kind != list {
			return violation("FLAGS %s", v)
		}
		msg.flags, msg.known, msg.fresh = flagSet(v.list), true, true
	}
	return nil
}

// ascending checks that the UID of message n lies between those of its neighbours (RFC 9051, section 2.3.1.1).
func (b *mailbox) ascending(n int) error {
	uid := b.messages[n-1].uid
	for i := n - 2; i >= 0; i-- {
		if other := b.messages[i].uid; other != 0 {
			if other >= uid {
				return violation("message %d has UID %d, message %d has UID %d", i+1, other, n, uid)
			}
			break
		}
	}
	for i := n; i < len(b.messages); i++ {
		if other := b.messages[i].uid; other != 0 {
			if other <= uid {
				return violation("message %d has UID %d, message %d has UID %d", n, uid, i+1, other)
			}
			break
		}
	}
	return nil
}

// flagSet brings flags to the form of message.flags.
func flagSet(flags []value) string {
	var words []string
	for _, f := range flags {
		words = append(words, f.text)
	}
	return flagString(words)
}

func flagString(words []string) string {
	var b strings.Builder
	words = strings.Fields(strings.ToLower(strings.Join(words, " ")))
	slices.Sort(words)
	for _, w := range slices.Compact(words) {
		if w != `\recent` {
			b.WriteString(w + " ")
		}
	}
	return b.String()
}
