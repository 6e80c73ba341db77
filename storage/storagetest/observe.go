package storagetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/mailhavn/mailhavn/storage"
)

// item names one thing that a unit promises to keep.
type item struct {
	account string // its present name
	kind    itemKind
	name    string // of a mailbox, also that of a message; of a subscription
	uid     storage.UID
}

type itemKind string

const (
	itemAccount      itemKind = "account"
	itemSubscription itemKind = "subscription"
	itemMailbox      itemKind = "mailbox"
	itemMessage      itemKind = "message"
)

func (i item) String() string {
	s := fmt.Sprintf("%s %s", i.kind, i.account)
	if i.name != "" {
		s += ":" + i.name
	}
	if i.uid != 0 {
		s += fmt.Sprintf(" %d", i.uid)
	}
	return s
}

// observation is everything that a unit shows of some items, in words: two units that differ in anything a client could ask
// for differ here.
type observation struct {
	items  map[item]string
	recent map[item]storage.UID // of each mailbox: persisted lazily, so kept apart
}

// observe looks at the items that want accepts. Bodies are read whole, by the way that clients read them. With an error it has seen
// all that can be read.
func observe(ctx context.Context, u *storage.Unit, want func(item) bool) (observation, error) {
	o := observation{items: map[item]string{}, recent: map[item]storage.UID{}}
	var errs []error
	for _, info := range u.Accounts() {
		if info.Name != defaultAccount && !want(item{account: info.Name, kind: itemAccount}) {
			continue // another session's, which may remove it at any moment
		}
		a, err := u.OpenAccount(ctx, info.Name)
		if err == nil {
			err = o.account(ctx, a, info, want)
			a.Close()
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("account %s: %w", info.Name, err))
		}
	}
	return o, errors.Join(errs...)
}

func (o *observation) account(ctx context.Context, a *storage.Account, info storage.AccountInfo, want func(item) bool) error {
	if i := (item{account: info.Name, kind: itemAccount}); want(i) {
		o.items[i] = fmt.Sprintf("id %s aliases %v created %d generation %d", info.ID, info.Aliases, info.Created, info.Generation)
	}
	for _, name := range a.Subscriptions() {
		if i := (item{account: info.Name, kind: itemSubscription, name: name}); want(i) {
			o.items[i] = "on"
		}
	}
	var errs []error
	for box := range a.Mailboxes() {
		i := item{account: info.Name, kind: itemMailbox, name: box.Name}
		if !want(i) {
			continue
		}
		if err := o.mailbox(ctx, a, i, box); err != nil {
			errs = append(errs, fmt.Errorf("mailbox %s: %w", box.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (o *observation) mailbox(ctx context.Context, a *storage.Account, i item, info storage.MailboxInfo) error {
	m, err := a.Mailbox(info.Name)
	if err != nil {
		return err
	}
	v, err := m.View(ctx)
	if err != nil {
		return err
	}
	if v.Status() != info.Status {
		return fmt.Errorf("the list says %+v, the view %+v", info.Status, v.Status())
	}
	var vanished strings.Builder
	step := max(info.HighestModSeq/16, 1)
	for since := storage.ModSeq(0); since <= info.HighestModSeq; since += step {
		if set := v.VanishedSince(since); len(set) > 0 {
			fmt.Fprintf(&vanished, " %d>%s", since, set)
		}
	}
	o.recent[i] = m.Recent()
	o.items[i] = fmt.Sprintf("id %s use %d %+v vanished%s keywords %q", info.ID, info.SpecialUse, info.Status, vanished.String(), v.AllKeywords())
	i.kind = itemMessage
	var errs []error
	for seq, row := range v.All() {
		sum, err := readContent(ctx, m, row)
		if err != nil {
			errs = append(errs, err)
		}
		i.uid = row.UID
		o.items[i] = fmt.Sprintf("seq %d flags %05b keywords %q modseq %d size %d stored %d date %d saved %d emailid %s digest %X content %x",
			seq, row.Flags, v.Keywords(row.Keywords), row.ModSeq, row.Size, row.StoredSize, row.InternalDate, row.SaveDate, row.EmailID, row.Digest, sum[:8])
	}
	return errors.Join(errs...)
}

// readContent returns the digest of a message's bytes in wire form.
func readContent(ctx context.Context, m *storage.Mailbox, row *storage.Message) (sum [sha256.Size]byte, err error) {
	c, err := m.Open(ctx, row.UID)
	if err != nil {
		return sum, fmt.Errorf("message %d: %w", row.UID, err)
	}
	defer c.Close()
	if c.Size() != int64(row.Size) {
		return sum, fmt.Errorf("message %d: content of %d bytes, the view says %d", row.UID, c.Size(), row.Size)
	}
	h := sha256.New()
	if n, err := io.CopyBuffer(h, io.NewSectionReader(c, 0, c.Size()), make([]byte, min(c.Size(), 4096)+1)); err != nil || n != c.Size() {
		return sum, fmt.Errorf("message %d: read %d of %d bytes: %w", row.UID, n, c.Size(), err)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// only returns the part of an observation that want accepts.
func (o observation) only(want func(item) bool) observation {
	out := observation{items: maps.Clone(o.items), recent: o.recent}
	maps.DeleteFunc(out.items, func(i item, _ string) bool { return !want(i) })
	return out
}

// diff tells how o, which was expected, differs from got; "" where it does not.
func (o observation) diff(got observation) string {
	var lines []string
	for i, want := range o.items {
		switch have, ok := got.items[i]; {
		case !ok:
			lines = append(lines, fmt.Sprintf("missing %s: %s", i, want))
		case have != want:
			lines = append(lines, fmt.Sprintf("changed %s:\n    want %s\n    have %s", i, want, have))
		}
	}
	for i, have := range got.items {
		if _, ok := o.items[i]; !ok {
			lines = append(lines, fmt.Sprintf("unexpected %s: %s", i, have))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

var idPattern = regexp.MustCompile(`[0-9a-f]{32}`)

// anonymous returns o with the ids that known lacks made equal.
func (o observation) anonymous(known observation) observation {
	ids := map[string]bool{}
	for _, row := range known.items {
		for _, id := range idPattern.FindAllString(row, -1) {
			ids[id] = true
		}
	}
	out := observation{items: map[item]string{}, recent: o.recent}
	for i, row := range o.items {
		out.items[i] = idPattern.ReplaceAllStringFunc(row, func(id string) string {
			if ids[id] {
				return id
			}
			return "new"
		})
	}
	return out
}

// equal is diff without words.
func (o observation) equal(got observation) bool { return maps.Equal(o.items, got.items) }

// recentLost tells which mailbox has forgotten a claim of \Recent that o knows to be durable.
func (o observation) recentLost(got observation) string {
	for i, want := range o.recent {
		if have, ok := got.recent[i]; ok && have < want {
			return fmt.Sprintf("%s: \\Recent begins at %d, was claimed below %d", i, have, want)
		}
	}
	return ""
}
