package storagetest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/mailhavn/mailhavn/storage"
)

// mark is how far a mailbox is acknowledged.
type mark struct {
	modseq storage.ModSeq
	uid    storage.UID
}

// powerCuts keeps disks of a simulation as it went, with what was acknowledged by then.
type powerCuts struct {
	mu    sync.Mutex // guards all that follows
	rng   *rand.Rand
	every int // how many changes of the disk there are for each that is kept
	kept  []simMoment
}

type simMoment struct {
	disk  *Disk
	acked map[storage.ID]mark
}

func (c *powerCuts) take(m *model, d *Disk) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rng.IntN(c.every) == 0 {
		c.kept = append(c.kept, simMoment{d, m.marks()})
	}
}

// marks returns what is acknowledged now.
func (m *model) marks() map[storage.ID]mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.acked)
}

// ack notes that a change was acknowledged; m.mu is held.
func (m *model) ack(box storage.ID, modseq storage.ModSeq, uid storage.UID) {
	was := m.acked[box]
	m.acked[box] = mark{max(was.modseq, modseq), max(was.uid, uid)}
}

// checkCrashes cuts the power at each disk that was kept. What is found must be what an account was after some one change of it, none
// earlier than the last that was acknowledged: since MODSEQs count per account, all its mailboxes are judged at the same.
func (r *simulation) checkCrashes(ctx context.Context, c *powerCuts) error {
	for _, moment := range c.kept {
		for d := range moment.disk.CrashStates(c.rng, 2) {
			if err := r.checkCrash(ctx, d, moment); err != nil {
				return fmt.Errorf("after a power cut: %w\nit decided:\n%s", err, d.Origin())
			}
			r.states++
		}
	}
	return nil
}

func (r *simulation) checkCrash(ctx context.Context, d *Disk, moment simMoment) error {
	u, err := storage.Open(d, r.options())
	if err != nil {
		return err
	}
	defer u.Close()
	if err := u.Damage(); err != nil {
		return err
	}
	for _, info := range u.Accounts() {
		a, err := u.OpenAccount(ctx, info.Name)
		if err != nil {
			return err
		}
		err = r.checkAccount(ctx, a, moment)
		a.Close()
		if err != nil {
			return fmt.Errorf("account %s: %w", info.Name, err)
		}
	}
	findings, err := u.Verify(ctx)
	if err != nil {
		return err
	}
	for _, f := range findings {
		return fmt.Errorf("simulation: Verify finds: %s%s", f, r.model.history(modelKey{f.Mailbox, f.UID}))
	}
	return nil
}

// history tells what happened to a message, and to those that it was copied from.
func (m *model) history(k modelKey) string {
	var b strings.Builder
	for _, c := range m.copies {
		if c.to == k {
			fmt.Fprintf(&b, "\nmessage %d came from message %d of mailbox %s at MODSEQ %d", k.uid, c.from.uid, c.from.box, c.modseq)
			b.WriteString(m.history(c.from))
		}
	}
	if x := m.messages[k]; x != nil {
		for _, e := range x.events {
			what := "was expunged"
			if e.change != nil {
				what = "changed flags"
			}
			fmt.Fprintf(&b, "\nmessage %d of mailbox %s %s at MODSEQ %d", k.uid, k.box, what, e.modseq)
		}
	}
	return b.String()
}

func (r *simulation) checkAccount(ctx context.Context, a *storage.Account, moment simMoment) error {
	var views []*storage.View
	var last storage.ModSeq
	for info := range a.Mailboxes() {
		m, err := a.Mailbox(info.Name)
		if err != nil {
			return err
		}
		v, err := m.View(ctx)
		if err != nil {
			return err
		}
		views = append(views, v)
		last = max(last, v.Status().HighestModSeq)
		acked, now := moment.acked[v.MailboxID()], v.Status()
		if now.HighestModSeq < acked.modseq || now.UIDNext <= acked.uid {
			return fmt.Errorf("mailbox %s: MODSEQ %d and UID %d were acknowledged, found is %+v", info.Name, acked.modseq, acked.uid, now)
		}
	}
	for _, v := range views {
		if what := r.model.judgeView(v, last); what != "" {
			return fmt.Errorf("mailbox %s at MODSEQ %d: %s", v.MailboxID(), last, what)
		}
	}
	return nil
}
