package storagetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// Simulation has several sessions do random things with the same mailboxes at once, while checkpoints run, accounts leave memory
// and the unit is closed and opened. What the store answers is compared with a model of maps: every view that any session
// has seen is exactly the sum of the changes up to its HIGHESTMODSEQ, and the differences between the views of a session, applied
// to a slice, give the next view.
type Simulation struct {
	FS       vfs.FS
	Seed     uint64
	Sessions int // at once
	Steps    int // of each session between two openings of the unit
	Openings int
	// Crashes, if not 0, cuts the power about once in so many changes of FS, which is a *Disk then, and judges what is found.
	Crashes int
}

// simulation is one run.
type simulation struct {
	Simulation
	unit  *storage.Unit
	model *model

	states int // crash states that were judged
}

// simAccounts are the accounts that sessions share: more than one, so that some are idle at times.
var simAccounts = []string{"anna", "bob"}

// Run runs the simulation and returns how many crash states were checked. The error says what the store did wrong.
func (s Simulation) Run(ctx context.Context) (states int, err error) {
	r := &simulation{Simulation: s, model: newModel()}
	sessions := make([]*simSession, s.Sessions)
	for i := range sessions {
		sessions[i] = &simSession{simulation: r, number: i, rng: rand.New(rand.NewPCG(s.Seed, uint64(i)+100)), seen: map[storage.ID]*mirror{}}
	}
	c := &powerCuts{rng: rand.New(rand.NewPCG(s.Seed, 3)), every: s.Crashes}
	disk, ok := s.FS.(*Disk)
	if s.Crashes > 0 && !ok {
		return 0, errors.New("only a Disk loses power")
	}
	for range s.Openings {
		if s.Crashes > 0 {
			disk.OnOp(func(_ Op, after *Disk) { c.take(r.model, after) })
		}
		if err := r.session(ctx, sessions); err != nil {
			return 0, err
		}
	}
	if s.Crashes > 0 {
		disk.OnOp(nil)
	}
	if err := r.model.judge(); err != nil {
		return 0, err
	}
	err = r.checkCrashes(ctx, c)
	return r.states, err
}

func (r *simulation) options() storage.Options {
	return storage.Options{Logger: slog.New(slog.DiscardHandler), SegmentSize: 64 << 10, Ballast: 4096,
		CheckpointEvery: 3 * time.Millisecond, CheckpointAfter: 32 << 10}
}

// session opens the unit, lets the sessions work, and closes it.
func (r *simulation) session(ctx context.Context, sessions []*simSession) (err error) {
	if r.unit, err = storage.Open(r.FS, r.options()); err != nil {
		return err
	}
	for _, name := range simAccounts {
		if a, err := r.unit.CreateAccount(ctx, name); err == nil {
			a.Close()
		} else if !errors.Is(err, storage.ErrAccountExists) {
			return errors.Join(err, r.unit.Close())
		}
	}
	errs := make([]error, len(sessions))
	var wg sync.WaitGroup
	for i, s := range sessions {
		wg.Go(func() { errs[i] = s.run(ctx) })
	}
	wg.Wait()
	findings, verr := r.unit.Verify(ctx)
	for _, f := range findings {
		errs = append(errs, fmt.Errorf("simulation: Verify finds: %s", f))
	}
	return errors.Join(errors.Join(errs...), verr, r.unit.Close())
}

// simSession is one client.
type simSession struct {
	*simulation
	number  int
	rng     *rand.Rand
	seen    map[storage.ID]*mirror // by mailbox
	account *storage.Account
	serial  int
}

func (s *simSession) run(ctx context.Context) error {
	for range s.Steps {
		if s.account == nil || s.rng.IntN(20) == 0 {
			if s.account != nil {
				s.account.Close()
			}
			var err error
			if s.account, err = s.unit.OpenAccount(ctx, simAccounts[s.rng.IntN(len(simAccounts))]); err != nil {
				return err
			}
		}
		if err := s.step(ctx); err != nil {
			return fmt.Errorf("session %d: %w", s.number, err)
		}
	}
	s.account.Close()
	s.account = nil
	return nil
}

// mailbox picks one; each session has some that only it makes, renames and deletes.
func (s *simSession) mailbox() (*storage.Mailbox, error) {
	names := []string{"INBOX", "INBOX", "INBOX", "Archive", "Trash", fmt.Sprintf("Own%d", s.rng.IntN(s.Sessions))}
	m, err := s.account.Mailbox(names[s.rng.IntN(len(names))])
	if errors.Is(err, storage.ErrNoMailbox) {
		return s.account.Mailbox("INBOX")
	}
	return m, err
}

func (s *simSession) step(ctx context.Context) error {
	m, err := s.mailbox()
	if err != nil {
		return err
	}
	var what string
	switch n := s.rng.IntN(100); {
	case n < 25:
		what, err = "append", s.append(ctx, m)
	case n < 50:
		what, err = "store", s.store(ctx, m)
	case n < 60:
		what, err = "expunge", s.expunge(ctx, m)
	case n < 75:
		what, err = "transfer", s.transfer(ctx, m)
	case n < 80:
		what, err = "folders", s.folders(ctx)
	case n < 82:
		what, err = "checkpoint", s.unit.Checkpoint(ctx)
	default:
		what, err = "look", s.look(ctx, m)
	}
	if errors.Is(err, storage.ErrNoMailbox) {
		return nil // deleted by its session meanwhile
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// uids picks some messages.
func (s *simSession) uids(ctx context.Context, m *storage.Mailbox) (storage.UIDSet, error) {
	v, err := m.View(ctx)
	if err != nil || v.Len() == 0 {
		return nil, err
	}
	first := 1 + s.rng.IntN(v.Len())
	return v.UIDs(first, min(first+s.rng.IntN(4), v.Len())), nil
}

func (s *simSession) append(ctx context.Context, m *storage.Mailbox) error {
	var msgs []storage.NewMessage
	var rows []modelRow
	for range 1 + s.rng.IntN(3) {
		s.serial++
		size := s.rng.IntN(2000)
		if s.rng.IntN(50) == 0 {
			size = 70000
		}
		b := text(int64(s.serial*100+s.number), size)
		body := s.account.NewBody()
		defer body.Close()
		if _, err := body.Write(b); err != nil {
			return err
		}
		msg := storage.NewMessage{Body: body, Flags: storage.Flags(s.rng.IntN(32)), Keywords: s.keywords()}
		msgs = append(msgs, msg)
		rows = append(rows, modelRow{flags: msg.Flags, keywords: msg.Keywords, content: digestOf(b)})
	}
	uids, err := m.Append(ctx, msgs...)
	if err != nil {
		return err
	}
	for i, uid := range uids {
		s.model.born(m.ID(), uid, rows[i])
	}
	v, err := m.View(ctx)
	if err != nil {
		return err
	}
	if next := v.Status().UIDNext; next <= uids[len(uids)-1] {
		return fmt.Errorf("UIDs %v were answered, and then a view showed UIDNEXT %d", uids, next)
	}
	return nil
}

func (s *simSession) keywords() []string {
	all := []string{"$Work", "$Home", "$Junk"}
	return all[:s.rng.IntN(len(all)+1)]
}

func (s *simSession) store(ctx context.Context, m *storage.Mailbox) error {
	uids, err := s.uids(ctx, m)
	if err != nil {
		return err
	}
	c := storage.FlagChange{Op: storage.StoreOp(s.rng.IntN(3)), Flags: storage.Flags(s.rng.IntN(32)), Keywords: s.keywords()}
	if s.rng.IntN(4) == 0 {
		info, _ := m.Info()
		since := info.HighestModSeq - min(info.HighestModSeq, storage.ModSeq(s.rng.IntN(5)))
		c.UnchangedSince = &since
	}
	res, err := m.Store(ctx, uids, c)
	if err != nil {
		return err
	}
	if left := uids.Union(res.Changed).Union(res.Modified); left.Len() != uids.Len() || len(res.Changed.Intersect(res.Modified)) > 0 {
		return fmt.Errorf("store of %s answers changed %s, modified %s", uids, res.Changed, res.Modified)
	}
	s.model.happened(m.ID(), res.Changed, modelEvent{modseq: res.ModSeq, change: &c})
	return nil
}

func (s *simSession) expunge(ctx context.Context, m *storage.Mailbox) error {
	uids, err := s.uids(ctx, m)
	if err != nil {
		return err
	}
	gone, modseq, err := m.Expunge(ctx, uids)
	if err == nil {
		s.model.happened(m.ID(), gone, modelEvent{modseq: modseq})
	}
	return err
}

func (s *simSession) transfer(ctx context.Context, m *storage.Mailbox) error {
	to, err := s.mailbox()
	if err != nil {
		return err
	}
	uids, err := s.uids(ctx, m)
	if err != nil {
		return err
	}
	move := s.rng.IntN(2) == 0
	f := m.Copy
	if move {
		f = m.Move
	}
	res, err := f(ctx, uids, to)
	if err != nil {
		return err
	}
	if res.From.Len() != res.To.Len() || len(res.From.Intersect(uids)) != len(res.From) {
		return fmt.Errorf("%s went from %s to %s", uids, res.From, res.To)
	}
	s.model.copied(m.ID(), res.From, to.ID(), res.To, res.ModSeq)
	if move {
		s.model.happened(m.ID(), res.From, modelEvent{modseq: res.ModSeq})
	}
	return nil
}

// folders makes, renames or deletes a mailbox that is the session's own.
func (s *simSession) folders(ctx context.Context) error {
	own, other := fmt.Sprintf("Own%d", s.number), fmt.Sprintf("Other%d", s.number)
	var err error
	switch s.rng.IntN(4) {
	case 0:
		_, err = s.account.CreateMailbox(ctx, own, 0)
	case 1:
		err = s.account.RenameMailbox(ctx, own, other)
	case 2:
		err = s.account.RenameMailbox(ctx, other, own)
	case 3:
		err = s.account.DeleteMailbox(ctx, own)
	}
	if errors.Is(err, storage.ErrMailboxExists) {
		return nil
	}
	return err
}

// look takes a view and compares it with what the session saw before, and sometimes reads a message.
func (s *simSession) look(ctx context.Context, m *storage.Mailbox) error {
	v, err := m.View(ctx)
	if err != nil {
		return err
	}
	old := s.seen[m.ID()]
	if old == nil {
		old = newMirror(v)
		s.seen[m.ID()] = old
	} else if what := old.follow(v); what != "" {
		return fmt.Errorf("mailbox %s: %s", m.ID(), what)
	}
	s.model.seen(v)
	if v.Len() == 0 {
		return nil
	}
	row := v.At(1 + s.rng.IntN(v.Len()))
	c, err := m.Open(ctx, row.UID)
	if errors.Is(err, storage.ErrExpunged) {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.Close()
	b, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	if err != nil {
		return err
	}
	if want := s.model.content(row.Digest); want != nil && *want != wireDigest(b) {
		return fmt.Errorf("mailbox %s: message %d has other bytes than came in", m.ID(), row.UID)
	}
	return nil
}

// mirror is what a client knows of a mailbox: a slice that follows the differences of views.
type mirror struct {
	view *storage.View
	rows []string
	uids []storage.UID
}

func newMirror(v *storage.View) *mirror {
	m := &mirror{view: v}
	for _, row := range v.All() {
		m.uids = append(m.uids, row.UID)
		m.rows = append(m.rows, describeRow(v, row))
	}
	return m
}

func describeRow(v *storage.View, row *storage.Message) string {
	words := slices.Sorted(slices.Values(v.Keywords(row.Keywords)))
	return fmt.Sprintf("%d %05b %s %d %x", row.UID, row.Flags, strings.Join(words, " "), row.ModSeq, row.Digest)
}

// follow brings the mirror to a later view by the difference alone, and tells where that is not enough.
func (m *mirror) follow(v *storage.View) string {
	before, after := m.view.Status(), v.Status()
	if after.HighestModSeq < before.HighestModSeq || after.UIDNext < before.UIDNext || after.UIDValidity != before.UIDValidity {
		return fmt.Sprintf("went back from %+v to %+v", before, after)
	}
	d := m.view.Diff(v)
	gone := m.view.UIDs(1, m.view.Len()).Intersect(v.VanishedSince(before.HighestModSeq))
	if gone.String() != d.Expunged.String() {
		return fmt.Sprintf("the difference says that %s are gone, VANISHED since %d says %s", d.Expunged, before.HighestModSeq, gone)
	}
	for i := len(m.uids) - 1; i >= 0; i-- {
		uid := m.uids[i]
		seq, there := v.Seq(uid)
		switch {
		case d.Expunged.Contains(uid):
			m.uids, m.rows = slices.Delete(m.uids, i, i+1), slices.Delete(m.rows, i, i+1)
		case d.Changed.Contains(uid) && there:
			m.rows[i] = describeRow(v, v.At(seq))
		}
	}
	for uid := range d.Added.All() {
		if seq, ok := v.Seq(uid); ok {
			m.uids, m.rows = append(m.uids, uid), append(m.rows, describeRow(v, v.At(seq)))
		}
	}
	want := newMirror(v)
	m.view = v
	if !slices.Equal(m.rows, want.rows) {
		return fmt.Sprintf("the difference leads to\n%s\nthe view is\n%s", strings.Join(m.rows, "\n"), strings.Join(want.rows, "\n"))
	}
	return ""
}
