package imapserver

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mailhavn/mailhavn/storage"
	"github.com/mailhavn/mailhavn/storage/vfs"
)

// newUnit makes a unit in memory.
func newUnit(t testing.TB) *storage.Unit {
	t.Helper()
	unit, err := storage.Open(vfs.NewMem(), storage.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unit.Close(); err != nil {
			t.Error(err)
		}
	})
	return unit
}

func newAccount(t testing.TB, unit *storage.Unit, name string) *storage.Account {
	t.Helper()
	account, err := unit.CreateAccount(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(account.Close)
	return account
}

func inbox(t testing.TB, a *storage.Account) *storage.Mailbox {
	t.Helper()
	mbox, err := a.Mailbox("INBOX")
	if err != nil {
		t.Fatal(err)
	}
	return mbox
}

// deliver appends n messages.
func deliver(t testing.TB, a *storage.Account, mbox *storage.Mailbox, n int, text string) {
	t.Helper()
	var msgs []storage.NewMessage
	for range n {
		body := a.NewBody()
		body.Write([]byte(text))
		msgs = append(msgs, storage.NewMessage{Body: body})
	}
	if _, err := mbox.Append(context.Background(), msgs...); err != nil {
		t.Fatal(err)
	}
}

// modelRow is a message as the client of the model knows it.
type modelRow struct {
	uid    storage.UID
	modseq storage.ModSeq
}

// TestViewAgainstModel drives a view with random changes of a mailbox, reported with and without removals, and
// compares it with a client that keeps a plain slice and applies what it is told.
func TestViewAgainstModel(t *testing.T) {
	unit := newUnit(t)
	for seed := range uint64(10) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		account := newAccount(t, unit, fmt.Sprint("user", seed))
		mbox := inbox(t, account)
		v := newView(current(t, mbox))
		var model []modelRow
		for range 60 {
			mutate(t, rnd, account, mbox)
			later := current(t, mbox)
			expunge := rnd.IntN(3) == 0
			model = tell(t, &v, model, later, expunge)
			compareView(t, &v, model, later, expunge)
		}
		model = tell(t, &v, model, current(t, mbox), true)
		compareView(t, &v, model, current(t, mbox), true)
	}
}

func current(t *testing.T, mbox *storage.Mailbox) *storage.View {
	v, err := mbox.View(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// mutate changes the mailbox at random.
func mutate(t *testing.T, rnd *rand.Rand, account *storage.Account, mbox *storage.Mailbox) {
	ctx := context.Background()
	next := current(t, mbox).Status().UIDNext
	some := storage.NewUIDSet(storage.UID(1+rnd.IntN(int(next))), storage.UID(1+rnd.IntN(int(next))))
	var err error
	switch rnd.IntN(3) {
	case 0:
		deliver(t, account, mbox, 1+rnd.IntN(3), "x")
	case 1:
		_, err = mbox.Store(ctx, some, storage.FlagChange{Op: storage.StoreOp(rnd.IntN(3)), Flags: storage.Flags(1 << rnd.IntN(5))})
	case 2:
		if _, err = mbox.Store(ctx, some, storage.FlagChange{Op: storage.AddFlags, Flags: storage.Deleted}); err == nil {
			_, _, err = mbox.Expunge(ctx, some)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tell advances the view and gives the model what a client would be told.
func tell(t *testing.T, v *view, model []modelRow, later *storage.View, expunge bool) []modelRow {
	d := v.advance(later, expunge)
	if !expunge && len(d.Expunged) > 0 {
		t.Fatal("removals reported where they are not allowed")
	}
	model = slices.DeleteFunc(model, func(r modelRow) bool { return d.Expunged.Contains(r.uid) })
	for uid := range d.Added.All() {
		model = append(model, modelRow{uid: uid})
	}
	for i := range model {
		if seq, ok := later.Seq(model[i].uid); ok && (d.Changed.Contains(model[i].uid) || d.Added.Contains(model[i].uid)) {
			model[i].modseq = later.At(seq).ModSeq
		}
	}
	return model
}

func compareView(t *testing.T, v *view, model []modelRow, later *storage.View, expunge bool) {
	t.Helper()
	if v.len() != len(model) {
		t.Fatalf("len %d, the client has %d", v.len(), len(model))
	}
	if expunge && v.withholds() {
		t.Fatal("removals withheld after they could be told")
	}
	i := 0
	for seq, m := range v.from(1) {
		if seq != i+1 || m.UID != model[i].uid || m.ModSeq != model[i].modseq {
			t.Fatalf("from: number %d UID %d MODSEQ %d, the client has %d %+v", seq, m.UID, m.ModSeq, i+1, model[i])
		}
		if got, ok := v.seq(m.UID); !ok || got != seq {
			t.Fatalf("seq(%d) = %d %v, want %d", m.UID, got, ok, seq)
		}
		i++
	}
	var highest storage.UID
	var gone storage.UIDSet
	for _, r := range model {
		highest = r.uid
		if _, ok := later.Seq(r.uid); !ok {
			gone = gone.Append(r.uid)
		}
	}
	if v.highestUID() != highest {
		t.Fatalf("highestUID %d, want %d", v.highestUID(), highest)
	}
	if got := v.gone(); v.data == later && got.String() != gone.String() {
		t.Fatalf("gone %s, want %s", got, gone)
	}
	compareSelection(t, v, model)
}

// compareSelection compares sel and uids with a filter of the slice.
func compareSelection(t *testing.T, v *view, model []modelRow) {
	t.Helper()
	set := storage.UIDSet{{First: 1, Last: 2}, {First: 5, Last: 5}, {First: 9, Last: 30}, {First: 40, Last: 1000}}
	var want []int
	for i, r := range model {
		if set.Contains(r.uid) {
			want = append(want, i+1)
		}
	}
	var got []int
	for seq := range v.sel(set) {
		got = append(got, seq)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("sel %v, want %v", got, want)
	}
	first, last := 1+len(model)/4, len(model)*3/4
	var uids storage.UIDSet
	for i := first; i <= last; i++ {
		uids = uids.Append(model[i-1].uid)
	}
	if got := v.uids(first, last); got.String() != uids.String() {
		t.Fatalf("uids(%d, %d) = %s, want %s", first, last, got, uids)
	}
}

func TestCut(t *testing.T) {
	set := storage.UIDSet{{First: 1, Last: 3}, {First: 5, Last: 5}, {First: 8, Last: 20}}
	for n := 1; n <= 20; n++ {
		head, rest := cut(set, n)
		if got := min(n, set.Len()); head.Len() != got {
			t.Errorf("cut %d: head %s", n, head)
		}
		if all := head.Union(rest); all.String() != set.String() || head.Len()+rest.Len() != set.Len() {
			t.Errorf("cut %d: %s and %s", n, head, rest)
		}
	}
}
