package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"

	"github.com/mailhavn/mailhavn/storage/maildir"
	"github.com/mailhavn/mailhavn/storage/message"
)

// Finding is one thing that is not as the store promises.
type Finding struct {
	Invariant string // "I1" to "I10", see the package's documentation; "" for other things worth knowing
	Account   ID
	Mailbox   ID
	UID       UID
	// Leftover tells that it is only a file of a message that was expunged: it takes room, and no session sees it. It can be there when a
	// failing disk forgot its removal.
	Leftover bool
	What     string
}

func (f Finding) String() string {
	var b strings.Builder
	if f.Invariant != "" {
		fmt.Fprintf(&b, "%s: ", f.Invariant)
	}
	if !f.Account.IsZero() {
		fmt.Fprintf(&b, "account %s: ", f.Account)
	}
	if !f.Mailbox.IsZero() {
		fmt.Fprintf(&b, "mailbox %s: ", f.Mailbox)
	}
	if f.UID != 0 {
		fmt.Fprintf(&b, "message %d: ", f.UID)
	}
	b.WriteString(f.What)
	return b.String()
}

// Verify reads everything in the unit and compares: checkpoints with their sums, counts with messages, files with digests, the cache
// with the messages, the tree with what should be there. It changes nothing but makes a checkpoint first. The unit may be in use: changes of
// an account wait while the folders of its tree are listed, and for no longer. The error tells only that the work could not be done.
func (u *Unit) Verify(ctx context.Context) ([]Finding, error) {
	var v verifier
	if u.damage != nil {
		v.add(Finding{Invariant: "I10", What: u.damage.Error()})
	} else {
		for range 2 { // the second removes what the first has buried
			if err := u.Checkpoint(ctx); err != nil {
				return nil, err
			}
		}
	}
	for _, info := range u.Accounts() {
		a, err := u.OpenAccount(ctx, info.Name)
		if err != nil {
			v.add(Finding{Invariant: "I10", Account: info.ID, What: err.Error()})
			continue
		}
		err = v.account(ctx, a)
		a.Close()
		if err != nil {
			return v.findings, err
		}
	}
	return v.findings, nil
}

type verifier struct {
	findings []Finding
	a        *Account
}

func (v *verifier) add(f Finding) {
	if v.a != nil {
		f.Account = v.a.id
	}
	v.findings = append(v.findings, f)
}

func (v *verifier) account(ctx context.Context, a *Account) error {
	v.a = a
	defer func() { v.a = nil }()
	st := a.durable.Load()
	validities := map[uint32]bool{}
	for _, b := range st.boxes {
		if err := ctx.Err(); err != nil {
			return err
		}
		view, err := b.view.load()
		if err != nil {
			v.add(Finding{Invariant: "I10", Mailbox: b.view.id, What: err.Error()})
			continue
		}
		if s := view.status; validities[s.UIDValidity] || s.UIDValidity > st.uidValidity || s.UIDValidity == 0 {
			v.add(Finding{Invariant: "I5", Mailbox: view.id, What: fmt.Sprintf("UIDVALIDITY %d is another mailbox's, or above the account's mark %d", s.UIDValidity, st.uidValidity)})
		}
		validities[view.status.UIDValidity] = true
		v.state(st, view)
		if err := v.messages(ctx, view); err != nil {
			return err
		}
	}
	return v.files(ctx)
}

// files compares the tree with the mailboxes while neither changes.
func (v *verifier) files(ctx context.Context) error {
	a := v.a
	if a.unit.damage != nil {
		return nil // files are behind: nothing is written to a damaged unit
	}
	a.unit.keeper.run.Lock()
	defer a.unit.keeper.run.Unlock()
	a.still.Lock()
	defer a.still.Unlock()
	if err := a.settle(ctx); err != nil {
		return err
	}
	st := a.durable.Load()
	for _, b := range st.boxes {
		view, err := b.view.load()
		if err != nil {
			continue // that was told before
		}
		if err := v.tree(view); err != nil {
			return err
		}
	}
	return v.folders(st)
}

// settle waits until what has been begun is durable, or undone, and its work on files is done. Nothing new begins meanwhile.
func (a *Account) settle(ctx context.Context) error {
	a.mu.Lock()
	b := a.batch
	a.mu.Unlock()
	if err := b.wait(ctx); err != nil && ctx.Err() != nil {
		return err
	}
	for {
		turn := a.unit.pool.turnDone()
		if a.files.pendingBelow(math.MaxUint64) == math.MaxUint64 {
			return nil
		}
		if err := a.files.lastError(); err != nil {
			return err
		}
		select {
		case <-turn:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// state checks what needs no file.
func (v *verifier) state(st *accountState, view *View) {
	last := UID(0)
	for seq, m := range view.All() {
		switch {
		case m.UID <= last:
			v.add(Finding{Invariant: "I1", Mailbox: view.id, UID: m.UID, What: fmt.Sprintf("follows UID %d", last)})
		case m.UID >= view.status.UIDNext:
			v.add(Finding{Invariant: "I2", Mailbox: view.id, UID: m.UID, What: fmt.Sprintf("UIDNEXT is %d", view.status.UIDNext)})
		case m.ModSeq > view.status.HighestModSeq || m.ModSeq == 0:
			v.add(Finding{Invariant: "I2", Mailbox: view.id, UID: m.UID, What: fmt.Sprintf("MODSEQ %d, the mailbox has %d", m.ModSeq, view.status.HighestModSeq)})
		case m.EmailID.IsZero():
			v.add(Finding{Invariant: "I9", Mailbox: view.id, UID: m.UID, What: "has no EMAILID"})
		}
		if got, ok := view.Seq(m.UID); !ok || got != seq || view.At(seq).UID != m.UID {
			v.add(Finding{Invariant: "I1", Mailbox: view.id, UID: m.UID, What: fmt.Sprintf("sequence number %d, looked up %d", seq, got)})
		}
		last = m.UID
	}
	if view.status.HighestModSeq > st.modseq {
		v.add(Finding{Invariant: "I2", Mailbox: view.id, What: fmt.Sprintf("HIGHESTMODSEQ %d, the account has given %d", view.status.HighestModSeq, st.modseq)})
	}
	if !view.recount() {
		v.add(Finding{Invariant: "I6", Mailbox: view.id, What: "the counts are not those of the messages"})
	}
	for _, t := range view.dead {
		if seq, ok := view.Seq(t.uids.First); ok || seq <= view.Len() && view.At(seq).UID <= t.uids.Last {
			v.add(Finding{Invariant: "I4", Mailbox: view.id, UID: t.uids.First, What: "was expunged and is there"})
		}
	}
}

// messages compares the bytes of messages with their digests and the cache.
func (v *verifier) messages(ctx context.Context, view *View) error {
	m := &Mailbox{v.a, view.id}
	c := v.a.files.cache(view.id)
	for _, row := range view.All() {
		if err := ctx.Err(); err != nil {
			return err
		}
		data, err := v.read(m, row.UID)
		if errors.Is(err, ErrExpunged) {
			continue // since the view was taken
		}
		if err != nil {
			v.add(Finding{Invariant: "I3", Mailbox: view.id, UID: row.UID, What: err.Error()})
			continue
		}
		sum := sha256.Sum256(data)
		if !bytes.Equal(sum[:16], row.Digest[:]) || len(data) != int(row.StoredSize) {
			v.add(Finding{Invariant: "I3", Mailbox: view.id, UID: row.UID, What: fmt.Sprintf("%d bytes with another digest than the %d that came in", len(data), row.StoredSize)})
			continue
		}
		s, stats := message.SummarizeBytes(data)
		if stats.WireSize != int64(row.Size) {
			v.add(Finding{Invariant: "I3", Mailbox: view.id, UID: row.UID, What: fmt.Sprintf("size %d, should be %d", row.Size, stats.WireSize)})
		}
		if cached, ok := c.bytes(row.UID); ok && !bytes.Equal(cached, s.Bytes()) {
			if _, err := message.DecodeSummary(cached); err == nil {
				v.add(Finding{Invariant: "I7", Mailbox: view.id, UID: row.UID, What: "the cached summary is not that of the message"})
			}
		}
	}
	return nil
}

// read returns a message's stored bytes.
func (v *verifier) read(m *Mailbox, uid UID) ([]byte, error) {
	r, row, err := v.a.files.open(m.id, uid)
	if err != nil {
		return nil, m.explain(uid, err)
	}
	if f, ok := r.(io.Closer); ok {
		defer f.Close()
	}
	data := make([]byte, row.StoredSize+1) // one more, to see a file that is too long
	n, err := r.ReadAt(data, 0)
	if err == io.EOF {
		err = nil
	}
	return data[:n], err
}

// tree compares a mailbox's folder with its messages.
func (v *verifier) tree(view *View) error {
	w := &v.a.files
	w.mu.Lock()
	folder, d := w.folders[view.id], w.disk[view.id]
	graves := slices.Clone(w.graves)
	w.mu.Unlock()
	want := map[string]UID{}
	for _, m := range view.All() {
		if file, ok := d.find(m.UID); ok {
			m = file // its letters follow the flags at the next checkpoint
		}
		want[d.name(m)] = m.UID
	}
	buried := map[string]bool{} // expunged, and to be unlinked by a checkpoint
	for _, g := range graves {
		if g.box != view.id {
			continue
		}
		for uid := range g.uids.All() {
			if m, ok := d.find(uid); ok {
				buried[d.name(m)] = true
			}
		}
	}
	fsys := v.a.unit.fs
	for _, sub := range []string{"cur", "new", "tmp"} {
		entries, err := fsys.ReadDir(folder + "/" + sub)
		if err != nil {
			v.add(Finding{Invariant: "I3", Mailbox: view.id, What: err.Error()})
			continue
		}
		for _, e := range entries {
			if _, ok := want[e.Name]; ok && sub == "cur" {
				delete(want, e.Name)
			} else if sub != "cur" || !buried[e.Name] {
				base, _, _ := strings.Cut(e.Name, ":")
				f, ours := maildir.ParseBase(base)
				_, here := view.Seq(UID(f.UID))
				v.add(Finding{Mailbox: view.id, What: fmt.Sprintf("%s/%s/%s is not the file of a message", folder, sub, e.Name),
					Leftover: ours && sub == "cur" && !here && f.UIDValidity == view.status.UIDValidity && UID(f.UID) < view.status.UIDNext})
			}
		}
	}
	if folder != v.a.folderFor(view.id, inbox) {
		if id, _, err := readMarker(fsys, folder); err != nil || id != view.id {
			v.add(Finding{Invariant: "I10", Mailbox: view.id, What: fmt.Sprintf("%s/%s is not what was written (%v)", folder, markerFile, err)})
		}
	}
	for name, uid := range want {
		v.add(Finding{Invariant: "I3", Mailbox: view.id, UID: uid, What: fmt.Sprintf("%s/cur/%s is missing", folder, name)})
	}
	return nil
}

// folders looks for what nobody refers to.
func (v *verifier) folders(st *accountState) error {
	a := v.a
	known := map[string]bool{a.accountFile(): true, a.dir + "/meta/spool": true, a.dir + "/meta/trash": true,
		a.dir + "/Maildir/cur": true, a.dir + "/Maildir/new": true, a.dir + "/Maildir/tmp": true}
	for _, b := range st.boxes {
		known[a.indexFile(b.view.id)] = true
		known[a.cacheFile(b.view.id)] = true
		known[a.textsFolder(b.view.id)] = true
		known[a.folderFor(b.view.id, b.name)] = true
	}
	a.files.mu.Lock()
	for _, g := range a.files.graves {
		if g.uids == nil {
			for _, name := range []string{a.indexFile(g.box), a.cacheFile(g.box), a.textsFolder(g.box), a.trashFolder(g.box)} {
				known[name] = true
			}
		}
	}
	a.files.mu.Unlock()
	for _, dir := range []string{a.dir + "/meta", a.dir + "/meta/trash", a.dir + "/Maildir"} {
		entries, err := a.unit.fs.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			v.add(Finding{Invariant: "I3", What: dir + " is missing"})
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			if name := dir + "/" + e.Name; !known[name] && !strings.HasSuffix(name, ".tmp") { // of a rewrite cut short; the next replaces it
				v.add(Finding{What: name + " belongs to nothing"})
			}
		}
	}
	return nil
}
