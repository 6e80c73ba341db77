package storagetest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/mailhavn/mailhavn/storage"
)

// model knows every message that was ever acknowledged and everything that happened to it, by MODSEQ. Answers come in any order, so
// views are kept and judged at the end.
type model struct {
	mu       sync.Mutex // guards all that follows
	messages map[modelKey]*modelMessage
	contents map[storage.Digest][32]byte // of the wire form
	views    []*storage.View
	copies   []modelCopy
	acked    map[storage.ID]mark
}

type modelKey struct {
	box storage.ID
	uid storage.UID
}

type modelMessage struct {
	modelRow
	events []modelEvent
}

// modelRow is a message as it came in.
type modelRow struct {
	flags    storage.Flags
	keywords []string
	content  [2][32]byte // digests as stored and in wire form
}

// modelEvent is a change of flags, or the end.
type modelEvent struct {
	modseq storage.ModSeq
	change *storage.FlagChange // nil: expunged
}

// modelCopy is a message that came from another: as that was at the MODSEQ.
type modelCopy struct {
	from, to modelKey
	modseq   storage.ModSeq
}

func newModel() *model {
	return &model{messages: map[modelKey]*modelMessage{}, contents: map[storage.Digest][32]byte{}, acked: map[storage.ID]mark{}}
}

func digestOf(b []byte) [2][32]byte {
	wire := bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	return [2][32]byte{sha256.Sum256(b), sha256.Sum256(wire)}
}

func wireDigest(wire []byte) [32]byte { return sha256.Sum256(wire) }

func (m *model) born(box storage.ID, uid storage.UID, row modelRow) {
	m.mu.Lock()
	defer m.mu.Unlock()
	x := m.message(modelKey{box, uid})
	x.modelRow = row
	m.ack(box, 0, uid)
	m.contents[storage.Digest(row.content[0][:16])] = row.content[1]
}

// message finds or makes one: a change may be told of before the birth is.
func (m *model) message(k modelKey) *modelMessage {
	x := m.messages[k]
	if x == nil {
		x = &modelMessage{}
		m.messages[k] = x
	}
	return x
}

func (m *model) happened(box storage.ID, uids storage.UIDSet, e modelEvent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for uid := range uids.All() {
		x := m.message(modelKey{box, uid})
		x.events = append(x.events, e)
		m.ack(box, e.modseq, uid)
	}
}

func (m *model) copied(from storage.ID, uids storage.UIDSet, to storage.ID, newUIDs storage.UIDSet, modseq storage.ModSeq) {
	m.mu.Lock()
	defer m.mu.Unlock()
	targets := slices.Collect(newUIDs.All())
	for uid := range uids.All() {
		m.message(modelKey{to, targets[0]})
		m.ack(to, modseq, targets[0])
		m.copies = append(m.copies, modelCopy{modelKey{from, uid}, modelKey{to, targets[0]}, modseq})
		targets = targets[1:]
	}
}

func (m *model) seen(v *storage.View) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.views = append(m.views, v)
}

// content returns the digest of the wire form of a message with these stored bytes, nil if it is not known yet.
func (m *model) content(d storage.Digest) *[32]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if sum, ok := m.contents[d]; ok {
		return &sum
	}
	return nil
}

// judge checks all views. No session is at work any more.
func (m *model) judge() error {
	for _, x := range m.messages {
		slices.SortStableFunc(x.events, func(a, b modelEvent) int { return cmp.Compare(a.modseq, b.modseq) })
	}
	slices.SortStableFunc(m.copies, func(a, b modelCopy) int { return cmp.Compare(a.modseq, b.modseq) })
	for _, c := range m.copies { // a copy of a copy comes later
		source := m.messages[c.from]
		flags, keywords, _, _ := source.at(c.modseq - 1)
		m.messages[c.to].modelRow = modelRow{flags: flags, keywords: keywords, content: source.content}
	}
	var errs []error
	for _, v := range m.views {
		if what := m.judgeView(v, v.Status().HighestModSeq); what != "" && len(errs) < 5 {
			errs = append(errs, fmt.Errorf("mailbox %s at MODSEQ %d: %s", v.MailboxID(), v.Status().HighestModSeq, what))
		}
	}
	return errors.Join(errs...)
}

// at returns a message as it is after all changes up to a MODSEQ.
func (x *modelMessage) at(modseq storage.ModSeq) (flags storage.Flags, keywords []string, last storage.ModSeq, gone bool) {
	flags, keywords = x.flags, x.keywords
	for _, e := range x.events {
		if e.modseq > modseq {
			break
		}
		if e.change == nil {
			return flags, keywords, e.modseq, true
		}
		last = e.modseq
		flags, keywords = changeFlags(flags, keywords, e.change)
	}
	return flags, keywords, last, false
}

func changeFlags(flags storage.Flags, keywords []string, c *storage.FlagChange) (storage.Flags, []string) {
	in := func(words []string) func(string) bool {
		return func(w string) bool { return slices.Contains(words, w) }
	}
	switch c.Op {
	case storage.SetFlags:
		return c.Flags, c.Keywords
	case storage.AddFlags:
		return flags | c.Flags, append(slices.DeleteFunc(slices.Clone(keywords), in(c.Keywords)), c.Keywords...)
	}
	return flags &^ c.Flags, slices.DeleteFunc(slices.Clone(keywords), in(c.Keywords))
}

// judgeView compares a view with the sum of what happened up to a MODSEQ.
func (m *model) judgeView(v *storage.View, upTo storage.ModSeq) string {
	status := v.Status()
	var vanished storage.UIDSet
	for uid := storage.UID(1); uid < status.UIDNext; uid++ {
		x := m.messages[modelKey{v.MailboxID(), uid}]
		if x == nil {
			return fmt.Sprintf("message %d was never acknowledged", uid)
		}
		flags, keywords, last, gone := x.at(upTo)
		seq, there := v.Seq(uid)
		if gone {
			vanished = vanished.Append(uid)
		}
		if there == gone {
			return fmt.Sprintf("message %d: there %t, expunged %t", uid, there, gone)
		}
		if !there {
			continue
		}
		row := v.At(seq)
		want := fmt.Sprintf("%05b %s %x", flags, strings.Join(slices.Sorted(slices.Values(keywords)), " "), x.content[0][:16])
		have := fmt.Sprintf("%05b %s %x", row.Flags, strings.Join(slices.Sorted(slices.Values(v.Keywords(row.Keywords))), " "), row.Digest)
		if want != have || last != 0 && row.ModSeq != last || row.ModSeq > upTo {
			return fmt.Sprintf("message %d: is %s at MODSEQ %d, should be %s at %d", uid, have, row.ModSeq, want, last)
		}
	}
	if got := v.VanishedSince(0); got.String() != vanished.String() {
		return fmt.Sprintf("VANISHED says %s, expunged were %s", got, vanished)
	}
	return ""
}
