package storage

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// Mailbox is a mailbox of an open account. It stays valid when the mailbox is renamed; after its deletion the methods
// answer ErrNoMailbox.
type Mailbox struct {
	account *Account
	id      ID
}

// ID returns the mailbox's id (RFC 8474 MAILBOXID).
func (m *Mailbox) ID() ID { return m.id }

// Info returns name and status; false when the mailbox is deleted.
func (m *Mailbox) Info() (MailboxInfo, bool) {
	b, ok := m.account.durable.Load().box(m.id)
	if !ok {
		return MailboxInfo{}, false
	}
	return b.info(), true
}

// View returns the mailbox as it durably is.
func (m *Mailbox) View(ctx context.Context) (*View, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, ok := m.account.durable.Load().box(m.id)
	if !ok {
		return nil, fmt.Errorf("mailbox %s: %w", m.id, ErrNoMailbox)
	}
	return b.view.load()
}

// Watch sends to wake, without blocking, after any durable change of this mailbox and after its deletion, until stop
// is called.
func (m *Mailbox) Watch(wake chan<- struct{}) (stop func()) { return m.account.watch.add(m.id, wake) }

// change is commit for one mailbox, whose view as of the head build gets.
func (m *Mailbox) change(ctx context.Context, build func(head *accountState, v *View) ([]effect, error)) error {
	if _, err := m.View(ctx); err != nil { // loads it outside of the lock
		return err
	}
	return m.account.commit(ctx, func(head *accountState) ([]effect, error) {
		v, err := head.view(m.id)
		if err != nil {
			return nil, err
		}
		return build(head, v)
	})
}

func (s *accountState) view(id ID) (*View, error) {
	b, ok := s.box(id)
	if !ok {
		return nil, fmt.Errorf("mailbox %s: %w", id, ErrNoMailbox)
	}
	return b.view.load()
}

// NewMessage is one message to append.
type NewMessage struct {
	Body         *Body
	Flags        Flags
	Keywords     []string
	InternalDate time.Time // zero: now
}

// Append adds messages, all or none, and returns their UIDs in ascending order.
// ErrLimit where UIDs have run out; ErrNoSpace; ErrTransform.
func (m *Mailbox) Append(ctx context.Context, msgs ...NewMessage) ([]UID, error) {
	rows, err := m.account.rows(ctx, msgs)
	if err != nil {
		return nil, err
	}
	var uids []UID
	err = m.change(ctx, func(head *accountState, v *View) ([]effect, error) {
		x, err := m.appending(v, rows, head.modseq+1, msgs)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			uids = append(uids, rows[i].UID)
		}
		return []effect{x}, nil
	})
	if err != nil {
		return nil, err
	}
	if n := len(uids); n > 0 && uids[0]/manyUnindexed < (uids[n-1]+1)/manyUnindexed {
		m.account.unit.indexer.request(m.account, m.id)
	}
	return uids, nil
}

// Replace adds a message to a mailbox of the same account and removes the message uid from this one, in one step (RFC 8508, section
// 3.4), whatever its flags. It returns the UID of the new message. ErrExpunged where uid is not there; ErrLimit, ErrNoSpace, ErrTransform.
func (m *Mailbox) Replace(ctx context.Context, uid UID, to *Mailbox, msg NewMessage) (UID, error) {
	if to.account != m.account {
		return 0, fmt.Errorf("%w: the target is in another account", ErrForbidden)
	}
	if _, err := to.View(ctx); err != nil {
		return 0, err
	}
	msgs := []NewMessage{msg}
	rows, err := m.account.rows(ctx, msgs)
	if err != nil {
		return 0, err
	}
	err = m.change(ctx, func(head *accountState, v *View) ([]effect, error) {
		if _, ok := v.Seq(uid); !ok {
			return nil, fmt.Errorf("message %d: %w", uid, ErrExpunged)
		}
		target, err := head.view(to.id)
		if err != nil {
			return nil, err
		}
		x, err := to.appending(target, rows, head.modseq+1, msgs)
		return []effect{x, &expungeEffect{onBox{m.id, v.lsn}, head.modseq + 1, UIDSet{{uid, uid}}}}, err
	})
	if err != nil {
		return 0, err
	}
	return rows[0].UID, nil
}

// appending returns the effect that adds rows, which get their UIDs. From here on the account has their bytes.
func (m *Mailbox) appending(v *View, rows []newRow, modseq ModSeq, msgs []NewMessage) (*appendEffect, error) {
	if err := uidsLeft(v, len(rows)); err != nil {
		return nil, err
	}
	for i := range rows {
		rows[i].UID = v.status.UIDNext + UID(i)
		msgs[i].Body.give()
	}
	return &appendEffect{onBox{m.id, v.lsn}, modseq, rows}, nil
}

// rows makes the bytes of messages durable, as far as they must be before they are numbered, and describes them.
func (a *Account) rows(ctx context.Context, msgs []NewMessage) ([]newRow, error) {
	now := a.unit.now()
	for _, msg := range msgs {
		if err := msg.Body.finish(); err != nil {
			return nil, err
		}
	}
	if err := takeRoom(ctx, msgs); err != nil {
		return nil, err
	}
	rows := make([]newRow, len(msgs))
	for i, msg := range msgs {
		row, err := msg.Body.seal()
		if err != nil {
			return nil, err
		}
		row.Flags = msg.Flags & allFlags
		row.keywords = msg.Keywords
		row.SaveDate = now.Unix()
		row.InternalDate = now.Unix()
		if !msg.InternalDate.IsZero() {
			row.InternalDate = msg.InternalDate.Unix()
		}
		rows[i] = row
	}
	return rows, nil
}

func uidsLeft(v *View, n int) error {
	if uint64(v.status.UIDNext)+uint64(n) > math.MaxUint32 {
		return fmt.Errorf("mailbox %s has used up its UIDs: %w", v.id, ErrLimit)
	}
	return nil
}

// StoreOp says what Store does to flags.
type StoreOp uint8

// The operations; their values are part of the on-disk format.
const (
	SetFlags StoreOp = iota
	AddFlags
	RemoveFlags
)

// FlagChange is what Store is to do.
type FlagChange struct {
	Op       StoreOp
	Flags    Flags
	Keywords []string
	// UnchangedSince, if not nil: messages with a higher MODSEQ are left alone (RFC 7162, section 3.1.3).
	UnchangedSince *ModSeq
}

// StoreResult tells what Store did.
type StoreResult struct {
	ModSeq   ModSeq // of the change; 0 if nothing changed
	Changed  UIDSet // messages that differ now
	Modified UIDSet // left alone because of UnchangedSince
}

// Store changes flags. UIDs that are not there (any more) are passed over.
func (m *Mailbox) Store(ctx context.Context, uids UIDSet, c FlagChange) (StoreResult, error) {
	var res StoreResult
	err := m.change(ctx, func(head *accountState, v *View) ([]effect, error) {
		change := flagChanger(v.words, c.Op, c.Flags&allFlags, c.Keywords)
		for _, msg := range v.Select(uids) {
			if c.UnchangedSince != nil && msg.ModSeq > *c.UnchangedSince {
				res.Modified = res.Modified.Append(msg.UID)
				continue
			}
			after := *msg
			if change(&after); after.Flags != msg.Flags || after.Keywords != msg.Keywords {
				res.Changed = res.Changed.Append(msg.UID)
			}
		}
		if len(res.Changed) == 0 {
			return nil, nil
		}
		res.ModSeq = head.modseq + 1
		return []effect{&flagsEffect{onBox{m.id, v.lsn}, res.ModSeq, c.Op, c.Flags & allFlags, c.Keywords, res.Changed}}, nil
	})
	return res, err
}

// Expunge removes the messages among uids that have \Deleted. It returns their UIDs and the MODSEQ of the removal, 0 if
// there were none.
func (m *Mailbox) Expunge(ctx context.Context, uids UIDSet) (UIDSet, ModSeq, error) {
	var gone UIDSet
	var modseq ModSeq
	err := m.change(ctx, func(head *accountState, v *View) ([]effect, error) {
		for _, msg := range v.Flagged(Deleted, 0) {
			if uids.Contains(msg.UID) {
				gone = gone.Append(msg.UID)
			}
		}
		if len(gone) == 0 {
			return nil, nil
		}
		modseq = head.modseq + 1
		return []effect{&expungeEffect{onBox{m.id, v.lsn}, modseq, gone}}, nil
	})
	return gone, modseq, err
}

// CopyResult maps: the n-th of From became the n-th of To.
type CopyResult struct {
	From, To    UIDSet
	UIDValidity uint32 // of the target
	ModSeq      ModSeq // of the change; 0 if there was nothing to copy
}

// Copy copies messages, all or none, into a mailbox of the same account, with flags, keywords, INTERNALDATE and
// EMAILID. UIDs that are not there are passed over.
func (m *Mailbox) Copy(ctx context.Context, uids UIDSet, to *Mailbox) (CopyResult, error) {
	return m.transfer(ctx, uids, to, false)
}

// Move copies and expunges in one step (RFC 6851). A message moved to the mailbox where it is gets a new UID.
func (m *Mailbox) Move(ctx context.Context, uids UIDSet, to *Mailbox) (CopyResult, error) {
	return m.transfer(ctx, uids, to, true)
}

func (m *Mailbox) transfer(ctx context.Context, uids UIDSet, to *Mailbox, move bool) (CopyResult, error) {
	if to.account != m.account {
		return CopyResult{}, fmt.Errorf("%w: the target is in another account", ErrForbidden)
	}
	if _, err := to.View(ctx); err != nil {
		return CopyResult{}, err
	}
	held, err := m.holdLinks(ctx, uids)
	if err != nil {
		return CopyResult{}, err
	}
	links := &m.account.unit.links
	var res CopyResult
	err = m.change(ctx, func(head *accountState, v *View) ([]effect, error) {
		target, err := head.view(to.id)
		if err != nil {
			return nil, err
		}
		res.UIDValidity = target.status.UIDValidity
		rows, from := copyRows(v, uids, target.status.UIDNext, m.account.unit.now().Unix())
		if len(rows) == 0 {
			return nil, nil
		}
		if err := uidsLeft(target, len(rows)); err != nil {
			return nil, err
		}
		res.From = from
		res.To = UIDSet{{rows[0].UID, rows[len(rows)-1].UID}}
		res.ModSeq = head.modseq + 1
		effects := []effect{&copyEffect{onBox{to.id, target.lsn}, res.ModSeq, m.id, rows, held}}
		held = 0 // the work on files gives it back
		if move {
			effects = append(effects, &expungeEffect{onBox{m.id, v.lsn}, res.ModSeq, from})
		}
		return effects, nil
	})
	links.give(held)
	return res, err
}

// holdLinks waits until so many more files may wait for being made.
func (m *Mailbox) holdLinks(ctx context.Context, uids UIDSet) (int64, error) {
	v, err := m.View(ctx)
	if err != nil {
		return 0, err
	}
	n := int64(0)
	for range v.Select(uids) {
		n++
	}
	n = min(n, maxLinks) // one alone may be larger
	return n, m.account.unit.links.take(ctx, n)
}

// copyRows returns the messages of uids as they enter another mailbox, numbered from next.
func copyRows(v *View, uids UIDSet, next UID, now int64) ([]newRow, UIDSet) {
	var rows []newRow
	var from UIDSet
	for _, msg := range v.Select(uids) {
		row := newRow{Message: *msg, keywords: slices.Clone(v.Keywords(msg.Keywords)), from: msg.UID}
		row.UID = next + UID(len(rows))
		row.SaveDate = now
		rows = append(rows, row)
		from = from.Append(msg.UID)
	}
	return rows, from
}

// Recent returns the lowest UID that is \Recent: those from it on have been claimed by no session.
func (m *Mailbox) Recent() UID {
	b, ok := m.account.durable.Load().box(m.id)
	if !ok {
		return 0
	}
	return max(b.recent, 1)
}

// ClaimRecent returns the lowest UID that is \Recent, and makes the messages that are there now recent to nobody else
// (RFC 3501, section 2.3.2): they belong to the session that claimed them. The claim is not waited for to be durable.
func (m *Mailbox) ClaimRecent() UID {
	var first UID
	m.account.begin(func(head *accountState) ([]effect, error) {
		b, ok := head.box(m.id)
		if !ok {
			return nil, nil
		}
		first = max(b.recent, 1)
		if b.recent == b.view.status.UIDNext || b.view.status.UIDNext == 1 {
			return nil, nil
		}
		return []effect{&recentEffect{m.id, b.view.status.UIDNext}}, nil
	})
	return first
}
